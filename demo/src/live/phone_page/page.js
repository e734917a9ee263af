// The phone's page: asks for a code, draws it, and asks for the next one before it is too old.
"use strict";

const byId = (id) => document.getElementById(id);
const words = {
  left: { zh: (s) => `${s} 秒后换码`, en: (s) => `changes in ${s} s` },
  fixed: { zh: "不再变化", en: "does not change" },
  copied: { zh: "已复制，到窗口页面粘贴", en: "Copied; paste it into the counter page" },
  notCopied: { zh: "浏览器不允许复制", en: "The browser does not allow copying" },
  answers: {
    zh: (a) => `正在应答窗口 ${a.counter}${a.purpose ? "：" + a.purpose : ""}`,
    en: (a) => `answers counter ${a.counter}${a.purpose ? ": " + a.purpose : ""}`,
  },
  unreached: { zh: "演示程序没有回答，是否已停止？", en: "The demonstration does not answer; was it stopped?" },
  expected: { zh: (title) => `窗口应显示：${title}`, en: (title) => `the counter should say: ${title}` },
  noDigits: { zh: "请先粘贴挑战码的数字", en: "Paste the digits of the challenge first" },
  code: { zh: "居住证二维码", en: "QR code of the permit" },
};

let language = "zh";
let persons = [];
let chosen = null;
let challenge = null;
let shown = null;
let changesAt = Infinity;
let shownSeconds = 15;
let told = null;
// Codes that are still on their way are of no use once another was asked for.
let asked = 0;

function say(text, wrong = false) {
  told = text === null ? null : { text, wrong };
  byId("told").textContent = text === null ? "" : text[language];
  byId("told").classList.toggle("wrong", wrong);
}

async function request(address, body) {
  let answer;
  try {
    const options = body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    answer = await (await fetch(address, options)).json();
  } catch {
    throw words.unreached;
  }
  if (answer.error) throw { zh: answer.error.zh, en: answer.error.en };
  return answer;
}

// One path of the runs of dark modules, within a quiet zone of four.
function draw(code) {
  const side = code.size + 8;
  let path = "";
  for (let row = 0; row < code.size; row += 1) {
    for (let from = 0; from < code.size; from += 1) {
      let to = from;
      while (to < code.size && code.modules[row * code.size + to] === "1") to += 1;
      if (to > from) path += `M${from + 4} ${row + 4}h${to - from}v1h${from - to}z`;
      from = Math.max(from, to);
    }
  }
  byId("code").setAttribute("viewBox", `0 0 ${side} ${side}`);
  byId("code").firstElementChild.setAttribute("d", path);
}

async function show() {
  const number = (asked += 1);
  // The next attempt, should this one fail.
  changesAt = performance.now() + 3000;
  try {
    const body = challenge === null ? { person: chosen.id } : { person: chosen.id, challenge };
    const { code } = await request("/api/show", body);
    if (number !== asked) return;
    shown = code;
    changesAt = code.left_s === undefined ? Infinity : performance.now() + code.left_s * 1000;
    draw(code);
    byId("digits").value = code.digits;
    say(null);
  } catch (text) {
    if (number !== asked) return;
    if (challenge !== null) {
      // What is no challenge is not asked again and again.
      challenge = null;
      await show();
    }
    say(text, true);
  }
  update();
}

function update() {
  const now = performance.now();
  const live = Number.isFinite(changesAt);
  const left = Math.max(0, (changesAt - now) / 1000);
  byId("left").textContent = live ? words.left[language](Math.ceil(left)) : words.fixed[language];
  byId("bar").style.transform = `scaleX(${live ? Math.min(1, left / shownSeconds) : 0})`;
  const answers = shown !== null && shown.answers !== undefined;
  byId("answers").hidden = !answers;
  byId("answers").textContent = answers ? words.answers[language](shown.answers) : "";
  byId("leave").hidden = challenge === null;
  if (chosen !== null && live && left <= 0) show();
}

function choose(person) {
  chosen = person;
  challenge = null;
  for (const button of byId("persons").children) {
    const is = button.dataset.person === person.id;
    button.setAttribute("aria-checked", String(is));
    button.tabIndex = is ? 0 : -1;
  }
  byId("name").textContent = person.name;
  byId("until").textContent = person.endorsed_until[language];
  show();
}

function list() {
  const buttons = persons.map((person) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "person";
    button.dataset.person = person.id;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(person === chosen));
    button.tabIndex = person === chosen ? 0 : -1;
    const story = document.createElement("b");
    story.textContent = person.story[language];
    const expected = document.createElement("span");
    expected.textContent = `${person.name} · ${words.expected[language](person.expected[language])}`;
    button.append(story, expected);
    button.addEventListener("click", () => choose(person));
    return button;
  });
  byId("persons").replaceChildren(...buttons);
}

// A group of radio buttons is one stop; arrows go through it.
byId("persons").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined || chosen === null) return;
  event.preventDefault();
  const next = (persons.indexOf(chosen) + step + persons.length) % persons.length;
  choose(persons[next]);
  byId("persons").children[next].focus();
});

function speak() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-zh]")) element.textContent = element.dataset[language];
  byId("language").textContent = language === "zh" ? "English" : "中文";
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  byId("code").setAttribute("aria-label", words.code[language]);
  if (chosen !== null) byId("until").textContent = chosen.endorsed_until[language];
  if (told !== null) say(told.text, told.wrong);
  list();
  update();
}

byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  speak();
});

byId("copy").addEventListener("click", async () => {
  if (shown === null) return;
  try {
    await navigator.clipboard.writeText(shown.digits);
    say(words.copied);
  } catch {
    byId("digits").select();
    say(document.execCommand("copy") ? words.copied : words.notCopied, false);
  }
});

byId("renew").addEventListener("click", () => chosen !== null && show());

byId("answer").addEventListener("click", () => {
  const typed = byId("challenge").value.trim();
  if (typed === "") return say(words.noDigits, true);
  challenge = typed;
  show();
});

byId("leave").addEventListener("click", () => {
  challenge = null;
  byId("challenge").value = "";
  show();
});

byId("fetch").addEventListener("click", async () => {
  try {
    byId("challenge").value = (await request("/api/challenge")).digits;
    challenge = byId("challenge").value;
    show();
  } catch (text) {
    say(text, true);
  }
});

async function begin() {
  speak();
  try {
    const answer = await request("/api/persons");
    persons = answer.persons;
    shownSeconds = answer.shown_s;
    list();
    choose(persons[0]);
  } catch (text) {
    say(text, true);
  }
  setInterval(update, 200);
}

begin();
