// Everybody can use the page: rules of accessibility, sizes of screens and letters, both languages.

import assert from "node:assert/strict";
import { after } from "node:test";

import { pageTest, quit } from "./browser.js";
import { check, IDENTITY, longPermit, NOTES, QR, REASONS, standing, TROUBLES } from "./examples.js";

after(quit);

for (const language of ["zh", "en"]) {
  pageTest(`no accessibility rule is broken in any state (${language})`, { language }, async (it) => {
    const { page, mock } = it;
    const clean = async (state) => assert.deepEqual(await it.axe(), [], state);
    await page.waitForSelector("#lists .list");
    await clean("start");
    mock.state.seen = QR;
    await it.begin();
    await clean("scanning");
    await page.click("input[value=challenge]");
    await page.waitForFunction(() => /\d/.test(document.querySelector("#challenge-left").textContent));
    await clean("challenge");
    mock.state.checks.push(check("CHALLENGE_MISSING"));
    await page.waitForSelector("#banner:not([hidden])");
    await clean("banner");
    await page.click("input[value=passive]");
    for (const reason of ["VALID", "VALID_ENDORSABLE", "ENDORSEMENT_LAPSED", "AUTO_CANCELLED", "STATUS_LIST_STALE", "NOT_A_PERMIT_CODE"]) {
      await it.see(check(reason, reason === "AUTO_CANCELLED" ? { notes: NOTES, permit: longPermit() } : {}));
      await clean(reason);
      await page.keyboard.press("Escape");
    }
    await it.see(check("VALID"));
    await page.fill("#compare-number", IDENTITY);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".answer.same");
    await clean("same");
    await page.fill("#compare-number", "440106198203041230");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".answer.differs");
    await clean("different");
    await page.keyboard.press("F8");
    await clean("mismatch");
    await page.keyboard.press("Escape");
    await page.keyboard.press("F4");
    await clean("reveal");
    await page.click("[data-why=form]");
    await page.waitForSelector(".whole");
    await clean("all data");
    await page.click(".go-on");
    await page.keyboard.press("F4");
    await page.click("#paste-check");
    await clean("paste");
    await page.keyboard.press("Escape");
    await page.keyboard.press("F1");
    await clean("help");
    await page.keyboard.press("Escape");
    mock.state.standing = standing({ troubles: Object.values(TROUBLES) });
    await page.click("#to-journal");
    await page.waitForSelector(".entries");
    for (const summary of await page.locator("summary").all()) await summary.click();
    await clean("journal");
    mock.state.journal.chain.intact = false;
    await page.selectOption("#journal-day", "2026-11-26");
    await page.waitForSelector(".chain.bad");
    await clean("chain is broken");
    await page.keyboard.press("F8");
    await it.see(check("VALID"));
    await page.keyboard.press("Escape");
    await page.waitForSelector("#troubles.red");
    await clean("troubles");
    mock.cut(4000);
    await page.waitForSelector("#gate:not([hidden])");
    await clean("taken over");
    await page.click("#gate-button");
    await page.waitForSelector("#gate", { state: "hidden" });
    it.allow("ERR_");
    await mock.stop();
    await page.waitForSelector("#gate:not([hidden])");
    await clean("no link");
  });
}

for (const [width, height] of [[1366, 768], [1366, 650], [1024, 768], [800, 1280]]) {
  for (const language of ["zh", "en"]) {
    pageTest(`nothing sticks out at ${width} × ${height} (${language})`, { width, height, language }, async (it) => {
      const { page, mock } = it;
      // English takes more room than Chinese. On small screens it may scroll downwards, never sideways; the buttons stay in view all the same.
      const wholly = (width === 1366 && height === 768) || language === "zh";
      const fits = async (state) => {
        const [right, down, ofVerdict, below] = await it.overflow();
        assert.deepEqual({ state, right, ofVerdict, down: wholly ? down : 0, below: wholly ? below : 0 }, { state, right: 0, ofVerdict: 0, down: 0, below: 0 });
      };
      await page.waitForSelector("#lists .list");
      await fits("start");
      await it.begin();
      await fits("scanning");
      await page.click("input[value=challenge]");
      await page.waitForFunction(() => /\d/.test(document.querySelector("#challenge-left").textContent));
      await fits("challenge");
      mock.state.checks.push(check("CHALLENGE_MISSING"));
      await page.waitForSelector("#banner:not([hidden])");
      await fits("banner");
      await page.click("input[value=passive]");
      for (const reason of Object.keys(REASONS)) {
        await it.see(check(reason));
        await fits(reason);
        if (height === 768 && width === 1366) {
          const size = await page.locator("#verdict-word").evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
          assert.ok(size >= 96, `${reason}: ${size}`);
        }
        for (const button of await page.locator("#verdict button:visible, #verdict input:visible").all()) {
          const box = await button.boundingBox();
          assert.ok(box.height >= 44 && box.width >= 44 && box.y + box.height <= height, `${reason} ${JSON.stringify(box)}`);
        }
        await page.keyboard.press("Escape");
      }
      await page.click("#to-journal");
      await page.waitForSelector(".entries");
      assert.equal((await it.overflow())[0], 0);
    });
  }
}

for (const language of ["zh", "en"]) {
  pageTest(`text twice as large can be used (${language})`, { language }, async (it) => {
    const { page } = it;
    await it.begin();
    await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
    assert.equal((await it.overflow())[0], 0);
    await it.see(check("AUTO_CANCELLED"));
    assert.equal((await it.overflow())[2], 0);
    const box = await page.locator(".go-on").boundingBox();
    assert.ok(box.y + box.height <= 768, JSON.stringify(box));
    await page.click(".go-on");
    await page.waitForSelector("#verdict", { state: "hidden" });
  });
}

pageTest("a page that is zoomed to 200 % can be used", { width: 683, height: 384 }, async (it) => {
  const { page } = it;
  await it.begin();
  assert.equal((await it.overflow())[0], 0);
  await it.see(check("ENDORSEMENT_LAPSED"));
  assert.equal((await it.overflow())[2], 0);
  await page.locator("#to-mismatch").scrollIntoViewIfNeeded();
  await page.click("#to-mismatch");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
});

pageTest("the whole page changes its language, and remembers", {}, async (it) => {
  const { page } = it;
  await page.waitForSelector("#lists .list");
  await page.click("#language");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  await it.begin();
  await it.see(check("VALID"));
  const shown = await page.locator("#verdict").innerText();
  for (const part of ["Valid", "Endorsed until 2027-09-10", "Checked offline", "1 day ago"]) assert.ok(shown.includes(part), part);
  await page.reload();
  await page.waitForSelector("#lists .list");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  const left = await page.evaluate(() => document.body.innerText.replace("中文", "").replace("居码", ""));
  assert.ok(!/\p{Script=Han}/u.test(left), left);
});
