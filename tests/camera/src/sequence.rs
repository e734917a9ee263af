//! Two seconds before the camera: a hand brings a code in and tries to hold it still, while the camera finds focus and exposure.

use crate::dice::Dice;
use crate::scene::{PhoneLook, Scene};
use crate::shot::{Placed, Room, Spot, take};
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
    /// Where the hand comes from, in sizes of the frame, and how long it takes, in seconds.
    from: (f32, f32),
    arrives: f32,
    /// Movements of the hand.
    tremor: Vec<Wave>,
    /// Seconds that the shutter is open.
    shutter: f32,
    /// Defocus in modules when the code comes in, and how soon it is gone; and what the search goes on with.
    defocus: f32,
    focused: f32,
    /// What is left of it at best: a camera without focus has this always.
    at_best: f32,
    hunting: f32,
    hunting_period: f32,
    /// The exposure at first, as a part of the right one.
    first_exposure: f32,
    /// How far lamps wander, in sides of the code.
    wander: f32,
}

/// One part of a movement: pixels at 720p and degrees.
struct Wave {
    period: f32,
    phase: f32,
    shift: (f32, f32),
    turn: (f32, f32, f32),
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
    let mut plan = script.plan.clone();
    plan.pose = script.pose(t);
    plan.disc_modules = script.defocus_at(t);
    let wander = script.wander;
    for (place, lamp) in plan.lamps.iter_mut().enumerate() {
        let (sin, cos) = libm::sincosf(t * 2.1 + 1.7 * place as f32);
        *lamp = Spot { at: (lamp.at.0 + wander * sin, lamp.at.1 + wander * cos), ..*lamp };
    }
    plan.settle(scene);
    plan.blur.path = script.path(t);
    plan.sensor.exposure *= 1.0 + (script.first_exposure - 1.0) * libm::expf(-t / 0.22);
    plan.light.band_start += 37.0 * number as f32;

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

        let strength = match (trouble, degree) {
            (Kind::Motion, Degree::Two) => 3.0,
            (Kind::Motion, _) => 8.0,
            _ => 1.0,
        };
        let tremor = [(0.9, 5.0), (0.41, 2.4), (0.105, 0.35)]
            .map(|(period, size)| Wave {
                period: period * dice.between(0.7, 1.3),
                phase: dice.unit(),
                shift: (dice.either(0.4, 1.0) * size * strength, dice.either(0.4, 1.0) * size * strength),
                turn: (dice.either(0.0, 0.35) * size, dice.either(0.0, 0.35) * size, dice.either(0.0, 0.2) * size),
            })
            .into();
        let hunts = trouble == Kind::Defocus;
        Script {
            plan,
            scenes,
            room: Room::new(dice),
            changes_at,
            from: dice.one_of(&[(-0.75, 0.2), (0.75, 0.1), (0.1, 1.1), (-0.3, 0.95)]),
            arrives: dice.between(0.3, 0.7),
            tremor,
            shutter: match trouble {
                Kind::Motion | Kind::LowLight => dice.between(0.03, 0.066),
                _ => dice.between(0.008, 0.025),
            },
            defocus: dice.between(0.5, 1.3),
            focused: dice.between(0.1, 0.3),
            at_best: if hunts { degree.of(dice, [(0.0, 0.0), (0.1, 0.3), (0.5, 0.68)]) } else { 0.0 },
            hunting: if hunts { degree.of(dice, [(0.0, 0.0), (0.6, 0.9), (0.3, 0.6)]) } else { 0.0 },
            hunting_period: dice.between(0.8, 1.6),
            first_exposure: dice.one_of(&[0.35, 0.6, 1.5, 2.2]),
            wander: if trouble == Kind::Glare { dice.between(0.2, 0.5) } else { 0.05 },
        }
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
        let mut pose = self.plan.pose;
        // The hand comes in fast and slows down.
        let left = (1.0 - t / self.arrives).max(0.0);
        let left = left * left;
        let scale = self.plan.optics.height as f32 / 720.0;
        pose.at.0 += self.from.0 * self.plan.optics.width as f32 * left;
        pose.at.1 += self.from.1 * self.plan.optics.height as f32 * left;
        pose.px_per_module *= 1.0 - 0.2 * left;
        pose.yaw += 12.0 * left;
        for wave in &self.tremor {
            let sin = libm::sinf(std::f32::consts::TAU * (t / wave.period + wave.phase));
            pose.at.0 += scale * wave.shift.0 * sin;
            pose.at.1 += scale * wave.shift.1 * sin;
            pose.yaw += wave.turn.0 * sin;
            pose.pitch += wave.turn.1 * sin;
            pose.roll += wave.turn.2 * sin;
        }
        pose
    }

    /// How the middle of the code moves while the shutter is open.
    fn path(&self, t: f32) -> Vec<(f32, f32)> {
        let now = self.pose(t).at;
        [-0.5, 0.0, 0.5]
            .map(|part: f32| {
                let at = self.pose((t + part * self.shutter).max(0.0)).at;
                // Farther than this the picture of the code is gone anyway, and a kernel grows with its square.
                ((at.0 - now.0).clamp(-24.0, 24.0), (at.1 - now.1).clamp(-24.0, 24.0))
            })
            .into()
    }

    /// Radius of defocus in modules.
    fn defocus_at(&self, t: f32) -> f32 {
        let coming_in = self.defocus * libm::expf(-t / self.focused);
        let hunting = self.at_best + self.hunting * libm::sinf(std::f32::consts::TAU * t / self.hunting_period).abs();
        coming_in.max(hunting)
    }
}
