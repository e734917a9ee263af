// Starts Chromium and opens the page, for tests.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { startMock } from "./mock.js";

const ARGS = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--use-fake-ui-for-media-stream", "--host-resolver-rules=MAP *.test 127.0.0.1", "--use-fake-device-for-media-stream=fps=5",
];
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let browser = null;

export async function launch() {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: ARGS });
  return browser;
}

export async function quit() {
  await browser?.close();
  browser = null;
}

/** A test with a page that is closed afterwards, and at which the browser must have had nothing to complain about. */
export function pageTest(name, { timeout = 120_000, ...options }, run) {
  test(name, { timeout }, async () => {
    const it = await open(options);
    try {
      await run(it);
      assert.deepEqual(it.problems, []);
    } finally {
      await it.close();
    }
  });
}

/** A fresh page at a fresh mock: what `openAt` gives, and `mock`. */
export async function open({ address = (mock) => mock.address, before = () => {}, ...options } = {}) {
  const mock = await startMock();
  before(mock.state);
  const it = await openAt(address(mock), options);
  return {
    ...it, mock,
    async close() {
      await it.close();
      await mock.stop();
    },
    /** The next frame leads to this check; resolves when the verdict is there. */
    async see(check) {
      mock.state.checks.push(check);
      await it.page.waitForSelector(`#verdict[data-reason="${check.reason}"]:not([hidden])`);
    },
  };
}

/** A fresh page at an address. `problems` collects what the browser complains about, and requests to anywhere else. */
export async function openAt(address, { width = 1366, height = 768, language = "zh", script = null, small = true } = {}) {
  const { origin } = new URL(address);
  const context = await (await launch()).newContext({ viewport: { width, height } });
  await context.addInitScript((chosen) => {
    // Another origin, or a page without one, is none of ours.
    if (location.protocol === "http:" && !localStorage.getItem("juma.language")) localStorage.setItem("juma.language", chosen);
  }, language);
  // The driver has the browser report each frame in base64: small ones spare it that.
  if (small) {
    await context.addInitScript(() => {
      const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
      if (ask) navigator.mediaDevices.getUserMedia = (wish) => ask({ ...wish, video: { ...wish.video, width: 320, height: 180 } });
    });
  }
  if (script) await context.addInitScript(script);
  const page = await context.newPage();
  const problems = [];
  const allowed = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !allowed.some((each) => message.text().includes(each))) problems.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("blob:")) problems.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => problems.push(`dialog: ${dialog.message()}`));
  await page.goto(address);
  return {
    page, context, problems,
    /** Keeps a picture of the page to be looked at, where `PICTURES` names a folder for them. It takes a third of the time of these tests. */
    async keep(...names) {
      if (!process.env.PICTURES) return;
      const path = resolve(process.env.PICTURES, ...names);
      await mkdir(dirname(path), { recursive: true });
      await page.screenshot({ path });
    },
    /** What the browser may complain about, and may have already. */
    allow(text) {
      allowed.push(text);
      problems.splice(0, problems.length, ...problems.filter((each) => !each.startsWith("console: ") || !each.includes(text)));
    },
    close: () => context.close(),
    async begin(how = "#begin") {
      await page.waitForFunction(() => document.querySelector("#begin").textContent !== "");
      await page.click(how);
      await page.waitForSelector("#scan:not([hidden])");
      if (how === "#begin") await page.waitForFunction(() => window.jumaFigures.framesAnswered > 0);
    },
    /** What accessibility rules are broken now. */
    async axe() {
      if (!(await page.evaluate(() => "axe" in window))) await evaluateFile(page, AXE);
      const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      return violations.map((each) => `${each.id}: ${each.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary.split("\n")[1] ?? ""}`).join(" | ")}`);
    },
    /** How far anything sticks out: sideways, downwards, and the same of the verdict. */
    overflow: () => page.evaluate(() => {
      const [root, verdict] = [document.scrollingElement, document.querySelector("#verdict")];
      const out = [root.scrollWidth - root.clientWidth, root.scrollHeight - root.clientHeight];
      return verdict.hidden ? [...out, 0, 0] : [...out, verdict.scrollWidth - verdict.clientWidth, verdict.scrollHeight - verdict.clientHeight];
    }),
    /** Keys as a gun strikes them: fast, without a person's pauses. However busy the machine, each has the time at which it was due, as the system gives it. */
    gun: (text, { end = "Enter", ime = false, gap = 6 } = {}) => page.evaluate(async ({ text, end, ime, gap }) => {
      let at = performance.now();
      const strike = async (code, key) => {
        const early = at - performance.now();
        if (early > 0) await new Promise((done) => setTimeout(done, early));
        const target = document.activeElement ?? document.body;
        const event = new KeyboardEvent("keydown", { code, key: ime ? "Process" : key, keyCode: ime ? 229 : 0, isComposing: ime, bubbles: true, cancelable: true });
        Object.defineProperty(event, "timeStamp", { value: at });
        if (target.dispatchEvent(event) && "value" in target && /^[\dX]$/.test(key)) target.value += key;
        at += gap;
      };
      for (const key of text) await strike(key === "X" ? "KeyX" : `Digit${key}`, key);
      if (end) await strike(end, end);
    }, { text, end, ime, gap }),
  };
}

// Over the debugger, which the page's policy does not concern.
async function evaluateFile(page, path) {
  await page.evaluate(await readFile(path, "utf8"));
}
