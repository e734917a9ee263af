//! From a text to a verdict.

use credential_format::text;
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::verdict::{CheckResult, Outcome, Reason, Subject, Verdict};
use verifier::verify::{Asked, Context, verify};

use crate::choices::Choices;
use crate::seeds;

/// Texts that nobody signed are never accepted, whatever they are and however many stand beside each other.
pub(crate) fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let frame: Vec<&str> = text.split('\n').take(4).collect();
    let folded: Vec<String> = frame.iter().map(|text| text::from_keyboard(text).into_owned()).collect();
    let is_a_sample = folded.iter().any(|text| seeds::presentation_texts().contains(text));
    for frame in [frame.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), folded] {
        let verdict = judge(&frame);
        assert!(is_a_sample || verdict.outcome() != Outcome::Accept, "a text that nobody signed is accepted");
    }
}

/// A presentation in which anything was changed is not accepted, and one in which nothing was is.
pub(crate) fn changed(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let original = choices.one_of(seeds::presentation_texts());
    let (kind, whole) = text::decode(original).expect("a sample");
    let mut changed = whole.clone();
    while !choices.is_over() && !changed.is_empty() {
        let at = choices.below(changed.len());
        match choices.byte() % 6 {
            0 => changed[at] ^= 1 << (choices.byte() % 8),
            1 => changed[at] = choices.byte(),
            2 => changed.insert(at, choices.byte()),
            3 => drop(changed.remove(at)),
            4 => changed.truncate(at),
            _ => {
                let to = choices.below(changed.len());
                changed.swap(at, to);
            }
        }
    }
    let verdict = judge(&[text::encode(kind, &changed)]);
    if changed == whole {
        assert_eq!(verdict.reason, Reason::Valid);
    } else {
        assert_ne!(verdict.outcome(), Outcome::Accept, "a changed presentation is accepted");
        assert!(!matches!(verdict.subject, Subject::Accepted(_)));
    }
}

/// The verdict, which must be one whatever the text: every step before the last held, and the last is what the outcome says.
fn judge(frame: &[String]) -> Verdict {
    let trust = seeds::trust();
    let verdict = verify(
        frame,
        &mut Context {
            now: crate::samples::now(),
            trust: Some(trust),
            status: seeds::status(),
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: &mut MemoryGuard::new(10),
            policy: Policy::default(),
        },
    );
    let (last, before) = verdict.checks.split_last().expect("no step at all");
    assert!(before.iter().all(|check| check.result == CheckResult::Pass));
    let result = match verdict.outcome() {
        Outcome::Accept => CheckResult::Pass,
        Outcome::Reject => CheckResult::Fail,
        Outcome::Undetermined => CheckResult::Unknown,
    };
    assert_eq!(last.result, result);
    verdict
}
