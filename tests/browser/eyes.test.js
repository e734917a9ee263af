// The verdicts as eyes see them that tell no red from green, or no colour at all, and in letters twice as large. `PICTURES` keeps them.

import assert from "node:assert/strict";
import { after } from "node:test";

import { launch, pageTest, quit } from "./browser.js";
import { drawn, TABLE } from "./examples.js";

/** One of each look. */
const SHOWN = ["VALID", "CANCELLED", "REPLAYED", "SUSPENDED", "STATUS_LIST_STALE", "NOT_A_PERMIT_CODE"].map((code) => TABLE.find((each) => each.reason === code));
const EYES = ["none", "protanopia", "deuteranopia", "tritanopia", "achromatopsia"];

after(quit);

/** The page that pictures are looked at in. */
let desk;

/** What is on a picture: the contrast of the two colours that most of it has, and where the ink is, on a grid of 48 by 48. */
async function look(png) {
  desk ??= await (await launch()).newPage();
  return desk.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const { width, height } = image;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const pixels = canvas.getImageData(0, 0, width, height).data;
    const linear = Float64Array.from({ length: 256 }, (_, level) => (level <= 10 ? level / 255 / 12.92 : ((level / 255 + 0.055) / 1.055) ** 2.4));
    const luminance = (at) => 0.2126 * linear[pixels[at]] + 0.7152 * linear[pixels[at + 1]] + 0.0722 * linear[pixels[at + 2]];
    const tally = new Map();
    for (let at = 0; at < pixels.length; at += 4) {
      const step = Math.round(luminance(at) * 50);
      tally.set(step, (tally.get(step) ?? 0) + 1);
    }
    const often = [...tally].filter(([, count]) => count * 4 * 50 > pixels.length);
    const steps = often.map(([step]) => step / 50);
    const [dark, light] = [Math.min(...steps), Math.max(...steps)];
    const middle = (dark + light) / 2;
    const ink = [];
    for (let y = 0; y < 48; y++) {
      for (let x = 0; x < 48; x++) ink.push(luminance(4 * (Math.floor((y + 0.5) * height / 48) * width + Math.floor((x + 0.5) * width / 48))) > middle);
    }
    return { contrast: (light + 0.05) / (dark + 0.05), ink };
  }, png.toString("base64"));
}

/** The part of the grid that differs, whichever of the two is drawn light on dark. */
function difference(one, other) {
  const differing = one.ink.filter((light, at) => light !== other.ink[at]).length / one.ink.length;
  return Math.min(differing, 1 - differing);
}

pageTest("verdicts differ without colour, whatever the eyes", { timeout: 300_000 }, async (it) => {
  await it.begin();
  const debug = await it.context.newCDPSession(it.page);
  for (const eyes of EYES) {
    await debug.send("Emulation.setEmulatedVisionDeficiency", { type: eyes });
    const signs = [];
    for (const each of SHOWN) {
      await it.see(drawn(each));
      const name = `${each.light}-${each.reason}`;
      await it.keep("eyes", `${eyes}-${name}.png`);
      const sign = await look(await it.page.locator("#verdict .band > .sign").screenshot());
      const word = await look(await it.page.locator("#verdict-word").screenshot());
      assert.ok(sign.contrast >= 3, `${eyes}, ${name}: the sign has a contrast of ${sign.contrast.toFixed(2)}`);
      assert.ok(word.contrast >= 4.5, `${eyes}, ${name}: the word has a contrast of ${word.contrast.toFixed(2)}`);
      signs.push({ name, ...sign });
      await it.page.keyboard.press("Escape");
      await it.page.waitForSelector("#verdict", { state: "hidden" });
    }
    for (const [place, one] of signs.entries()) {
      for (const other of signs.slice(place + 1)) {
        assert.ok(difference(one, other) >= 0.04, `${eyes}: the signs of ${one.name} and ${other.name} differ in ${(100 * difference(one, other)).toFixed(1)} %`);
      }
    }
  }
});

for (const [width, height] of [[1366, 768], [800, 1280]]) {
  pageTest(`verdicts in letters twice as large stay whole (${width} x ${height})`, { width, height }, async (it) => {
    await it.begin();
    await it.page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
    for (const each of SHOWN) {
      await it.see(drawn(each));
      const [sideways, , verdictSideways] = await it.overflow();
      assert.ok(sideways <= 0 && verdictSideways <= 0, `${each.reason} sticks out`);
      const wide = await it.page.$$eval("#verdict .data dd", (all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.previousElementSibling?.textContent));
      assert.deepEqual(wide, [], `${each.reason}: over the next column`);
      await it.keep("eyes", `large-${width}-${each.reason}.png`);
      await it.page.keyboard.press("Escape");
      await it.page.waitForSelector("#verdict", { state: "hidden" });
    }
  });
}
