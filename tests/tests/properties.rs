//! The properties that the fuzz targets hold, over their seeds and a bounded number of changed ones: what a stable compiler can do in seconds.
//! `PROPERTY_ROUNDS=100` makes it a hundred times as many.

use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// What a second of an optimised run would do, at least a few.
fn rounds(property: &Property) -> usize {
    let more: usize = std::env::var("PROPERTY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    usize::try_from(property.pace / 4).expect("64 bits").max(40) * more
}

fn hold(property: &Property) {
    let mut inputs = (property.seeds)();
    assert!(!inputs.is_empty());
    inputs.iter().for_each(|seed| holds(property, seed));
    let mut dice = Dice::new(2026);
    for _ in 0..rounds(property) {
        let mut input = inputs[dice.below(inputs.len())].clone();
        for _ in 0..=dice.below(4) {
            dice.change(&mut input);
        }
        holds(property, &input);
        if dice.below(20) == 0 && input.len() < 10_000 {
            inputs.push(input);
        }
    }
}

/// What was fed is shown when it does not hold: it becomes a vector.
fn holds(property: &Property, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (property.holds)(input))) {
        eprintln!("{} does not hold of {}", property.name, hex::encode(input));
        std::panic::resume_unwind(panic);
    }
}
