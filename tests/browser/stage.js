// An authority, its phones and a counter, by the commands that people run, and by the clock of this computer. All persons are invented.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
/** The folder with the commands: those that the other tests built, unless another one is named. */
export const BINARIES = resolve(ROOT, process.env.JUMA_BINARIES ?? "target/debug");
const SAMPLES = JSON.parse(readFileSync(join(ROOT, "fixtures/permits.json"), "utf8")).permits;
const URI = "https://status.example.cn/44";
const DAY = 86_400_000;

/** Shanghai's calendar day, so many days from today. */
const day = (days) => new Date(Date.now() + 8 * 3_600_000 + days * DAY).toISOString().slice(0, 10);
const time = (ms) => new Date(Date.now() + 8 * 3_600_000 + ms).toISOString().replace(/\.\d+Z$/, "+08:00");

/** Who is on the stage: which sample, and for how many days from today it is endorsed. */
const CAST = {
  valid: { sample: 1, until: 200 },
  second: { sample: 2, until: 200 },
  third: { sample: 5, until: 200 },
  fourth: { sample: 7, until: 200 },
  longName: { sample: 18, until: 200 },
  endorsable: { sample: 3, until: 10 },
  lapsed: { sample: 4, until: -1 },
  cancelled: { sample: 8, until: 200 },
};

export class Stage {
  constructor() {
    if (!existsSync(join(BINARIES, "verifier"))) throw new Error(`there are no commands in ${BINARIES}: build them with cargo build --workspace --bins --tests`);
    this.folder = mkdtempSync(join(tmpdir(), "juma-browser-"));
    mkdirSync(join(this.folder, "keys"));
    for (const key of ["root", "permit", "status"]) this.run("issuer", "keygen", "--out", `keys/${key}.pem`);
    this.run("issuer", "trust", "init", "--draft", "trust.json", "--root", "keys/root.pub.pem");
    const period = ["--not-before", time(-400 * DAY), "--not-after", time(4_000 * DAY)];
    this.run("issuer", "trust", "add-issuer", "--draft", "trust.json", "--id", "GUANGDONG", "--name", "广东省公安厅", "--divisions", "44",
      "--key", "keys/permit.pub.pem", "--usages", "permit", "--status-uri", URI, ...period);
    this.run("issuer", "trust", "add-issuer", "--draft", "trust.json", "--id", "GUANGDONG", "--key", "keys/status.pub.pem", "--usages", "status", ...period);
    this.run("issuer", "trust", "sign", "--draft", "trust.json", "--key", "keys/root.pem", "--out", "published/trust-list.cose");

    this.run("holder", "init", "--dir", "phone");
    const requests = Object.entries(CAST).map(([who, part], at) => this.#request(who, part, at));
    writeFileSync(join(this.folder, "enrolments.txt"), requests.map(({ residence_code: code }) =>
      this.run("holder", "enrol", "--dir", "phone", "--residence-code", code)).join(""));
    writeFileSync(join(this.folder, "requests.json"), JSON.stringify(requests));
    this.run("issuer", "issue", "--key", "keys/permit.pem", "--requests", "requests.json", "--enrolments", "enrolments.txt", "--ledger", "ledger.sqlite3", "--out", "permits");
    for (const { residence_code: code } of requests) this.run("holder", "add", "--dir", "phone", `permits/${code}.permit`);
    this.run("issuer", "status", "set", "--ledger", "ledger.sqlite3", "--residence-code", this.codeOf("cancelled"), "cancelled");
    this.run("issuer", "status", "publish", "--ledger", "ledger.sqlite3", "--list", "all", "--key", "keys/status.pem", "--uri", URI, "--out", "published");

    const shown = JSON.parse(this.run("issuer", "trust", "show", "published/trust-list.cose", "--json"));
    this.root = shown.root_thumbprints[0];
    this.counter("counter");
  }

  #request(who, { sample: number, until }, at) {
    const { holder, residence } = SAMPLES.find((each) => each.no === number);
    // Fifteen digits and a check digit (ISO 7064 MOD 11,10).
    const first = String(440_000_000_000_100 + at);
    let product = 10;
    for (const digit of first) product = ((product + Number(digit)) % 10 || 10) * 2 % 11;
    const code = first + String((11 - product) % 10);
    (this.codes ??= {})[who] = code;
    return {
      residence_code: code, name: holder.name, citizen_id: holder.citizen_id, ethnicity: holder.ethnicity_code,
      household_division: holder.household_division, household_address: holder.household_address,
      // All of them live where the one issuer may issue.
      address_division: residence.division.startsWith("44") ? residence.division : "440106",
      address: residence.division.startsWith("44") ? residence.address : "广东省广州市天河区石牌街道样板路1号",
      issued_on: day(until - 365), endorsed_until: day(until),
    };
  }

  codeOf(who) {
    return this.codes[who];
  }

  sampleOf(who) {
    return SAMPLES.find((each) => each.no === CAST[who].sample).holder;
  }

  /** Runs a command in the stage's folder; its standard output. */
  run(command, ...args) {
    return execFileSync(join(BINARIES, command), args, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** The same where another end than success is awaited. */
  try(command, ...args) {
    const ran = spawnSync(join(BINARIES, command), args, { cwd: this.folder, encoding: "utf8" });
    return { exit: ran.status, out: ran.stdout, err: ran.stderr };
  }

  /** A counter with lists of now. */
  counter(name, { lists = true, policy = [] } = {}) {
    this.run("verifier", "init", "--state", name, "--root", this.root, "--counter", name.toUpperCase());
    if (lists) this.run("verifier", "sync", "--state", name, "published");
    if (policy.length) this.run("verifier", "policy", "--state", name, ...policy);
    return name;
  }

  /** 亮码: the digits that a phone shows, so many seconds from now by its own clock. */
  code(who, { in_s: seconds = 0, challenge } = {}) {
    const when = seconds === 0 ? [] : ["--allow-fixed-time", "--at", time(seconds * 1_000)];
    return this.run("holder", "present", "--dir", "phone", "--permit", this.codeOf(who), "--text", ...when, ...(challenge ? ["--challenge", challenge] : [])).trim();
  }

  /** The digits of the challenge in a picture, as a phone reads them from the screen. */
  challengeIn(picture) {
    const said = this.run("verifier", "inspect", "--image", picture);
    const [, counter, cnonce] = /\["([A-Z0-9-]+)", h'([0-9a-f]{32})'\]/.exec(said) ?? [];
    if (!counter) throw new Error(`no challenge: ${said}`);
    // RFC 8949: an array of a text and of sixteen bytes.
    const head = counter.length < 24 ? [0x82, 0x60 + counter.length] : [0x82, 0x78, counter.length];
    const bytes = Buffer.concat([Buffer.from(head), Buffer.from(counter), Buffer.from([0x50]), Buffer.from(cnonce, "hex")]);
    return "8613" + this.run("verifier", "primitive", "digits", "encode", bytes.toString("hex")).trim();
  }

  /** A code in which one bit of the name was changed after the issuer had signed it. */
  forged(who, when) {
    const [text, name] = [this.code(who, when), Buffer.from(this.sampleOf(who).name)];
    const bytes = Buffer.from(this.run("verifier", "primitive", "digits", "decode", text.slice(4)).trim(), "hex");
    const at = bytes.indexOf(name);
    if (at < 0) throw new Error("the name is not in the code");
    bytes[at + name.length - 1] ^= 1;
    return text.slice(0, 4) + this.run("verifier", "primitive", "digits", "encode", bytes.toString("hex")).trim();
  }

  /** `verifier serve`; resolves with its address when it says so. */
  async serve(state = "counter", ...more) {
    const child = spawn(join(BINARIES, "verifier"), ["serve", "--state", state, "--port", "0", "--no-browser", ...more], { cwd: this.folder });
    let [out, err] = ["", ""];
    child.stderr.on("data", (chunk) => (err += chunk));
    const address = await new Promise((done, failed) => {
      child.on("exit", (code) => failed(new Error(`verifier serve ended with ${code}: ${err}`)));
      child.stdout.on("data", (chunk) => {
        out += chunk;
        if (out.includes("\n")) done(out.trim());
      });
    });
    const { origin, hash } = new URL(address);
    const ended = new Promise((done) => child.on("exit", done));
    return {
      address, origin, port: Number(new URL(origin).port), token: hash.slice(1), pid: child.pid,
      said: () => err,
      /** Ctrl-C; resolves with the exit code. */
      stop() {
        child.kill("SIGINT");
        return ended;
      },
    };
  }

  end() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
