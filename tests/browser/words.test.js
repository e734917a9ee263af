// Every word that is used exists, in both languages, and the font has its characters.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { WORDS } from "../../verifier/src/counter/page/words.js";

const PAGE = fileURLToPath(new URL("../../verifier/src/counter/page/", import.meta.url));
const files = readdirSync(PAGE).filter((name) => /\.(js|html)$/.test(name)).map((name) => [name, readFileSync(`${PAGE}${name}`, "utf8")]);
const all = files.filter(([name]) => name !== "words.js").map(([, text]) => text).join("\n");

test("words are there in both languages", () => {
  for (const [key, [zh, en]] of Object.entries(WORDS)) {
    assert.ok(zh && en, key);
    const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join();
    assert.equal(values(zh), values(en), key);
    if (!["other_language"].includes(key)) assert.ok(!/\p{Script=Han}/u.test(en.replace("扫码应答", "")), `${key}: ${en}`);
  }
});

test("what is asked for exists, and what exists is used", () => {
  const asked = [...all.matchAll(/(?:say\(|data-say(?:-label|-title)?=)"(\w+)"/g)].map((match) => match[1]);
  assert.ok(asked.length > 80);
  for (const key of asked) assert.ok(WORDS[key], key);
  const made = /^(camera|seen|way|by|what|why|sign|banner_step|link|token|taken|export)_/;
  for (const key of Object.keys(WORDS)) assert.ok(all.includes(`"${key}"`) || made.test(key), `${key} is not used`);
});

test("the page runs under its policy", () => {
  for (const [name, text] of files) {
    for (const wrong of ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http://www.w3.org/1999"]) {
      assert.ok(!text.includes(wrong), `${name}: ${wrong}`);
    }
    assert.ok(!/ style="| on\w+="/.test(text), name);
    for (const [address] of text.matchAll(/https?:\/\/[^\s"“”`<]+/g)) {
      assert.ok(address === "http://www.w3.org/2000/svg", `${name}: ${address}`);
    }
  }
});

test("the font has the characters, and is small", () => {
  const font = new Set(readFileSync(`${PAGE}juma-words.txt`, "utf8"));
  const missing = new Set();
  for (const pair of Object.values(WORDS)) for (const char of pair.join("")) if (!font.has(char)) missing.add(char);
  assert.deepEqual([...missing], [], "run words.py");
  assert.ok(readFileSync(`${PAGE}juma-words.woff2`).length < 250_000);
});

test("every file of tests runs", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const named = Object.values(scripts).join(" ").match(/\S+\.test\.js/g);
  assert.deepEqual(named.sort(), readdirSync(import.meta.dirname).filter((name) => name.endsWith(".test.js")).sort());
});
