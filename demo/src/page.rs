//! The story as a page: one file without scripts and without anything from elsewhere but the pictures beside it.

use std::fmt::Write as _;

use command_line::escape::html as escaped;
use credential_format::citizen_id::Sex;
use credential_format::permit::Carrier;
use verifier::verdict::{Assurance, CheckResult, Outcome, Step, Subject, Verdict, Words};
use verifier::verify::SignedPermit;

use crate::story::{Played, Story, Summary};
use crate::terminal::{millis, sign};

/// The whole page.
pub(crate) fn page(story: &Story, summary: &Summary) -> String {
    let mut html = String::with_capacity(400_000);
    head(&mut html);
    header(&mut html, story, summary);
    html.push_str("<main>\n");
    for section in &story.sections {
        let scenes: Vec<&Played> = story.played.iter().filter(|played| played.section == section.key).collect();
        let _ = write!(
            html,
            "<section id=\"{}\">\n<h2>{}<span lang=\"en\">{}</span></h2>\n<p class=\"lead\">{}<span lang=\"en\">{}</span></p>\n<div class=\"cards{}\">\n",
            section.key,
            escaped(section.title.zh),
            escaped(section.title.en),
            escaped(section.lead.zh),
            escaped(section.lead.en),
            if section.compact { " compact" } else { "" },
        );
        for played in scenes {
            card(&mut html, played);
        }
        html.push_str("</div>\n</section>\n");
    }
    html.push_str("</main>\n");
    footer(&mut html, summary);
    html.push_str("</body>\n</html>\n");
    html
}

fn head(html: &mut String) {
    // Nothing but this file and the pictures beside it: no script, no font, no address elsewhere.
    html.push_str(concat!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=\"robots\" content=\"noindex\">\n",
        "<title>居码 Juma · 演示 demonstration</title>\n<style>\n",
        include_str!("page.css"),
        "</style>\n</head>\n<body>\n",
    ));
}

fn header(html: &mut String, story: &Story, summary: &Summary) {
    let all = summary.is_good();
    let _ = write!(
        html,
        concat!(
            "<header class=\"top\">\n",
            "<p class=\"notice\"><span><b>演示</b> 人员、地址、证件均为虚构的<b>测试数据</b>，不是居住证",
            "<span lang=\"en\"><b>Demonstration.</b> All persons, addresses and permits are invented <b>test data</b>; none of this is a permit</span></span></p>\n",
            "<div class=\"inner\">\n<h1>居码 Juma<span lang=\"en\">electronic residence permits, verified offline</span></h1>\n",
            "<p class=\"clock\">故事时钟：<b>{day}</b>（北京时间），逐场推进。时钟是设定的，所以“接受”用蓝色显示而不用窗口上的绿色。",
            "<span lang=\"en\">The clock of this story is <b>{day}</b>, Beijing time, and moves on from scene to scene. Because the clock is set, ",
            "“accepted” is blue here, not green as at a counter.</span></p>\n",
            "<div class=\"tally {tone}\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span>",
            "<div><b>{scenes} 个场景，{good} 个符合预期</b><span lang=\"en\">{good} of {scenes} scenes as expected</span></div></div>\n",
            "<dl class=\"figures\">\n",
        ),
        day = escaped(&story.day),
        tone = if all { "accept" } else { "reject" },
        sign = if all { "✓" } else { "✕" },
        scenes = summary.scenes,
        good = summary.as_expected,
    );
    for line in summary.lines() {
        let _ = writeln!(
            html,
            "<div><dt>{}<span lang=\"en\">{}</span></dt><dd>{}</dd></div>",
            escaped(line.label.zh),
            escaped(line.label.en),
            escaped(&line.value)
        );
    }
    html.push_str("</dl>\n<nav aria-label=\"目录 Contents\">\n");
    for section in &story.sections {
        let scenes = story.played.iter().filter(|played| played.section == section.key).count();
        let _ = writeln!(
            html,
            "<a href=\"#{}\">{}<span lang=\"en\">{}</span> <i>{scenes}</i></a>",
            section.key,
            escaped(section.title.zh),
            escaped(section.title.en)
        );
    }
    html.push_str("</nav>\n</div>\n</header>\n");
}

fn card(html: &mut String, played: &Played) {
    let verdict = &played.look.verdict;
    let reason = verdict.reason;
    let (title, remedy) = (reason.title(), reason.remedy());
    let picture = escaped(&played.picture);
    let _ = write!(
        html,
        concat!(
            "<article class=\"card {tone}{odd}\" id=\"{id}\">\n",
            "<div class=\"seen\"><a class=\"shot\" href=\"pictures/{picture}\"><img src=\"pictures/{picture}\" loading=\"lazy\" width=\"{width}\" height=\"{height}\" alt=\"{shown}\"></a>\n{facts}</div>\n",
            "<div class=\"body\">\n",
            "<p class=\"meta\"><b>{number}</b> {time} · {counter}</p>\n",
            "<h3>{title_zh}<span lang=\"en\">{title_en}</span></h3>\n",
            "<p class=\"told\">{told_zh}<span lang=\"en\">{told_en}</span></p>\n",
            "<div class=\"verdict\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span>",
            "<div><b>{zh}</b><span lang=\"en\">{en}</span></div><code>{code}</code></div>\n",
        ),
        tone = tone(reason.outcome()),
        odd = if played.as_expected() { "" } else { " odd" },
        id = escaped(&played.key),
        picture = picture,
        width = crate::picture::FRAME_PX.0,
        height = crate::picture::FRAME_PX.1,
        facts = facts(played),
        shown = escaped(&format!("{} {}", played.title.zh, played.title.en)),
        number = played.number,
        time = escaped(&clock(played)),
        counter = words(&played.counter),
        title_zh = escaped(&played.title.zh),
        title_en = escaped(&played.title.en),
        told_zh = escaped(&played.told.zh),
        told_en = escaped(&played.told.en),
        sign = sign(reason.outcome()),
        zh = escaped(title.zh),
        en = escaped(title.en),
        code = escaped(reason.code()),
    );
    if !played.as_expected() {
        let _ = writeln!(
            html,
            "<p class=\"unexpected\">与预期不符，应为 <code>{0}</code><span lang=\"en\">Not as expected: it should be <code>{0}</code></span></p>",
            escaped(played.expected.code())
        );
    }
    if let Some(detail) = verdict.detail() {
        let _ = writeln!(
            html,
            "<p class=\"detail\">{}<span lang=\"en\">{}</span></p>",
            escaped(&detail.zh),
            escaped(&detail.en)
        );
    }
    let _ = writeln!(
        html,
        "<p class=\"remedy\"><i>下一步 Next</i>{}<span lang=\"en\">{}</span></p>",
        escaped(remedy.zh),
        escaped(remedy.en)
    );
    person(html, verdict);
    steps(html, verdict);
    html.push_str("</div>\n</article>\n");
}

/// Whose permit, masked as on a counter's screen; nothing of what no authority signed.
fn person(html: &mut String, verdict: &Verdict) {
    let permit: &SignedPermit = match &verdict.subject {
        Subject::Signed(permit) | Subject::Accepted(permit) => permit,
        Subject::Untrusted(_) => {
            html.push_str(
                "<p class=\"untrusted\">码中内容未经核实，不予显示<span lang=\"en\">What the code claims was not verified and is not shown</span></p>\n",
            );
            return;
        }
        Subject::Unreadable => return,
    };
    let claims = permit.claims();
    let (sex_zh, sex_en) = match claims.citizen_id.sex() {
        Sex::Male => ("男", "male"),
        Sex::Female => ("女", "female"),
    };
    let mut rows: Vec<(&str, &str, String)> = vec![
        ("持证人", "Holder", format!("{} · {sex_zh} {sex_en} · {}", claims.name.masked(), claims.ethnicity.name())),
        ("公民身份号码", "ID number", claims.citizen_id.masked()),
        ("现居住地址", "Address", claims.address.masked()),
        ("证件", "Permit", permit.rule().permit_name().as_str().to_owned()),
        ("签发机关", "Issuer", permit.issuer_name().to_owned()),
        ("签注有效期至", "Endorsed until", claims.endorsed_until.zh()),
    ];
    if let Some(agent) = &claims.agent {
        let (zh, en) = agent.relation.words();
        rows.push(("代办人亮证", "Shown by agent", format!("{} · {zh} {en}", agent.name.masked())));
    }
    if let Carrier::Paper(note) = &claims.carrier {
        let voucher = permit.rule().voucher_name().map_or("", |name| name.as_str());
        rows.push(("纸质凭证", "Voucher", format!("{voucher} {} · {}", note.serial, note.place)));
    }
    html.push_str("<dl class=\"person\">\n");
    for (zh, en, value) in rows {
        let _ = writeln!(html, "<div><dt>{zh}<span lang=\"en\">{en}</span></dt><dd>{}</dd></div>", escaped(&value));
    }
    html.push_str("</dl>\n");
}

/// The steps of the decision: which held, which decided, which were not reached.
fn steps(html: &mut String, verdict: &Verdict) {
    html.push_str("<details><summary>核验步骤<span lang=\"en\">Checks</span><span class=\"steps\">");
    let result = |step: Step| verdict.checks.iter().find(|check| check.step == step).map(|check| check.result);
    for step in Step::ALL {
        let (class, mark, _) = step_words(result(*step));
        let _ = write!(html, "<span class=\"{class}\">{}{mark}</span>", step.number());
    }
    html.push_str("</span></summary>\n<ol>\n");
    for step in Step::ALL {
        let (class, mark, said) = step_words(result(*step));
        let name = step_name(*step);
        let _ = writeln!(
            html,
            "<li class=\"{class}\"><span>{mark}</span> {}<span lang=\"en\">{}</span> <i>{said}</i></li>",
            name.zh, name.en
        );
    }
    html.push_str("</ol>\n</details>\n");
}

/// How it was checked, and by what.
fn facts(played: &Played) -> String {
    let verdict = &played.look.verdict;
    let mut rows: Vec<(&str, &str, String)> = Vec::new();
    if let Some(assurance) = verdict.assurance {
        let said = match assurance {
            Assurance::Challenge => "应答挑战码 challenge",
            Assurance::Passive => "被动亮码 passive",
            Assurance::Paper => "纸质 paper",
        };
        rows.push(("保证程度", "assurance", said.to_owned()));
    }
    if let Some(secs) = verdict.code_age_secs {
        rows.push(("码龄", "code age", format!("{secs} s")));
    }
    if let Some(list) = verdict.trust_list {
        let (zh, en) = age(list.age_secs);
        rows.push(("信任名单", "trust list", format!("v{} · {zh} {en}", list.version)));
    }
    if let Some(list) = verdict.status_list {
        let (zh, en) = age(list.age_secs);
        let old = if list.old { " · 已旧 old" } else { "" };
        rows.push(("状态名单", "status list", format!("#{} · {zh} {en}{old}", list.list)));
    }
    if let Some(symbol) = played.symbol {
        let px = played.look.px_per_module.map_or_else(String::new, |px| format!(" · {px:.1} px"));
        rows.push(("二维码", "code", format!("{} 位 digits · QR v{}{px}", symbol.digits, symbol.version)));
    }
    if played.frame > 1 {
        rows.push(("画面", "frame", format!("第 {0} 帧 no. {0}", played.frame)));
    }
    rows.push(("读图", "scan", format!("{:.0} ms", millis(played.look.scan))));
    rows.push(("核验", "verify", format!("{:.2} ms", millis(played.look.verify))));
    let mut html = String::from("<dl class=\"facts\">\n");
    for (zh, en, value) in rows {
        let _ = writeln!(html, "<div><dt>{zh}<span lang=\"en\">{en}</span></dt><dd>{}</dd></div>", escaped(&value));
    }
    let _ = writeln!(
        html,
        "<div><dt>结论<span lang=\"en\">verdict</span></dt><dd><a href=\"verdicts/{}\">JSON</a></dd></div>\n</dl>",
        escaped(&played.document)
    );
    html
}

fn footer(html: &mut String, summary: &Summary) {
    let _ = write!(
        html,
        concat!(
            "<footer><div class=\"inner\">\n",
            "<p>密钥、随机数、签名、二维码和图片都是真的；人是虚构的。毫秒数是本机本次运行测得的（{threads} 个核心）。",
            "<span lang=\"en\">Keys, random numbers, signatures, codes and pictures are real; the persons are invented. ",
            "The milliseconds were measured on this computer in this run ({threads} cores).</span></p>\n",
            "<p>被动亮码 30 秒内可在另一窗口使用一次，离线无法阻止；需要防止时请用挑战码。人证是否一致由工作人员判断。",
            "<span lang=\"en\">A passive code can be used once at another counter within 30 seconds, which nothing offline can prevent: ask with a challenge where that matters. ",
            "Whether person and permit belong together is for the clerk to judge.</span></p>\n",
            "</div></footer>\n",
        ),
        threads = summary.cores
    );
}

fn tone(outcome: Outcome) -> &'static str {
    outcome.word()
}

fn step_words(result: Option<CheckResult>) -> (&'static str, &'static str, &'static str) {
    match result {
        Some(CheckResult::Pass) => ("pass", "✓", "通过 passed"),
        Some(CheckResult::Fail) => ("fail", "✕", "不通过 failed"),
        Some(CheckResult::Unknown) => ("unknown", "!", "无法判定 cannot be told"),
        None => ("skip", "·", "未进行 not reached"),
    }
}

fn step_name(step: Step) -> Words {
    let (zh, en) = match step {
        Step::Code => ("画面中有一个居住证二维码", "one permit code in the picture"),
        Step::Parse => ("格式严格无误", "well formed, to the byte"),
        Step::Trust => ("信任名单在用，时钟可信", "trust list in force, clock plausible"),
        Step::IssuerKey => ("签发密钥在名单中", "issuer's key is in the list"),
        Step::IssuerSignature => ("签发机关签名", "issuer's signature"),
        Step::IssuerScope => ("签发机关有权签发", "issuer competent for this place"),
        Step::HolderProof => ("持证人设备签名，或允许的纸质凭证", "the phone's signature, or paper where allowed"),
        Step::Freshness => ("刚刚生成，应答无误", "made just now, answers the challenge"),
        Step::Validity => ("凭证在有效期内", "credential within its time"),
        Step::Status => ("状态名单：有效", "status list says valid"),
        Step::Endorsement => ("签注有效", "endorsement in force"),
        Step::Replay => ("首次出示，已登记", "first showing, recorded"),
        Step::Verdict => ("结论", "verdict"),
    };
    Words { zh, en }
}

fn age(secs: i64) -> (String, String) {
    match secs {
        ..120 => (format!("{secs} 秒前"), format!("{secs} s old")),
        120..7_200 => (format!("{} 分钟前", secs / 60), format!("{} min old", secs / 60)),
        7_200..172_800 => (format!("{} 小时前", secs / 3_600), format!("{} h old", secs / 3_600)),
        _ => (format!("{} 天前", secs / 86_400), format!("{} days old", secs / 86_400)),
    }
}

fn clock(played: &Played) -> String {
    let at = played.look.verdict.decided_at.to_string();
    at.get(..19).map_or_else(|| at.clone(), |short| short.replace('T', " "))
}

fn words(words: &Words) -> String {
    format!("{} <span lang=\"en\">{}</span>", escaped(words.zh), escaped(words.en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_in_the_unit_that_fits() {
        let en = |secs| age(secs).1;
        assert_eq!(en(119), "119 s old");
        assert_eq!(en(120), "2 min old");
        assert_eq!(en(7_199), "119 min old");
        assert_eq!(en(7_200), "2 h old");
        assert_eq!(en(172_799), "47 h old");
        assert_eq!(en(172_800), "2 days old");
    }
}
