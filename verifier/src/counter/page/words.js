// Every word of the page, Chinese and English side by side. What the program says comes in both languages from there.

export const WORDS = {
  page: ["居码 窗口核验", "Juma counter"],
  skip: ["跳到主要内容", "Skip to the main content"],
  views: ["页面", "Views"],
  view_scan: ["核验", "Check"],
  view_journal: ["记录", "Journal"],
  counter: ["窗口 {name}", "Counter {name}"],
  clock_set: ["时间已设定为 {now}，仅供演示", "Clock set to {now}: demonstration only"],
  close: ["关闭", "Close"],
  cancel: ["取消", "Cancel"],
  retry: ["重试", "Try again"],
  sound_on: ["声音开", "Sound on"],
  sound_off: ["已静音", "Muted"],
  other_language: ["English", "中文"],
  help_label: ["帮助（F1）", "Help (F1)"],

  start_title: ["居住证核验", "Residence permit check"],
  start_lead: ["请持证人亮出电子居住证二维码。本窗口离线核验，不上传任何信息。",
    "Ask the holder to show the code of the electronic residence permit. Checks are made offline; nothing is sent anywhere."],
  begin: ["开始核验", "Start checking"],
  begin_note: ["浏览器询问时，请选“允许”使用摄像头。", "When the browser asks, allow the camera."],
  begin_gun: ["仅用扫描枪", "Scanner gun only"],

  scan_title: ["扫码核验", "Scan a permit code"],
  side_label: ["核验方式与工具", "Ways of checking"],
  mode: ["核验方式", "How to check"],
  mode_passive: ["直接扫码", "Scan directly"],
  mode_challenge: ["挑战码", "Challenge"],
  mode_note_passive: ["请持证人打开亮证页面，把二维码对准摄像头。", "Ask the holder to open the permit page and hold the code to the camera."],
  mode_only_challenge: ["本窗口规定使用挑战码。", "This counter always asks a challenge."],
  mode_only_passive: ["本窗口规定直接扫码。请持证人打开亮证页面，把二维码对准摄像头。",
    "This counter scans directly. Ask the holder to open the permit page and hold the code to the camera."],
  step_1: ["持证人在手机上按“扫码应答”", "Press 扫码应答 (answer) on the phone"],
  step_2: ["用手机扫上面的挑战码", "Scan the challenge with the phone"],
  step_3: ["再把手机上的二维码对准摄像头", "Show the phone's code to the camera"],
  banner_step_1: ["在手机上按“扫码应答”", "press 扫码应答 (answer),"],
  banner_step_2: ["用手机扫本屏幕上的挑战码", "scan the challenge here,"],
  banner_step_3: ["再亮码", "show the code again."],
  banner_holder: ["请持证人：", "The holder should"],
  challenge_code: ["挑战码，请持证人用手机扫描", "Challenge code for the holder's phone"],
  challenge_left: ["剩余 {n} 秒", "{n} s left"],
  challenge_new: ["换一个", "New one"],
  challenge_making: ["正在生成…", "Making one…"],
  gun_ready: ["扫描枪可随时使用", "A scanner gun works at any time"],
  paste_open: ["手工输入（F4）", "Type or paste (F4)"],
  today: ["今日", "Today"],
  today_checks: ["今日核验", "Checks today"],
  camera_choose: ["摄像头", "Camera"],
  camera_number: ["摄像头 {n}", "Camera {n}"],

  seen_permit: ["居住证", "permit"],
  seen_other: ["其他二维码", "other code"],
  seen_unread: ["未读出", "not read"],
  advice_ready: ["请把二维码放到画面中", "Bring the code into view"],
  advice_checking: ["正在核验…", "Checking…"],
  advice_done: ["此码已核验，请出示下一个", "Checked already: show the next code"],
  advice_gun: ["请用扫描枪扫二维码", "Scan the code with the gun"],
  advice_opening: ["正在打开摄像头…", "Opening the camera…"],
  advice_no_camera: ["摄像头不可用，可用扫描枪", "No camera: use the scanner gun"],

  camera_off: ["只用扫描枪", "Scanner gun only"],
  camera_off_way: ["请用扫描枪扫持证人手机上的二维码。需要时也可以打开摄像头。", "Scan the code on the holder's phone with the gun. The camera can be opened when needed."],
  camera_open: ["打开摄像头", "Open the camera"],
  camera_missing: ["没有找到摄像头", "No camera found"],
  camera_missing_way: ["请插好摄像头，再按“重试”。也可以用扫描枪，或手工输入。", "Plug a camera in and press “Try again”. A scanner gun works too, and so does typing."],
  camera_denied: ["浏览器未允许使用摄像头", "The browser does not allow the camera"],
  camera_denied_way: ["请点地址栏左边的图标，把“摄像头”改为“允许”，再按“重试”。也可以用扫描枪。",
    "Click the icon left of the address, set “Camera” to “Allow”, and press “Try again”. A scanner gun works too."],
  camera_busy: ["摄像头正被其他程序使用", "Another program uses the camera"],
  camera_busy_way: ["请关闭视频会议等程序，再按“重试”。也可以用扫描枪。", "Close video calls and the like, and press “Try again”. A scanner gun works too."],
  camera_lost: ["摄像头断开了", "The camera was disconnected"],
  camera_lost_way: ["请检查摄像头的连线。插好后会自动恢复。也可以用扫描枪。", "Check its cable. It starts again by itself once it is plugged in. A scanner gun works too."],

  paste_title: ["手工输入或粘贴", "Type or paste a code"],
  paste_label: ["二维码的数字（以 86 开头）", "The digits of the code (they begin with 86)"],
  paste_check: ["核验", "Check"],
  paste_none: ["还没有数字，请输入或粘贴二维码的数字。", "There are no digits yet: type or paste those of the code."],
  not_a_code: ["这不是居住证二维码的内容，请用亮证页面上的二维码。", "That is no permit code: use the code on the holder's permit page."],
  paste_short: ["只有 {n} 位数字，不是完整的二维码，请重新复制。", "Only {n} digits, not a whole code: copy them again."],
  gun_short: ["扫描枪只读到 {n} 位数字，不是完整的居住证二维码，请再扫一次。", "The gun read {n} digits only, not a whole permit code: scan again."],
  gun_long: ["扫描枪读到的内容过长，不是居住证二维码，请只扫一个码。", "The gun read too much for a permit code: scan one code only."],
  gun_identity: ["这是身份证号码。请先扫居住证二维码，再比对身份证。", "That is an ID card's number. Scan the permit code first, then compare."],
  gun_no_permit: ["这次核验没有可比对的证照。请先扫居住证二维码。", "This check has no permit to compare with. Scan the permit code first."],

  serial_open: ["连接串口扫描枪", "Connect a serial scanner gun"],
  serial_text: ["按“选择串口”，再在浏览器的列表中选中扫描枪。", "Press “Choose the port”, then pick the gun in the browser's list."],
  serial_baud: ["速率（不清楚就用 9600）", "Speed (9600 unless you know better)"],
  serial_choose: ["选择串口", "Choose the port"],
  serial_ready: ["串口扫描枪已连接", "Serial scanner gun connected"],
  serial_failed: ["串口打不开。请关闭占用扫描枪的程序，检查速率，再试一次。", "The port cannot be opened: close other programs that use the gun, check the speed, try again."],
  serial_lost: ["串口扫描枪断开了，请插好后重新连接。", "The serial scanner gun was disconnected: plug it in and connect again."],

  next: ["下一步", "Next"],
  offline: ["离线核验", "Checked offline"],
  clock_set_check: ["本机时间是设定的，结果仅供演示", "The clock was set: for demonstration only"],
  name: ["姓名", "Name"],
  sex: ["性别", "Sex"],
  ethnicity: ["民族", "Ethnicity"],
  citizen_id: ["公民身份号码", "ID number"],
  birth_date: ["出生日期", "Date of birth"],
  household: ["户籍所在地", "Registered household"],
  address: ["现居住地址", "Present address"],
  validity: ["有效期限", "Valid"],
  window: ["下次签注时段", "Next endorsement"],
  from_to: ["{from} 至 {to}", "{from} to {to}"],
  issuer: ["签发机关", "Issuer"],
  residence_code: ["居住证号码", "Permit number"],
  how: ["核验方式", "How checked"],
  lists: ["名单", "Lists"],
  trust_list: ["信任名单", "Trust list"],
  status_list: ["状态名单", "Status list"],
  list_absent: ["缺", "none"],
  list_version: ["第 {n} 版", "version {n}"],
  list_number: ["{n} 号", "no. {n}"],
  list_old: ["较旧", "old"],
  code_age: ["此码生成于", "Code made"],
  at: ["核验时间", "Checked at"],
  shown_by: ["亮证人", "Shown by"],
  by_agent: ["代他人亮证", "Shown for another"],
  agent: ["代办人", "Agent"],
  carrier_phone: ["手机亮码", "On a phone"],
  carrier_paper: ["纸质凭证", "On paper"],
  voucher: ["凭证编号", "Voucher no."],
  specimen: ["样本", "Specimen"],
  way_challenge: ["已应答挑战码", "Challenge answered"],
  way_passive: ["未用挑战码", "No challenge"],
  way_paper: ["纸质", "Paper"],
  by_camera: ["摄像头", "camera"],
  by_gun: ["扫描枪", "scanner gun"],
  by_serial: ["串口扫描枪", "serial gun"],
  by_paste: ["手工输入", "typed"],
  permit_data: ["证照信息", "Permit data"],
  whole_mark: ["正在显示完整信息，已记录", "All data shown; this was recorded"],

  go_on: ["继续扫码", "Go on"],
  go_on_in: ["继续扫码（{n}）", "Go on ({n})"],
  compare: ["人证比对：扫描或输入身份证号码（F2）", "Compare: scan or type the ID card number (F2)"],
  compare_do: ["比对", "Compare"],
  compare_same: ["一致", "Same"],
  compare_differs: ["不一致", "Different"],
  compare_18: ["号码应为 18 位，请核对。", "It has 18 characters: check it."],
  reveal_open: ["完整信息（F4）", "All data (F4)"],
  reveal_title: ["为什么要看完整信息？", "Why do you need all data?"],
  reveal_text: ["选定理由后显示完整信息。理由会写入记录。", "Choose a reason to see all data. The reason is recorded."],
  why_form: ["填写业务表单", "To fill in a form"],
  why_identity: ["与身份证逐项核对", "To compare with the ID card"],
  why_holder: ["持证人要求查看", "The holder asks to see it"],
  why_doubt: ["存疑复核", "To look into a doubt"],
  mismatch_open: ["人证不符（F8）", "Wrong person (F8)"],
  mismatch_title: ["确认人证不符？", "Is this the wrong person?"],
  mismatch_text: ["来人与证照上的人不是同一人时，请按“确认人证不符”。这次核验将改为不通过，并写入记录。",
    "If the person here is not the person on the permit, confirm. The check is then refused, and that is recorded."],
  mismatch_yes: ["确认人证不符", "Confirm: wrong person"],

  journal_title: ["核验记录", "Journal"],
  journal_day: ["日期", "Day"],
  journal_loading: ["正在读取…", "Reading…"],
  journal_empty: ["这一天没有记录。", "Nothing was recorded on this day."],
  journal_keep: ["记录保存 {n} 天，不含姓名和号码", "Kept for {n} days, without names or numbers"],
  checks: ["核验", "Checks"],
  accept: ["通过", "Accepted"],
  reject: ["未通过", "Refused"],
  undetermined: ["未能判定", "Not decided"],
  person_mismatch: ["人证不符", "Wrong person"],
  chart_hours: ["各时段核验结果", "Results by hour"],
  chart_waits: ["从看到码到出结果的时间", "From code in view to verdict"],
  chart_waits_note: ["一半在 {median} 内，九成在 {p90} 内", "half within {median}, nine in ten within {p90}"],
  chart_none: ["还没有数据", "No data yet"],
  chart_reasons: ["结果明细", "Results in detail"],
  as_table: ["以表格显示", "As a table"],
  hour: ["时段", "Hour"],
  hour_at: ["{n} 时", "{n}:00"],
  wait: ["时间", "Time"],
  count: ["次数", "Number"],
  up_to: ["≤ {s} 秒", "≤ {s} s"],
  over: ["更长", "longer"],
  seconds: ["{s} 秒", "{s} s"],
  entries: ["逐条记录", "Entries"],
  col_number: ["序号", "No."],
  col_at: ["时间", "Time"],
  col_what: ["结果", "Result"],
  col_by: ["读码方式", "Read by"],
  col_assurance: ["核验方式", "How"],
  col_permit: ["证照指纹", "Permit mark"],
  col_waited: ["用时", "Took"],
  col_lists: ["名单（信任 / 状态）", "Lists (trust / status)"],
  what_compared: ["人证比对", "Compared with ID card"],
  what_revealed: ["查看完整信息", "All data shown"],
  what_person_mismatch: ["人证不符", "Wrong person"],
  what_exported: ["导出记录", "Journal exported"],
  older: ["更早", "Earlier"],
  newer: ["更晚", "Later"],
  page_of: ["第 {n} 页，共 {all} 页", "Page {n} of {all}"],
  chain_good: ["记录完整，未被改动", "The journal is whole and unaltered"],
  chain_bad: ["记录被改动或缺失。请停用本窗口并联系技术人员，不要删除任何文件。",
    "The journal was altered or parts are missing. Stop using this counter, call the technician, delete nothing."],
  chain_head: ["共 {n} 条，末条指纹", "{n} entries, mark of the last"],
  export: ["导出", "Export"],
  export_from: ["从", "From"],
  export_to: ["到", "To"],
  export_csv: ["导出 CSV", "Export CSV"],
  export_json: ["导出 JSON", "Export JSON"],
  export_order: ["“从”不能晚于“到”，请改日期。", "“From” is later than “To”: change the dates."],
  export_done: ["已导出 {file}，在浏览器的下载文件夹中。", "Exported {file}, in the browser's downloads."],

  troubles_label: ["需要处理的问题", "Signs of trouble"],
  troubles_amber: ["提醒", "Notice"],
  troubles_red: ["不能核验", "Cannot check"],
  troubles_way: ["怎么办：", "What to do: "],
  troubles_fold: ["收起", "Fold"],
  troubles_count: ["{n} 项提醒", "{n} to look at"],
  troubles_show: ["展开", "Show"],

  link_title: ["核验程序没有回应", "The program does not answer"],
  link_text: ["请不要关闭本页。如果核验程序的窗口已关闭，请重新启动它；连上后自动恢复。",
    "Keep this page open. If the program's window was closed, start it again; this page goes on by itself."],
  link_more: ["正在重新连接…", "Connecting again…"],
  link_error: ["核验程序没有回应，请稍等；仍不行，请重新启动核验程序。", "The program does not answer: wait a moment, or start it again."],
  token_title: ["请用程序给出的地址打开本页", "Open this page from the program's address"],
  token_text: ["核验程序每次启动都给出新的地址。请打开它最近一次启动时自动打开的页面，或在它的窗口里复制以“http”开头的整个地址。",
    "The program gives a new address each time it starts. Use the page that it opened last, or copy the whole address that begins with “http” from its window."],
  token_more: ["没有在运行？请启动：verifier serve", "Not running? Start it: verifier serve"],
  taken_title: ["另一个窗口正在核验", "Another window is checking"],
  taken_text: ["同一窗口只能有一个页面使用摄像头。请到那个页面继续，或者：", "Only one page of this counter can use the camera. Go on there, or:"],
  taken_button: ["在此窗口继续", "Go on in this window"],
  failed: ["操作没有成功（{status}），请再试一次。", "That did not work ({status}): try again."],

  keys_title: ["使用说明", "How to use this page"],
  keys_scan: ["扫码时", "While scanning"],
  keys_verdict: ["看结果时", "On a result"],
  keys_all: ["随时", "At any time"],
  key_challenge: ["切换直接扫码 / 挑战码", "scan directly / with a challenge"],
  key_paste: ["手工输入或粘贴", "type or paste a code"],
  key_journal: ["打开或离开记录", "to the journal and back"],
  key_paste_now: ["粘贴并核验", "paste and check"],
  key_back: ["继续扫码", "go on scanning"],
  key_compare: ["输入身份证号码比对", "compare an ID card number"],
  key_reveal: ["查看完整信息", "see all data"],
  key_mismatch: ["人证不符", "wrong person"],
  key_mute: ["开关声音", "sound on or off"],
  key_help: ["打开说明", "this help"],
  key_tab: ["移到下一个按钮", "next button"],
  signs: ["各种结果", "Kinds of result"],
  sign_accepted: ["通过：请比对本人和相片", "accepted: compare person and portrait"],
  sign_not_yet: ["暂不通过：按提示补办或重新亮码", "not yet: do what the line says, or show a new code"],
  sign_again: ["请持证人刷新二维码，重新亮码", "the holder shows a new code"],
  sign_unknown: ["无法判定：按提示处理", "cannot tell: do what the line says"],
  sign_refused: ["不通过：请勿采信", "refused: do not rely on it"],
  sign_other: ["不是居住证二维码", "no permit code"],
  key_enter: ["回车 / 空格 / Esc", "Enter / Space / Esc"],
};

const SAVED = "juma.language";
let language = saved();
const listeners = [];

function saved() {
  try {
    return localStorage.getItem(SAVED) === "en" ? "en" : "zh";
  } catch {
    return "zh";
  }
}

export function currentLanguage() {
  return language;
}

export function setLanguage(next) {
  language = next;
  try {
    localStorage.setItem(SAVED, next);
  } catch { /* private windows may refuse; then it is chosen anew */ }
  translate(document);
  for (const listener of listeners) listener();
}

/** Called whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
}

/** A word of this page, with values in place of {names}. */
export function say(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) throw new Error(`no words for ${key}`);
  return pair[language === "zh" ? 0 : 1].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** A text that the program gave in both languages. */
export function pick(words) {
  return words ? words[language] ?? words.zh ?? "" : "";
}

/** Puts the words into everything that names them. */
export function translate(root) {
  if (root === document) {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = say("page");
  }
  for (const node of root.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
  for (const node of root.querySelectorAll("[data-say-label]")) node.setAttribute("aria-label", say(node.dataset.sayLabel));
  for (const node of root.querySelectorAll("[data-say-title]")) node.title = say(node.dataset.sayTitle);
}
