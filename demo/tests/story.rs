//! The whole story, played once into a temporary folder: every scene gives the verdict that it must give, and the folder is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn demo(place: &Path) -> Output {
    // Colours asked for by nobody, from whatever terminal the tests run in.
    Command::new(env!("CARGO_BIN_EXE_demo")).arg("--out").arg(place).env("NO_COLOR", "1").output().unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The verdict of the scene with this name.
fn verdict_of(place: &Path, scene: &str) -> serde_json::Value {
    let file = names(&place.join("verdicts")).into_iter().find(|name| name.ends_with(&format!("-{scene}.json")));
    serde_json::from_slice(&fs::read(place.join("verdicts").join(file.unwrap())).unwrap()).unwrap()
}

#[test]
fn every_verdict_is_the_expected_one() {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().join("story");
    let output = demo(&place);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!told.contains('\u{1b}'), "no escape where no terminal is");
    assert_eq!(names(around.path()), BTreeSet::from(["story".to_owned()]), "nothing is left beside the folder");

    // One picture and one verdict a scene, and every kind of reason that the story is about.
    let (pictures, verdicts) = (names(&place.join("pictures")), names(&place.join("verdicts")));
    assert_eq!(pictures.len(), verdicts.len());
    assert!(pictures.len() >= 50, "{} scenes", pictures.len());
    let page = fs::read_to_string(place.join("index.html")).unwrap();
    let mut reasons = BTreeSet::new();
    for name in &verdicts {
        let verdict: serde_json::Value =
            serde_json::from_slice(&fs::read(place.join("verdicts").join(name)).unwrap()).unwrap();
        assert_eq!(verdict["clock"], "fixed", "{name}");
        reasons.insert(verdict["reason"].as_str().unwrap().to_owned());
        let picture = name.replace(".json", ".jpg");
        assert!(pictures.contains(&picture));
        assert!(page.contains(&format!("src=\"pictures/{picture}\"")), "{picture}");
    }
    let expected = "VALID VALID_ENDORSABLE VOUCHER_VALID REPLAYED PRESENTATION_EXPIRED CHALLENGE_MISMATCH CHALLENGE_MISSING \
        CHALLENGE_EXPIRED HOLDER_PROOF_MISSING DEVICE_SIGNATURE ENDORSEMENT_LAPSED AUTO_CANCELLED CANCELLED SUSPENDED SUPERSEDED \
        ISSUER_SIGNATURE MALFORMED ISSUER_OUT_OF_SCOPE ISSUER_UNKNOWN SPECIMEN VOUCHER_NOT_ALLOWED MULTIPLE_CODES \
        NOT_A_PERMIT_CODE NO_CODE TRUST_LIST_MISSING STATUS_LIST_MISSING CLOCK_SUSPECT STATUS_LIST_STALE";
    assert_eq!(reasons, expected.split_whitespace().map(str::to_owned).collect());

    // The page stands alone, and shows nobody whole.
    for outside in ["http://", "https://", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for shown in [&page, &told] {
        for secret in ["陈样例", "430407199205179970", "样板大道88号"] {
            assert!(!shown.contains(secret), "{secret}");
        }
        assert!(shown.contains("测试数据"));
    }
    let readme = fs::read_to_string(place.join("README.md")).unwrap();
    assert!(!readme.contains('{'), "every blank is filled in");

    // The lists are where counters look for them, and the state folders are closed.
    assert_eq!(names(&place.join("published/trust")), BTreeSet::from(["1.cose".to_owned(), "2.cose".to_owned()]));
    assert_eq!(names(&place.join("stick-1/trust")), BTreeSet::from(["1.cose".to_owned()]));
    let online = serde_json::to_string(&verdict_of(&place, "news-on-its-way")).unwrap();
    assert!(online.contains(r#""version":1"#), "{online}");
    assert_eq!(verdict_of(&place, "root-shared")["lists"]["trust"]["version"], 2);
    assert_eq!(names(&place.join("published/status")).len(), 3);
    for state in ["state-a", "state-b"] {
        let files = names(&place.join(state));
        assert!(!files.is_empty() && !files.iter().any(|name| name.ends_with("-wal")), "{files:?}");
    }
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let around = tempfile::tempdir().unwrap();
    let place = around.path().join("work");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("thesis.txt"), "mine").unwrap();
    let output = demo(&place);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("FOLDER_NOT_OURS") && said.contains("--out"), "{said}");
    assert_eq!(names(&place), BTreeSet::from(["thesis.txt".to_owned()]));
    assert_eq!(names(around.path()).len(), 1);
}
