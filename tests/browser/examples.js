// Answers as the program gives them, about people who do not exist.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const words = (zh, en) => ({ zh, en });

export const ADVICE = {
  NO_CODE_SEEN: { code: "NO_CODE_SEEN", zh: "请把二维码放到画面中", en: "bring the code into view" },
  TOO_SMALL: { code: "TOO_SMALL", zh: "靠近一些", en: "come closer" },
  COVERED: { code: "COVERED", zh: "二维码读不出，请放平、擦净、不要遮挡", en: "the code cannot be read: lay it flat, wipe it, uncover it" },
  ANOTHER_CODE: { code: "ANOTHER_CODE", zh: "画面中还有一个二维码没有读出，请只出示一个", en: "another code is in view and was not read: show one code only" },
};

/** The program's own table of reasons. */
/** The number of the identity card of the permit's holder, of whom the page shows a part. */
export const IDENTITY = "440106198203041234";

/** What is seen of two codes before one of them is read. */
export const QR = { codes: [{ corners: [[300, 200], [600, 200], [600, 500], [300, 500]], kind: "permit" }], unread: [{ corners: [[800, 200], [1000, 200], [1000, 400], [800, 400]] }], advice: ADVICE.ANOTHER_CODE };

export const TABLE = JSON.parse(readFileSync(join(import.meta.dirname, "../../fixtures/reasons.json"), "utf8"));

// Of some of them: the line that only this case has, and whether the permit is shown.
const SHOWN = {
  VALID: [words("有效期至 2027年9月10日", "Endorsed until 2027-09-10"), true],
  VALID_ENDORSABLE: [words("请于 2026年12月10日 前（含当日）签注", "To be endorsed by 2026-12-10, that day included"), true],
  VOUCHER_VALID: [words("有效期至 2027年3月1日", "Endorsed until 2027-03-01"), true],
  ENDORSEMENT_LAPSED: [words("签注有效期至 2026年10月18日，已逾期 40 天", "Endorsed until 2026-10-18, 40 days overdue"), true],
  PRESENTATION_EXPIRED: [words("此码生成于 312 秒前", "The code was made 312 seconds ago"), true],
  CHALLENGE_MISSING: [null, true],
  AUTO_CANCELLED: [words("自 2026年6月1日 起注销", "Cancelled from 2026-06-01 on"), true],
  ISSUER_SIGNATURE: [null, false],
  NOT_A_PERMIT_CODE: [null, false],
  MULTIPLE_CODES: [null, false],
  TRUST_LIST_MISSING: [null, false],
  STATUS_LIST_STALE: [words("状态名单已有 12 天未更新", "The status list is 12 days old"), true],
  ISSUER_UNKNOWN: [null, false],
  REPLAY_GUARD_UNAVAILABLE: [null, true],
};

/** What the clerk says, and no program does. */
const HOLDER_MISMATCH = {
  reason: "HOLDER_MISMATCH", outcome: "reject", light: "red", sign: "✕", curable: false, title: words("人证不符", "Person does not match"),
  remedy: words("请勿采信；请按本单位规定处理", "Do not rely on it; proceed as your office prescribes"), detail: null, shown: true,
};

export const REASONS = Object.fromEntries([
  ...Object.entries(SHOWN).map(([reason, [detail, shown]]) => [reason, { ...TABLE.find((row) => row.reason === reason), detail, shown }]),
  ["HOLDER_MISMATCH", HOLDER_MISMATCH],
]);

/** A check as the page gets it of any row of the table; every permit is shown that was signed. */
export function drawn(row, more = {}) {
  const before = ["code", "parse", "trust-list", "issuer-key", "issuer-signature"].includes(row.step);
  const { permit: _, detail, ...base } = check("ISSUER_SIGNATURE");
  return { ...base, ...row, ...(before ? {} : { permit: permit(), assurance: "passive", ...more }) };
}

export function permit(more = {}) {
  return {
    permit_name: "广东省居住证", specimen: false, carrier: "phone", name: "欧**范", sex: words("男", "male"), ethnicity: words("维吾尔族", "Uygur"), citizen_id: "4401**********1234",
    household: "湖南省永州市江华瑶族自治县沱江镇***", address: "广东省清远市连南瑶族自治县三江镇***",
    issued_on: words("2025年9月10日", "2025-09-10"), endorsed_until: words("2027年9月10日", "2027-09-10"),
    window: { opens: words("2027年8月10日", "2027-08-10"), closes: words("2027年9月10日", "2027-09-10") },
    issuer: "广东省公安厅", residence_code: "************3454", shown_by: words("本人亮证", "shown by the holder"), ...more,
  };
}

/** Somebody whose every field is as long as it may be. */
export function longPermit() {
  return permit({
    name: "阿*************************提", ethnicity: words("柯尔克孜族", "Kirgiz"),
    household: "新疆维吾尔自治区克孜勒苏柯尔克孜自治州阿克陶县布伦口乡盖孜村第三村民小组***", address: "广东省清远市连南瑶族自治县三江镇朝阳路与民族大道交叉口东北侧人才公寓园区***",
    shown_by: words("代办人亮证", "shown by an agent"), agent: { name: "阿*****提", relation: words("法定监护人", "legal guardian") },
  });
}

export function check(reason, more = {}) {
  const { outcome, light, sign, curable, title, detail, remedy, shown } = REASONS[reason];
  const paper = reason === "VOUCHER_VALID";
  return {
    number: 0, outcome, light, sign, reason, title, ...(detail ? { detail } : {}), remedy, curable, ...(shown ? { assurance: paper ? "paper" : "passive" } : {}),
    ...(shown ? { permit: permit(paper ? { carrier: "paper", shown_by: words("持纸质凭证", "paper voucher"), voucher: { serial: "44180000123", place: "连南县政务服务中心" } } : {}) } : {}),
    lists: reason === "TRUST_LIST_MISSING" ? {} : { trust: { version: 7, age_s: 86_400 }, ...(shown ? { status: { list: 3, age_s: reason === "STATUS_LIST_STALE" ? 1_040_000 : 3_700, old: reason === "STATUS_LIST_STALE" } } : {}) },
    how: words("离线核验，未用挑战码：截图半分钟后失效", "offline, no challenge: a copy works for half a minute"), ...(shown && !paper ? { code_age_s: 4 } : {}),
    decided_at: words("2026年11月27日 17:03:20", "2026-11-27 17:03:20"), clock: "system", by: "camera", ...more,
  };
}

export const NOTES = [
  { code: "REPLAY_LOCAL_ONLY", zh: "共用查重服务器不可用，只查了本窗口的记录", en: "the shared guard was not reached: only this counter's own record was checked" },
  { code: "CLOCK_DOUBT", zh: "本机时间可能慢了约 3 分钟（最近十部手机一致），请校准本机时间", en: "this computer's clock may be about 3 minutes slow (the last ten phones agree): set its time" },
];

export function whole() {
  return {
    name: "欧阳明范", citizen_id: IDENTITY, birth_date: words("1982年3月4日", "1982-03-04"), household: "湖南省永州市江华瑶族自治县沱江镇寿域路12号",
    address: "广东省清远市连南瑶族自治县三江镇朝阳路88号人才公寓3栋1202室", residence_code: "4418260000123454",
  };
}

export const TROUBLES = {
  STATUS_OLD: { code: "STATUS_OLD", light: "amber", zh: "状态名单已有 2 天未更新", en: "the status list is 2 days old", remedy: words("请尽快同步：verifier sync", "synchronise soon: verifier sync") },
  CLOCK: { code: "CLOCK_DOUBT", light: "amber", ...NOTES[1], remedy: words("在系统设置中打开“自动设置时间”", "turn on “set time automatically” in the system's settings") },
  TRUST_EXPIRED: { code: "TRUST_LIST_EXPIRED", light: "red", zh: "信任名单已过期，不能核验", en: "the trust list has expired: nothing can be verified", remedy: words("请插入带有新名单的U盘，运行 verifier sync", "insert a stick with a newer list and run verifier sync") },
  DISK: { code: "STATE_DISK_FULL", light: "red", zh: "磁盘已满，不能登记核验记录", en: "the disk is full: checks cannot be recorded", remedy: words("请删除不用的文件，腾出空间", "make room on the disk") },
};

export function standing({ troubled = false, asking = "either", result_s = 8, challenge_s = 60, troubles = troubled ? [TROUBLES.STATUS_OLD] : [] } = {}) {
  return {
    counter: "LIANNAN-01", program: "0.1.0", clock: "system", now: words("2026年11月27日 17:03", "2026-11-27 17:03"), page: { asking, result_s, challenge_s },
    light: troubles.some((each) => each.light === "red") ? "red" : troubles.length > 0 ? "amber" : "green",
    lists: { trust: { version: 7, age_s: 86_400, light: "green" }, status: { count: 3, newest_age_s: 3_600, oldest_age_s: 90_000, light: troubles.length > 0 ? "amber" : "green" } },
    troubles, today: { checks: 41, accept: 37, reject: 3, undetermined: 1, person_mismatch: 0 },
  };
}

export function journal({ entries = 60 } = {}) {
  const reasons = ["VALID", "VALID", "VALID", "VALID_ENDORSABLE", "VALID", "PRESENTATION_EXPIRED", "VALID", "AUTO_CANCELLED", "VALID", "STATUS_LIST_STALE"];
  const list = Array.from({ length: entries }, (_, place) => {
    const at = `${String(9 + Math.floor(place / 8)).padStart(2, "0")}:${String((place * 7) % 60).padStart(2, "0")}:20`;
    const base = { number: 753 + place, at: words(at, at), what: "check" };
    if (place % 13 === 7) return { ...base, what: "compared", match: place % 2 === 0, permit: "3f9c02ab11d04e55" };
    if (place % 17 === 9) return { ...base, what: "revealed", why: ["form", "identity", "holder", "doubt"][place % 4], permit: "3f9c02ab11d04e55" };
    if (place % 29 === 11) return { ...base, what: "person_mismatch", permit: "3f9c02ab11d04e55" };
    if (place % 31 === 12) return { ...base, what: "exported" };
    const reason = reasons[place % reasons.length];
    const { outcome, light, title } = REASONS[reason];
    return { ...base, outcome, light, reason, title, assurance: place % 3 ? "passive" : "challenge", by: ["camera", "camera", "gun", "serial", "paste"][place % 5], permit: "3f9c02ab11d04e55", waited_ms: 180 + (place * 97) % 1_400, trust_age_s: 86_400, status_age_s: 3_600 };
  });
  return {
    day: "2026-11-27", days: ["2026-11-27", "2026-11-26", "2026-11-25"], keep_days: 180,
    summary: {
      checks: 41, accept: 37, reject: 3, undetermined: 1, person_mismatch: 1,
      reasons: ["VALID", "VALID_ENDORSABLE", "PRESENTATION_EXPIRED", "AUTO_CANCELLED", "STATUS_LIST_STALE"].map((reason, place) => ({ reason, title: REASONS[reason].title, count: [30, 7, 2, 1, 1][place] })),
      hours: [{ hour: 9, accept: 12, reject: 1, undetermined: 0 }, { hour: 10, accept: 9, reject: 0, undetermined: 1 }, { hour: 11, accept: 4, reject: 1, undetermined: 0 }, { hour: 14, accept: 8, reject: 1, undetermined: 0 }, { hour: 15, accept: 4, reject: 0, undetermined: 0 }],
      waits: { count: 35, median_ms: 420, p90_ms: 900, bars: [{ up_to_ms: 500, count: 22 }, { up_to_ms: 1_000, count: 9 }, { up_to_ms: 2_000, count: 3 }, { count: 1 }] },
    },
    entries: list,
    chain: { intact: true, head: "9d5f0a3b77c1e2460d8842fb6a917c3e9d5f0a3b77c1e2460d8842fb6a917c3e", entries: 812 },
  };
}

/** A symbol that looks like one: three finders, and noise that differs by number. */
export function modules(size, seed) {
  const finder = (x, y) => [[0, 0], [size - 7, 0], [0, size - 7]].map(([left, top]) => {
    const [dx, dy] = [x - left, y - top];
    if (dx < -1 || dy < -1 || dx > 7 || dy > 7) return null;
    const ring = Math.max(Math.abs(dx - 3), Math.abs(dy - 3));
    return ring !== 2 && ring !== 4;
  }).find((found) => found !== null);
  let noise = seed * 7_919 + 1;
  let text = "";
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      noise = (noise * 1_103_515_245 + 12_345) % 2_147_483_648;
      text += finder(x, y) ?? (noise >> 12) % 2 === 0 ? "1" : "0";
    }
  }
  return text;
}

/** A code that wanders through the view. */
export function moving(width, height, frame) {
  const [x, y, side] = [width * (0.3 + 0.1 * Math.sin(frame / 40)), height * 0.2, height * 0.5];
  const corners = [[x, y], [x + side, y + 12], [x + side - 10, y + side], [x - 8, y + side - 12]].map((corner) => corner.map(Math.round));
  return { codes: frame % 200 < 120 ? [{ corners, kind: "permit" }] : [], unread: frame % 200 >= 120 ? [{ corners }] : [], advice: frame % 200 >= 120 ? ADVICE.TOO_SMALL : undefined };
}
