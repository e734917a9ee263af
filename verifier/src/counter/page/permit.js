// The permit's data as the verdict shows them: rows of a word and a value, in three columns.

import { ago } from "./ages.js";
import { el } from "./elements.js";
import { pick, say } from "./words.js";

/** The three columns: whose, where and until when, how it was checked. `whole` is what was revealed, if it was; `now` are the counter's lists. */
export function permitColumns(check, whole, now) {
  return [who(check.permit, whole), where(check.permit, whole), how(check, now)];
}

/** Only how it was checked: a verdict without a permit. */
export function howColumn(check, now) {
  return how(check, now);
}

function row(key, value, kind = null) {
  if (value === undefined || value === null || value === "") return null;
  // Values are names and places of people: browsers are not to translate them.
  return el("div", { class: kind }, el("dt", {}, say(key)), value instanceof Node ? value : el("dd", { lang: "zh-CN", translate: "no" }, value));
}

function who(permit, whole) {
  const name = whole?.name ?? permit.name ?? "";
  const sexAndGroup = [pick(permit.sex), pick(permit.ethnicity)].filter(Boolean).join(" · ");
  return el("dl", { class: "who" },
    row("name", name, [...name].length > 6 ? "name long" : "name"),
    row("citizen_id", whole?.citizen_id ?? permit.citizen_id, "number"),
    el("div", {}, el("dt", {}, `${say("sex")} · ${say("ethnicity")}`), el("dd", {}, sexAndGroup)),
    row("birth_date", pick(whole?.birth_date)),
    row("shown_by", shownBy(permit, whole)));
}

function shownBy(permit, whole) {
  const agent = whole?.agent ?? permit.agent;
  const carrier = say(permit.carrier === "paper" ? "carrier_paper" : "carrier_phone");
  const by = agent ? say("by_agent") : pick(permit.shown_by);
  return el("dd", {},
    by && el("span", { class: agent ? "tag strong" : "tag" }, by), " ",
    el("span", { class: permit.carrier === "paper" ? "tag strong" : "tag" }, carrier),
    permit.specimen && el("span", { class: "tag strong" }, say("specimen")),
    agent && el("span", { class: "agent" }, `${say("agent")} ${[agent.name, pick(agent.relation ?? permit.agent?.relation)].filter(Boolean).join(" · ")}`));
}

function where(permit, whole) {
  const { window } = permit;
  return el("dl", { class: "where" },
    row("household", whole?.household ?? permit.household),
    row("address", whole?.address ?? permit.address),
    permit.endorsed_until && row("validity", span(permit.issued_on, permit.endorsed_until), "dates"),
    window && row("window", span(window.opens, window.closes), "dates"),
    row("residence_code", whole?.residence_code ?? permit.residence_code, "code"));
}

/** From a day to a day; where that breaks, it breaks between the two. */
function span(from, to) {
  const [before, after] = say("from_to", { from: pick(from), to: "|" }).split("|");
  return el("dd", {}, el("span", { class: "whole-line" }, before), " ", el("span", { class: "whole-line" }, pick(to) + after));
}

function how(check, now) {
  const { permit } = check;
  const lists = { ...check.lists };
  // A check that ended before its status list was looked at names none; that does not mean that this counter has none.
  if (!lists.status && check.reason !== "STATUS_LIST_MISSING" && now?.status?.count) lists.status = { age_s: now.status.oldest_age_s, old: now.status.light !== "green" };
  return el("dl", { class: "how" },
    permit ? row("issuer", [permit.issuer, permit.permit_name].filter(Boolean).join(" · ")) : null,
    el("div", {}, el("dt", {}, say("how")),
      el("dd", {}, el("span", { class: "tag strong offline" }, say("offline")), wayOf(check), el("span", { class: "line" }, pick(check.how)))),
    el("div", {}, el("dt", {}, say("lists")), el("dd", { class: "both" }, listOf("trust_list", lists.trust, "list_version", lists.trust?.version),
      listOf("status_list", lists.status, "list_number", lists.status?.list))),
    el("div", {}, el("dt", {}, say("at")),
      el("dd", {}, el("span", { class: "whole-line" }, pick(check.decided_at)), " ",
        check.code_age_s >= 0 && el("span", { class: "whole-line" }, `${say("code_age")} ${ago(check.code_age_s)}`))),
    permit?.voucher ? row("voucher", [permit.voucher.serial, permit.voucher.place].filter(Boolean).join(" · ")) : null);
}

function wayOf({ assurance }) {
  return assurance ? el("span", { class: "tag" }, say(`way_${assurance}`)) : null;
}

function listOf(name, list, numberKey, number) {
  if (!list) return el("span", { class: "list none" }, `${say(name)}${sep()}`, el("b", {}, `! ${say("list_absent")}`));
  return el("span", { class: list.old ? "list old" : "list" },
    `${say(name)}${sep()}`, el("b", {}, ago(list.age_s)), ` ${bracket([number === undefined ? "" : say(numberKey, { n: number }), list.old ? `! ${say("list_old")}` : ""])}`);
}

const bracket = (parts) => (parts.some(Boolean) ? `(${parts.filter(Boolean).join(" · ")})` : "");
const sep = () => (document.documentElement.lang === "en" ? ": " : "：");
