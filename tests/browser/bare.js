// Chromium without a test driver, for measuring. Drivers listen to the network, and a browser that has to report every frame of the live view, in
// base64, is several times slower than one at a counter.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Opens an address. `evaluate(text)` runs a script as if somebody had pressed something, `ticks()` are milliseconds of the page's main thread. */
export async function openBare(address, { executable = "/usr/bin/chromium", args = [] } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "juma-bare-"));
  const browser = spawn(executable, [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--use-fake-ui-for-media-stream", "--window-size=1366,768", `--user-data-dir=${profile}`, "--remote-debugging-pipe", ...args, "about:blank",
  ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [, , , to, from] = browser.stdio;
  const waiting = new Map();
  let number = 0;
  let rest = Buffer.alloc(0);
  from.on("data", (part) => {
    rest = Buffer.concat([rest, part]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const { id, result, error } = JSON.parse(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const [done, failed] = waiting.get(id) ?? [];
      waiting.delete(id);
      if (error) failed?.(new Error(error.message));
      else done?.(result);
    }
  });
  const ask = (method, params = {}, sessionId) => new Promise((done, failed) => {
    number += 1;
    waiting.set(number, [done, failed]);
    to.write(`${JSON.stringify({ id: number, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
  });
  const { targetId } = await ask("Target.createTarget", { url: address });
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  return {
    pid: browser.pid,
    async evaluate(expression) {
      const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, userGesture: true, awaitPromise: true, returnByValue: true }, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async ticks() {
      await ask("Performance.enable", { timeDomain: "threadTicks" }, sessionId);
      const { metrics } = await ask("Performance.getMetrics", {}, sessionId);
      return metrics.find((metric) => metric.name === "ThreadTime").value * 1_000;
    },
    async close() {
      const ended = new Promise((done) => browser.once("exit", done));
      await ask("Browser.close").catch(() => {});
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
