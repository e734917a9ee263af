// The challenge that the holder's phone scans: asked for, drawn, counted down, renewed.

import { say } from "./words.js";
import { $, setText } from "./elements.js";

const QUIET = 4; // Modules of white around the symbol.

export function createChallenge(link, { explain }) {
  let challenge = null;
  let endsAt = 0;
  let wanted = false;
  let asking = false;
  let retryAt = 0;

  async function renew() {
    if (asking || !wanted) return;
    asking = true;
    try {
      const answer = await link.post("/api/challenge");
      challenge = answer.challenge;
      endsAt = performance.now() + challenge.left_s * 1_000;
      retryAt = 0;
      wrong("");
    } catch (refusal) {
      challenge = null;
      retryAt = performance.now() + 5_000;
      wrong(explain(refusal));
    } finally {
      asking = false;
    }
    // It was switched off while it was being made.
    if (!wanted) return end();
    show();
  }

  async function end() {
    challenge = null;
    show();
    try {
      await link.post("/api/challenge/end");
    } catch { /* it runs out by itself, and a code that does not answer it is refused with words */ }
  }

  function wrong(text) {
    setText($("challenge-wrong"), text);
    $("challenge-wrong").hidden = text === "";
  }

  function show() {
    $("challenge").hidden = !wanted;
    $("challenge-steps").hidden = !wanted;
    const canvas = $("challenge-code");
    canvas.setAttribute("aria-label", say("challenge_code"));
    canvas.classList.toggle("gone", !challenge);
    if (challenge) drawSymbol(canvas, challenge);
    tick();
  }

  function tick() {
    if (!wanted) return;
    const left = Math.ceil((endsAt - performance.now()) / 1_000);
    setText($("challenge-left"), challenge && left > 0 ? say("challenge_left", { n: left }) : say("challenge_making"));
    if (challenge ? left <= 0 : performance.now() >= retryAt) renew();
  }

  return {
    show,
    tick,
    renew,
    isWanted: () => wanted,
    number: () => challenge?.number ?? null,
    /** Asks for a challenge from now on, or for none. */
    want(next) {
      if (wanted === next) return;
      wanted = next;
      wrong("");
      if (next) {
        show();
        renew();
      } else {
        end();
      }
    },
    /** No challenge is left from an earlier page. */
    clear: end,
  };
}

/** Draws a symbol in whole pixels of the screen, as large as its place allows. */
export function drawSymbol(canvas, { size, modules }) {
  const ratio = window.devicePixelRatio || 1;
  const across = size + 2 * QUIET;
  const room = Math.max(280, Math.min(canvas.parentElement.clientWidth || 320, wanted_px()));
  const scale = Math.max(1, Math.ceil((280 * ratio) / across), Math.floor((room * ratio) / across));
  canvas.width = canvas.height = across * scale;
  canvas.style.width = canvas.style.height = `${canvas.width / ratio}px`;
  const pen = canvas.getContext("2d", { alpha: false });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000";
  for (let place = 0; place < modules.length; place += 1) {
    if (modules[place] !== "1") continue;
    pen.fillRect((QUIET + (place % size)) * scale, (QUIET + Math.floor(place / size)) * scale, scale, scale);
  }
}

// Low screens leave less room for it; below 280 it is never drawn.
function wanted_px() {
  return Math.min(400, window.innerHeight * 0.46);
}
