// The journal of a day: numbers, small charts, entries, whether the chain is whole, and files to take away.

import { short } from "./ages.js";
import { bars, hours } from "./charts.js";
import { $, el, setText, signOf } from "./elements.js";
import { pick, say } from "./words.js";

const A_PAGE = 50;

export function createJournal(link, { explain, notice, isShown }) {
  const root = $("journal");
  let book = null;
  let trouble = null;
  let page = 0;
  let asked = 0;
  let range = null;

  async function load(day) {
    const mine = (asked += 1);
    trouble = null;
    if (!book) draw();
    try {
      const answer = await link.get(`/api/journal${day ? `?day=${encodeURIComponent(day)}` : ""}`);
      if (mine !== asked) return;
      if (book?.day !== answer.day) page = 0;
      book = answer;
    } catch (refusal) {
      if (mine !== asked) return;
      trouble = refusal;
    }
    if (isShown()) draw();
  }

  function draw() {
    const focused = document.activeElement?.id;
    const title = el("h1", { id: "journal-title", tabindex: "-1" }, say("journal_title"));
    if (trouble) root.replaceChildren(title, el("p", { class: "wrong", role: "alert" }, explain(trouble)), retry());
    else if (!book) root.replaceChildren(title, el("p", {}, say("journal_loading")));
    else root.replaceChildren(head(title), chain(), numbers(), charts(), entries(), exports());
    if (focused && root.querySelector(`#${CSS.escape(focused)}`)) $(focused).focus();
  }

  const retry = () => el("button", { type: "button", class: "plain", onclick: () => load(book?.day) }, say("retry"));

  function head(title) {
    const choice = el("select", { id: "journal-day" }, ...days().map((day) => el("option", { value: day, selected: day === book.day }, day)));
    choice.addEventListener("change", () => load(choice.value));
    return el("div", { class: "head" }, title,
      el("label", {}, el("span", {}, say("journal_day")), choice),
      book.keep_days ? el("p", { class: "small" }, say("journal_keep", { n: book.keep_days })) : null);
  }

  const days = () => (book.days?.includes(book.day) ? book.days : [book.day, ...(book.days ?? [])]);

  function chain() {
    const { intact, head: mark, entries: count } = book.chain ?? {};
    return el("p", { class: intact ? "chain good" : "chain bad", role: intact ? null : "alert" }, signOf(intact ? "green" : "red", intact ? "✓" : "✕"),
      el("span", {}, el("b", {}, say(intact ? "chain_good" : "chain_bad")), mark ? el("span", { class: "mark" }, say("chain_head", { n: count ?? "?" }), " ", el("code", {}, mark)) : null));
  }

  function numbers() {
    const { summary } = book;
    const tile = (key, kind) => el("div", { class: `tile ${kind}` }, el("dt", {}, say(key)), el("dd", {}, String(summary[key] ?? 0)));
    return el("dl", { class: "tiles" }, tile("checks", "all"), tile("accept", "accept"), tile("reject", "reject"), tile("undetermined", "undetermined"), tile("person_mismatch", "person"));
  }

  function charts() {
    const { summary } = book;
    const { waits } = summary;
    const seconds = (ms) => say("seconds", { s: (ms / 1_000).toFixed(1) });
    return el("div", { class: "charts" },
      figure("chart_hours", summary.hours?.length ? hours(summary.hours) : null, null),
      figure("chart_waits", waits?.count ? bars(waits.bars ?? []) : null,
        waits?.count ? say("chart_waits_note", { median: seconds(waits.median_ms), p90: seconds(waits.p90_ms) }) : null),
      figure("chart_reasons", reasons(summary.reasons ?? []), null));
  }

  function figure(key, parts, note) {
    return el("figure", {}, el("figcaption", {}, el("h2", {}, say(key)), note && el("span", { class: "small" }, note)),
      ...(parts ?? [el("p", { class: "small" }, say("chart_none"))]));
  }

  function reasons(list) {
    if (list.length === 0) return null;
    return [el("table", { class: "reasons" }, el("caption", { class: "unseen" }, say("chart_reasons")),
      el("thead", { class: "unseen" }, el("tr", {}, el("th", { scope: "col" }, say("col_what")), el("th", { scope: "col" }, say("count")))),
      el("tbody", {}, ...list.slice(0, 8).map(({ title, count }) => el("tr", {}, el("th", { scope: "row" }, pick(title)), el("td", {}, String(count))))))];
  }

  // --- entries, the newest first ---

  function entries() {
    const list = [...(book.entries ?? [])].sort((a, b) => b.number - a.number);
    if (list.length === 0) return el("section", {}, el("h2", {}, say("entries")), el("p", {}, say("journal_empty")));
    const all = Math.ceil(list.length / A_PAGE);
    page = Math.min(page, all - 1);
    const columns = ["col_number", "col_at", "col_what", "col_assurance", "col_by", "col_waited", "col_lists", "col_permit"];
    const turn = (id, key, by, off) => el("button", { type: "button", class: "plain", id, disabled: off, onclick: () => { page += by; draw(); } }, say(key));
    return el("section", {}, el("h2", { id: "entries-title" }, say("entries")),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "entries-title" },
        el("table", { class: "entries" },
          el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, say(column))))),
          el("tbody", {}, ...list.slice(page * A_PAGE, (page + 1) * A_PAGE).map(entry)))),
      all > 1 ? el("div", { class: "row pages" }, turn("newer", "newer", -1, page === 0), el("span", {}, say("page_of", { n: page + 1, all })), turn("older", "older", 1, page === all - 1)) : null);
  }

  function entry(each) {
    const light = each.light ?? (each.what === "person_mismatch" || each.match === false ? "red" : each.match ? "green" : "grey");
    const sign = { accept: "✓", reject: light === "amber" ? "!" : "✕", undetermined: "?" }[each.outcome] ?? (light === "red" ? "✕" : light === "green" ? "✓" : "");
    return el("tr", { class: each.what },
      el("td", { class: "figure" }, String(each.number)),
      el("td", { class: "figure" }, pick(each.at)),
      el("th", { scope: "row" }, sign ? signOf(light, sign) : el("span", { class: "no-sign" }), whatOf(each)),
      el("td", {}, each.assurance ? say(`way_${each.assurance}`) : "–"),
      el("td", {}, each.by ? say(`by_${each.by}`) : "–"),
      el("td", { class: "figure" }, each.waited_ms === undefined ? "–" : say("seconds", { s: (each.waited_ms / 1_000).toFixed(1) })),
      el("td", {}, each.what === "check" ? `${short(each.trust_age_s)} / ${short(each.status_age_s)}` : "–"),
      el("td", {}, each.permit ? el("code", { title: each.permit }, each.permit.slice(0, 8)) : "–"));
  }

  function whatOf(each) {
    if (each.what === "check") return pick(each.title) || each.reason || "–";
    const what = say(`what_${each.what}`);
    if (each.what === "compared") return `${what}${sep()}${say(each.match ? "compare_same" : "compare_differs")}`;
    if (each.what === "revealed") return `${what}${sep()}${say(`why_${each.why}`)}`;
    return what;
  }

  const sep = () => (document.documentElement.lang === "en" ? ": " : "：");

  // --- files ---

  function exports() {
    range ??= { from: book.day, to: book.day };
    const day = (id, key) => {
      const field = el("input", { type: "date", id: `export-${id}`, value: range[id], max: book.days?.[0] ?? book.day });
      field.value = range[id];
      field.addEventListener("change", () => { range[id] = field.value; });
      return el("label", {}, el("span", {}, say(key)), field);
    };
    const button = (format) => el("button", { type: "button", class: "plain", id: `export-${format}`, onclick: () => save(format) }, say(`export_${format}`));
    return el("section", { class: "exports" }, el("h2", {}, say("export")), el("div", { class: "row" }, day("from", "export_from"), day("to", "export_to"), button("csv"), button("json")),
      el("p", { class: "wrong", id: "export-wrong", role: "alert", hidden: true }));
  }

  async function save(format) {
    const { from, to } = range;
    if (!from || !to || from > to) return wrong(say("export_order"));
    wrong("");
    const file = `juma-journal-${from}-${to}.${format}`;
    try {
      const blob = await link.file(`/api/journal/export?format=${format}&from=${from}&to=${to}`);
      const address = URL.createObjectURL(blob);
      const anchor = el("a", { href: address, download: file });
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(address), 30_000);
      notice(say("export_done", { file }));
      load(book.day);
    } catch (refusal) {
      wrong(explain(refusal));
    }
  }

  function wrong(text) {
    const place = $("export-wrong");
    if (!place) return;
    setText(place, text);
    place.hidden = text === "";
  }

  return {
    draw,
    open() {
      range = null;
      load(book?.day === book?.days?.[0] ? undefined : book?.day);
    },
    forget() {
      book = null;
      root.replaceChildren();
    },
  };
}
