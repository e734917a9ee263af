// The verdict: fills the screen, says what it is, why and what to do next, and goes back to scanning by itself.

import { createCompare } from "./compare.js";
import { $, el, setText, signOf } from "./elements.js";
import { howColumn, permitColumns } from "./permit.js";
import { pick, say } from "./words.js";

const IDLE_MS = 20_000; // Nothing was pressed for so long: the countdown goes on.
const IDLE_WHOLE_MS = 120_000; // The same where all data are shown, which somebody may be copying.
const NUDGE_PX = 24; // A pointer that moved less was not moved by a hand that wants something.

/** `onLeave` is told when the clerk is done; `onCheck` of a check that came of 人证不符; `explain` makes words of a refusal; `listsNow` are those of the standing. */
export function createVerdict(link, { onLeave, onCheck, explain, resultSeconds, listsNow }) {
  const root = $("verdict");
  let check = null;
  let whole = null;
  let endsAt = 0;
  let busyUntil = 0;
  let timer = 0;
  let moved = 0;
  let compare = null;
  let goOn = null;

  function show(next) {
    check = next;
    whole = null;
    busyUntil = 0;
    moved = 0;
    endsAt = performance.now() + resultSeconds() * 1_000;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    compare = null;
    draw();
    root.hidden = false;
    root.scrollTop = 0;
    document.body.classList.add("with-verdict");
    goOn.focus({ preventScroll: true });
    clearInterval(timer);
    timer = setInterval(tick, 200);
  }

  function leave() {
    if (!check) return;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    clearInterval(timer);
    check = null;
    whole = null;
    compare = null;
    root.hidden = true;
    // Nothing of a person stays in the page.
    root.replaceChildren();
    document.body.classList.remove("with-verdict");
    onLeave();
  }

  function draw() {
    const { light, permit } = check;
    const [title, more] = parts(pick(check.title));
    const focused = document.activeElement?.dataset?.keep;
    const english = document.documentElement.lang === "en";
    root.className = `verdict ${light}${[...title].length > (english ? 16 : 7) || (english && more) ? " long" : ""}`;
    root.dataset.reason = check.reason;
    root.dataset.number = check.number;
    const detail = pick(check.detail);
    const remedy = pick(check.remedy);

    const words = el("div", { class: "said" },
      el("h1", { id: "verdict-word", translate: "no" }, el("span", { class: "unseen" }, `${check.sign} `), el("span", {}, title), more && " ", more && el("span", { class: "more" }, more)),
      detail && el("p", { class: "detail" }, detail),
      remedy && el("p", { class: "remedy" }, el("span", { class: "next" }, say("next")), el("span", {}, remedy)));
    const band = el("header", { class: "band" }, signOf(light, check.sign), words);

    const notes = el("ul", { class: "notes" }, ...notesOf(check).map((note) => el("li", {}, note)));
    const data = el("section", { class: permit ? "data" : "data bare", "aria-label": say("permit_data") },
      whole && el("p", { class: "whole" }, say("whole_mark")),
      ...(permit ? permitColumns(check, whole, listsNow()) : [howColumn(check, listsNow())]));

    goOn = el("button", { type: "button", class: "main go-on", "data-keep": "go-on", onclick: leave });
    compare ??= permit ? createCompare(link, check.number, { explain, onWork: work }) : null;
    compare?.translate();
    const actions = el("footer", { class: "actions" },
      compare?.root,
      el("div", { class: "buttons" },
        permit && !whole && el("button", { type: "button", class: "plain", "data-keep": "reveal", id: "to-reveal", onclick: openReveal }, say("reveal_open")),
        permit && check.reason !== "HOLDER_MISMATCH" && el("button", { type: "button", class: "plain stop", "data-keep": "mismatch", id: "to-mismatch", onclick: openMismatch }, say("mismatch_open")),
        goOn));
    root.replaceChildren(...[band, notes.children.length > 0 ? notes : null, data, actions].filter(Boolean));
    if (focused) root.querySelector(`[data-keep="${focused}"]`)?.focus({ preventScroll: true });
    tick();
  }

  // The word, and what is said after it in smaller letters: "Suspended: endorsement lapsed", "已注销（逾期未签注）".
  function parts(title) {
    const [, word, more] = /^([^:,]+[:,]) (.+)$/.exec(title) ?? /^([^（]+)(（.+）)$/.exec(title) ?? [null, title, null];
    return [word, more];
  }

  function notesOf({ notes = [], clock }) {
    return [...(clock && clock !== "system" ? [say("clock_set_check")] : []), ...notes.map(pick)];
  }

  function tick() {
    if (!check) return;
    const now = performance.now();
    const held = now < busyUntil || document.querySelector("dialog[open]") !== null;
    if (held) endsAt = now + resultSeconds() * 1_000;
    const left = Math.ceil((endsAt - now) / 1_000);
    setText(goOn, held ? say("go_on") : say("go_on_in", { n: Math.max(0, left) }));
    root.classList.toggle("held", held);
    if (!held && left <= 0) leave();
  }

  /** Somebody works on the verdict: it stays. */
  function work() {
    busyUntil = performance.now() + (whole ? IDLE_WHOLE_MS : IDLE_MS);
    tick();
  }

  for (const type of ["pointerdown", "keydown", "input", "wheel"]) root.addEventListener(type, work, { passive: true });
  root.addEventListener("pointermove", (event) => {
    moved += Math.abs(event.movementX) + Math.abs(event.movementY);
    if (moved < NUDGE_PX) return;
    moved = 0;
    work();
  }, { passive: true });

  // --- what a clerk can do about it ---

  function openMismatch() {
    wrong("mismatch-wrong", "");
    $("mismatch").showModal();
  }

  $("mismatch-yes").addEventListener("click", () => once($("mismatch-yes"), "mismatch-wrong", async () => {
    const { check: refused } = await link.post("/api/person-mismatch", { check: check.number });
    $("mismatch").close();
    onCheck(refused);
  }));

  function openReveal() {
    wrong("reveal-wrong", "");
    $("reveal").showModal();
  }

  for (const button of document.querySelectorAll("#reveal [data-why]")) {
    button.addEventListener("click", () => once(button, "reveal-wrong", async () => {
      const asked = check;
      const { whole: shown } = await link.post("/api/reveal", { check: asked.number, why: button.dataset.why });
      $("reveal").close();
      if (check !== asked) return;
      whole = shown;
      draw();
      work();
      goOn.focus({ preventScroll: true });
    }));
  }

  async function once(button, place, doIt) {
    if (button.disabled) return;
    button.disabled = true;
    try {
      await doIt();
    } catch (refusal) {
      wrong(place, explain(refusal));
    } finally {
      button.disabled = false;
    }
  }

  function wrong(place, text) {
    setText($(place), text);
    $(place).hidden = text === "";
  }

  return {
    show,
    leave,
    redraw: () => check && draw(),
    shown: () => check,
    /** Whether the clerk is at work on it, so that the camera is to leave it alone. */
    isHeld: () => check !== null && (performance.now() < busyUntil || document.querySelector("dialog[open]") !== null),
    /** An ID card's number that was scanned or pasted; `false` when there is nothing to compare with. */
    take(number) {
      if (!check?.permit || !compare) return false;
      for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
      compare.take(number);
      work();
      return true;
    },
    /** Keys that do something here. Returns whether this one did. */
    key(event) {
      if (document.querySelector("dialog[open]")) return false;
      const does = { F2: () => compare?.focus(), F4: () => $("to-reveal")?.click(), F8: () => $("to-mismatch")?.click(), Escape: leave }[event.key];
      const inControl = event.target.closest?.("button, input, select, textarea, a");
      if (does) does();
      else if ((event.key === "Enter" || event.key === " ") && !inControl) leave();
      else return false;
      return true;
    },
  };
}
