// The page of `verifier serve`, in Chromium, with codes that phones of the stage show now.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { join } from "node:path";

import { openAt, quit } from "./browser.js";
import { Stage } from "./stage.js";

let stage;
before(() => {
  stage = new Stage();
});
after(async () => {
  await quit();
  stage.end();
});

let counters = 0;

/** A test at a counter of its own, whose program must have ended well afterwards. */
function counterTest(name, options, run) {
  const state = `window-${(counters += 1)}`;
  test(name, { timeout: 600_000 }, async () => {
    stage.counter(state, options);
    const served = await stage.serve(state);
    const it = await openAt(served.address, options);
    try {
      await run(it, { state, ...served });
      assert.deepEqual(it.problems, []);
    } finally {
      await it.close();
      assert.equal(await served.stop(), 0, served.said());
    }
  });
}

const verdict = (it, reason) => it.page.waitForSelector(`#verdict[data-reason="${reason}"]:not([hidden])`, { timeout: 10_000 });
// To be read it is written out, which is an entry as well. From any day on: a test may run across midnight in Shanghai.
const journal = (state) => JSON.parse(stage.run("verifier", "journal", "--state", state, "--from", "2020-01-01", "--json")).entries.filter((entry) => entry.what !== "exported");
const reasons = (state) => journal(state).map((entry) => entry.reason ?? entry.what);

// --- guns ---

for (const ime of [false, true]) {
  counterTest(`a gun ${ime ? "with" : "without"} the chinese input method`, {}, async (it, { state }) => {
    await it.begin("#begin-gun");
    const code = stage.code("valid");
    await it.gun(code, { ime });
    await verdict(it, "VALID");
    const shown = await it.page.locator("#verdict").innerText();
    const { name, citizen_id: number } = stage.sampleOf("valid");
    assert.ok(!shown.includes(name) && !shown.includes(number), "unmasked");
    assert.match(shown, /离线核验/);
    await it.gun(code, { ime, gap: 0 });
    await verdict(it, "REPLAYED");
    await it.gun(stage.code("lapsed"), { ime, gap: 0 });
    await verdict(it, "ENDORSEMENT_LAPSED");
    await it.gun(stage.code("cancelled"), { ime, gap: 0 });
    await verdict(it, "CANCELLED");
    await it.gun(stage.forged("second"), { ime, gap: 0 });
    await verdict(it, "ISSUER_SIGNATURE");
    await it.gun(stage.code("endorsable"), { ime, gap: 0 });
    await verdict(it, "VALID_ENDORSABLE");
    assert.deepEqual(reasons(state), ["VALID", "REPLAYED", "ENDORSEMENT_LAPSED", "CANCELLED", "ISSUER_SIGNATURE", "VALID_ENDORSABLE"]);
    assert.deepEqual(new Set(journal(state).map((entry) => entry.by)), new Set(["gun"]));
  });
}

counterTest("a gun that lost a character is told as such", {}, async (it) => {
  await it.begin("#begin-gun");
  const code = stage.code("valid");
  await it.gun(code.slice(0, 400) + code.slice(401));
  await verdict(it, "MALFORMED");
  assert.match(await it.page.locator("#verdict").innerText(), /扫描枪漏了或多了字符/);
});

// --- the whole round of a challenge, by the picture on the screen ---

counterTest("a challenge is shown, answered by a phone, and used up", { policy: ["--asking", "challenge"] }, async (it, { state }) => {
  await it.begin("#begin-gun");
  await it.gun(stage.code("valid"));
  await it.page.waitForSelector("#banner:not([hidden])");
  assert.match(await it.page.locator("#banner").innerText(), /扫码应答/);
  const picture = join(stage.folder, "challenge.png");
  const shown = await it.page.waitForSelector("#challenge-code, #challenge canvas, #challenge svg");
  await shown.screenshot({ path: picture });
  const answer = stage.code("valid", { challenge: stage.challengeIn(picture) });
  await it.gun(answer);
  await verdict(it, "VALID");
  assert.match(await it.page.locator("#verdict").innerText(), /已应答本柜台挑战码/);
  await it.page.keyboard.press("Escape");
  await it.gun(answer);
  await it.page.waitForFunction(() => ["CHALLENGE_MISMATCH", "CHALLENGE_EXPIRED"].includes(document.querySelector("#verdict").dataset.reason));
  assert.deepEqual(reasons(state).slice(0, 2), ["CHALLENGE_MISSING", "VALID"]);
});

// --- person and permit ---

counterTest("the number of an identity card is compared, and all data are shown for a reason", {}, async (it, { state }) => {
  await it.begin("#begin-gun");
  await it.gun(stage.code("valid"));
  await verdict(it, "VALID");
  // What comes at once would be part of what the gun types.
  await it.page.waitForTimeout(400);
  const { name, citizen_id: number } = stage.sampleOf("valid");
  await it.page.fill("#compare-number", stage.sampleOf("second").citizen_id);
  await it.page.keyboard.press("Enter");
  await it.page.waitForSelector(".answer.differs");
  await it.page.fill("#compare-number", number);
  await it.page.keyboard.press("Enter");
  await it.page.waitForSelector(".answer.same");
  await it.page.keyboard.press("F4");
  await it.page.click("[data-why=doubt]");
  await it.page.waitForSelector(".whole");
  await it.page.waitForFunction(({ name, number }) => {
    const shown = document.querySelector("#verdict").textContent;
    return shown.includes(name) && shown.replaceAll(/[^0-9X]/g, "").includes(number);
  }, { name, number }, { timeout: 5_000 });
  assert.deepEqual(journal(state).map((entry) => entry.what), ["check", "compared", "compared", "revealed"]);
  assert.ok(!JSON.stringify(journal(state)).includes(number));
});

// --- strangers ---

counterTest("a hostile page in another tab gets nothing", {}, async (it, { origin, port, token, state }) => {
  const code = stage.code("valid");
  const hostile = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>prizes</title>"));
  await new Promise((done) => hostile.listen(0, "127.0.0.1", done));
  try {
    const page = await it.context.newPage();
    for (const address of [`http://127.0.0.1:${hostile.address().port}/`, `http://juma.test:${hostile.address().port}/`]) {
      await page.goto(address);
      const got = await page.evaluate(async ({ origin, token, code }) => {
        const tried = {};
        const attempt = async (name, what) => {
          try {
            tried[name] = await what();
          } catch {
            tried[name] = "refused";
          }
        };
        const body = JSON.stringify({ text: code, by: "gun" });
        await attempt("read", async () => (await fetch(`${origin}/api/standing`)).status);
        await attempt("read with the token", async () => (await fetch(`${origin}/api/standing`, { headers: { "Juma-Token": token } })).status);
        await attempt("post", async () => (await fetch(`${origin}/api/check`, { method: "POST", body, headers: { "Juma-Token": token, "Content-Type": "application/json" } })).status);
        await attempt("blind post", async () => (await fetch(`${origin}/api/check`, { method: "POST", mode: "no-cors", body })).type);
        await attempt("script", () => new Promise((done, failed) => {
          const script = Object.assign(document.createElement("script"), { src: `${origin}/counter.js`, type: "module", onload: () => done("loaded"), onerror: failed });
          document.head.append(script);
        }));
        await attempt("live", () => new Promise((done, failed) => {
          const socket = new WebSocket(`${origin.replace("http", "ws")}/api/live`, ["juma.live.1", `token.${token}`]);
          socket.onopen = () => done("open");
          socket.onerror = failed;
        }));
        await attempt("frame", () => new Promise((done) => {
          const frame = Object.assign(document.createElement("iframe"), { src: `${origin}/#${token}` });
          frame.onload = () => {
            // A page that refused to be framed is an error page of another origin; ours would be, too: what tells is that it asks for nothing.
            setTimeout(() => done("loaded"), 500);
          };
          document.body.append(frame);
        }));
        return tried;
      }, { origin, token, code });
      const { frame, "blind post": blind, ...others } = got;
      assert.deepEqual(others, { read: "refused", "read with the token": "refused", post: "refused", script: "refused", live: "refused" });
      assert.ok(["opaque", "refused"].includes(blind));
      assert.ok(frame);
      const framed = page.frames().filter((each) => each !== page.mainFrame());
      for (const each of framed) assert.equal(await each.evaluate(() => document.querySelector("#begin")).catch(() => null), null, "framed");
      // A form, which needs no script and no permission.
      await page.setContent(`<form method="post" enctype="text/plain" action="${origin}/api/check"><input name='{"text":"${code}","by":"gun","x":"' value='"}'></form>`);
      await Promise.all([page.waitForNavigation(), page.evaluate(() => document.forms[0].submit())]);
      assert.match(await page.locator("body").innerText(), /ORIGIN_FOREIGN|HOST_FOREIGN/);
    }
    // A name that somebody else bound to this computer.
    const answer = await page.goto(`http://rebound.test:${port}/`);
    assert.equal(answer.status(), 403);
    assert.match(await page.locator("body").innerText(), /HOST_FOREIGN/);
    await page.close();
    assert.deepEqual(reasons(state), [], "nothing was checked");
  } finally {
    hostile.close();
  }
});

counterTest("the token leaves the address, and another run's is refused in words", {}, async (it, { origin, token }) => {
  assert.equal(new URL(it.page.url()).hash, "");
  assert.ok(!(await it.page.content()).includes(token));
  const other = await it.context.newPage();
  await other.goto(`${origin}/#${"0".repeat(32)}`);
  await other.waitForSelector("#gate:not([hidden])");
  assert.match(await other.locator("#gate").innerText(), /verifier serve/);
  await other.close();
  it.allow("401");
});

// --- long days ---

const SCANS = Number(process.env.SCANS ?? 150);

counterTest(`${SCANS} scans in a row leave memory as it was`, { policy: ["--result-secs", "3"] }, async (it, { pid }) => {
  await it.begin("#begin-gun");
  const resident = async () => {
    const { readFileSync } = await import("node:fs");
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
  };
  const heap = async () => {
    await it.client.send("HeapProfiler.collectGarbage");
    return (await it.client.send("Runtime.getHeapUsage")).usedSize / 2 ** 20;
  };
  const nodes = async () => (await it.client.send("Memory.getDOMCounters")).nodes;
  it.client = await it.context.newCDPSession(it.page);
  const people = ["valid", "second", "third", "fourth"];
  const scan = async (number) => {
    const before = await it.page.evaluate(() => document.querySelector("#verdict").dataset.number);
    await it.gun(stage.code(people[number % people.length]), { gap: 0 });
    await it.page.waitForFunction((old) => document.querySelector("#verdict").dataset.number !== old, before);
    assert.equal(await it.page.locator("#verdict").getAttribute("data-reason"), "VALID");
  };
  const warm = Math.min(100, Math.ceil(SCANS / 3));
  for (let number = 0; number < warm; number += 1) await scan(number);
  const first = { resident: await resident(), heap: await heap(), nodes: await nodes() };
  for (let number = warm; number < SCANS; number += 1) await scan(number);
  const last = { resident: await resident(), heap: await heap(), nodes: await nodes() };
  console.log(`memory after ${warm} and after ${SCANS} scans: program ${first.resident.toFixed(1)} and ${last.resident.toFixed(1)} MB, page ${first.heap.toFixed(1)} and ${last.heap.toFixed(1)} MB, ${first.nodes} and ${last.nodes} nodes`);
  assert.ok(last.resident < first.resident + 6, "the program grows");
  assert.ok(last.heap < first.heap + 3, "the page grows");
  assert.ok(last.nodes < first.nodes + 500, "nodes are left behind");
});
