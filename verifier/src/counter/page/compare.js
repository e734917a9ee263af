// 人证比对: the ID card's number against the permit's, by the program, which answers with yes or no.

import { el, setText, signOf } from "./elements.js";
import { say } from "./words.js";

export function createCompare(link, check, { explain, onWork }) {
  const word = el("span", {});
  const field = el("input", {
    id: "compare-number", type: "text", maxlength: 40, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "data-keep": "compare",
  });
  const button = el("button", { type: "submit", class: "plain" });
  const answer = el("p", { class: "answer", role: "status" });
  const form = el("form", { class: "compare", novalidate: true },
    el("label", { for: "compare-number" }, word), el("div", { class: "line" }, field, button, answer));
  let said = null;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });

  async function send() {
    const number = fold(field.value);
    if (!/^\d{17}[\dX]$/.test(number)) return tell({ key: "compare_18" });
    onWork();
    button.disabled = true;
    try {
      const { match } = await link.post("/api/compare", { check, number });
      tell({ match });
      field.value = "";
    } catch (refusal) {
      tell({ refusal });
    } finally {
      button.disabled = false;
      onWork();
    }
  }

  function tell(next) {
    said = next;
    translate();
  }

  function translate() {
    setText(word, say("compare"));
    setText(button, say("compare_do"));
    answer.replaceChildren();
    answer.className = "answer";
    if (!said) return;
    if (said.match === undefined) {
      answer.classList.add("wrong");
      answer.append(said.key ? say(said.key) : explain(said.refusal));
    } else {
      answer.classList.add(said.match ? "same" : "differs");
      answer.append(signOf(said.match ? "green" : "red", said.match ? "✓" : "✕"), say(said.match ? "compare_same" : "compare_differs"));
    }
  }

  return {
    root: form,
    translate,
    focus: () => field.focus(),
    take(number) {
      field.value = number;
      field.focus();
      send();
    },
  };
}

// As people type it: full-width digits, spaces, a small x.
function fold(text) {
  return text.normalize("NFKC").replace(/\s/g, "").toUpperCase();
}
