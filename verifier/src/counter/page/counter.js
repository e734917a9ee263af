// The page of one counter: what is shown when, and what comes from where. One thing each is in the files beside this one.
//
// Screens are start, scan and journal. A verdict lies over them, and a gate over everything when nothing can be done: no answer from the program, an
// old address, or another page that has the camera.

import { ago } from "./ages.js";
import { createCamera } from "./camera.js";
import { createChallenge } from "./challenge.js";
import { $, el, setText, signOf } from "./elements.js";
import { listenToGuns } from "./gun.js";
import { showHelp } from "./help.js";
import { createJournal } from "./journal.js";
import { createLink, forgetToken, takeToken } from "./link.js";
import { createOverlay } from "./overlay.js";
import { hasSerial, openSerial } from "./serial.js";
import { allowSounds, isMuted, setMuted, sound } from "./sounds.js";
import { createTroubles } from "./troubles.js";
import { createVerdict } from "./verdict.js";
import { currentLanguage, onLanguage, pick, say, setLanguage, translate } from "./words.js";

const STANDING_MS = 30_000;
const ADVICE_MS = 250; // Advice that lasts less is not shown: it would flicker.
const ADVICE_ALOUD_MS = 1_500;
const MODE = "juma.mode";

let screen = "start";
let gate = null;
let standing = null;
let cleared = false;
let lastCheckAt = 0;
let sent = [1280, 720];
let advice = { key: "", words: null, since: 0, aloud: "" };
let seenSince = 0;
let lateAt = -Infinity;
let late = null;
let banner = null;
let renewOnReturn = false;
let standingTimer = 0;
let cameraReported = null;

const token = takeToken();
const link = createLink(token, {
  up: () => {
    closeGate("link");
    closeGate("taken");
    if (camera.isWanted()) reportCamera();
    // A challenge that an earlier page asked for is not asked any more.
    if (!cleared && !challenge.isWanted()) challenge.clear();
    cleared = true;
    refreshStanding();
  },
  answer: onAnswer,
  down: () => openGate("link"),
  stale: () => {
    link.close();
    forgetToken();
    openGate("token");
  },
  taken: () => openGate("taken"),
});
const overlay = createOverlay($("overlay"));
const camera = createCamera($("video"), {
  wants: () => screen === "scan" && gate === null && !verdict.isHeld() && !document.querySelector("dialog[open]") && link.isReady(),
  send: (bytes, width, height) => {
    sent = [width, height];
    link.sendFrame(bytes, width, height);
  },
  tell: { trouble: onCameraTrouble, opened: listCameras },
});
const challenge = createChallenge(link, { explain });
const troubles = createTroubles();
const journal = createJournal(link, { explain, notice, isShown: () => screen === "journal" });
const verdict = createVerdict(link, { onLeave: onVerdictLeft, onCheck, explain, resultSeconds: () => standing?.page?.result_s ?? 8, listsNow: () => standing?.lists });

// For tests: how fast it goes. Numbers only.
Object.defineProperty(window, "jumaFigures", {
  value: Object.freeze({
    get framesSent() { return link.figures.framesSent; },
    get framesAnswered() { return link.figures.framesAnswered; },
    get roundTripMs() { return link.figures.roundTripMs; },
    get fps() {
      const from = performance.now() - 2_000;
      return link.figures.answeredAt.filter((at) => at >= from).length / 2;
    },
    get lastCheckAt() { return lastCheckAt; },
  }),
});

// --- screens ---

function go(next) {
  if (verdict.shown()) verdict.leave();
  screen = next;
  document.body.dataset.screen = next;
  for (const id of ["start", "scan", "journal"]) $(id).hidden = id !== next;
  for (const [id, of] of [["to-scan", "scan"], ["to-journal", "journal"]]) {
    if (next === of || (next === "start" && of === "scan")) $(id).setAttribute("aria-current", "page");
    else $(id).removeAttribute("aria-current");
  }
  overlay.clear();
  applyMode();
  if (next === "journal") journal.open();
  else journal.forget();
  if (next === "start") $("begin").focus();
  else $("main").focus({ preventScroll: true });
}

let started = false;

function begin(withCamera) {
  allowSounds();
  if (!started) {
    started = true;
    link.connect();
    navigator.wakeLock?.request?.("screen").catch(() => {});
  }
  if (withCamera) openCamera();
  go("scan");
  drawPicture();
}

function openGate(which) {
  // An old address outweighs all, and another page that has the camera is no lost link.
  if (gate === "token" || (gate === which)) return;
  gate = which;
  drawGate();
  $("gate").hidden = false;
  setInert();
  ($("gate-button").hidden ? $("gate-title") : $("gate-button")).focus();
}

function closeGate(which) {
  if (gate !== which) return;
  gate = null;
  $("gate").hidden = true;
  setInert();
  (verdict.shown() ? $("verdict").querySelector(".go-on") : $("main"))?.focus({ preventScroll: true });
}

function drawGate() {
  if (!gate) return;
  $("gate").className = `gate ${gate === "taken" ? "grey" : "red"}`;
  const sign = signOf(gate === "taken" ? "amber" : "red", gate === "taken" ? "!" : "✕");
  $("gate-sign").setAttribute("class", sign.getAttribute("class"));
  $("gate-sign").replaceChildren(...sign.childNodes);
  setText($("gate-title"), say(`${gate}_title`));
  setText($("gate-text"), say(`${gate}_text`));
  setText($("gate-more"), gate === "taken" ? "" : say(`${gate}_more`));
  $("gate-button").hidden = gate !== "taken";
  setText($("gate-button"), say("taken_button"));
}

$("gate-button").addEventListener("click", () => {
  allowSounds();
  link.takeBack();
});

// What lies beneath cannot be reached by keys either.
function setInert() {
  const under = verdict.shown() !== null;
  for (const id of ["top", "troubles", "main"]) $(id).inert = gate !== null || under;
  document.querySelector(".skip").inert = gate !== null || under;
  $("verdict").inert = gate !== null;
}

// --- checks ---

function onCheck(check) {
  lastCheckAt = performance.now();
  refreshStanding();
  if (check.reason === "CHALLENGE_MISSING" && challenge.isWanted()) {
    if (verdict.shown()) verdict.leave();
    if (screen !== "scan") go("scan");
    showBanner(check);
    sound(check.light);
    return;
  }
  showBanner(null);
  // An answered challenge is used up. The next one begins when it can be seen.
  renewOnReturn = challenge.isWanted();
  if (screen !== "scan") go("scan");
  closeNotice();
  verdict.show(check);
  setInert();
  sound(check.light);
  setText($("say-now"), [check.title, check.detail, check.remedy].map(pick).filter(Boolean).join(currentLanguage() === "zh" ? "。" : ". "));
}

function onVerdictLeft() {
  setInert();
  setText($("say-now"), "");
  overlay.clear();
  setAdvice("ready", null, true);
  if (renewOnReturn) challenge.renew();
  renewOnReturn = false;
  if (!gate) $("main").focus({ preventScroll: true });
}

function showBanner(check) {
  banner = check;
  const root = $("banner");
  root.hidden = !check;
  if (!check) return root.replaceChildren();
  root.replaceChildren(signOf("amber", "!"),
    el("div", {}, el("h2", {}, pick(check.title)),
      el("p", {}, el("b", {}, say("banner_holder")), " ", ...[1, 2, 3].flatMap((n) => [el("span", { class: "step" }, el("i", {}, String(n)), " ", say(`banner_step_${n}`)), " "]))),
    el("button", { type: "button", class: "plain", "aria-label": say("close"), onclick: () => { showBanner(null); $("main").focus(); } }, "×"));
}

async function checkText(text, by) {
  if (!started) begin(false);
  closeDialogs();
  if (screen !== "scan") go("scan");
  try {
    const { check } = await link.post("/api/check", { text, by });
    onCheck(check);
  } catch (refusal) {
    notice(explain(refusal), true);
  }
}

/** What a gun, a port or a paste gave: a permit code, an ID card's number, or neither. */
function onScan(kind, text, by) {
  if (gate) return;
  allowSounds();
  if (kind === "code") checkText(text, by);
  else if (kind === "identity") {
    // Compared when there is something to compare with. It is not sent for anything else.
    if (!verdict.take(text)) notice(say(verdict.shown() ? "gun_no_permit" : "gun_identity"), true);
  } else if (kind === "short") notice(say("gun_short", { n: text.length }), true);
  else notice(say(kind === "long" ? "gun_long" : "not_a_code"), true);
}

/** What a text is that did not come key by key. */
function kindOf(text) {
  const folded = text.normalize("NFKC").replace(/\s/g, "").toUpperCase();
  if (/^\d{17}[\dX]$/.test(folded)) return ["identity", folded];
  if (!/^\d+$/.test(folded)) return ["other", folded];
  if (folded.length < 50) return ["short", folded];
  return [folded.length > 5_000 ? "long" : "code", text.trim()];
}

listenToGuns((kind, text) => onScan(kind, text, "gun"));

document.addEventListener("paste", (event) => {
  if (event.target.closest?.("input, textarea") || document.querySelector("dialog[open]") || gate) return;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  event.preventDefault();
  const [kind, folded] = kindOf(text);
  onScan(kind === "short" ? "other" : kind, folded, "paste");
});

// --- live answers ---

function onAnswer(answer) {
  if (answer.check) onCheck(answer.check);
  if (screen !== "scan" || verdict.shown()) return;
  overlay.draw(answer, ...sent, camera.isMirrored());
  const now = performance.now();
  if (answer.trouble) {
    lateAt = now;
    late = answer.trouble;
  }
  const permit = answer.codes?.some((code) => code.kind === "permit");
  if (!permit) seenSince = 0;
  else seenSince ||= now;
  if (answer.advice) setAdvice(answer.advice.code, answer.advice);
  else if (!permit) setAdvice("ready", null);
  // A code that stays in view without a verdict was checked already.
  else setAdvice(now - seenSince < 1_200 ? "checking" : "done", null);
}

function setAdvice(key, words, atOnce = false) {
  const now = performance.now();
  if (advice.key !== key) advice = { key, words, since: atOnce ? -Infinity : now, aloud: advice.aloud };
  if (now - advice.since >= ADVICE_MS || atOnce) drawAdvice();
}

function drawAdvice() {
  const node = $("advice");
  const trouble = camera.trouble();
  let text;
  if (!camera.isWanted()) text = say("advice_gun");
  else if (trouble) text = say("advice_no_camera");
  else if (!camera.isOpen()) text = say("advice_opening");
  else if (advice.words) text = pick(advice.words);
  else text = say({ checking: "advice_checking", done: "advice_done" }[advice.key] ?? "advice_ready");
  // The program's English begins small, as part of a sentence.
  if (currentLanguage() === "en") text = text.charAt(0).toUpperCase() + text.slice(1);
  setText(node, text);
  node.dataset.kind = !camera.isOpen() || ["ready", "NO_CODE_SEEN", "checking", "done", ""].includes(advice.key) ? "calm" : "act";
}

// Once a quarter of a second: what changes without an answer.
setInterval(() => {
  if (screen !== "scan" || gate) return;
  challenge.tick();
  overlay.tidy();
  const now = performance.now();
  if (now - advice.since >= ADVICE_MS) drawAdvice();
  if (!verdict.shown() && now - advice.since >= ADVICE_ALOUD_MS && advice.aloud !== $("advice").textContent) {
    advice.aloud = $("advice").textContent;
    setText($("say-later"), advice.aloud);
  }
  const isLate = now - lateAt < 2_000;
  $("late").hidden = !isLate;
  if (isLate) setText($("late"), `! ${pick(late)}`);
}, 250);

// --- camera ---

function openCamera() {
  camera.open();
  drawPicture();
}

function onCameraTrouble(trouble) {
  drawPicture();
  if (trouble) overlay.clear();
  if (trouble !== cameraReported) reportCamera();
}

async function reportCamera() {
  cameraReported = camera.trouble();
  try {
    await link.post("/api/camera", { trouble: cameraReported });
    refreshStanding();
  } catch { /* said again when the link is there again */ }
}

/** The place of the picture: the picture, or why there is none and what to do. */
function drawPicture() {
  const root = $("no-picture");
  const trouble = camera.trouble();
  const off = !camera.isWanted();
  root.hidden = !trouble && !off;
  $("video").classList.toggle("mirrored", camera.isMirrored());
  drawAdvice();
  if (root.hidden) return root.replaceChildren();
  const key = off ? "camera_off" : `camera_${trouble}`;
  const shown = `${key} ${currentLanguage()}`;
  // A retry by itself that fails again leaves the button, and the focus on it, alone.
  if (root.dataset.shown === shown && root.childElementCount > 0) return;
  root.dataset.shown = shown;
  root.setAttribute("role", off ? "group" : "alert");
  root.replaceChildren(off ? null : signOf("amber", "!"), el("h2", {}, say(key)), el("p", {}, say(`${key}_way`)),
    el("button", { type: "button", class: "main", onclick: openCamera }, say(off ? "camera_open" : "retry")));
  if (off) root.firstChild.remove();
}

async function listCameras() {
  drawPicture();
  const cameras = await camera.list();
  $("cameras").hidden = cameras.length < 2 || !camera.isWanted();
  const chosen = camera.chosen();
  $("camera-choice").replaceChildren(...cameras.map((each, place) =>
    el("option", { value: each.deviceId, selected: each.deviceId === chosen }, each.label || say("camera_number", { n: place + 1 }))));
}

$("camera-choice").addEventListener("change", () => camera.choose($("camera-choice").value));
$("video").addEventListener("loadeddata", () => drawPicture());

// --- how to check ---

function chosenMode() {
  const asking = standing?.page?.asking ?? "either";
  if (asking !== "either") return asking;
  try {
    return localStorage.getItem(MODE) === "challenge" ? "challenge" : "passive";
  } catch {
    return "passive";
  }
}

function applyMode() {
  const asking = standing?.page?.asking ?? "either";
  const mode = chosenMode();
  $("modes").hidden = asking !== "either";
  for (const radio of document.querySelectorAll("input[name=mode]")) radio.checked = radio.value === mode;
  $("scan").dataset.mode = mode;
  setText($("mode-note"), asking === "challenge" ? say("mode_only_challenge") : asking === "passive" ? say("mode_only_passive") : mode === "passive" ? say("mode_note_passive") : "");
  $("mode-note").hidden = $("mode-note").textContent === "";
  if (started && standing) challenge.want(mode === "challenge");
  challenge.show();
}

function setMode(mode) {
  try {
    localStorage.setItem(MODE, mode);
  } catch { /* until the page is closed, then */ }
  showBanner(null);
  applyMode();
}

for (const radio of document.querySelectorAll("input[name=mode]")) radio.addEventListener("change", () => setMode(radio.value));
$("challenge-new").addEventListener("click", () => challenge.renew());

// --- how the counter stands ---

async function refreshStanding() {
  clearTimeout(standingTimer);
  let wait = STANDING_MS;
  try {
    standing = await link.get("/api/standing");
    if (!started) closeGate("link");
    drawStanding();
    applyMode();
  } catch (refusal) {
    if (refusal.status === 401 || refusal.status === 403) return;
    wait = 1_500;
    if (!started && refusal.status === 0) openGate("link");
  }
  clearTimeout(standingTimer);
  standingTimer = setTimeout(refreshStanding, wait);
}

function drawStanding() {
  if (!standing) return;
  const { counter, clock, now, lists = {}, today = {} } = standing;
  const set = clock && clock !== "system";
  $("place").replaceChildren(counter ? el("span", {}, say("counter", { name: counter })) : "", set ? el("span", { class: "set" }, `! ${say("clock_set", { now: pick(now) })}`) : "");
  const { trust, status } = lists;
  $("lists").replaceChildren(el("span", { class: "unseen" }, say("offline")), listOf("trust_list", trust?.age_s, trust?.light), listOf("status_list", status?.count ? status.oldest_age_s ?? status.newest_age_s : undefined, status?.light));
  troubles.set(standing.troubles);
  const number = (key, word = key) => el("div", { class: key }, el("dt", {}, say(word)), el("dd", {}, String(today[key] ?? 0)));
  $("today").replaceChildren(number("checks", "today_checks"), number("accept"), number("reject"), number("undetermined"), number("person_mismatch"));
}

function listOf(name, age, light = "red") {
  const signs = { green: "✓", amber: "!", red: "✕" };
  return el("span", { class: "list" }, signOf(light === "green" || light === "amber" ? light : "red", signs[light] ?? "✕"), `${say(name)} `, el("b", {}, age === undefined ? say("list_absent") : ago(age)));
}

// --- small things ---

/** What to show of a refusal. */
function explain(refusal) {
  if (refusal?.words) return pick(refusal.words);
  if (refusal?.status === 0) return say("link_error");
  return say("failed", { status: refusal?.status ?? "?" });
}

let noticeTimer = 0;

function notice(text, warns = false) {
  clearTimeout(noticeTimer);
  $("notice").className = warns ? "notice warns" : "notice";
  setText($("notice-text"), text);
  $("notice").hidden = false;
  noticeTimer = setTimeout(closeNotice, 12_000);
  if (warns) sound("grey");
}

function closeNotice() {
  clearTimeout(noticeTimer);
  if ($("notice").contains(document.activeElement)) $("main").focus();
  $("notice").hidden = true;
  setText($("notice-text"), "");
}

function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
}

function drawMute() {
  $("mute").setAttribute("aria-pressed", String(isMuted()));
  setText($("mute-word"), say(isMuted() ? "sound_off" : "sound_on"));
}

function toggleMute() {
  setMuted(!isMuted());
  drawMute();
  allowSounds();
  if (!isMuted()) sound("green");
}

function openPaste() {
  $("paste-text").value = "";
  $("paste-wrong").hidden = true;
  $("paste").showModal();
  $("paste-text").focus();
}

function openHelp() {
  showHelp();
  if (!$("keys").open) $("keys").showModal();
}

$("begin").addEventListener("click", () => begin(true));
$("begin-gun").addEventListener("click", () => begin(false));
$("to-scan").addEventListener("click", () => (started ? go("scan") : go("start")));
$("to-journal").addEventListener("click", () => go("journal"));
$("mute").addEventListener("click", toggleMute);
$("language").addEventListener("click", () => setLanguage(currentLanguage() === "zh" ? "en" : "zh"));
$("help").addEventListener("click", openHelp);
$("to-paste").addEventListener("click", openPaste);
$("notice-close").addEventListener("click", closeNotice);
for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

$("paste-check").addEventListener("click", () => {
  const [kind, folded] = kindOf($("paste-text").value);
  if (kind === "code") {
    $("paste-text").value = "";
    return checkText(folded, "paste");
  }
  const key = folded === "" ? "paste_none" : kind === "identity" ? "gun_identity" : kind === "short" ? "paste_short" : "not_a_code";
  setText($("paste-wrong"), say(key, { n: folded.length }));
  $("paste-wrong").hidden = false;
  $("paste-text").focus();
});
$("paste").addEventListener("close", () => { $("paste-text").value = ""; });

$("to-serial").hidden = !hasSerial();
$("to-serial").addEventListener("click", () => {
  $("serial-wrong").hidden = true;
  $("serial").showModal();
});
$("serial-choose").addEventListener("click", async () => {
  try {
    await openSerial(Number($("serial-baud").value), (line) => {
      const [kind, text] = kindOf(line);
      onScan(kind, text, "serial");
    }, () => {
      $("to-serial").hidden = false;
      notice(say("serial_lost"), true);
    });
    $("serial").close();
    $("to-serial").hidden = true;
    notice(say("serial_ready"));
  } catch (error) {
    // Somebody closed the browser's list without choosing.
    if (error.name === "NotFoundError") return;
    setText($("serial-wrong"), say("serial_failed"));
    $("serial-wrong").hidden = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (gate || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  const always = { F1: openHelp, F9: toggleMute }[event.key];
  if (always) always();
  else if (verdict.shown()) {
    if (!verdict.key(event)) return;
  } else {
    const does = {
      F2: screen === "scan" && !$("modes").hidden ? () => setMode(chosenMode() === "challenge" ? "passive" : "challenge") : null,
      F4: screen === "scan" ? openPaste : null,
      F8: () => (screen === "journal" ? go(started ? "scan" : "start") : go("journal")),
      Escape: screen === "journal" ? () => go(started ? "scan" : "start") : !$("notice").hidden ? closeNotice : banner ? () => showBanner(null) : null,
    }[event.key];
    if (!does) return;
    does();
  }
  event.preventDefault();
});

onLanguage(drawAll);
// Another address in the same tab: the program was started anew.
window.addEventListener("hashchange", () => location.reload());

function drawAll() {
  setText($("language"), say("other_language"));
  $("language").lang = currentLanguage() === "zh" ? "en" : "zh-CN";
  drawMute();
  drawStanding();
  drawGate();
  drawPicture();
  listCameras();
  applyMode();
  showBanner(banner);
  troubles.draw();
  verdict.redraw();
  if (screen === "journal") journal.draw();
  if ($("keys").open) showHelp();
}

translate(document);
drawAll();
go("start");
if (token) refreshStanding();
else openGate("token");
