// Ages in whole seconds, as people say them.

import { currentLanguage } from "./words.js";

const UNITS = [
  [60, 1, "秒", "second"],
  [3_600, 60, "分钟", "minute"],
  [86_400, 3_600, "小时", "hour"],
  [Infinity, 86_400, "天", "day"],
];

/** `3 小时前`, `3 hours ago`; a moment ahead counts as now. */
export function ago(seconds, language = currentLanguage()) {
  if (!(seconds >= 1)) return language === "zh" ? "刚刚" : "just now";
  const [, size, zh, en] = UNITS.find(([below]) => seconds < below);
  const number = Math.floor(seconds / size);
  return language === "zh" ? `${number} ${zh}前` : `${number} ${en}${number === 1 ? "" : "s"} ago`;
}

/** `3 小时`, `3 h`: for tables. */
export function short(seconds, language = currentLanguage()) {
  if (seconds === undefined || seconds === null) return "–";
  const [, size, zh, en] = UNITS.find(([below]) => seconds < below);
  const number = Math.floor(Math.max(0, seconds) / size);
  return language === "zh" ? `${number} ${zh}` : `${number} ${en === "minute" ? "min" : en[0]}`;
}
