//! Two seconds before the camera: a hand brings a code in and tries to hold it still, while the camera finds focus and exposure.

use crate::dice::Dice;
use crate::movement::{Hand, Settling, tremor};
use crate::scene::{PhoneLook, Scene};
use crate::shot::{Placed, Room, take};
use crate::still::{Carrier, Plan};
use crate::texts::{Phone, SAMPLES, Symbol};
use crate::view::Pose;
use crate::{Degree, FRAME_TIME, Kind, Resolution, SEQUENCE_FRAMES, Sequence, SequenceFrame, Split, grey};

/// How many there are in one half of the corpus.
pub(crate) const SEQUENCES: usize = 30;

const TROUBLES: [Kind; 5] = [Kind::Motion, Kind::LowLight, Kind::Glare, Kind::Moire, Kind::Defocus];

/// What one sequence is drawn from.
pub(crate) struct Script {
    plan: Plan,
    scenes: Vec<(Scene, Symbol)>,
    room: Room,
    /// The frame from which on the phone shows its next code.
    changes_at: usize,
    hand: Hand,
    camera: Settling,
}

/// Writes the script of a sequence. Panics if there is none with this number.
pub(crate) fn sequence(split: Split, index: usize) -> Sequence {
    assert!(index < SEQUENCES, "there are {SEQUENCES} sequences");
    let trouble = TROUBLES[index % TROUBLES.len()];
    let round = index / TROUBLES.len();
    let name = format!("{}-sequence-{}-{round:02}", split.letter(), trouble.name());
    let mut dice = Dice::new(&name, 3);
    let resolution = if index.is_multiple_of(2) { Resolution::Hd720 } else { Resolution::Hd1080 };
    let script = Script::new(split, resolution, trouble, round, &mut dice);
    let first_whole = (0..SEQUENCE_FRAMES).find(|number| script.is_whole(*number)).unwrap_or(SEQUENCE_FRAMES);
    let version = script.scenes[0].1.version;
    Sequence { name, trouble, resolution, version, first_whole, script }
}

/// Draws one frame of it.
pub(crate) fn frame(sequence: &Sequence, number: usize) -> SequenceFrame {
    let script = &sequence.script;
    let mut dice = Dice::new(&sequence.name, 1_000 + number as u64);
    let (scene, symbol) = script.shown(number);
    let t = seconds(number);
    let pose = script.pose(t);
    let path = script.hand.path(script.plan.pose, &script.plan.optics, t, script.camera.shutter);
    let plan = script.camera.plan_at(&script.plan, scene, pose, path, t, number);

    let shot = plan.shot_of(vec![Placed { scene, pose: plan.pose }], &script.room);
    let jpeg = take(&shot, &mut dice);
    SequenceFrame {
        number,
        at: FRAME_TIME * number as u32,
        whole: script.is_whole(number),
        text: symbol.text.clone(),
        frame: grey(&jpeg),
        jpeg,
    }
}

fn seconds(number: usize) -> f32 {
    FRAME_TIME.as_secs_f32() * number as f32
}

impl Script {
    fn new(split: Split, resolution: Resolution, trouble: Kind, round: usize, dice: &mut Dice) -> Script {
        let mut plan = Plan::new(split, resolution, dice);
        plan.carrier = Carrier::Phone(PhoneLook { cracks: 0, ..PhoneLook::usual(dice) });
        let degree = if round.is_multiple_of(2) { Degree::Two } else { Degree::Three };
        // Movement and focus have their own course here.
        if !matches!(trouble, Kind::Motion | Kind::Defocus) {
            plan.trouble(trouble, degree, dice);
        }
        plan.path_modules.clear();

        let mut phone = Phone::new(dice.below(SAMPLES), dice);
        let first = phone.show(dice);
        let mut scenes = Vec::new();
        let look = dice.clone();
        scenes.push((plan.scene_of(&first, &mut look.clone()), first));
        // In one of four sequences the fifteen seconds of a code end in the middle.
        let changes_at = if dice.chance(0.25) { 10 + dice.below(10) } else { SEQUENCE_FRAMES };
        if changes_at < SEQUENCE_FRAMES {
            let second = phone.show(dice);
            scenes.push((plan.scene_of(&second, &mut look.clone()), second));
        }
        plan.fit(&scenes[0].0, dice);

        let tremor = tremor(trouble, degree, dice);
        let room = Room::new(dice);
        let from = dice.one_of(&[(-0.75, 0.2), (0.75, 0.1), (0.1, 1.1), (-0.3, 0.95)]);
        let hand = Hand { from, arrives: dice.between(0.3, 0.7), tremor, leaving: None };
        Script { plan, scenes, room, changes_at, hand, camera: Settling::new(trouble, degree, dice) }
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.scenes.iter().map(|(_, symbol)| symbol.text.as_str()).collect()
    }

    fn shown(&self, number: usize) -> &(Scene, Symbol) {
        let place = usize::from(number >= self.changes_at).min(self.scenes.len() - 1);
        &self.scenes[place]
    }

    fn is_whole(&self, number: usize) -> bool {
        Placed { scene: &self.shown(number).0, pose: self.pose(seconds(number)) }.is_whole(&self.plan.optics)
    }

    fn pose(&self, t: f32) -> Pose {
        self.hand.pose(self.plan.pose, &self.plan.optics, t)
    }
}
