// Every verdict that there is, in both languages and at both sizes: it fits, and its picture is kept to be looked at.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";

import { open, quit } from "./browser.js";
import { check, longPermit, permit, words } from "./examples.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = process.env.PICTURES ?? join(ROOT, "target/screens");
after(quit);

/** The program's own table, so that a reason that is added is drawn here too. */
function reasons() {
  const table = readFileSync(join(ROOT, "verifier/src/verdict.rs"), "utf8").split("\nreasons! {")[1].split("\n}\n")[0];
  const row = /(\w+) "([A-Z_]+)" (\w+) (Accept|Reject|Undetermined) (true|false)\s*\["([^"]*)",\s*"([^"]*)"\]\s*\["([^"]*)",\s*"([^"]*)"\]/g;
  return [...table.matchAll(row)].map(([, , reason, step, outcome, curable, titleZh, title, remedyZh, remedy]) => ({
    reason, step, outcome: outcome.toLowerCase(), curable: curable === "true", title: words(titleZh, title), remedy: words(remedyZh, remedy),
  }));
}

/** Colour and sign as `Verdict::tone` and `Verdict::sign` choose them. */
function look({ reason, step, outcome, curable }) {
  if (outcome === "accept") return ["green", "✓"];
  const light = ["NO_CODE", "NOT_A_PERMIT_CODE"].includes(reason) ? "grey" : outcome === "reject" && !curable ? "red" : "amber";
  if (outcome === "undetermined") return [light, "?"];
  if (!curable) return [light, "✕"];
  return [light, ["Freshness", "Replay"].includes(step) ? "↻" : "!"];
}

const BEFORE_A_SIGNATURE = ["Code", "Parse", "Trust", "IssuerKey", "IssuerSignature"];
const ALL = reasons();

test("the table of reasons is read whole", () => {
  const codes = readFileSync(join(ROOT, "verifier/src/verdict.rs"), "utf8").split("\nreasons! {")[1].split("\n}\n")[0].match(/ "[A-Z_]+" \w+ (Accept|Reject|Undetermined)/g);
  assert.equal(ALL.length, codes.length);
  assert.ok(ALL.length >= 39);
});

for (const language of ["zh", "en"]) {
  for (const [width, height] of [[1366, 768], [800, 1280]]) {
    test(`every verdict fits (${language}, ${width} x ${height})`, { timeout: 300_000 }, async () => {
      const folder = join(PICTURES, `${language}-${width}x${height}`);
      mkdirSync(folder, { recursive: true });
      const it = await open({ language, width, height });
      try {
        await it.begin();
        for (const [place, each] of ALL.entries()) {
          const [light, sign] = look(each);
          // Every third permit is as long as permits get.
          const shown = BEFORE_A_SIGNATURE.includes(each.step) ? {} : { permit: place % 3 === 2 ? longPermit() : permit(), assurance: "passive" };
          const { permit: _, detail, ...base } = check("ISSUER_SIGNATURE");
          const drawn = { ...base, ...each, light, sign, ...shown };
          if (each.reason === "CHALLENGE_MISSING") {
            it.mock.state.checks.push(drawn);
            await it.page.waitForSelector("#banner:not([hidden]), #verdict[data-reason=CHALLENGE_MISSING]:not([hidden])");
          } else {
            await it.see(drawn);
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
