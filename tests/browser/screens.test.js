// Every verdict that there is, in both languages and at both sizes: it fits, and its picture is kept to be looked at.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";

import { open, quit } from "./browser.js";
import { drawn, longPermit, permit, TABLE } from "./examples.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = process.env.PICTURES ?? join(ROOT, "target/screens");
after(quit);

for (const language of ["zh", "en"]) {
  for (const [width, height] of [[1366, 768], [800, 1280]]) {
    test(`every verdict fits (${language}, ${width} x ${height})`, { timeout: 300_000 }, async () => {
      const folder = join(PICTURES, `${language}-${width}x${height}`);
      mkdirSync(folder, { recursive: true });
      const it = await open({ language, width, height });
      try {
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
          await it.page.screenshot({ path: join(folder, `${each.reason}.png`) });
          await it.page.keyboard.press("Escape");
        }
        assert.deepEqual(it.problems, []);
      } finally {
        await it.close();
      }
    });
  }
}
