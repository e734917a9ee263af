//! The commands that README.md and docs/counters.md show are run as they stand, from the authority's first key to the verdict.

#![cfg(unix)]

use tests::commands::{Ran, command};
use tests::pages;

#[test]
fn the_commands_of_the_readme_end_in_a_valid_verdict() {
    let (ran, _folder) = pages::run("README.md");
    assert!(ran.out.contains("有效 / Valid") && ran.out.contains("VALID"), "{ran}");
}

#[test]
fn the_commands_of_the_page_on_counters_bring_up_a_counter_and_keep_it() {
    let (ran, folder) = pages::run("docs/counters.md");
    assert!(ran.out.contains("有效 / Valid"), "{ran}");
    // Twenty days without new lists are too many, and the rehearsal says so.
    assert!(ran.out.contains("by then somebody must have come"), "{ran}");
    let shown = |state: &str| {
        let mut show = command("verifier");
        show.args(["show", "--state", state, "--json"]).current_dir(folder.path());
        Ran::of(show, b"").exits(0).json()
    };
    assert_eq!(shown("counter-1")["trust"]["version"], 1);
    assert_eq!(shown("counter-1")["policy"]["status_max_s"], 864_000, "{}", shown("counter-1")["policy"]);
    assert_eq!(shown("counter-2")["policy"]["guard"], serde_json::Value::Null, "{}", shown("counter-2")["policy"]);
}
