// The way to the program: questions and answers, and the live link that takes frames and gives back what was seen.

/** The program refused, or did not answer. `words` is what to show. */
export class Refusal extends Error {
  constructor(status, code, words) {
    super(`${status} ${code}`);
    Object.assign(this, { status, code, words });
  }
}

const TOKEN = "juma.token";
const AT_MOST_UNDER_WAY = 2;
const ANSWER_MS = 10_000;

/** The token of this run: from the address, where it is taken away, or what this tab kept. */
export function takeToken() {
  const fromAddress = /^#([0-9A-Za-z_-]{16,128})$/.exec(location.hash)?.[1];
  if (location.hash) history.replaceState(null, "", location.pathname);
  try {
    if (fromAddress) sessionStorage.setItem(TOKEN, fromAddress);
    return fromAddress ?? sessionStorage.getItem(TOKEN);
  } catch {
    return fromAddress ?? null;
  }
}

export function forgetToken() {
  try {
    sessionStorage.removeItem(TOKEN);
  } catch { /* nothing was kept */ }
}

/**
 * `tell` is told: `up()`, `answer(answer)`, `down()` when nobody answers, `stale()` when the token is not this run's, `taken()` when another page has the
 * camera. Everything but `up` and `answer` ends the live link; after `down` it is tried again.
 */
export function createLink(token, tell) {
  let socket = null;
  let open = false;
  let again = 0;
  let failures = 0;
  let number = 0;
  const underWay = new Map();
  const figures = { framesSent: 0, framesAnswered: 0, roundTripMs: 0, answeredAt: [] };

  async function ask(method, path, body) {
    let response;
    try {
      response = await fetch(path, {
        method,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        headers: { "Juma-Token": token ?? "", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Refusal(0, "NO_ANSWER", null);
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => ({}));
    // A token that is wrong is told from a request that may not be made by what the live link would say too: 401 always, 403 without a known code.
    if (response.status === 401 || response.status === 403) tell.stale();
    const { code = "FAILED", zh, en } = answer.error ?? {};
    throw new Refusal(response.status, code, zh && en ? { zh, en } : null);
  }

  const json = async (method, path, body) => {
    const response = await ask(method, path, body);
    try {
      return await response.json();
    } catch {
      throw new Refusal(response.status, "BAD_ANSWER", null);
    }
  };

  function connect() {
    clearTimeout(again);
    again = 0;
    if (socket) return;
    const address = new URL("/api/live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(address, ["juma.live.1", `token.${token}`]);
    socket = mine;
    mine.addEventListener("open", () => {
      if (socket !== mine) return;
      open = true;
      failures = 0;
      tell.up();
    });
    mine.addEventListener("message", (event) => {
      if (socket === mine && typeof event.data === "string") answered(event.data);
    });
    mine.addEventListener("close", (event) => {
      if (socket !== mine) return;
      drop();
      if (event.code === 4000) tell.taken();
      else probe();
    });
  }

  function drop() {
    socket = null;
    open = false;
    underWay.clear();
  }

  // A browser does not say why a live link was refused; a question does.
  async function probe() {
    failures += 1;
    try {
      await json("GET", "/api/standing");
      if (failures > 3) tell.down();
      again = setTimeout(connect, Math.min(250 * failures, 3_000));
    } catch (refusal) {
      if (refusal.status === 401 || refusal.status === 403) return;
      if (failures > 1) tell.down();
      again = setTimeout(probe, 1_000);
    }
  }

  function answered(text) {
    let answer;
    try {
      answer = JSON.parse(text);
    } catch {
      return;
    }
    const sent = underWay.get(answer.frame);
    if (sent !== undefined) {
      underWay.delete(answer.frame);
      const now = performance.now();
      figures.framesAnswered += 1;
      figures.roundTripMs = now - sent;
      figures.answeredAt.push(now);
      if (figures.answeredAt.length > 400) figures.answeredAt.splice(0, 200);
    }
    tell.answer(answer);
  }

  return {
    figures,
    get: (path) => json("GET", path),
    post: (path, body = {}) => json("POST", path, body),
    file: async (path) => (await ask("GET", path)).blob(),
    connect,

    /** Takes the camera back from another page. */
    takeBack() {
      failures = 0;
      connect();
    },

    close() {
      clearTimeout(again);
      const old = socket;
      drop();
      old?.close();
    },

    /** Whether a frame may be sent now. A program that owes an answer for long is asked anew. */
    isReady() {
      if (!open || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > 0) return false;
      if (underWay.size < AT_MOST_UNDER_WAY) return true;
      const [oldest] = underWay.values();
      if (performance.now() - oldest > ANSWER_MS) socket.close();
      return false;
    },

    /** Sends a frame whose first eight bytes are free for its head. */
    sendFrame(bytes, width, height) {
      // It may have begun to close while the frame was being copied.
      if (!open || socket.readyState !== WebSocket.OPEN) return;
      number = (number + 1) >>> 0;
      const head = new DataView(bytes.buffer, bytes.byteOffset, 8);
      head.setUint16(0, width);
      head.setUint16(2, height);
      head.setUint32(4, number);
      underWay.set(number, performance.now());
      socket.send(bytes);
      figures.framesSent += 1;
    },
  };
}
