//! What the camera saw last, and when something in it is to be checked.
//!
//! A camera sees one code many times. It is checked once: as long as it stays in view it is passed over, and so are the next codes of a phone
//! whose permit was accepted or refused for good. Two permits in view are one matter, and are never taken one after the other because a frame
//! happens to show only one of them.

use std::time::Duration;

use credential_format::permit::{StatusSlot, UnverifiedPermit};
use credential_format::presentation::Presented;
use credential_format::text::{self, Kind};

use credential_format::key::Kid;

/// When nothing was seen of a code for so long, it counts as shown again.
const GONE_AFTER: Duration = Duration::from_secs(2);
/// So long a permit must be seen by itself before it is checked: another phone that comes into view with it may be legible a moment later.
const SETTLES_IN: Duration = Duration::from_millis(120);
/// And in so many frames, each of which would have shown the other. On a busy computer the time passes between two of them, and says nothing.
const SETTLES_AFTER: u32 = 4;
/// So long a permit must be alone in view after another one was seen beside it.
const ALONE_FOR: Duration = Duration::from_millis(700);
/// So long the code beside it is waited for, if it cannot be read. It may be a sticker on the desk, which stays.
const NEIGHBOUR_WAIT: Duration = Duration::from_millis(1_500);

/// The memory of one camera.
#[derive(Default)]
pub(super) struct View {
    checked: Vec<Checked>,
    /// When something that looks like a code came into view, if it was not checked yet.
    since: Option<Duration>,
    last_seen: Duration,
    /// When two permits were seen last.
    crowd: Option<Duration>,
    /// Since when a permit lies beside a symbol that cannot be read.
    neighbour_since: Option<Duration>,
    single: Option<Single>,
}

/// The permit code that is seen by itself.
struct Single {
    /// Personal data: not for `Debug`.
    text: String,
    since: Duration,
    frames: u32,
}

struct Checked {
    /// The permit codes that were in view, sorted. Personal data: not for `Debug`.
    texts: Vec<String>,
    /// Whose they were, if it was one, and nothing that its phone shows next would be judged otherwise.
    settled: Option<PermitMark>,
    seen: Duration,
}

/// Tells permits apart. Taken from a text that nobody has verified: only good for passing over what was seen already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PermitMark {
    kid: Kid,
    slot: StatusSlot,
}

impl PermitMark {
    /// The mark of the permit in this text, if there is one.
    pub(super) fn of(digits: &str) -> Option<PermitMark> {
        let (kind, bytes) = text::decode(digits).ok()?;
        let mark =
            |permit: &UnverifiedPermit<'_>| PermitMark { kid: permit.kid(), slot: permit.unverified_claims().status };
        match kind {
            Kind::Presentation => Presented::parse(&bytes).ok().map(|presented| mark(presented.permit())),
            Kind::Voucher => UnverifiedPermit::parse(&bytes).ok().map(|permit| mark(&permit)),
            Kind::Challenge | Kind::Enrolment => None,
        }
    }
}

impl View {
    /// Takes what a frame shows at this moment: the permit codes that were read, and how many whole symbols were not. Answers whether they are to
    /// be checked, and if so for how long something was in view before.
    pub(super) fn look(&mut self, permits: &[String], unread: usize, at: Duration) -> Option<Duration> {
        self.checked.retain(|checked| at.saturating_sub(checked.seen) <= GONE_AFTER);
        if at.saturating_sub(self.last_seen) > GONE_AFTER {
            (self.since, self.single) = (None, None);
        }
        if !permits.is_empty() || unread > 0 {
            self.last_seen = at;
        }
        if permits.len() > 1 {
            self.crowd = Some(at);
        }
        if self.is_known(permits, at) {
            (self.since, self.neighbour_since) = (None, None);
            return None;
        }
        if !permits.is_empty() || unread > 0 {
            self.since.get_or_insert(at);
        }
        match permits {
            [] => None,
            [one] => (self.has_settled(one, at) & self.is_alone(unread, at)).then(|| self.waited(at)),
            _ => Some(self.waited(at)),
        }
    }

    /// What became of them. `settled`: whatever the phone shows next would be judged the same.
    pub(super) fn checked(&mut self, permits: &[String], settled: bool, at: Duration) {
        let mark = match permits {
            [one] if settled => PermitMark::of(one),
            _ => None,
        };
        self.checked.push(Checked { texts: permits.to_vec(), settled: mark, seen: at });
        (self.since, self.neighbour_since, self.single) = (None, None, None);
    }

    /// Another way of checking begins: what stays in view is looked at again.
    pub(super) fn forget_refused(&mut self) {
        self.checked.retain(|checked| checked.settled.is_some());
    }

    fn is_known(&mut self, permits: &[String], at: Duration) -> bool {
        let mut known = false;
        for checked in &mut self.checked {
            let same_phone = || match permits {
                [one] => checked.settled.is_some() && checked.settled == PermitMark::of(one),
                _ => false,
            };
            let overlaps = permits.iter().any(|text| checked.texts.contains(text));
            if overlaps || same_phone() {
                checked.seen = at;
                known |= checked.texts == permits || same_phone();
            }
        }
        known
    }

    fn has_settled(&mut self, one: &str, at: Duration) -> bool {
        let single = match self.single.take_if(|single| single.text == one) {
            Some(single) => Single { frames: single.frames.saturating_add(1), ..single },
            None => Single { text: one.to_owned(), since: at, frames: 1 },
        };
        let Single { since, frames, .. } = *self.single.insert(single);
        frames >= SETTLES_AFTER && at.saturating_sub(since) >= SETTLES_IN
    }

    fn is_alone(&mut self, unread: usize, at: Duration) -> bool {
        if self.crowd.is_some_and(|crowd| at.saturating_sub(crowd) < ALONE_FOR) {
            return false;
        }
        if unread == 0 {
            self.neighbour_since = None;
            return true;
        }
        let since = *self.neighbour_since.get_or_insert(at);
        at.saturating_sub(since) >= NEIGHBOUR_WAIT
    }

    fn waited(&self, at: Duration) -> Duration {
        self.since.map_or(Duration::ZERO, |since| at.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, PERMIT_KEY, at as time};

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Codes of one permit, which differ by their nonce, and of another.
    fn code(nonce: u8) -> String {
        testing::code(time(0), nonce)
    }

    fn of_another(nonce: u8) -> String {
        let mut claims = testing::claims();
        claims.status.index += 1;
        testing::code_of(&testing::sign_permit(&claims, PERMIT_KEY), time(0), nonce, None)
    }

    fn sorted(mut texts: Vec<String>) -> Vec<String> {
        texts.sort();
        texts
    }

    /// A look, and before it those that the code needs to settle.
    fn settled(view: &mut View, permits: &[String], at: u64) -> Option<Duration> {
        for before in [120, 80, 40, 1] {
            assert_eq!(view.look(permits, 0, ms(at - before)), None, "not yet: {before} ms before");
        }
        view.look(permits, 0, ms(at))
    }

    #[test]
    fn a_code_is_checked_once_while_it_stays() {
        let (mut view, one) = (View::default(), vec![code(1)]);
        assert_eq!(view.look(&[], 1, ms(1_000)), None, "a symbol that is not read yet");
        assert_eq!(settled(&mut view, &one, 1_200), Some(ms(200)));
        view.checked(&one, false, ms(1_200));
        for at in [1_240, 3_000, 4_900, 6_900] {
            assert_eq!(view.look(&one, 0, ms(at)), None, "{at}");
        }
        // A look at nothing in between is no absence; two seconds are.
        assert_eq!(view.look(&[], 0, ms(8_900)), None);
        assert_eq!(view.look(&one, 0, ms(8_900)), None);
        assert_eq!(view.look(&[], 0, ms(10_901)), None);
        assert_eq!(settled(&mut view, &one, 11_100), Some(ms(120)), "shown again");
    }

    #[test]
    fn a_second_phone_that_comes_a_moment_later_is_seen_too() {
        let (mut view, both) = (View::default(), sorted(vec![code(1), of_another(1)]));
        assert_eq!(view.look(&[code(1)], 0, ms(1_000)), None);
        assert_eq!(view.look(&[code(1)], 0, ms(1_080)), None);
        assert_eq!(view.look(&both, 0, ms(1_119)), Some(ms(119)), "two need not settle");
        // A code that changes in the hand begins anew, its frames too.
        let mut view = View::default();
        assert_eq!(view.look(&[code(1)], 0, ms(1_000)), None);
        assert_eq!(settled(&mut view, &[code(2)], 1_240), Some(ms(240)));
    }

    #[test]
    fn a_computer_that_is_too_busy_to_look_does_not_accept_by_time_alone() {
        let (mut view, both) = (View::default(), sorted(vec![code(1), of_another(1)]));
        for at in [1_000, 1_200, 1_400] {
            assert_eq!(view.look(&[code(1)], 0, ms(at)), None, "{at}");
        }
        assert_eq!(view.look(&both, 0, ms(1_600)), Some(ms(600)));
        let mut view = View::default();
        for at in [1_000, 1_200, 1_400] {
            assert_eq!(view.look(&[code(1)], 0, ms(at)), None, "{at}");
        }
        assert_eq!(view.look(&[code(1)], 0, ms(1_600)), Some(ms(600)), "the fourth frame");
    }

    #[test]
    fn the_next_code_of_a_phone_is_new_unless_all_is_said_of_its_permit() {
        for all_said in [true, false] {
            let mut view = View::default();
            assert!(settled(&mut view, &[code(1)], 1_000).is_some());
            view.checked(&[code(1)], all_said, ms(1_000));
            assert_eq!(settled(&mut view, &[code(2)], 2_000).is_some(), !all_said);
            assert!(settled(&mut view, &[of_another(1)], 2_200).is_some(), "another permit is always new");
        }
    }

    #[test]
    fn a_phone_that_stays_for_minutes_is_one_phone() {
        let mut view = View::default();
        assert!(settled(&mut view, &[code(0)], 1_000).is_some());
        view.checked(&[code(0)], true, ms(1_000));
        for second in 2..=240u64 {
            assert_eq!(view.look(&[code((second / 15) as u8)], 0, ms(second * 1_000)), None, "{second}");
        }
    }

    #[test]
    fn two_permits_are_not_taken_one_after_the_other() {
        let (a, b) = (code(1), of_another(1));
        let both = sorted(vec![a.clone(), b.clone()]);
        let mut view = View::default();
        assert_eq!(view.look(&both, 0, ms(1_000)), Some(ms(0)));
        view.checked(&both, false, ms(1_000));
        // Frames that happen to show one of them.
        for at in [1_040, 1_200, 1_699] {
            assert_eq!(view.look(std::slice::from_ref(&a), 0, ms(at)), None, "{at}");
        }
        // Both again: the matter is known, and the time counts from then.
        assert_eq!(view.look(&both, 0, ms(1_699)), None);
        assert_eq!(view.look(std::slice::from_ref(&a), 0, ms(2_398)), None);
        assert!(view.look(std::slice::from_ref(&a), 0, ms(2_399)).is_some());
    }

    #[test]
    fn what_was_accepted_and_a_second_phone_are_two() {
        let (a, b) = (code(1), of_another(1));
        let both = sorted(vec![a.clone(), b.clone()]);
        let mut view = View::default();
        assert!(settled(&mut view, std::slice::from_ref(&a), 1_000).is_some());
        view.checked(std::slice::from_ref(&a), true, ms(1_000));
        assert!(view.look(&both, 0, ms(1_100)).is_some());
        view.checked(&both, false, ms(1_100));
        assert_eq!(view.look(std::slice::from_ref(&a), 0, ms(1_200)), None, "the accepted one was said already");
        for at in [1_300, 1_500, 1_799] {
            assert_eq!(view.look(std::slice::from_ref(&b), 0, ms(at)), None, "too soon: {at}");
        }
        assert!(view.look(std::slice::from_ref(&b), 0, ms(1_800)).is_some());
    }

    #[test]
    fn an_unread_neighbour_is_waited_for_and_not_for_ever() {
        let (mut view, one) = (View::default(), vec![code(1)]);
        for at in [1_000, 1_200, 1_400, 2_499] {
            assert_eq!(view.look(&one, 1, ms(at)), None, "{at}");
        }
        assert_eq!(view.look(&one, 1, ms(2_500)), Some(ms(1_500)));
        let mut view = View::default();
        for at in [1_000, 1_040, 1_080] {
            assert_eq!(view.look(&one, 1, ms(at)), None, "{at}");
        }
        assert_eq!(view.look(&one, 0, ms(1_120)), Some(ms(120)), "it went away");
    }

    #[test]
    fn another_way_of_checking_looks_again_at_what_was_refused() {
        let mut view = View::default();
        view.checked(&[code(1)], false, ms(1_000));
        view.checked(&[of_another(1)], true, ms(1_000));
        view.forget_refused();
        assert!(settled(&mut view, &[code(1)], 1_200).is_some());
        assert_eq!(view.look(&[of_another(1)], 0, ms(1_300)), None);
    }
}
