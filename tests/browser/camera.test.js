// The counter page with a camera, which plays a film of phones that show codes of now. Without a test driver, which would slow the live view.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { openBare } from "./bare.js";
import { BINARIES, Stage } from "./stage.js";

let stage;
before(() => {
  stage = new Stage();
});
after(() => stage.end());

/** How many seconds a second of film takes to draw: as many as the last one did. */
let rate = 1;

/** Draws a film of these scenes, again if the machine was so slow that their codes are too old by now. */
async function film(name, scenes) {
  for (let attempt = 1; ; attempt += 1) {
    const shown = draw(name, scenes);
    // A code may be 30 s old, and 5 s from the future.
    if (shown.early_s > -12 || attempt === 4) {
      await new Promise((done) => setTimeout(done, Math.max(0, shown.early_s - 4) * 1_000));
      return shown;
    }
  }
}

/** Codes are signed for the moment at which they will be shown, if drawing takes as long as it is thought to. */
function draw(name, scenes) {
  const begun = Date.now();
  const gap = 0.7;
  const seconds = scenes.reduce((sum, { seconds: long = 2.2, after: pause = gap }) => sum + long + pause, 1);
  const lead = Math.round(seconds * rate) + 2;
  const codes = {};
  let at = 1;
  const script = { scenes: [{ seconds: 1, empty: true }] };
  for (const { who, again, forge, seconds: long = 2.2, after: pause = gap, trouble = "none", seed = script.scenes.length } of scenes) {
    const when = { in_s: lead + Math.round(at) };
    const texts = again ? codes[again] : [who].flat().map((each) => (forge ? stage.forged(each, when) : stage.code(each, when)));
    codes[who ?? again] = texts;
    script.scenes.push({ seconds: long, texts, trouble, seed }, { seconds: pause, empty: true });
    at += long + pause;
  }
  const [from, to] = [join(stage.folder, `${name}.json`), join(stage.folder, `${name}.mjpeg`)];
  writeFileSync(from, JSON.stringify(script));
  
  const told = JSON.parse(execFileSync(join(BINARIES, "film"), ["--script", from, "--out", to], { encoding: "utf8" }));
  const took_s = (Date.now() - begun) / 1_000;
  rate = took_s / seconds;
  return { path: to, told, seconds, early_s: lead - took_s };
}

// In the page: when the marks of the film say that a scene's codes are whole, and when a verdict is there.
const WATCH = `(() => {
  const [video, verdict] = [document.querySelector("#video"), document.querySelector("#verdict")];
  const canvas = Object.assign(document.createElement("canvas"), { width: 192, height: 24 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  window.seen = { whole: [], verdicts: [], fps: [] };
  let last = -1;
  const look = () => {
    context.drawImage(video, 0, 0, 192, 24, 0, 0, 192, 24);
    const { data } = context.getImageData(0, 12, 192, 1);
    const bits = [0, 1, 2, 3, 4, 5, 6, 7].map((square) => (data[(square * 24 + 12) * 4] >= 128 ? 1 : 0));
    const scene = bits.slice(1, 7).reduce((sum, bit) => sum * 2 + bit, 0);
    if (bits.reduce((a, b) => a + b) % 2 === 1 && bits[0] && scene !== last) {
      last = scene;
      window.seen.whole.push({ scene, at: performance.now() });
    }
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  new MutationObserver(() => {
    const number = verdict.dataset.number;
    if (!verdict.hidden && number && number !== window.seen.verdicts.at(-1)?.number) {
      window.seen.verdicts.push({ number, reason: verdict.dataset.reason, at: performance.now() });
    }
  }).observe(verdict, { attributes: true });
  setInterval(() => window.seen.fps.push(window.jumaFigures.fps), 1000);
})()`;

/** Shows a film to a counter, from beginning to end; what was seen and decided. */
async function play(state, shown) {
  const served = await stage.serve(state);
  const browser = await openBare(served.address, {
    args: ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${shown.path}`, "--autoplay-policy=no-user-gesture-required"],
  });
  try {
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    // Until the page is there, there is nothing to ask.
    const isThere = () => browser.evaluate(`document.querySelector("#begin")?.textContent ?? ""`).catch(() => "");
    while (!(await isThere())) await wait(50);
    await browser.evaluate(`${WATCH}; document.querySelector("#begin").click()`);
    await wait(shown.seconds * 1_000 + 1_500);
    return JSON.parse(await browser.evaluate(`JSON.stringify({ ...window.seen, figures: { fps: window.jumaFigures.fps, sent: window.jumaFigures.framesSent, roundTrip: window.jumaFigures.roundTripMs } })`));
  } finally {
    await browser.close();
    assert.equal(await served.stop(), 0, served.said());
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

test("phones before the camera: valid ones within the time, and each of the others for what it is", { timeout: 300_000 }, async () => {
  const troubles = ["none", "motion", "low-light", "glare", "moire", "defocus"];
  const valid = ["valid", "second", "third", "fourth", "longName", "endorsable"];
  const scenes = [
    ...valid.map((who, at) => ({ who, trouble: troubles[at] })),
    // The last one's code once more, when nothing of it was seen for two seconds.
    { again: "endorsable", after: 0.7 },
    { who: "lapsed" },
    { who: "third", forge: true },
    { who: ["valid", "second"], seconds: 3 },
  ];
  scenes[valid.length - 1].after = 2.8;
  const shown = await film("all", scenes);
  stage.counter("camera");
  const seen = await play("camera", shown);
  const told = seen.verdicts.map((verdict) => verdict.reason);
  const wanted = [...valid.map((who) => (who === "endorsable" ? "VALID_ENDORSABLE" : "VALID")), "REPLAYED", "ENDORSEMENT_LAPSED", "ISSUER_SIGNATURE", "MULTIPLE_CODES"];
  assert.deepEqual(told.slice(0, wanted.length), wanted, JSON.stringify({ ...seen, early_s: shown.early_s }));
  const times = valid.map((_, at) => Math.round(seen.verdicts[at].at - seen.whole[at].at));
  const fps = median(seen.fps.slice(2));
  console.log(`from the whole phone in view to the verdict: median ${median(times)} ms of ${times.join(", ")}; ${fps} frames a second, ${seen.figures.roundTrip.toFixed(1)} ms there and back`);
  const waits = JSON.parse(stage.run("verifier", "journal", "--state", "camera", "--from", "2020-01-01", "--json")).entries.filter((entry) => entry.by === "camera");
  assert.ok(waits.length >= wanted.length && waits.every((entry) => Number.isInteger(entry.waited_ms)));
});
