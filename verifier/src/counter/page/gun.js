// Scanner guns are keyboards that type very fast. The speed tells them from people, the place of the key tells the digit: with a Chinese input method on,
// browsers report the key itself as "Process".

const GAP_MS = 35; // Between two keys of a gun, half of the time at most this.
const PAUSE_MS = 150; // So long nothing: the gun is done.
const LATE_MS = 40; // A look that is later than this says that the page was busy: keys that were struck meanwhile come after it.
const AFTER_MS = 400; // Enter and Tab so soon after a burst belong to it.
const FEW = 8; // So many fast keys are no person.
const CODE = [50, 5_000]; // Digits of a permit code.

/** What a burst of keys was: `person`, `code`, `identity` (an ID card's number), `short`, `long`, or `other`. */
export function judge(keys) {
  if (keys.length < FEW || !isFast(keys)) return "person";
  const text = keys.map((key) => key.char).join("");
  if (/^\d{17}[\dX]$/.test(text)) return "identity";
  if (!/^\d+$/.test(text)) return "other";
  if (text.length < CODE[0]) return "short";
  return text.length > CODE[1] ? "long" : "code";
}

/** Whether half of the gaps are as short as a gun's. */
export function isFast(keys) {
  if (keys.length < 2) return false;
  const gaps = keys.slice(1).map((key, place) => key.at - keys[place].at).sort((a, b) => a - b);
  return gaps[gaps.length >> 1] <= GAP_MS;
}

/** The character of a key, by its place on the keyboard: a digit, `X`, `~` for any other that writes something, `null` for those that do not. */
export function charOf({ code, key }) {
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(code)?.[1];
  if (digit) return digit;
  if (code === "KeyX") return "X";
  if (/^(Key[A-Z]|Space|Minus|Equal|Bracket\w+|Backslash|Semicolon|Quote|Comma|Period|Slash|Backquote|Intl\w+|Numpad(Add|Subtract|Multiply|Divide|Decimal))$/.test(code)) return "~";
  // Programs that type for a gun send characters without keys.
  if (!code && typeof key === "string" && [...key].length === 1) {
    const folded = key.normalize("NFKC").toUpperCase();
    return /^[0-9X]$/.test(folded) ? folded : "~";
  }
  return null;
}

/**
 * Collects keys into bursts. `key()` says whether the key is to be kept from the page; `onBurst(kind, text, before)` hears of what no person typed, with
 * what `snapshot()` gave when the burst began.
 */
export class Bursts {
  #keys = [];
  #before = null;
  #endedAt = -Infinity;

  constructor(onBurst, snapshot = () => null) {
    this.onBurst = onBurst;
    this.snapshot = snapshot;
  }

  /** `inField`: somebody may be typing there, so that the first keys are let through. */
  key(event, inField = false) {
    const { code = "", key = "", timeStamp: at } = event;
    if (event.ctrlKey || event.altKey || event.metaKey) {
      this.#keys = [];
      return false;
    }
    if (code === "Enter" || code === "NumpadEnter" || code === "Tab") {
      const burst = this.#end(at);
      return burst || at - this.#endedAt < AFTER_MS;
    }
    const char = charOf({ code, key });
    if (char === null) return false;
    if (event.repeat) {
      this.#keys = [];
      return false;
    }
    if (this.#keys.length > 0 && at - this.#keys.at(-1).at > PAUSE_MS) this.#end(at);
    if (this.#keys.length === 0) this.#before = this.snapshot();
    this.#keys.push({ char, at, code });
    // Some guns say first what kind of symbol it was: "]Q1".
    if (this.#keys.length === 3 && this.#keys.map((each) => each.code).join() === "BracketRight,KeyQ,Digit1") {
      this.#keys = [];
      return true;
    }
    if (this.#keys.length > CODE[1] + 1_000) this.#keys.splice(CODE[1] + 1, 1);
    const few = inField ? FEW : 4;
    return this.#keys.length >= few && isFast(this.#keys.slice(-FEW));
  }

  /** To be called when nothing was typed for a while. `due`: when the look was to be. */
  quiet(at, due = at) {
    if (at - due > LATE_MS) return;
    if (this.#keys.length > 0 && at - this.#keys.at(-1).at >= PAUSE_MS) this.#end(at);
  }

  get isOpen() {
    return this.#keys.length > 0;
  }

  #end(at) {
    const keys = this.#keys;
    this.#keys = [];
    const kind = judge(keys);
    if (kind === "person") return false;
    this.#endedAt = at;
    this.onBurst(kind, keys.map((key) => key.char).join(""), this.#before);
    return true;
  }
}

/** Listens to the whole page. */
export function listenToGuns(onScan) {
  const bursts = new Bursts((kind, text, before) => {
    putBack(before);
    onScan(kind, text, before?.field ?? null);
  }, snapshot);
  let timer = 0;

  const look = (ms) => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      timer = 0;
      bursts.quiet(performance.now(), due);
      if (bursts.isOpen) look(50);
    }, ms);
  };

  window.addEventListener("keydown", (event) => {
    if (!event.code && event.key === undefined) return;
    const inField = isField(event.target);
    if (bursts.key(event, inField)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (!inField && /^\d$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey && !(event.target instanceof HTMLSelectElement)) {
      // Digits mean nothing outside of fields; browsers that search as one types would begin to.
      event.preventDefault();
    }
    if (bursts.isOpen && !timer) look(160);
  }, true);
}

function isField(node) {
  return node instanceof HTMLTextAreaElement || (node instanceof HTMLInputElement && !["radio", "checkbox", "button"].includes(node.type));
}

function snapshot() {
  const field = document.activeElement;
  return isField(field) ? { field, value: field.value } : null;
}

// What a gun typed into a field did not belong there. Leaving the field ends what an input method was composing.
function putBack(before) {
  if (!before) return;
  before.field.blur();
  before.field.value = before.value;
  before.field.focus();
}
