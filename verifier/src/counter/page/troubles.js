// Signs of trouble, as a strip under the head of the page: what is wrong, and the way out. Red ones cannot be folded away.

import { $, el, signOf } from "./elements.js";
import { pick, say } from "./words.js";

export function createTroubles() {
  const root = $("troubles");
  let troubles = [];
  let folded = false;
  let drawn = "";

  function draw() {
    const red = troubles.some((trouble) => trouble.light === "red");
    const small = folded && !red;
    const now = JSON.stringify([troubles, small, document.documentElement.lang]);
    // Asked for every half minute: what has not changed is left alone, with the focus in it.
    if (now === drawn) return;
    drawn = now;
    root.hidden = troubles.length === 0;
    root.className = `troubles ${red ? "red" : "amber"}${small ? " folded" : ""}`;
    const had = root.contains(document.activeElement);
    const button = red || troubles.length === 0 ? null
      : el("button", { type: "button", class: "plain", "aria-expanded": String(!small), onclick: () => { folded = !folded; draw(); } }, say(small ? "troubles_show" : "troubles_fold"));
    const items = small
      ? el("p", { class: "count" }, signOf("amber", "!"), say("troubles_count", { n: troubles.length }))
      : el("ul", { tabindex: troubles.length > 2 ? "0" : null, "aria-label": troubles.length > 2 ? say("troubles_label") : null }, ...troubles.map(item));
    root.replaceChildren(...[items, button].filter(Boolean));
    if (had) button?.focus();
  }

  function item(trouble) {
    const red = trouble.light === "red";
    const remedy = pick(trouble.remedy);
    return el("li", { class: red ? "red" : "amber" }, signOf(red ? "red" : "amber", red ? "✕" : "!"),
      el("p", {}, el("b", {}, say(red ? "troubles_red" : "troubles_amber")), " ", el("span", {}, pick(trouble)),
        remedy && el("span", { class: "way" }, el("i", {}, say("troubles_way")), remedy)));
  }

  return {
    draw,
    set(next = []) {
      troubles = [...next].sort((a, b) => (b.light === "red") - (a.light === "red"));
      draw();
    },
  };
}
