// The page at a stand-in for the program, in Chromium: what it does.

import assert from "node:assert/strict";
import { after } from "node:test";

import { pageTest, quit } from "./browser.js";
import * as examples from "./examples.js";

const { check, IDENTITY, QR, standing, TROUBLES } = examples;
const CODE = "861".padEnd(120, "0123456789");
const NO_CAMERA = (name) => `navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "${name}"); };`;

after(quit);

const text = (page, selector) => page.locator(selector).innerText();
const asked = (mock, path) => mock.asked.filter((each) => each.path === path);
const isShown = (page, selector) => page.locator(selector).isVisible();

async function until(what, check, ms = 8_000) {
  const end = Date.now() + ms;
  while (!(await check())) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

// --- cameras, addresses ---

for (const [error, code] of [["NotAllowedError", "denied"], ["NotFoundError", "missing"], ["NotReadableError", "busy"]]) {
  pageTest(`a camera that is ${code} is said in words, told to the program, and can be tried again`, { script: NO_CAMERA(error) }, async (it) => {
    const { page, mock } = it;
    await page.click("#begin");
    await page.waitForSelector("#no-picture h2");
    await until("the program knows", () => asked(mock, "/api/camera").some((each) => each.body.trouble === code));
    assert.deepEqual(await it.axe(), []);
    const zh = await text(page, "#no-picture");
    await page.click("#language");
    assert.notEqual(await text(page, "#no-picture"), zh);
    assert.deepEqual(await it.axe(), []);
    assert.deepEqual(await it.overflow(), [0, 0, 0, 0]);
    // A gun still works.
    await it.gun(CODE);
    await page.waitForSelector("#verdict:not([hidden])");
  });
}

pageTest("a camera that is lost is told, and comes back", {}, async (it) => {
  const { page, mock } = it;
  await it.begin();
  await page.evaluate(() => document.querySelector("#video").srcObject.getVideoTracks()[0].dispatchEvent(new Event("ended")));
  await until("lost", () => asked(mock, "/api/camera").some((each) => each.body.trouble === "lost"));
  assert.ok(await isShown(page, "#no-picture"));
  await page.click("#no-picture button");
  await until("well again", () => asked(mock, "/api/camera").at(-1).body.trouble === null);
  assert.ok(!(await isShown(page, "#no-picture")));
});

pageTest("without an address of this run it says so, and asks nothing", { address: (mock) => mock.origin }, async (it) => {
  assert.ok((await text(it.page, "#gate")).includes("verifier serve"));
  assert.deepEqual(await it.axe(), []);
  assert.deepEqual(it.mock.asked, []);
});

pageTest("with an address of an earlier run it says so", { address: (mock) => `${mock.origin}/#${"0".repeat(32)}` }, async (it) => {
  it.allow("401");
  await it.page.waitForSelector("#gate:not([hidden])");
  assert.ok((await text(it.page, "#gate")).includes("verifier serve"));
  assert.equal(await it.page.evaluate(() => sessionStorage.length), 0);
});

// --- a check ---

pageTest("the address is taken out of sight, and nothing but choices is stored", {}, async (it) => {
  const { page } = it;
  await it.begin();
  assert.equal(page.url(), `${it.mock.origin}/`);
  await it.see(check("VALID"));
  await page.fill("#compare-number", IDENTITY);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".answer.same");
  await page.keyboard.press("Escape");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!/欧|4401|三江|有效/.test(kept), kept);
  assert.equal(await page.locator("#verdict").evaluate((node) => node.childElementCount), 0);
  assert.equal(await page.inputValue("#paste-text"), "");
});

pageTest("a verdict shows the permit, how it was checked and how old the lists are, and goes by itself", { before: (state) => { state.standing = standing({ result_s: 2 }); } }, async (it) => {
  const { page } = it;
  await page.waitForSelector("#lists .list");
  await it.begin();
  await it.see(check("VALID"));
  const shown = await text(page, "#verdict");
  for (const part of ["有效", "有效期至 2027年9月10日", "请与本人及亮证页面相片比对", "欧**范", "男", "维吾尔族", "4401**********1234", "湖南省", "三江镇", "2027年8月10日", "广东省公安厅", "本人亮证", "手机亮码", "离线核验", "信任名单：1 天前", "状态名单：1 小时前"]) {
    assert.ok(shown.includes(part), part);
  }
  assert.ok((await page.textContent("#say-now")).includes("有效"));
  await page.waitForSelector("#verdict", { state: "hidden", timeout: 4_000 });
  assert.ok(await isShown(page, "#stage"));
});

pageTest("the countdown stops while somebody works on the verdict", { before: (state) => { state.standing = standing({ result_s: 1 }); } }, async (it) => {
  const { page } = it;
  await page.waitForSelector("#lists .list");
  await it.begin();
  await it.see(check("VALID"));
  await page.click("#compare-number");
  await page.waitForTimeout(1_800);
  assert.ok(await isShown(page, "#verdict"));
  assert.equal(await text(page, ".go-on"), "继续扫码");
  const before = it.mock.frames.count;
  await page.waitForTimeout(600);
  assert.ok(it.mock.frames.count - before <= 2, "no frames meanwhile");
});

pageTest("lists that are absent are said to be absent", { before: (state) => { state.standing = { ...standing(), lists: {} }; } }, async (it) => {
  await it.begin("#begin-gun");
  it.mock.state.typed.push(check("TRUST_LIST_MISSING"));
  await it.gun(CODE);
  await it.page.waitForSelector("#verdict:not([hidden])");
  const shown = await text(it.page, "#verdict");
  assert.match(shown, /信任名单：! 缺/);
  assert.match(shown, /状态名单：! 缺/);
});

pageTest("what a permit says is put in as text", {}, async (it) => {
  const evil = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
  await it.begin();
  await it.see(check("VALID", { permit: examples.permit({ name: evil, address: evil, issuer: evil, agent: { name: evil, relation: { zh: evil, en: evil } } }), notes: [{ code: "X", zh: evil, en: evil }], detail: { zh: evil, en: evil } }));
  assert.ok((await text(it.page, "#verdict .name")).includes(evil));
  assert.equal(await it.page.locator("#verdict img, #verdict script").count(), 0);
});

pageTest("the clerk's decision, the ID card and all data", {}, async (it) => {
  const { page, mock } = it;
  await it.begin();
  await it.see(check("VALID"));
  // A gun reads the ID card, wherever the focus is.
  await it.gun(IDENTITY);
  await page.waitForSelector(".answer.same");
  assert.equal(await text(page, ".answer"), "一致");
  assert.equal(await page.inputValue("#compare-number"), "");
  await page.focus("#compare-number");
  await it.gun("440106198203041239");
  await page.waitForSelector(".answer.differs");
  assert.deepEqual(asked(mock, "/api/compare").map((each) => each.body.number), [IDENTITY, "440106198203041239"]);
  assert.deepEqual(asked(mock, "/api/check"), []);
  await page.click("#to-reveal");
  await page.click("[data-why=doubt]");
  await page.waitForSelector(".whole");
  assert.equal(asked(mock, "/api/reveal")[0].body.why, "doubt");
  assert.ok((await text(page, "#verdict")).includes(IDENTITY));
  await page.click("#to-mismatch");
  assert.deepEqual(asked(mock, "/api/person-mismatch"), []);
  await page.click("#mismatch-yes");
  await page.waitForSelector("#verdict[data-reason=HOLDER_MISMATCH]");
  assert.ok(!(await text(page, "#verdict")).includes(IDENTITY));
});

pageTest("a refusal of the program is shown in its words", {}, async (it) => {
  it.allow("429");
  it.allow("410");
  const { page, mock } = it;
  mock.state.refuse = { "/api/compare": [429, "COMPARED_OFTEN", "已比对五次，请重新扫码", "compared five times: scan again"], "/api/reveal": [410, "CHECK_OVER", "这次核验已过期，请重新扫码", "this check is over: scan again"] };
  await it.begin();
  await it.see(check("VALID"));
  await it.gun(IDENTITY);
  await page.waitForSelector(".answer.wrong");
  assert.equal(await text(page, ".answer"), "已比对五次，请重新扫码");
  await page.keyboard.press("F4");
  await page.click("[data-why=form]");
  await page.waitForSelector("#reveal-wrong:not([hidden])");
  assert.equal(await text(page, "#reveal-wrong"), "这次核验已过期，请重新扫码");
});

// --- guns, keys ---

for (const ime of [false, true]) {
  pageTest(`a gun scans anywhere on the page${ime ? ", with the input method on" : ""}`, {}, async (it) => {
    const { page, mock } = it;
    await it.begin("#begin-gun");
    await it.gun(CODE, { ime });
    await page.waitForSelector("#verdict:not([hidden])");
    assert.deepEqual(asked(mock, "/api/check").map((each) => each.body), [{ text: CODE, by: "gun" }]);
    // On the verdict, whose button has the focus: the Enter of the gun presses nothing.
    await it.gun(CODE, { ime, end: "Tab" });
    await until("the second check", () => asked(mock, "/api/check").length === 2);
    // In a field: what the gun typed does not stay there.
    await page.waitForSelector("#compare-number");
    await page.fill("#compare-number", "4401");
    await it.gun(CODE, { ime, end: null });
    await until("the third check", () => asked(mock, "/api/check").length === 3);
    assert.equal(asked(mock, "/api/check")[2].body.text, CODE);
    await page.waitForSelector("#verdict[data-number='103']");
    // In the journal.
    await page.keyboard.press("Escape");
    await page.keyboard.press("F8");
    await page.waitForSelector(".entries");
    await it.gun(CODE, { ime });
    await page.waitForSelector("#verdict:not([hidden])");
    assert.equal(asked(mock, "/api/check").length, 4);
    // In the dialog for typing.
    await page.keyboard.press("Escape");
    await page.keyboard.press("F4");
    await it.gun(CODE, { ime });
    await page.waitForSelector("#verdict:not([hidden])");
    assert.equal(asked(mock, "/api/check").length, 5);
    assert.ok(!(await isShown(page, "#paste")));
  });
}

pageTest("a gun that reads something else is told so, and an ID card first is not sent anywhere", {}, async (it) => {
  const { page, mock } = it;
  await it.begin("#begin-gun");
  await it.gun(CODE.slice(0, 40));
  assert.ok((await text(page, "#notice")).includes("40"));
  await it.gun(IDENTITY);
  assert.ok((await text(page, "#notice")).includes("身份证"));
  assert.deepEqual([...asked(mock, "/api/check"), ...asked(mock, "/api/compare")], []);
  await page.keyboard.press("Escape");
  assert.ok(!(await isShown(page, "#notice")));
});

pageTest("a gun on the first screen begins", {}, async (it) => {
  await it.page.waitForFunction(() => document.querySelector("#begin").textContent !== "");
  await it.gun(CODE);
  await it.page.waitForSelector("#verdict:not([hidden])");
});

pageTest("digits are pasted anywhere, or typed", {}, async (it) => {
  const { page, mock } = it;
  await it.begin("#begin-gun");
  const paste = (data) => page.evaluate((data) => {
    const clipboard = new DataTransfer();
    clipboard.setData("text/plain", data);
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
  }, data);
  await paste(`  ${CODE} \n`);
  await page.waitForSelector("#verdict:not([hidden])");
  assert.deepEqual(asked(mock, "/api/check")[0].body, { text: CODE, by: "paste" });
  await page.keyboard.press("Escape");
  await paste("https://example.cn");
  assert.ok(await isShown(page, "#notice"));
  await page.keyboard.press("F4");
  await page.click("#paste-check");
  assert.ok(await isShown(page, "#paste-wrong"));
  await page.fill("#paste-text", CODE.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit))));
  await page.click("#paste-check");
  await page.waitForSelector("#verdict:not([hidden])");
});

pageTest("all of it works by keys", {}, async (it) => {
  const { page, mock } = it;
  await page.waitForFunction(() => document.activeElement?.id === "begin");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.jumaFigures.framesAnswered > 0);
  await page.keyboard.press("F2");
  await until("a challenge", () => asked(mock, "/api/challenge").length === 1);
  await page.keyboard.press("F2");
  await until("none", () => asked(mock, "/api/challenge/end").length >= 1);
  for (const back of ["Enter", "Space", "Escape"]) {
    await it.see(check("VALID"));
    await page.keyboard.press(back);
    await page.waitForSelector("#verdict", { state: "hidden" });
  }
  await it.see(check("VALID"));
  await page.keyboard.press("F2");
  await page.keyboard.type("440106198203041234", { delay: 70 });
  await page.keyboard.press("Enter");
  await page.waitForSelector(".answer.same");
  await page.keyboard.press("F8");
  assert.ok(await isShown(page, "#mismatch"));
  await page.keyboard.press("Escape");
  assert.ok(await isShown(page, "#verdict"), "Escape closes the dialog alone");
  assert.equal(await page.evaluate(() => document.activeElement.id), "compare-number", "the focus goes back");
  // The tab order stays within the verdict.
  const order = [];
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press("Tab");
    order.push(await page.evaluate(() => (document.activeElement.closest("#verdict") ? "verdict" : document.activeElement.tagName)));
  }
  assert.ok(order.every((each) => ["verdict", "BODY", "HTML"].includes(each)), order.join());
  await page.keyboard.press("Escape");
  await page.keyboard.press("F8");
  await page.waitForSelector(".entries");
  await page.keyboard.press("Escape");
  assert.ok(await isShown(page, "#stage"));
  await page.keyboard.press("F1");
  assert.ok(await isShown(page, "#keys"));
  await page.keyboard.press("Escape");
  await page.keyboard.press("F9");
  assert.equal(await page.getAttribute("#mute", "aria-pressed"), "true");
});

// --- challenge ---

pageTest("a challenge that was not answered stays in view and says what to do", {}, async (it) => {
  const { page, mock } = it;
  await it.begin();
  await page.click("input[value=challenge]");
  await until("a challenge", () => asked(mock, "/api/challenge").length === 1);
  await page.waitForFunction(() => /\d/.test(document.querySelector("#challenge-left").textContent));
  const box = await page.locator("#challenge-code").boundingBox();
  assert.ok(box.width >= 280 && box.width === box.height, JSON.stringify(box));
  mock.state.checks.push(check("CHALLENGE_MISSING"));
  await page.waitForSelector("#banner:not([hidden])");
  assert.ok(!(await isShown(page, "#verdict")));
  assert.ok((await text(page, "#banner")).includes("扫码应答"));
  assert.equal(asked(mock, "/api/challenge").length, 1);
  await it.see(check("VALID", { assurance: "challenge" }));
  assert.ok(!(await isShown(page, "#banner")));
  await page.keyboard.press("Escape");
  await until("the next challenge", () => asked(mock, "/api/challenge").length === 2);
});

pageTest("a challenge whose time is over is made anew", { before: (state) => { state.standing = standing({ asking: "challenge", challenge_s: 1 }); } }, async (it) => {
  await it.page.waitForSelector("#lists .list");
  await it.begin();
  assert.ok(!(await isShown(it.page, "#modes")), "no choice where the policy leaves none");
  await until("three challenges", () => asked(it.mock, "/api/challenge").length >= 3);
});

pageTest("a counter that scans directly offers no challenge", { before: (state) => { state.standing = standing({ asking: "passive" }); } }, async (it) => {
  await it.page.waitForSelector("#lists .list");
  await it.begin();
  await it.page.keyboard.press("F2");
  assert.ok(!(await isShown(it.page, "#modes")) && !(await isShown(it.page, "#challenge")));
  assert.deepEqual(asked(it.mock, "/api/challenge"), []);
});

// --- the live link ---

pageTest("frames are what the contract says, and two are under way at most", { small: false }, async (it) => {
  const { page, mock } = it;
  await it.begin();
  const { width, height, last, wrong } = mock.frames;
  assert.deepEqual([width, height, last.length, wrong], [1280, 720, 8 + 1280 * 720, 0]);
  // Grey levels of the test picture, not of nothing.
  assert.ok(new Set(last.subarray(8, 200_000)).size > 2);
  mock.state.silent = true;
  await page.waitForTimeout(700);
  const before = mock.frames.count;
  await page.waitForTimeout(700);
  assert.equal(mock.frames.count, before);
  const under = await page.evaluate(() => window.jumaFigures.framesSent - window.jumaFigures.framesAnswered);
  assert.ok(under <= 2, `${under}`);
});

pageTest("boxes and advice follow the answers", {}, async (it) => {
  const { page, mock } = it;
  mock.state.seen = QR;
  await it.begin();
  await page.waitForSelector("#overlay .permit[visibility=visible]");
  await page.waitForFunction(() => document.querySelector("#advice").textContent.includes("还有一个"));
  assert.deepEqual(await page.locator("#overlay g[visibility=visible] text").allTextContents(), ["居住证", "未读出"]);
  mock.state.seen = { codes: [], advice: examples.ADVICE.TOO_SMALL, trouble: { code: "SCAN_WORKER_LATE", zh: "识别较慢", en: "reading is slow" } };
  await page.waitForFunction(() => document.querySelector("#advice").textContent === "靠近一些");
  await page.waitForFunction(() => !document.querySelector("#late").hidden);
  await page.waitForFunction(() => document.querySelectorAll("#overlay g[visibility=visible]").length === 0);
});

pageTest("another window takes over, and gives back", {}, async (it) => {
  const { page, mock } = it;
  await it.begin();
  mock.cut(4000);
  await page.waitForSelector("#gate:not([hidden])");
  assert.equal(await text(page, "#gate-button"), "在此窗口继续");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#gate", { state: "hidden" });
  const before = mock.frames.count;
  await until("frames again", () => mock.frames.count > before);
});

pageTest("a link that breaks comes back by itself", {}, async (it) => {
  const { mock } = it;
  await it.begin();
  const before = mock.frames.count;
  mock.cut(1011);
  await until("frames again", () => mock.frames.count > before + 3);
});

// --- journal, troubles ---

pageTest("the journal of a day, and its files", {}, async (it) => {
  const { page, mock } = it;
  await page.waitForSelector("#lists .list");
  await page.keyboard.press("F8");
  await page.waitForSelector(".entries");
  assert.equal(await page.locator(".entries tbody tr").count(), 50);
  await page.click("#older");
  assert.equal(await page.locator(".entries tbody tr").count(), 10);
  await page.click("summary");
  assert.ok((await text(page, "details[open] table")).includes("12"));
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#export-csv")]);
  assert.equal(file.suggestedFilename(), "juma-journal-2026-11-27-2026-11-27.csv");
  assert.deepEqual(asked(mock, "/api/journal/export")[0].search, { format: "csv", from: "2026-11-27", to: "2026-11-27" });
  await page.fill("#export-from", "2026-11-28");
  await page.click("#export-json");
  assert.ok(await isShown(page, "#export-wrong"));
  await page.selectOption("#journal-day", "2026-11-25");
  await until("that day", () => asked(mock, "/api/journal").at(-1).search.day === "2026-11-25");
});

pageTest("troubles are said; amber ones fold, red ones do not", { before: (state) => { state.standing = standing({ troubled: true }); } }, async (it) => {
  const { page, mock } = it;
  await page.waitForSelector("#troubles.amber");
  assert.ok((await text(page, "#troubles")).includes("verifier sync"));
  await page.click("#troubles button");
  assert.ok(await isShown(page, "#troubles .count"));
  mock.state.standing = standing({ troubles: [TROUBLES.STATUS_OLD, TROUBLES.TRUST_EXPIRED] });
  await it.begin();
  await page.waitForSelector("#troubles.red");
  assert.equal(await page.locator("#troubles li").count(), 2);
  assert.equal(await page.locator("#troubles button").count(), 0);
});
