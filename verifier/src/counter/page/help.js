// The help: keys, and what the signs mean.

import { $, el, signOf } from "./elements.js";
import { say } from "./words.js";

const KEYS = [
  ["keys_scan", [["F2", "key_challenge"], ["F4", "key_paste"], ["Ctrl + V", "key_paste_now"], ["F8", "key_journal"]]],
  ["keys_verdict", [["key_enter", "key_back"], ["F2", "key_compare"], ["F4", "key_reveal"], ["F8", "key_mismatch"]]],
  ["keys_all", [["F1", "key_help"], ["F9", "key_mute"], ["Tab", "key_tab"]]],
];
const SIGNS = [
  ["green", "✓", "sign_accepted"], ["amber", "!", "sign_not_yet"], ["amber", "↻", "sign_again"], ["amber", "?", "sign_unknown"], ["red", "✕", "sign_refused"],
  ["grey", "!", "sign_other"],
];

export function showHelp() {
  const keys = KEYS.map(([title, list]) => el("section", {}, el("h3", {}, say(title)),
    el("dl", {}, ...list.map(([key, does]) => el("div", {}, el("dt", {}, el("kbd", {}, key.startsWith("key_") ? say(key) : key)), el("dd", {}, say(does)))))));
  const signs = el("section", {}, el("h3", {}, say("signs")),
    el("ul", { class: "signs" }, ...SIGNS.map(([light, sign, meaning]) => el("li", {}, signOf(light, sign), say(meaning)))));
  $("keys-body").replaceChildren(el("div", {}, ...keys), signs);
}
