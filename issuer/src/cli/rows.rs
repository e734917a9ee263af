//! Reading requests: JSON, CSV or one JSON object a line, one row at a time.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use command_line::escape::printable;
use command_line::files::read_line_limited;
use command_line::refusal::{Exit, Refusal};
use issuer::RawRequest;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The longest line of a request, in bytes.
const LINE_MAX: u64 = 64 * 1024;

/// Where requests come from.
pub(crate) struct Requests {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Lines,
    StandardInput,
}

/// One request, and where it stands: the line of a CSV or NDJSON file, the number of an item in a JSON array.
pub(crate) struct Row {
    pub(crate) place: u64,
    pub(crate) raw: Result<RawRequest, RowFault>,
}

/// Why a row is no request.
pub(crate) struct RowFault {
    pub(crate) code: &'static str,
    pub(crate) en: String,
    pub(crate) zh: &'static str,
}

impl Requests {
    /// Looks at the name and, for a file, at its encoding and form: what is wrong as a whole is refused before anything is issued.
    pub(crate) fn open(path: &Path) -> Result<Requests, Refusal> {
        let extension = path.extension().and_then(|text| text.to_str()).unwrap_or("").to_ascii_lowercase();
        let form = match extension.as_str() {
            _ if path == Path::new("-") => Form::StandardInput,
            "json" => Form::Json,
            "csv" => Form::Csv,
            "ndjson" | "jsonl" => Form::Lines,
            _ => {
                return Err(Refusal::usage(
                    "REQUESTS_FORM",
                    format!("the name {} does not say what form the requests have", path.display()),
                    "name the file .json, .csv or .ndjson, or give - and one JSON object a line on standard input",
                ));
            }
        };
        let requests = Requests { path: path.to_owned(), form };
        if form != Form::StandardInput {
            requests.check_utf8()?;
        }
        match form {
            Form::Json => requests.check_json()?,
            Form::Csv => {
                requests.columns(&mut requests.csv_reader()?)?;
            }
            Form::Lines | Form::StandardInput => {}
        }
        Ok(requests)
    }

    /// What a place is called in messages.
    pub(crate) fn place_word(&self) -> &'static str {
        if self.form == Form::Json { "item" } else { "line" }
    }

    /// Hands over each row, in order. Memory does not grow with the file.
    pub(crate) fn read(&self, each: &mut dyn FnMut(Row) -> Result<(), Refusal>) -> Result<(), Refusal> {
        match self.form {
            Form::Json => self.read_json(each),
            Form::Csv => self.read_csv(each),
            Form::Lines => read_lines(&mut self.file()?, each),
            Form::StandardInput => {
                let mut stdin = std::io::stdin().lock();
                skip_byte_order_mark(&mut stdin).map_err(|error| self.failed(&error))?;
                read_lines(&mut stdin, each)
            }
        }
    }

    fn file(&self) -> Result<BufReader<File>, Refusal> {
        let name = self.path.display();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Refusal::usage("FILE_MISSING", format!("there is no file {name}"), "check the path")
            }
            std::io::ErrorKind::PermissionDenied => {
                Refusal::usage("FILE_FORBIDDEN", format!("this account may not read {name}"), "check who owns the file")
            }
            _ => self.failed(&error),
        };
        let file = File::open(&self.path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(Refusal::usage(
                "FILE_IS_FOLDER",
                format!("{name} is a folder"),
                "give the path of the file in it",
            ));
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        skip_byte_order_mark(&mut reader).map_err(failed)?;
        Ok(reader)
    }

    fn failed(&self, error: &std::io::Error) -> Refusal {
        Refusal::internal(
            "FILE_READ_FAILED",
            format!("cannot read {}: {error}", self.path.display()),
            "check the disk, then run the same command again",
        )
    }

    fn check_utf8(&self) -> Result<(), Refusal> {
        let mut file = self.file()?;
        let mut rest = Vec::new();
        let mut line = 1;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer).map_err(|error| self.failed(&error))?;
            rest.extend_from_slice(buffer.get(..count).unwrap_or_default());
            let (valid, broken) = match std::str::from_utf8(&rest) {
                Ok(_) => (rest.len(), false),
                // A character may be cut by the end of the buffer, but not by the end of the file.
                Err(error) => (error.valid_up_to(), error.error_len().is_some() || count == 0),
            };
            line += rest.iter().take(valid).filter(|byte| **byte == b'\n').count();
            if broken {
                return Err(Refusal::usage(
                    "REQUESTS_NOT_UTF8",
                    format!(
                        "{} is not UTF-8 at line {line}: it was probably saved as GB18030 or ANSI",
                        self.path.display()
                    ),
                    "save it as UTF-8 (in Excel: Save As, CSV UTF-8); 请将文件另存为UTF-8编码",
                ));
            }
            rest.drain(..valid);
            if count == 0 {
                return file.rewind().map_err(|error| self.failed(&error));
            }
        }
    }

    fn check_json(&self) -> Result<(), Refusal> {
        let mut reader = serde_json::Deserializer::from_reader(self.file()?);
        let mut rows = |_: Box<RawValue>| Ok(());
        List(&mut rows).deserialize(&mut reader).and_then(|()| reader.end()).map_err(|error| self.not_json(&error))
    }

    fn not_json(&self, error: &serde_json::Error) -> Refusal {
        use serde_json::error::Category;
        let at = format!("{} at line {}, column {}", self.path.display(), error.line(), error.column());
        // serde's own words may hold a value, which may be personal.
        match error.classify() {
            Category::Io => Refusal::internal("FILE_READ_FAILED", format!("cannot read {at}"), "check the disk"),
            Category::Eof => Refusal::usage("REQUESTS_JSON", format!("{at} breaks off"), "get the whole file"),
            Category::Syntax => Refusal::usage("REQUESTS_JSON", format!("{at} is not JSON"), "correct that place"),
            Category::Data => Refusal::usage(
                "REQUESTS_JSON",
                format!("{at} is neither a list of requests nor an object with the list \"permits\""),
                "write [{…}, {…}] or {\"permits\": [{…}, {…}]}",
            ),
        }
    }

    fn read_json(&self, each: &mut dyn FnMut(Row) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mut reader = serde_json::Deserializer::from_reader(self.file()?);
        let stopped = RefCell::new(None);
        let mut place = 0;
        let mut rows = |text: Box<RawValue>| {
            place += 1;
            each(Row { place, raw: parse(text.get()) }).map_err(|refusal| {
                *stopped.borrow_mut() = Some(refusal);
                Stopped
            })
        };
        let result = List(&mut rows).deserialize(&mut reader);
        match (stopped.into_inner(), result) {
            (Some(refusal), _) => Err(refusal),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => Err(self.not_json(&error)),
        }
    }

    fn csv_reader(&self) -> Result<csv::Reader<LineFeeds<BufReader<File>>>, Refusal> {
        Ok(csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(LineFeeds::new(self.file()?)))
    }

    fn not_csv(&self, error: &csv::Error) -> Refusal {
        let line = error.position().map_or(0, csv::Position::line);
        Refusal::internal(
            "FILE_READ_FAILED",
            format!("cannot read {} near line {line}", self.path.display()),
            "check the disk, then run the same command again",
        )
    }

    /// The fields in the order of the columns.
    fn columns(&self, reader: &mut csv::Reader<LineFeeds<BufReader<File>>>) -> Result<Vec<&'static str>, Refusal> {
        let mut header = csv::StringRecord::new();
        let found = reader.read_record(&mut header).map_err(|error| self.not_csv(&error))?;
        let names: Vec<&str> = header.iter().map(str::trim).collect();
        if !found {
            return Err(Refusal::usage(
                "REQUESTS_EMPTY",
                format!("{} is empty", self.path.display()),
                format!("write the column names in the first line: {}", RawRequest::FIELDS.join(",")),
            ));
        }
        let mut wrong = Vec::new();
        let mut columns = Vec::new();
        for (column, name) in names.iter().enumerate() {
            match RawRequest::FIELDS.iter().find(|field| *field == name) {
                None => wrong.push(format!("column {} is named {:?}, which is no field", column + 1, printable(name))),
                Some(field) if columns.contains(field) => wrong.push(format!("the column {field} stands there twice")),
                Some(field) => columns.push(*field),
            }
        }
        for field in REQUIRED.iter().filter(|field| !columns.contains(field)) {
            wrong.push(format!("the column {field} is missing"));
        }
        if !columns.contains(&"endorsed_until") && !columns.contains(&"endorsement_years") {
            wrong.push("the column endorsed_until (or endorsement_years) is missing".to_owned());
        }
        if wrong.is_empty() {
            return Ok(columns);
        }
        Err(Refusal::usage(
            "REQUESTS_COLUMNS",
            format!("{}: {}", self.path.display(), wrong.join("; ")),
            format!("separate the columns by commas and name them: {}", RawRequest::FIELDS.join(",")),
        ))
    }

    fn read_csv(&self, each: &mut dyn FnMut(Row) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mut reader = self.csv_reader()?;
        let columns = self.columns(&mut reader)?;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| self.not_csv(&error))? {
            // Spreadsheets like to end with lines of nothing but commas.
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            // Every line ends with a line feed (`LineFeeds`), so the reader stands at the beginning of the next.
            let inside: u64 = record.iter().map(|cell| cell.matches('\n').count() as u64).sum();
            let place = reader.position().line().saturating_sub(1 + inside);
            let raw = if record.len() == columns.len() {
                let mut raw = RawRequest::default();
                for (column, cell) in columns.iter().zip(&record) {
                    if let Some(field) = raw.field_mut(column) {
                        *field = Some(cell.to_owned());
                    }
                }
                Ok(raw)
            } else {
                Err(RowFault {
                    code: "ROW_COLUMNS",
                    en: format!(
                        "the row has {} cells and the first line {} columns; a value with a comma must stand in quotes",
                        record.len(),
                        columns.len()
                    ),
                    zh: "本行的单元格数与首行的列数不符，含逗号的内容请加双引号",
                })
            };
            each(Row { place, raw })?;
        }
        Ok(())
    }
}

const REQUIRED: [&str; 9] = [
    "residence_code",
    "name",
    "citizen_id",
    "ethnicity",
    "household_division",
    "household_address",
    "address_division",
    "address",
    "issued_on",
];

fn read_lines(reader: &mut impl BufRead, each: &mut dyn FnMut(Row) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let mut place = 0;
    loop {
        place += 1;
        let raw = match read_line_limited(reader, LINE_MAX) {
            Ok(None) => return Ok(()),
            Ok(Some(line)) if line.trim().is_empty() => continue,
            Ok(Some(line)) => parse(&line),
            Err(refusal) if refusal.exit() == Exit::Internal => return Err(refusal),
            Err(refusal) => Err(RowFault {
                code: refusal.code(),
                en: format!("{}; {}", refusal.what(), refusal.remedy()),
                zh: "本行过长或不是UTF-8编码，请检查文件",
            }),
        };
        each(Row { place, raw })?;
    }
}

fn parse(text: &str) -> Result<RawRequest, RowFault> {
    if !text.trim_start().starts_with('{') {
        return Err(RowFault {
            code: "ROW_FORM",
            en: "the row is no JSON object; write it like {\"residence_code\": \"…\", …}".into(),
            zh: "本行不是JSON对象，请按{\"residence_code\": \"…\"}的格式填写",
        });
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        // Only our own words and field names: see `RawRequest`. serde adds the place, and all names that it would have taken.
        serde_json::error::Category::Data => {
            let sentence = error.to_string();
            let sentence = sentence.rsplit_once(" at line ").map_or(sentence.as_str(), |(before, _)| before);
            let sentence = sentence.split_once(", expected").map_or(sentence, |(before, _)| before);
            RowFault {
                code: "ROW_FIELDS",
                en: format!(
                    "{sentence} (column {}); the names of the fields are in `issuer issue --help`",
                    error.column()
                ),
                zh: "字段名称有误或取值未加引号，字段名称见issuer issue --help",
            }
        }
        _ => RowFault {
            code: "ROW_FORM",
            en: format!("the row is not JSON at column {}; correct that place", error.column()),
            zh: "本行不是合法的JSON，请核对",
        },
    })
}

fn skip_byte_order_mark(reader: &mut impl BufRead) -> std::io::Result<()> {
    if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok(())
}

/// Line ends of every kind (LF, CR LF, CR) as line feeds, one at the end of the text too: the csv crate counts lines right only then.
struct LineFeeds<R> {
    inner: R,
    after_return: bool,
    last: u8,
}

impl<R> LineFeeds<R> {
    fn new(inner: R) -> LineFeeds<R> {
        LineFeeds { inner, after_return: false, last: b'\n' }
    }
}

impl<R: BufRead> Read for LineFeeds<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let input = self.inner.fill_buf()?;
            if input.is_empty() {
                let Some(place) = out.first_mut().filter(|_| self.last != b'\n') else { return Ok(0) };
                (*place, self.last) = (b'\n', b'\n');
                return Ok(1);
            }
            let (mut used, mut written) = (0, 0);
            for byte in input {
                let is_second_half = self.after_return && *byte == b'\n';
                if !is_second_half {
                    let Some(place) = out.get_mut(written) else { break };
                    *place = if *byte == b'\r' { b'\n' } else { *byte };
                    self.last = *place;
                    written += 1;
                }
                self.after_return = *byte == b'\r';
                used += 1;
            }
            self.inner.consume(used);
            if written > 0 || out.is_empty() {
                return Ok(written);
            }
        }
    }
}

/// Reading was broken off by whoever takes the rows.
struct Stopped;

/// A list of anything, or an object with the list "permits": hands over the text of each item.
struct List<'r>(&'r mut dyn FnMut(Box<RawValue>) -> Result<(), Stopped>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(text) = seq.next_element()? {
            (self.0)(text).map_err(|Stopped| serde::de::Error::custom("stopped"))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let List(rows) = self;
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "permits" && !found {
                found = true;
                map.next_value_seed(List(rows))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(serde::de::Error::custom("no permits")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places and codes ("OK" for a request) of what is read from a file of this name and content.
    fn read(name: &str, content: &[u8]) -> Result<Vec<(u64, &'static str)>, Refusal> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("write");
        let mut rows = Vec::new();
        Requests::open(&path)?.read(&mut |row| {
            rows.push((row.place, row.raw.map_or_else(|fault| fault.code, |_| "OK")));
            Ok(())
        })?;
        Ok(rows)
    }

    fn code(name: &str, content: &[u8]) -> &'static str {
        read(name, content).expect_err("must be refused").code()
    }

    const HEADER: &str = "residence_code,name,citizen_id,ethnicity,household_division,household_address,address_division,address,issued_on,endorsed_until";

    #[test]
    fn csv_rows_keep_their_lines() {
        let content = format!(
            "\u{feff}{HEADER}\r\n1,2,3,4,5,6,7,8,9,10\r\n,,,,,,,,,\r\n\r\n1,2\r\n1,\"a\nb\",3,4,5,6,7,8,9,10\r\n1,2,3,4,5,6,7,8,9,10"
        );
        let rows = read("r.csv", content.as_bytes()).expect("read");
        let expected = [(2, "OK"), (5, "ROW_COLUMNS"), (6, "OK"), (8, "OK")];
        assert_eq!(rows, expected);
        for line_end in ["\n", "\r"] {
            let content = content.replace("\r\n", line_end);
            assert_eq!(read("r.csv", content.as_bytes()).expect("read"), expected, "{line_end:?}");
            assert_eq!(read("r.csv", (content + line_end).as_bytes()).expect("read"), expected, "{line_end:?}");
        }
    }

    #[test]
    fn line_ends_are_changed_whatever_the_buffers_cut() {
        let text = b"a\r\nb\rc\nd\r\r\n\r\ne";
        for buffer in 1..6 {
            for wanted in 1..6 {
                let mut reader = LineFeeds::new(BufReader::with_capacity(buffer, &text[..]));
                let mut out = Vec::new();
                let mut part = vec![0; wanted];
                while let count @ 1.. = reader.read(&mut part).expect("read") {
                    out.extend_from_slice(&part[..count]);
                }
                assert_eq!(out, b"a\nb\nc\nd\n\n\ne\n", "{buffer} {wanted}");
            }
        }
    }

    #[test]
    fn every_fault_of_a_csv_header_is_named() {
        let header = HEADER.replace("name,", "Name,").replace("ethnicity", "citizen_id").replace(",endorsed_until", "");
        let refusal = read("r.csv", header.as_bytes()).expect_err("must be refused");
        assert_eq!(refusal.code(), "REQUESTS_COLUMNS");
        for part in [
            "column 2 is named \"Name\"",
            "citizen_id stands there twice",
            "name is missing",
            "ethnicity is missing",
            "endorsed_until (or",
        ] {
            assert!(refusal.what().contains(part), "{part}: {}", refusal.what());
        }
        assert_eq!(code("r.csv", b""), "REQUESTS_EMPTY");
        assert_eq!(read("r.csv", HEADER.as_bytes()).expect("no rows"), []);
        let years = HEADER.replace("endorsed_until", "endorsement_years");
        assert_eq!(read("r.csv", years.as_bytes()).expect("no rows"), []);
    }

    #[test]
    fn other_encodings_are_refused_before_anything_is_read() {
        let gb18030 = [HEADER.as_bytes(), b"\n1,\xc5\xb7\xd1\xf4"].concat();
        assert_eq!(code("r.csv", &gb18030), "REQUESTS_NOT_UTF8");
        assert_eq!(code("r.ndjson", b"\xff\xfe{\0"), "REQUESTS_NOT_UTF8");
        assert_eq!(code("r.ndjson", "{\"name\": \"欧".as_bytes().split_last().expect("bytes").1), "REQUESTS_NOT_UTF8");
        // A character that lies across the border of the reading buffer is whole.
        let long = format!("{}欧\n{{}}", " ".repeat((1 << 16) - 1));
        assert_eq!(read("r.ndjson", long.as_bytes()).expect("read"), [(1, "LINE_TOO_LONG"), (2, "OK")]);
    }

    #[test]
    fn json_is_a_list_or_has_one() {
        let rows = [(1, "OK"), (2, "ROW_FORM"), (3, "ROW_FIELDS")];
        assert_eq!(read("r.json", br#"[{}, "secret", {"phone": 1}]"#).expect("read"), rows);
        assert_eq!(read("r.json", br#"{"as_of": [1], "permits": [{}, 5, {"name": [1]}]}"#).expect("read"), rows);
        for content in ["", "[{}", "[{}] x", "5", "\"secret\"", "{}", "{\"permits\": 5}", "[{}}"] {
            let refusal = read("r.json", content.as_bytes()).expect_err(content);
            assert_eq!(refusal.code(), "REQUESTS_JSON", "{content}");
            assert!(!refusal.what().contains("secret"));
        }
        assert_eq!(code("r.xlsx", b""), "REQUESTS_FORM");
    }

    #[test]
    fn a_fault_in_a_row_says_no_value() {
        for text in [
            r#"{"name": 1.5}"#,
            r#"{"secret": "secret"}"#,
            r#"{"name": "a", "name": "secret"}"#,
            "\"secret\"",
            "{secret",
        ] {
            let fault = parse(text).expect_err(text);
            assert!(!fault.en.replace("`secret`", "").contains("secret"), "{}", fault.en);
            assert!(!fault.en.contains("expected"), "{}", fault.en);
        }
    }
}
