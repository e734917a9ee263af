// What tells a scanner gun from a person, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Bursts, charOf, judge } from "../../verifier/src/counter/page/gun.js";
import { Lines } from "../../verifier/src/counter/page/serial.js";
import { ago, short } from "../../verifier/src/counter/page/ages.js";

const keys = (text, gap = 8) => [...text].map((char, place) => ({ char, at: 1_000 + place * gap }));
const CODE = "861".padEnd(2_000, "0123456789");
const event = (code, timeStamp, more = {}) => ({ code, key: code.replace(/^(Digit|Key)/, ""), timeStamp, ...more });

/** Types a text and gives what was heard of and what was kept from the page. */
function type(text, { gap = 8, end = "Enter", inField = false, more = {} } = {}) {
  const heard = [];
  const bursts = new Bursts((kind, digits) => heard.push([kind, digits]));
  let at = 5_000;
  let kept = 0;
  for (const char of text) {
    kept += bursts.key(event(/\d/.test(char) ? `Digit${char}` : `Key${char}`, at, more), inField);
    at += gap;
  }
  const keptEnd = end ? bursts.key(event(end, at), inField) : bursts.quiet(at + 200);
  return { heard, kept, keptEnd };
}

test("a burst of digits is a scan", () => {
  assert.equal(judge(keys(CODE)), "code");
  assert.equal(judge(keys(CODE.slice(0, 50))), "code");
  assert.equal(judge(keys(CODE.slice(0, 49))), "short");
  assert.equal(judge(keys(CODE.padEnd(5_000, "7"))), "code");
  assert.equal(judge(keys(CODE.padEnd(5_001, "7"))), "long");
  assert.equal(judge(keys("69012345678")), "short");
  assert.equal(judge(keys("HTTPSWWWEXAMPLE".replace(/./g, "~"))), "other");
  assert.equal(judge([]), "person");
});

test("an ID card's number is told from a code", () => {
  assert.equal(judge(keys("440106198203041234")), "identity");
  assert.equal(judge(keys("44010619820304123X")), "identity");
  assert.equal(judge(keys("X40106198203041234")), "other");
});

test("people are slower", () => {
  for (const gap of [36, 60, 120, 300]) assert.equal(judge(keys(CODE.slice(0, 60), gap)), "person", `${gap}`);
  for (const gap of [1, 8, 20, 35]) assert.equal(judge(keys(CODE.slice(0, 60), gap)), "code", `${gap}`);
  // One hiccup of a busy computer makes no person of a gun.
  const hiccup = keys(CODE).map((key, place) => ({ ...key, at: key.at + (place > 1_000 ? 120 : 0) }));
  assert.equal(judge(hiccup), "code");
  assert.equal(judge(keys("1234567", 1)), "person");
});

test("Enter, Tab or a pause ends a burst, and what ends it is kept from the page", () => {
  for (const end of ["Enter", "NumpadEnter", "Tab"]) {
    const { heard, keptEnd } = type(CODE, { end });
    assert.deepEqual(heard, [["code", CODE]]);
    assert.equal(keptEnd, true);
  }
  assert.deepEqual(type(CODE, { end: null }).heard, [["code", CODE]]);
  assert.deepEqual(type("12345", { gap: 90 }), { heard: [], kept: 0, keptEnd: false });
});

test("keys that waited while the page was busy belong to the scan", () => {
  const heard = [];
  const bursts = new Bursts((kind, digits) => heard.push([kind, digits]));
  const strike = (from, to) => [...CODE].slice(from, to).forEach((char, place) => bursts.key(event(`Digit${char}`, 5_000 + (from + place) * 8)));
  strike(0, 60);
  bursts.quiet(5_900, 5_640); // was to look at 5,640, after which keys are waiting
  assert.deepEqual(heard, []);
  strike(60, CODE.length);
  const last = 5_000 + (CODE.length - 1) * 8;
  bursts.quiet(last + 149, last + 149);
  assert.deepEqual(heard, []);
  bursts.quiet(last + 190, last + 150); // as late as a look may be
  assert.deepEqual(heard, [["code", CODE]]);
});

test("with an input method the key is unknown and its place is not", () => {
  assert.deepEqual(type(CODE, { more: { key: "Process", isComposing: true, keyCode: 229 } }).heard, [["code", CODE]]);
  assert.equal(charOf({ code: "Numpad7", key: "Process" }), "7");
  assert.equal(charOf({ code: "", key: "７" }), "7");
  assert.equal(charOf({ code: "KeyX", key: "Process" }), "X");
  assert.equal(charOf({ code: "ShiftLeft", key: "Shift" }), null);
  assert.equal(charOf({ code: "F4", key: "F4" }), null);
});

test("what a person types into a field arrives there", () => {
  const { heard, kept } = type("440106198203041234", { gap: 110, inField: true });
  assert.deepEqual([heard, kept], [[], 0]);
});

test("a key that is held down is no gun, nor is a shortcut", () => {
  assert.deepEqual(type("1".repeat(200), { gap: 30, more: { repeat: true } }).heard, []);
  assert.deepEqual(type("1".repeat(60), { more: { ctrlKey: true } }).heard, []);
});

test("what a gun says before a code is left out", () => {
  const heard = [];
  const bursts = new Bursts((kind, digits) => heard.push([kind, digits]));
  ["BracketRight", "KeyQ", "Digit1"].forEach((code, place) => bursts.key(event(code, 100 + place)));
  [...CODE].forEach((digit, place) => bursts.key(event(`Digit${digit}`, 110 + place * 5)));
  bursts.key(event("Enter", 110 + CODE.length * 5));
  assert.deepEqual(heard, [["code", CODE]]);
});

test("lines of a serial port", () => {
  const lines = new Lines();
  assert.deepEqual(lines.take("8611"), []);
  assert.deepEqual(lines.take("22\r\n"), ["861122"]);
  assert.deepEqual(lines.take("\u000286\r87\r"), ["86", "87"]);
  assert.deepEqual([lines.take("]Q18611"), lines.rest()], [[], ["8611"]]);
});

test("ages are said as people say them", () => {
  for (const [seconds, zh, en] of [
    [-5, "刚刚", "just now"], [0, "刚刚", "just now"], [1, "1 秒前", "1 second ago"], [59, "59 秒前", "59 seconds ago"], [60, "1 分钟前", "1 minute ago"],
    [3_599, "59 分钟前", "59 minutes ago"], [10_800, "3 小时前", "3 hours ago"], [86_400, "1 天前", "1 day ago"], [864_000, "10 天前", "10 days ago"],
  ]) assert.deepEqual([ago(seconds, "zh"), ago(seconds, "en")], [zh, en]);
  assert.deepEqual([short(undefined, "en"), short(7_200, "en"), short(300, "en"), short(300, "zh")], ["–", "2 h", "5 min", "5 分钟"]);
});
