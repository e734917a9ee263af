//! Turns the tables in `data/` into sorted static arrays, so that a lookup at run time is an index and a short
//! binary search, without parsing and without allocation. A table that is out of order or ill-formed stops the build.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=data");
    let data = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("data");
    let out = env::var("OUT_DIR")?;
    let current = fs::read_to_string(data.join("gb2260_current.tsv"))?;
    let retired = fs::read_to_string(data.join("gb2260_retired.tsv"))?;
    let ethnic = fs::read_to_string(data.join("ethnic.tsv"))?;
    fs::write(Path::new(&out).join("divisions.rs"), divisions(&current, &retired)?)?;
    fs::write(Path::new(&out).join("ethnicities.rs"), ethnicities(&ethnic)?)?;
    Ok(())
}

/// One array per column, all in the order of the code, and where each province (the first two digits) begins.
/// Years: 0 = in force, 1 = retired in an unknown year, else the last year in force.
fn divisions(current: &str, retired: &str) -> Outcome<String> {
    let mut rows: Vec<(u32, &str, u16)> = Vec::new();
    for line in current.lines() {
        let (code, name) = line.split_once('\t').ok_or_else(|| format!("gb2260_current.tsv: no tab in {line:?}"))?;
        rows.push((code.parse()?, name, 0));
    }
    for line in retired.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [code, name, year] = columns[..] else {
            return Err(format!("gb2260_retired.tsv: not three columns in {line:?}").into());
        };
        let year = if year.is_empty() { 1 } else { year.parse()? };
        if year != 1 && !(1980..2200).contains(&year) {
            return Err(format!("gb2260_retired.tsv: no such year in {line:?}").into());
        }
        rows.push((code.parse()?, name, year));
    }
    rows.sort_unstable();
    for (code, name, _) in &rows {
        if !(100_000..1_000_000).contains(code) || name.is_empty() || name.chars().any(|c| !('一'..='鿿').contains(&c))
        {
            return Err(format!("division table: code {code} or its name is ill-formed").into());
        }
    }
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("division table: code {} stands there twice", pair[0].0).into());
    }

    let starts: Vec<usize> = (0..=100).map(|p| rows.partition_point(|row| row.0 / 10_000 < p)).collect();
    let mut text = String::new();
    writeln!(text, "static PROVINCE_STARTS: [u16; 101] = {starts:?};")?;
    let codes: Vec<u32> = rows.iter().map(|row| row.0).collect();
    writeln!(text, "static CODES: [u32; {}] = {codes:?};", rows.len())?;
    let names: Vec<&str> = rows.iter().map(|row| row.1).collect();
    writeln!(text, "static NAMES: [&str; {}] = {names:?};", rows.len())?;
    let years: Vec<u16> = rows.iter().map(|row| row.2).collect();
    writeln!(text, "static LAST_YEARS: [u16; {}] = {years:?};", rows.len())?;
    Ok(text)
}

/// The 56 names in the order of their numbers, Chinese and English.
fn ethnicities(table: &str) -> Outcome<String> {
    let mut names = Vec::new();
    for (line, number) in table.lines().zip(1_usize..) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [code, chinese, english] = columns[..] else {
            return Err(format!("ethnic.tsv: not three columns in {line:?}").into());
        };
        if code.parse::<usize>()? != number || !chinese.ends_with('族') || english.is_empty() {
            return Err(format!("ethnic.tsv: line {number} is out of order or ill-formed").into());
        }
        names.push((chinese, english));
    }
    if names.len() != 56 {
        return Err(format!("ethnic.tsv: {} rows, 56 expected", names.len()).into());
    }
    Ok(format!("static NAMES: [(&str, &str); 56] = {names:?};\n"))
}
