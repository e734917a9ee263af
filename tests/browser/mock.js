// A stand-in for `verifier serve`, for working on the page and for its tests: the same addresses and answers, made up.
//
//     npm run mock            prints an address; every few seconds the camera "sees" another permit

import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as examples from "./examples.js";

const PAGE = fileURLToPath(new URL("../../verifier/src/counter/page/", import.meta.url));
const KINDS = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".woff2": "font/woff2", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
};
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; font-src 'self'; "
  + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/**
 * Starts it. `state` may be changed at any time: `standing`, `journal`, `seen` (what each frame is answered with), `checks` (answers to come, one a
 * question or frame), `refuse` (path → [status, error]), `compareWith`. `asked` is what was asked, `frames` what came in of the camera.
 */
export async function startMock({ port = 0, token = randomBytes(16).toString("hex") } = {}) {
  const state = {
    standing: examples.standing(), journal: examples.journal(), seen: { codes: [], unread: [], advice: examples.ADVICE.NO_CODE_SEEN }, checks: [], typed: [], refuse: {},
    compareWith: "440106198203041234", size: 37, silent: false,
  };
  const asked = [];
  const frames = { count: 0, width: 0, height: 0, last: null, wrong: 0 };
  const sockets = new Set();
  let live = null;
  let challenge = 0;
  let number = 100;

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
    if (pathname.startsWith("/api/")) return api(request, response, pathname, searchParams);
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    try {
      if (!/^[\w-]+\.\w+$/.test(name)) throw new Error("no such file");
      const body = await readFile(join(PAGE, name));
      response.writeHead(200, { "Content-Type": KINDS[extname(name)] ?? "application/octet-stream", "Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });

  async function api(request, response, path, search) {
    let text = "";
    for await (const part of request) text += part;
    const body = text ? JSON.parse(text) : undefined;
    asked.push({ method: request.method, path, body, search: Object.fromEntries(search) });
    const answer = (status, value) => {
      response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(JSON.stringify({ v: 1, ...value }));
    };
    const wrong = (status, code, zh, en) => answer(status, { error: { code, zh, en } });
    if (request.headers["juma-token"] !== token) return wrong(401, "TOKEN", "请用程序给出的地址打开本页", "open this page from the program's address");
    const refused = state.refuse[path];
    if (refused) return wrong(...refused);
    switch (`${request.method} ${path}`) {
      case "GET /api/standing": return answer(200, state.standing);
      case "POST /api/check": return answer(200, { check: numbered({ ...(state.typed.shift() ?? examples.check("VALID")), by: body.by }) });
      case "POST /api/challenge": return answer(200, { challenge: { number: (challenge += 1), digits: "861", left_s: state.standing.page.challenge_s, size: state.size, modules: examples.modules(state.size, challenge) } });
      case "POST /api/challenge/end": return answer(200, {});
      case "POST /api/compare": return answer(200, { match: body.number === state.compareWith });
      case "POST /api/person-mismatch": return answer(200, { check: numbered(examples.check("HOLDER_MISMATCH")) });
      case "POST /api/reveal": return answer(200, { whole: examples.whole() });
      case "POST /api/camera": return answer(200, {});
      case "GET /api/journal": return answer(200, { ...state.journal, day: search.get("day") ?? state.journal.day });
      case "GET /api/journal/export":
        response.writeHead(200, { "Content-Type": search.get("format") === "csv" ? "text/csv; charset=utf-8" : "application/json" });
        return response.end("number,at\r\n1,17:03:20\r\n");
      default: return wrong(404, "NO_SUCH_ADDRESS", "没有这个地址", "no such address");
    }
  }

  const numbered = (check) => ({ ...check, number: (number += 1) });

  // --- the live link, by hand: frames in, texts out ---

  server.on("upgrade", (request, socket) => {
    const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
    if (request.url !== "/api/live" || !protocols.includes("juma.live.1") || !protocols.includes(`token.${token}`)) {
      return socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    }
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: juma.live.1\r\n\r\n`);
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    if (live) shut(live, 4000);
    live = socket;
    receive(socket, (message) => socket === live && onFrame(socket, message));
  });

  function onFrame(socket, message) {
    const [width, height, frame] = [message.readUInt16BE(0), message.readUInt16BE(2), message.readUInt32BE(4)];
    Object.assign(frames, { width, height, last: message });
    frames.count += 1;
    if (message.length !== 8 + width * height) frames.wrong += 1;
    if (state.silent) return;
    const seen = typeof state.seen === "function" ? state.seen(width, height, frame) : state.seen;
    const check = state.checks.shift();
    sendText(socket, JSON.stringify({ frame, ...seen, ...(check ? { check: numbered({ ...check, by: "camera" }) } : {}) }));
  }

  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  const at = server.address().port;
  return {
    origin: `http://127.0.0.1:${at}`, address: `http://127.0.0.1:${at}/#${token}`, port: at, token, state, asked, frames,
    /** Cuts the live link, as when another page takes over (4000). */
    cut: (code) => live && shut(live, code),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function shut(socket, code) {
  const body = Buffer.alloc(2);
  body.writeUInt16BE(code);
  socket.write(Buffer.concat([Buffer.from([0x88, 2]), body]));
  socket.end();
}

function sendText(socket, text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  socket.write(Buffer.concat([head, body]));
}

/** Puts together what a browser sends: masked, and in pieces if it likes. */
function receive(socket, onMessage) {
  let parts = [];
  let length = 0;
  let message = [];
  const need = (count) => {
    if (length < count) return null;
    if (parts.length > 1) parts = [Buffer.concat(parts)];
    return parts[0];
  };
  socket.on("data", (part) => {
    parts.push(part);
    length += part.length;
    for (;;) {
      const head = need(2);
      if (!head) return;
      let size = head[1] & 127;
      let at = 2;
      if (size === 126) {
        if (!need(4)) return;
        size = parts[0].readUInt16BE(2);
        at = 4;
      } else if (size === 127) {
        if (!need(10)) return;
        size = Number(parts[0].readBigUInt64BE(2));
        at = 10;
      }
      const whole = need(at + 4 + size);
      if (!whole) return;
      const mask = whole.subarray(at, at + 4);
      const body = Buffer.from(whole.subarray(at + 4, at + 4 + size));
      for (let place = 0; place < size; place += 1) body[place] ^= mask[place & 3];
      parts = [whole.subarray(at + 4 + size)];
      length = parts[0].length;
      const [last, kind] = [whole[0] & 0x80, whole[0] & 15];
      if (kind === 8) {
        socket.write(Buffer.concat([Buffer.from([0x88, body.length]), body]));
        socket.end();
        return;
      }
      if (kind > 2) continue;
      message.push(body);
      if (last) {
        onMessage(message.length === 1 ? message[0] : Buffer.concat(message));
        message = [];
      }
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 8687) });
  mock.state.standing = examples.standing({ troubled: true });
  mock.state.seen = examples.moving;
  const reasons = Object.keys(examples.REASONS);
  let place = 0;
  setInterval(() => mock.state.checks.push(examples.check(reasons[(place += 1) % reasons.length])), 12_000).unref();
  console.log(mock.address);
}
