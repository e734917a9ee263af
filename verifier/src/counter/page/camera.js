// From the camera to frames of grey levels. Frames are dropped, never queued: what is sent is always what is in view now.

const HEAD = 8; // Bytes before the grey levels.
const LONG_SIDE = 1280;
const SHORT_SIDE = 720;
const WHOLE_PLANE = 1920 * 1080; // Up to this many pixels a plane is sent as it is.
const SAVED = "juma.camera";

/**
 * `tell.trouble(code)` hears `missing`, `denied`, `busy`, `lost`, or `null` when a picture comes; `tell.opened()` when the list of cameras may have changed.
 * `wants()` says whether a frame is wanted now, `send(bytes, width, height)` takes it.
 */
export function createCamera(video, { wants, send, tell }) {
  let stream = null;
  let attempt = 0;
  let trouble = null;
  let retry = 0;
  let wanted = false;
  let grabbing = false;
  let planes = typeof VideoFrame === "function";
  let buffer = new Uint8Array(0);
  let canvas = null;
  let lastTime = -1;

  async function open(id = savedId()) {
    wanted = true;
    const mine = (attempt += 1);
    clearTimeout(retry);
    stop();
    if (!navigator.mediaDevices?.getUserMedia) return fail("missing");
    let opened;
    try {
      opened = await ask(id).catch((error) => {
        // The camera that was chosen is not there any more: any other will do.
        if (id && ["OverconstrainedError", "NotFoundError"].includes(error.name)) return ask(null);
        throw error;
      });
    } catch (error) {
      if (mine === attempt) fail(troubleOf(error));
      return;
    }
    if (mine !== attempt) return stopTracks(opened);
    stream = opened;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (stream !== opened) return;
      stop();
      fail("lost");
    });
    video.srcObject = stream;
    video.play().catch(() => {});
    set(null);
    tell.opened();
    next();
  }

  function ask(id) {
    const which = id ? { deviceId: { exact: id } } : { facingMode: { ideal: "environment" } };
    return navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { ...which, width: { ideal: LONG_SIDE }, height: { ideal: SHORT_SIDE }, frameRate: { ideal: 30 } },
    });
  }

  function fail(code) {
    set(code);
    tell.opened();
    // Another program gives the camera back without telling anybody.
    if (code === "busy" || code === "lost") retry = setTimeout(() => open(), 5_000);
  }

  function set(code) {
    trouble = code;
    tell.trouble(code);
  }

  function stop() {
    if (!stream) return;
    stopTracks(stream);
    stream = null;
    video.srcObject = null;
  }

  navigator.mediaDevices?.addEventListener?.("devicechange", () => {
    if (wanted && (trouble === "missing" || trouble === "lost")) open();
    else tell.opened();
  });
  navigator.permissions?.query?.({ name: "camera" }).then((permission) => {
    permission.addEventListener("change", () => {
      if (wanted && trouble === "denied" && permission.state === "granted") open();
    });
  }).catch(() => {});

  // One call a frame that the camera gives.
  function next() {
    if (!stream) return;
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame);
    else requestAnimationFrame(() => (video.currentTime === lastTime ? next() : frame()));
  }

  function frame() {
    lastTime = video.currentTime;
    if (stream && !grabbing && wants()) {
      grabbing = true;
      grab().catch(() => { planes = false; }).finally(() => { grabbing = false; });
    }
    next();
  }

  async function grab() {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width || !height) return;
    if (planes && width * height <= WHOLE_PLANE && await sendPlane(width, height)) return;
    sendDrawn(width, height);
  }

  // The camera's own grey levels, copied once.
  async function sendPlane(width, height) {
    const shot = new VideoFrame(video);
    try {
      const { format, visibleRect, rotation = 0, flip = false } = shot;
      const half = (width + 1) >> 1;
      const below = HEAD + width * height;
      const chroma = half * ((height + 1) >> 1);
      const layout = { I420: [[below, half], [below + chroma, half]], NV12: [[below, 2 * half]] }[format];
      if (!layout || rotation || flip || visibleRect.width !== width || visibleRect.height !== height) {
        planes = false;
        return false;
      }
      room(below + 2 * chroma);
      const planesAt = [[HEAD, width], ...layout].map(([offset, stride]) => ({ offset, stride }));
      await shot.copyTo(buffer, { layout: planesAt });
      send(buffer.subarray(0, below), width, height);
      return true;
    } finally {
      shot.close();
    }
  }

  function sendDrawn(fullWidth, fullHeight) {
    const scale = Math.min(1, LONG_SIDE / Math.max(fullWidth, fullHeight), SHORT_SIDE / Math.min(fullWidth, fullHeight));
    const [width, height] = [Math.round(fullWidth * scale), Math.round(fullHeight * scale)];
    canvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true, alpha: false });
    if (canvas.canvas.width !== width || canvas.canvas.height !== height) Object.assign(canvas.canvas, { width, height });
    canvas.drawImage(video, 0, 0, width, height);
    const colours = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
    room(HEAD + width * height);
    for (let place = 0; place < colours.length; place += 1) {
      const colour = colours[place];
      buffer[HEAD + place] = (77 * (colour & 255) + 150 * ((colour >> 8) & 255) + 29 * ((colour >> 16) & 255)) >> 8;
    }
    send(buffer.subarray(0, HEAD + width * height), width, height);
  }

  function room(bytes) {
    if (buffer.length < bytes) buffer = new Uint8Array(bytes);
  }

  return {
    open,
    trouble: () => trouble,
    isOpen: () => stream !== null,
    isWanted: () => wanted,
    /** Cameras that face the person in front of them are shown as a mirror. */
    isMirrored: () => stream?.getVideoTracks()[0]?.getSettings?.().facingMode === "user",
    chosen: () => stream?.getVideoTracks()[0]?.getSettings?.().deviceId ?? savedId(),
    choose(id) {
      try {
        localStorage.setItem(SAVED, id);
      } catch { /* for this time, then */ }
      open(id);
    },
    async list() {
      const devices = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
      return devices.filter((device) => device.kind === "videoinput" && device.deviceId);
    },
  };
}

function savedId() {
  try {
    return localStorage.getItem(SAVED);
  } catch {
    return null;
  }
}

function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function troubleOf({ name }) {
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy";
}
