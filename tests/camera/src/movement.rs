//! What goes on while a code is held before a camera: the hand moves, focus and exposure settle, lamps wander.

use crate::dice::Dice;
use crate::scene::Scene;
use crate::shot::Spot;
use crate::still::Plan;
use crate::view::{Optics, Pose};
use crate::{Degree, Kind};

/// A hand that brings a code in and tries to hold it still.
pub(crate) struct Hand {
    /// Where it comes from, in sizes of the frame, and how long it takes, in seconds.
    pub(crate) from: (f32, f32),
    pub(crate) arrives: f32,
    /// Its trembling, and its slower movements.
    pub(crate) tremor: Vec<Wave>,
    /// How it takes the code away again, if it does.
    pub(crate) leaving: Option<Leaving>,
}

/// A hand that goes away.
pub(crate) struct Leaving {
    /// Where to, in sizes of the frame.
    pub(crate) towards: (f32, f32),
    /// When it begins and when it is out of view, in seconds.
    pub(crate) begins: f32,
    pub(crate) ends: f32,
}

/// One part of a movement: pixels at 720p and degrees.
pub(crate) struct Wave {
    period: f32,
    phase: f32,
    shift: (f32, f32),
    turn: (f32, f32, f32),
}

/// How many times as large as usual the movements of a hand are.
pub(crate) fn strength_of(trouble: Kind, degree: Degree) -> f32 {
    match (trouble, degree) {
        (Kind::Motion, Degree::One) => 1.8,
        (Kind::Motion, Degree::Two) => 3.0,
        (Kind::Motion, Degree::Three) => 8.0,
        _ => 1.0,
    }
}

/// The movements of some hand.
pub(crate) fn tremor(trouble: Kind, degree: Degree, dice: &mut Dice) -> Vec<Wave> {
    let strength = strength_of(trouble, degree);
    [(0.9, 5.0), (0.41, 2.4), (0.105, 0.35)]
        .map(|(period, size)| Wave {
            period: period * dice.between(0.7, 1.3),
            phase: dice.unit(),
            shift: (dice.either(0.4, 1.0) * size * strength, dice.either(0.4, 1.0) * size * strength),
            turn: (dice.either(0.0, 0.35) * size, dice.either(0.0, 0.35) * size, dice.either(0.0, 0.2) * size),
        })
        .into()
}

impl Hand {
    /// Where the code is at `t` seconds, if it is to be held at `held`.
    pub(crate) fn pose(&self, held: Pose, optics: &Optics, t: f32) -> Pose {
        let mut pose = held;
        let (width, height) = (optics.width as f32, optics.height as f32);
        // The hand comes in fast and slows down.
        let left = (1.0 - t / self.arrives).max(0.0);
        let left = left * left;
        let scale = height / 720.0;
        pose.at.0 += self.from.0 * width * left;
        pose.at.1 += self.from.1 * height * left;
        pose.px_per_module *= 1.0 - 0.2 * left;
        pose.yaw += 12.0 * left;
        if let Some(Leaving { towards, begins, ends }) = self.leaving {
            // And it goes the same way, backwards.
            let gone = ((t - begins) / (ends - begins)).max(0.0);
            let gone = gone * gone;
            pose.at.0 += towards.0 * width * gone;
            pose.at.1 += towards.1 * height * gone;
            pose.px_per_module *= 1.0 - 0.2 * gone.min(1.0);
            pose.yaw -= 12.0 * gone.min(1.0);
        }
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

    /// How the middle of the code moves while the shutter is open, so many seconds about `t`.
    pub(crate) fn path(&self, held: Pose, optics: &Optics, t: f32, shutter: f32) -> Vec<(f32, f32)> {
        let now = self.pose(held, optics, t).at;
        [-0.5, 0.0, 0.5]
            .map(|part: f32| {
                let at = self.pose(held, optics, (t + part * shutter).max(0.0)).at;
                // Farther than this the picture of the code is gone anyway, and a kernel grows with its square.
                ((at.0 - now.0).clamp(-24.0, 24.0), (at.1 - now.1).clamp(-24.0, 24.0))
            })
            .into()
    }
}

/// A camera that has to find focus and exposure for what has come before it.
pub(crate) struct Settling {
    /// Seconds that the shutter is open.
    pub(crate) shutter: f32,
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

impl Settling {
    pub(crate) fn new(trouble: Kind, degree: Degree, dice: &mut Dice) -> Settling {
        let hunts = trouble == Kind::Defocus;
        Settling {
            shutter: match trouble {
                Kind::Motion | Kind::LowLight => dice.between(0.03, 0.066),
                _ => dice.between(0.008, 0.025),
            },
            defocus: dice.between(0.5, 1.3),
            focused: dice.between(0.1, 0.3),
            at_best: if hunts { degree.of(dice, [(0.0, 0.15), (0.1, 0.3), (0.5, 0.68)]) } else { 0.0 },
            hunting: if hunts { degree.of(dice, [(0.3, 0.6), (0.6, 0.9), (0.3, 0.6)]) } else { 0.0 },
            hunting_period: dice.between(0.8, 1.6),
            first_exposure: dice.one_of(&[0.35, 0.6, 1.5, 2.2]),
            wander: if trouble == Kind::Glare { dice.between(0.2, 0.5) } else { 0.05 },
        }
    }

    /// The plan of the frame with this number, taken at `t` seconds of a scene that lies as `pose` says and moves along `path`.
    pub(crate) fn plan_at(
        &self,
        held: &Plan,
        scene: &Scene,
        pose: Pose,
        path: Vec<(f32, f32)>,
        t: f32,
        number: usize,
    ) -> Plan {
        let mut plan = held.clone();
        plan.pose = pose;
        plan.disc_modules = self.defocus_at(t);
        let wander = self.wander;
        for (place, lamp) in plan.lamps.iter_mut().enumerate() {
            let (sin, cos) = libm::sincosf(t * 2.1 + 1.7 * place as f32);
            *lamp = Spot { at: (lamp.at.0 + wander * sin, lamp.at.1 + wander * cos), ..*lamp };
        }
        plan.settle(scene);
        plan.blur.path = path;
        plan.sensor.exposure *= 1.0 + (self.first_exposure - 1.0) * libm::expf(-t / 0.22);
        plan.light.band_start += 37.0 * number as f32;
        plan
    }

    /// Radius of defocus in modules.
    fn defocus_at(&self, t: f32) -> f32 {
        let coming_in = self.defocus * libm::expf(-t / self.focused);
        let hunting = self.at_best + self.hunting * libm::sinf(std::f32::consts::TAU * t / self.hunting_period).abs();
        coming_in.max(hunting)
    }
}
