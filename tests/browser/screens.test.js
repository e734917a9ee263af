// Every verdict that there is, in both languages and at both sizes: it fits, and `PICTURES` keeps what it looks like.

import assert from "node:assert/strict";
import { after } from "node:test";

import { pageTest, quit } from "./browser.js";
import { drawn, longPermit, permit, TABLE } from "./examples.js";

after(quit);

for (const language of ["zh", "en"]) {
  for (const [width, height] of [[1366, 768], [800, 1280]]) {
    pageTest(`every verdict fits (${language}, ${width} x ${height})`, { timeout: 300_000, language, width, height }, async (it) => {
      await it.begin();
      for (const [place, each] of TABLE.entries()) {
        // Every third permit is as long as permits get.
        const seen = drawn(each, { permit: place % 3 === 2 ? longPermit() : permit() });
        if (each.reason === "CHALLENGE_MISSING") {
          it.mock.state.checks.push(seen);
          await it.page.waitForSelector("#banner:not([hidden]), #verdict[data-reason=CHALLENGE_MISSING]:not([hidden])");
        } else {
          await it.see(seen);
        }
        const [sideways, , verdictSideways] = await it.overflow();
        assert.ok(sideways <= 0 && verdictSideways <= 0, `${each.reason} sticks out`);
        await it.keep(`${language}-${width}x${height}`, `${each.reason}.png`);
        await it.page.keyboard.press("Escape");
      }
    });
  }
}
