//! Days of the journal as files: CSV for spreadsheets, JSON with all that the chain is checked by.
//!
//! The CSV (RFC 4180) begins with a byte order mark, without which a spreadsheet program in Chinese takes it for GB 18030. A cell that a
//! spreadsheet program could take for a formula gets an apostrophe before it.
//!
//! The JSON holds the lines from `start` on, without gaps: each with `bytes`, what is hashed, and `hash`, both in hex; [`chain`](super::chain)
//! says how. Who has it can check the lines against each other, against `start`, and against a head that was noted: nothing else is needed.

use serde_json::{Map, Value, json};

use super::chain::{Line, Link};
use super::summary::{Summary, WAIT_BARS_MS};
use super::{Entry, HOLDER_MISMATCH, What};
use crate::state::Extract;
use crate::verdict::Words;

/// The columns of the CSV, in both languages.
const COLUMNS: [&str; 17] = [
    "序号 number",
    "时间 time",
    "事项 what",
    "结果 outcome",
    "代码 code",
    "说明",
    "explanation",
    "核验方式 assurance",
    "来源 by",
    "证照 permit",
    "等待毫秒 waited_ms",
    "信任名单 trust_version",
    "信任名单秒龄 trust_age_s",
    "状态名单 status_list",
    "状态名单秒龄 status_age_s",
    "所涉核验 check",
    "校验值 hash",
];

/// The extract as CSV. At its end stands the head of the whole journal.
pub fn csv(extract: &Extract) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".into());
    // Writing to a vector cannot fail, and all rows are of one length.
    let _ = writer.write_record(COLUMNS);
    for line in &extract.lines {
        let _ = writer.write_record(row(line).map(safe_cell));
    }
    let mut last = COLUMNS.map(|_| String::new());
    let [number, _, _, _, _, zh, en, .., hash] = &mut last;
    *number = extract.head.number.to_string();
    "导出时最后一条的校验值".clone_into(zh);
    "the last line's hash at the time of this export".clone_into(en);
    *hash = hex::encode(extract.head.hash);
    let _ = writer.write_record(last.map(safe_cell));
    writer.into_inner().unwrap_or_default()
}

/// One line as cells, in the order of the columns.
fn row(line: &Line) -> [String; 17] {
    let number = line.number.to_string();
    let hash = hex::encode(line.hash);
    let mut cells = COLUMNS.map(|_| String::new());
    let [
        number_cell,
        time,
        what,
        outcome,
        code,
        zh,
        en,
        assurance,
        by,
        permit,
        waited,
        trust_version,
        trust_age,
        status_list,
        status_age,
        check,
        hash_cell,
    ] = &mut cells;
    (*number_cell, *hash_cell) = (number, hash);
    let Some(entry) = line.entry() else {
        "此条已损坏".clone_into(zh);
        "this line was changed".clone_into(en);
        return cells;
    };
    *time = minutes_and_seconds(&entry);
    entry.what.word().clone_into(what);
    entry.what.reason().unwrap_or_default().clone_into(code);
    let Words { zh: title_zh, en: title_en } = explained(&entry.what);
    (*zh, *en) = (title_zh, title_en);
    *check = text(entry.what.check());
    if let What::Check(checked) = &entry.what {
        checked.outcome.word().clone_into(outcome);
        checked.assurance.map(|assurance| assurance.word()).unwrap_or_default().clone_into(assurance);
        checked.by.word().clone_into(by);
        *permit = text(checked.permit);
        *waited = text(checked.waited_ms);
        *trust_version = text(checked.trust_version);
        *trust_age = text(checked.trust_age_secs);
        *status_list = text(checked.status_list);
        *status_age = text(checked.status_age_secs);
    }
    cells
}

/// The title, with the reason or the days that belong to it.
fn explained(what: &What) -> Words<String> {
    let Words { zh, en } = what.title();
    match what {
        What::Revealed { why, .. } => {
            let why = why.words();
            Words { zh: format!("{zh}：{}", why.zh), en: format!("{en}: {}", why.en) }
        }
        What::Exported { format, from, to } => Words {
            zh: format!("{zh}：{from} 至 {to}（{}）", format.words().zh),
            en: format!("{en}: {from} to {to}, {}", format.words().en),
        },
        What::Check(_) | What::Compared { .. } | What::PersonMismatch { .. } => Words { zh: zh.into(), en: en.into() },
    }
}

/// `2026-11-27 17:03:20`, in Shanghai, as spreadsheets read it.
fn minutes_and_seconds(entry: &Entry) -> String {
    let text = entry.at.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A cell that no spreadsheet program takes for a formula.
fn safe_cell(cell: String) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// The extract as one JSON object.
pub fn json(extract: &Extract) -> Value {
    let lines: Vec<Value> = extract.lines.iter().map(line_json).collect();
    json!({
        "v": 1,
        "counter": extract.counter.as_str(),
        "from": extract.from.to_string(),
        "to": extract.to.to_string(),
        "summary": summary_json(&extract.summary()),
        "start": link_json(&extract.start),
        "entries": lines,
        "head": link_json(&extract.head),
    })
}

fn line_json(line: &Line) -> Value {
    let mut members = line.entry().map(|entry| entry_json(&entry)).unwrap_or_default();
    members.insert("number".into(), line.number.into());
    members.insert("bytes".into(), hex::encode(&line.bytes).into());
    members.insert("hash".into(), hex::encode(line.hash).into());
    Value::Object(members)
}

/// An entry as JSON: `number`, `at`, `what`, and what belongs to its kind. Members that have nothing to say are absent.
pub fn entry_json(entry: &Entry) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            members.insert(name.into(), value);
        }
    };
    put("number", entry.number.into());
    put("at", entry.at.to_string().into());
    put("what", entry.what.word().into());
    put("check", entry.what.check().into());
    put("reason", entry.what.reason().into());
    put("title", words_json(&entry.what.title()));
    match &entry.what {
        What::Check(checked) => {
            put("outcome", checked.outcome.word().into());
            put("assurance", checked.assurance.map(|assurance| assurance.word()).into());
            put("by", checked.by.word().into());
            put("permit", checked.permit.map(|hash| hash.to_string()).into());
            put("waited_ms", checked.waited_ms.into());
            put("trust_version", checked.trust_version.into());
            put("trust_age_s", checked.trust_age_secs.into());
            put("status_list", checked.status_list.into());
            put("status_age_s", checked.status_age_secs.into());
        }
        What::Compared { matched, .. } => put("match", (*matched).into()),
        What::Revealed { why, .. } => {
            put("why", why.word().into());
            put("why_words", words_json(&why.words()));
        }
        What::PersonMismatch { .. } => {}
        What::Exported { format, from, to } => {
            put("format", format.word().into());
            put("from", from.to_string().into());
            put("to", to.to_string().into());
        }
    }
    members
}

/// A summary as JSON.
pub fn summary_json(summary: &Summary) -> Value {
    let reasons: Vec<Value> = summary
        .reasons
        .iter()
        .map(|(reason, count)| json!({ "reason": reason.code(), "title": words_json(&reason.title()), "count": count }))
        .chain((summary.person_mismatch > 0).then(|| {
            let title = words_json(&super::HOLDER_MISMATCH_TITLE);
            json!({ "reason": HOLDER_MISMATCH, "title": title, "count": summary.person_mismatch })
        }))
        .collect();
    let hours: Vec<Value> = summary
        .hours
        .iter()
        .map(|(hour, counts)| {
            json!({ "hour": hour, "accept": counts.accept, "reject": counts.reject, "undetermined": counts.undetermined })
        })
        .collect();
    let ends = WAIT_BARS_MS.iter().copied().map(Some).chain([None]);
    let bars: Vec<Value> = summary
        .waits
        .bars
        .iter()
        .zip(ends)
        .map(|(count, end)| match end {
            Some(end) => json!({ "up_to_ms": end, "count": count }),
            None => json!({ "count": count }),
        })
        .collect();
    let mut waits = json!({ "count": summary.waits.count, "bars": bars });
    if let (Some(median), Some(p90)) = (summary.waits.median_ms, summary.waits.p90_ms)
        && let Some(members) = waits.as_object_mut()
    {
        members.insert("median_ms".into(), median.into());
        members.insert("p90_ms".into(), p90.into());
    }
    json!({
        "checks": summary.checks.total(),
        "accept": summary.checks.accept,
        "reject": summary.checks.reject,
        "undetermined": summary.checks.undetermined,
        "person_mismatch": summary.person_mismatch,
        "reasons": reasons,
        "hours": hours,
        "waits": waits,
    })
}

/// A place in the chain as JSON.
pub fn link_json(link: &Link) -> Value {
    json!({ "number": link.number, "hash": hex::encode(link.hash) })
}

fn words_json<T: AsRef<str>>(words: &Words<T>) -> Value {
    json!({ "zh": words.zh.as_ref(), "en": words.en.as_ref() })
}

#[cfg(test)]
mod tests {
    use super::super::chain::tests::checked;
    use super::super::{Format, Why};
    use super::*;
    use crate::testing::{self, at};
    use crate::verdict::Reason;
    use credential_format::day::Day;
    use sha2::{Digest as _, Sha256};

    fn extract() -> Extract {
        let day = Day::parse("2026-07-01").unwrap();
        let mut head = Link::START;
        let mut lines = Vec::new();
        for what in [
            What::Check(checked(Reason::Valid, Some(400))),
            What::Compared { check: 1, matched: true },
            What::Revealed { check: 1, why: Why::Form },
            What::PersonMismatch { check: 1 },
            What::Exported { format: Format::Csv, from: day, to: day },
        ] {
            let line = Line::after(&head, at(0), what);
            head = line.link();
            lines.push(line);
        }
        Extract { counter: testing::counter(), from: day, to: day, start: Link::START, lines, head }
    }

    #[test]
    fn a_spreadsheet_reads_the_csv_and_takes_nothing_for_a_formula() {
        let bytes = csv(&extract());
        let text = std::str::from_utf8(&bytes).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap();
        assert!(!text.contains('\u{feff}') && text.lines().count() == 7 && text.matches("\r\n").count() == 7);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(&rows[0][1], "2026-07-01 08:00:00");
        assert_eq!([&rows[0][3], &rows[0][4], &rows[0][5], &rows[0][10]], ["accept", "VALID", "有效", "400"]);
        // A list that was signed ahead of this clock: its age begins with a minus.
        assert_eq!(&rows[0][12], "'-60");
        assert_eq!(&rows[2][5], "查看完整信息：填写业务表单");
        assert_eq!([&rows[3][4], &rows[3][6], &rows[3][15]], ["HOLDER_MISMATCH", "Person does not match", "1"]);
        assert_eq!(rows[5][16], hex::encode(extract().head.hash));
        for cell in rows.iter().flat_map(csv::StringRecord::iter) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }

    #[test]
    fn cells_that_begin_like_a_formula_are_made_harmless() {
        for cell in ["=1+1", "+1", "-1", "@A1", "\tx", "\rx"] {
            assert_eq!(safe_cell(cell.into()), format!("'{cell}"));
        }
        for cell in ["", "1-1", "a=1", " =1", "'=1", "，"] {
            assert_eq!(safe_cell(cell.into()), cell);
        }
    }

    /// With SHA-256 and nothing else of ours.
    #[test]
    fn who_has_the_json_can_check_the_chain() {
        let json = json(&extract());
        let unhex = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let mut last = unhex(&json["start"]["hash"]);
        let mut number = json["start"]["number"].as_u64().unwrap();
        for entry in json["entries"].as_array().unwrap() {
            let bytes = unhex(&entry["bytes"]);
            last = Sha256::digest([b"juma/1/journal", &last[..], &bytes].concat()).to_vec();
            number += 1;
            assert_eq!((unhex(&entry["hash"]), &entry["number"]), (last.clone(), &number.into()));
        }
        assert_eq!((unhex(&json["head"]["hash"]), &json["head"]["number"]), (last, &number.into()));
        assert_eq!(json["entries"][1]["match"], true);
        assert_eq!(json["entries"][2]["why"], "form");
        assert_eq!(json["summary"]["person_mismatch"], 1);
        assert_eq!(json["summary"]["waits"]["bars"][4], json!({ "count": 0 }));
        assert!(json["entries"][0].get("permit").is_none() && json["entries"][0].get("assurance").is_none());
    }

    #[test]
    fn a_line_that_was_changed_is_exported_as_it_is() {
        let mut extract = extract();
        extract.lines[1].bytes = vec![0xff];
        let json = json(&extract);
        assert_eq!((&json["entries"][1]["bytes"], json["entries"][1].get("what")), (&"ff".into(), None));
        let text = String::from_utf8(csv(&extract)).unwrap();
        assert!(text.contains("此条已损坏"));
    }
}
