//! The properties that the fuzz targets hold, over their seeds and a bounded number of changed ones: what a stable compiler can do in seconds.
//! `PROPERTY_ROUNDS=100` makes it a hundred times as many, `PROPERTY_SECONDS=10` as many as go into ten seconds each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use properties::{ALL, Property, named};
use tests::pictures::Dice;

macro_rules! properties {
    ($($name:ident)*) => {
        $(#[test] fn $name() { hold(named(stringify!($name)).expect("a property of this name")); })*

        #[test]
        fn every_property_has_a_test_and_a_fuzz_target() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(ALL.iter().map(|property| property.name).collect::<Vec<_>>(), tested);
            let targets = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/Cargo.toml")).expect("the targets");
            for name in tested {
                assert!(targets.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "no fuzz target {name}");
            }
        }
    };
}

properties! {
    digits cbor permit presentation enrolment trust_list status_list inflate text_to_verdict changed_presentation picture key_file pkcs8
    terminal_text page_text ledger
}

/// A number from the environment; a text that is none is a mistake that must show.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// When to stop: after what a quarter of a second of an optimised run would do, at least a few; or after the time that is asked for.
fn bound(property: &Property) -> impl FnMut() -> bool {
    let until = setting("PROPERTY_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut rounds = u64::from(property.pace / 4).max(40) * setting("PROPERTY_ROUNDS").unwrap_or(1);
    move || {
        let on = match until {
            Some(until) => Instant::now() < until,
            None => rounds > 0,
        };
        rounds = rounds.saturating_sub(1);
        on
    }
}

fn hold(property: &Property) {
    let mut inputs = (property.seeds)();
    assert!(!inputs.is_empty());
    inputs.iter().for_each(|seed| holds(property, seed));
    let mut dice = Dice::new(2026);
    let (mut on, mut executions) = (bound(property), inputs.len());
    while on() {
        let mut input = inputs[dice.below(inputs.len())].clone();
        for _ in 0..=dice.below(4) {
            dice.change(&mut input);
        }
        holds(property, &input);
        if dice.below(20) == 0 && input.len() < 10_000 {
            inputs.push(input);
        }
        executions += 1;
    }
    println!("{}: {executions} executions", property.name);
}

/// What was fed is shown when it does not hold: it becomes a vector.
fn holds(property: &Property, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (property.holds)(input))) {
        eprintln!("{} does not hold of {}", property.name, hex::encode(input));
        std::panic::resume_unwind(panic);
    }
}
