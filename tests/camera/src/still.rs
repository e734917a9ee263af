//! Single frames, each with one kind of trouble in one of three degrees.

use crate::dice::Dice;
use crate::lens::Blur;
use crate::scene::{self, INTERFACES, PhoneLook, Scene, SheetLook};
use crate::shot::{Lighting, Placed, Room, Sensor, Shot, Spot, take};
use crate::texts::{self, Phone, SAMPLES, Symbol};
use crate::view::{Optics, Pose};
use crate::{Degree, Kind, Resolution, Split, Still};

/// Stills of one kind and degree in each half of the corpus.
const ROUNDS: usize = 9;
/// The same of mixed troubles, and of easy frames in all.
const MIXED_ROUNDS: usize = 10;
const EASY: usize = 20;

/// How many stills one half of the corpus has.
pub(crate) const STILLS: usize = TROUBLES.len() * 3 * ROUNDS + 3 * MIXED_ROUNDS + EASY;

/// Kinds that have one trouble.
pub(crate) const TROUBLES: [Kind; 10] = [
    Kind::Perspective,
    Kind::Roll,
    Kind::Distance,
    Kind::Defocus,
    Kind::Motion,
    Kind::LowLight,
    Kind::Glare,
    Kind::Moire,
    Kind::Shadow,
    Kind::Jpeg,
];

/// Draws one still. Panics if there is none with this number.
pub(crate) fn still(split: Split, index: usize) -> Still {
    let (kind, degree, round) = order(split)[index];
    let name = format!("{}-{}-{}-{round:02}", split.letter(), kind.name(), degree.number());
    let mut dice = Dice::new(&name, 1);
    let resolution = if round % 2 == 0 { Resolution::Hd720 } else { Resolution::Hd1080 };
    let mut plan = Plan::new(split, resolution, &mut dice);
    plan.trouble(kind, degree, &mut dice);

    let no = dice.below(SAMPLES);
    let (scene, symbol) = plan.scene(no, &mut dice);
    plan.fit(&scene, &mut dice);
    let room = Room::new(&mut dice);
    let shot = plan.shot(&scene, &room);
    let px_per_module = shot.placed[0].px_per_module(&shot.optics);
    let jpeg = take(&shot, &mut dice);
    Still::new(name, kind, degree, resolution, vec![symbol.text], symbol.version, px_per_module, jpeg)
}

/// The order of the stills: sorted, and then taken in strides that go round the list again and again, so that every tenth still, or
/// every third, or the first fifty, are spread evenly over all kinds and degrees.
fn order(split: Split) -> Vec<(Kind, Degree, usize)> {
    let mut sorted: Vec<(Kind, Degree, usize)> = (0..EASY).map(|round| (Kind::Easy, Degree::One, round)).collect();
    for (kind, rounds) in TROUBLES.map(|kind| (kind, ROUNDS)).into_iter().chain([(Kind::Mixed, MIXED_ROUNDS)]) {
        sorted.extend(Degree::ALL.iter().flat_map(|degree| (0..rounds).map(|round| (kind, *degree, round))));
    }
    let first = match split {
        Split::Develop => 0,
        Split::HeldBack => 57,
    };
    (0..STILLS).map(|index| sorted[(first + STRIDE * index) % STILLS]).collect()
}

/// It and the number of stills have no common divisor, so every still comes once. Of all such numbers it leaves the smallest gaps.
const STRIDE: usize = 21;

/// All that a frame is to be, before anything is drawn.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) optics: Optics,
    pub(crate) pose: Pose,
    pub(crate) light: Lighting,
    pub(crate) blur: Blur,
    pub(crate) sensor: Sensor,
    pub(crate) carrier: Carrier,
    /// Radius of defocus and way of movement in modules; pixels are known when the code has its size.
    pub(crate) disc_modules: f32,
    pub(crate) path_modules: Vec<(f32, f32)>,
    /// Lamps and shadows in sides of the code, about its middle.
    pub(crate) lamps: Vec<Spot>,
    pub(crate) shadows: Vec<Spot>,
    /// Width of the display in pixels of the frame to the display pixel, where moiré is wanted.
    pub(crate) display_px: Option<f32>,
}

/// What the code is on.
#[derive(Clone, Copy)]
pub(crate) enum Carrier {
    Phone(PhoneLook),
    Sheet(SheetLook),
}

impl Plan {
    /// A good camera in an ordinary office, and a code that is held well before it.
    pub(crate) fn new(split: Split, resolution: Resolution, dice: &mut Dice) -> Plan {
        let (width, height) = resolution.pixels();
        // The two halves of the corpus have other cameras.
        let (focal, barrel, halo) = match split {
            Split::Develop => (dice.between(0.75, 1.05), dice.between(0.0, 0.03), dice.between(0.0, 0.7)),
            Split::HeldBack => (dice.between(0.68, 1.2), dice.between(0.0, 0.04), dice.between(0.1, 0.8)),
        };
        let px_per_module = match resolution {
            Resolution::Hd720 => dice.between(3.9, 6.2),
            Resolution::Hd1080 => dice.between(4.6, 8.0),
        };
        let carrier = if dice.chance(0.7) {
            Carrier::Phone(PhoneLook::usual(dice))
        } else {
            Carrier::Sheet(SheetLook::usual(dice))
        };
        Plan {
            optics: Optics { width, height, focal: focal * width as f32, barrel },
            pose: Pose {
                yaw: dice.between(-10.0, 10.0),
                pitch: dice.between(-12.0, 12.0),
                roll: dice.between(-8.0, 8.0),
                at: (0.0, 0.0),
                px_per_module,
            },
            light: Lighting {
                room: dice.between(0.35, 0.75),
                screen: dice.between(0.5, 0.9),
                veil: dice.between(0.01, 0.06),
                lamps: Vec::new(),
                shadows: Vec::new(),
                bands: if dice.chance(0.15) { dice.between(0.03, 0.12) } else { 0.0 },
                band_height: dice.between(60.0, 260.0),
                band_start: dice.between(0.0, 260.0),
            },
            blur: Blur { bell: dice.between(0.45, 0.7), disc: 0.0, path: Vec::new() },
            sensor: Sensor {
                fill: 1.0,
                exposure: dice.between(0.85, 1.15),
                vignette: dice.between(0.1, 0.35),
                electrons: dice.between(2_000.0, 7_000.0),
                read_noise: dice.between(4.0, 9.0),
                clumps: dice.between(0.0, 0.6),
                contrast: dice.between(0.0, 0.4),
                halo,
                jpeg_quality: dice.between(72.0, 94.0) as u8,
                again: None,
            },
            carrier,
            disc_modules: 0.0,
            path_modules: Vec::new(),
            lamps: Vec::new(),
            shadows: Vec::new(),
            display_px: None,
        }
    }

    /// Adds the trouble.
    pub(crate) fn trouble(&mut self, kind: Kind, degree: Degree, dice: &mut Dice) {
        match kind {
            Kind::Easy => {}
            Kind::Perspective => {
                let slant = degree.of(dice, [(25.0, 38.0), (42.0, 52.0), (54.0, 63.0)]);
                let (sin, cos) = libm::sincosf(dice.between(0.0, std::f32::consts::TAU));
                (self.pose.yaw, self.pose.pitch) = (slant * cos, slant * sin);
            }
            Kind::Roll => {
                self.pose.roll = match degree {
                    Degree::One => dice.either(10.0, 30.0),
                    _ => dice.between(0.0, 360.0),
                };
                self.pose.px_per_module = degree.of(dice, [(4.0, 6.0), (2.8, 3.6), (2.1, 2.5)]);
                self.blur.bell = degree.of(dice, [(0.45, 0.7), (0.5, 0.8), (0.6, 0.9)]);
            }
            Kind::Distance => {
                self.pose.px_per_module = degree.of(dice, [(2.9, 3.5), (2.4, 2.9), (2.0, 2.35)]);
                self.blur.bell = degree.of(dice, [(0.5, 0.8), (0.6, 0.9), (0.65, 1.0)]);
            }
            Kind::Defocus => self.disc_modules = degree.of(dice, [(0.35, 0.5), (0.52, 0.64), (0.64, 0.8)]),
            Kind::Motion => {
                let length = degree.of(dice, [(0.6, 1.0), (1.05, 1.4), (1.4, 1.8)]);
                self.path_modules = shaken(length, dice);
            }
            Kind::LowLight => {
                self.sensor.electrons = degree.of(dice, [(250.0, 500.0), (120.0, 220.0), (45.0, 100.0)]);
                self.sensor.read_noise = dice.between(4.0, 7.0);
                self.sensor.clumps = dice.between(0.2, 0.9);
                self.sensor.halo *= 0.4;
                self.light.room *= 0.35;
                self.light.screen = dice.between(0.25, 0.7);
                self.path_modules = shaken(dice.between(0.2, 0.5), dice);
            }
            Kind::Glare => {
                let lamps = degree.of(dice, [(1.0, 1.9), (1.0, 2.5), (1.5, 2.9)]) as usize;
                for _ in 0..lamps {
                    let size = degree.of(dice, [(0.08, 0.2), (0.1, 0.26), (0.14, 0.34)]);
                    self.lamps.push(lamp(size, degree.of(dice, [(0.3, 0.8), (0.35, 0.9), (0.5, 1.2)]), dice));
                }
                self.light.veil = degree.of(dice, [(0.05, 0.15), (0.1, 0.3), (0.2, 0.45)]);
                self.on_phone(dice);
            }
            Kind::Moire => {
                self.on_phone(dice);
                self.blur.bell = degree.of(dice, [(0.22, 0.32), (0.16, 0.24), (0.1, 0.18)]);
                self.sensor.fill = degree.of(dice, [(0.4, 0.5), (0.3, 0.4), (0.2, 0.35)]);
                self.sensor.halo += 0.3;
                self.pose.px_per_module = degree.of(dice, [(4.0, 7.0), (3.4, 5.5), (2.9, 4.2)]);
                self.display_px = Some(degree.of(dice, [(0.7, 1.3), (0.8, 1.2), (0.85, 1.15)]));
                self.light.bands = degree.of(dice, [(0.0, 0.15), (0.1, 0.3), (0.2, 0.5)]);
                self.light.veil *= 0.5;
            }
            Kind::Shadow => {
                for _ in 0..dice.one_of(&[1, 1, 2]) {
                    let depth = degree.of(dice, [(0.35, 0.6), (0.65, 0.82), (0.85, 0.96)]);
                    let mut shadow = lamp(dice.between(0.3, 0.9), depth, dice);
                    shadow.softness = dice.between(0.03, 0.6);
                    self.shadows.push(shadow);
                }
                if dice.chance(0.75) {
                    self.carrier = Carrier::Sheet(SheetLook::usual(dice));
                }
            }
            Kind::Jpeg => {
                self.sensor.jpeg_quality = degree.of(dice, [(30.0, 50.0), (14.0, 24.0), (4.0, 8.9)]) as u8;
                self.pose.px_per_module = degree.of(dice, [(3.2, 5.0), (2.8, 4.0), (2.4, 3.4)]);
                if dice.chance(0.5) {
                    self.sensor.again = Some(self.sensor.jpeg_quality);
                    self.sensor.jpeg_quality = dice.between(60.0, 90.0) as u8;
                }
            }
            Kind::Mixed => {
                // Two or three troubles, each milder than it would be alone.
                let mut troubles = TROUBLES.to_vec();
                dice.shuffle(&mut troubles);
                let milder = if degree == Degree::Three { Degree::Two } else { Degree::One };
                let count = if degree == Degree::One { 2 } else { 3 };
                for kind in troubles.into_iter().take(count) {
                    self.trouble(kind, milder, dice);
                }
            }
            // Frames without a permit have no trouble of the camera.
            Kind::NoCode | Kind::ShopCode | Kind::TwoPermits | Kind::ForgedBeside => {}
        }
    }

    /// Only a screen has this trouble.
    fn on_phone(&mut self, dice: &mut Dice) {
        if let Carrier::Sheet(_) = self.carrier {
            self.carrier = Carrier::Phone(PhoneLook { interface: dice.one_of(&INTERFACES), ..PhoneLook::usual(dice) });
        }
    }

    /// Draws what lies before the camera.
    pub(crate) fn scene(&mut self, no: usize, dice: &mut Dice) -> (Scene, Symbol) {
        let symbol = match self.carrier {
            Carrier::Phone(_) => Phone::new(no, dice).show(dice),
            Carrier::Sheet(_) => texts::voucher(no, dice),
        };
        (self.scene_of(&symbol, dice), symbol)
    }

    /// The same for a symbol that there is already.
    pub(crate) fn scene_of(&mut self, symbol: &Symbol, dice: &mut Dice) -> Scene {
        match &mut self.carrier {
            Carrier::Phone(look) => {
                if let Some(px) = self.display_px {
                    // The display has as many pixels as make the beat with the sensor's that is wanted: a screen is about 1.17
                    // times as wide as its code with the quiet zone.
                    let across = (symbol.side() as f32 + 8.0) * self.pose.px_per_module * 1.17;
                    look.display_width = (across / px).round();
                    look.oled &= dice.chance(0.5);
                }
                scene::phone(symbol, look, dice)
            }
            Carrier::Sheet(look) => scene::sheet(symbol, look, dice),
        }
    }

    /// Finds a place in the frame where the whole code can be seen; makes it smaller if there is none.
    pub(crate) fn fit(&mut self, scene: &Scene, dice: &mut Dice) {
        let (w, h) = (self.optics.width as f32, self.optics.height as f32);
        for attempt in 0..200 {
            let slack = 0.3 * (1.0 - attempt as f32 / 200.0);
            self.pose.at = (w * (0.5 + dice.between(-slack, slack)), h * (0.5 + dice.between(-slack, slack)));
            if attempt % 10 == 9 {
                self.pose.px_per_module *= 0.97;
            }
            let placed = Placed { scene, pose: self.pose };
            let inside = |&(x, y): &(f32, f32)| x > 0.0 && y > 0.0 && x < w && y < h;
            if placed.corners(&self.optics, 3.0).is_some_and(|corners| corners.iter().all(inside)) {
                break;
            }
        }
        self.settle(scene);
    }

    /// Works out what is given in modules, for the place that the code has.
    pub(crate) fn settle(&mut self, scene: &Scene) {
        let placed = Placed { scene, pose: self.pose };
        let module = placed.px_per_module(&self.optics);
        let side = module * scene.code.modules as f32;
        self.blur.disc = self.disc_modules * module;
        self.blur.path = self.path_modules.iter().map(|(x, y)| (x * module, y * module)).collect();
        let middle = placed.corners(&self.optics, 0.0).map_or(self.pose.at, |corners| {
            let sum = corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
            (sum.0 / 4.0, sum.1 / 4.0)
        });
        let in_frame = |spot: &Spot| Spot {
            at: (middle.0 + spot.at.0 * side, middle.1 + spot.at.1 * side),
            half: (spot.half.0 * side, spot.half.1 * side),
            ..*spot
        };
        self.light.lamps = self.lamps.iter().map(in_frame).collect();
        self.light.shadows = self.shadows.iter().map(in_frame).collect();
    }

    /// The frame of a single scene.
    pub(crate) fn shot<'a>(&self, scene: &'a Scene, room: &'a Room) -> Shot<'a> {
        self.shot_of(vec![Placed { scene, pose: self.pose }], room)
    }

    /// The frame of these scenes.
    pub(crate) fn shot_of<'a>(&self, placed: Vec<Placed<'a>>, room: &'a Room) -> Shot<'a> {
        Shot {
            optics: self.optics,
            placed,
            room,
            light: self.light.clone(),
            blur: self.blur.clone(),
            sensor: self.sensor.clone(),
            backdrop: None,
        }
    }
}

/// A lamp, a tube or a window somewhere on the code: lengths in sides of the code.
fn lamp(size: f32, strength: f32, dice: &mut Dice) -> Spot {
    Spot {
        at: (dice.between(-0.6, 0.6), dice.between(-0.6, 0.6)),
        half: (size, size * dice.one_of(&[0.25, 0.6, 1.0])),
        turn: dice.between(0.0, 180.0),
        softness: dice.between(0.15, 1.0),
        strength,
    }
}

/// A hand's movement of this length: nearly straight, bent in the middle.
fn shaken(length: f32, dice: &mut Dice) -> Vec<(f32, f32)> {
    let (sin, cos) = libm::sincosf(dice.between(0.0, std::f32::consts::TAU));
    let bend = dice.between(-0.15, 0.15) * length;
    let end = (cos * length / 2.0, sin * length / 2.0);
    vec![(-end.0, -end.1), (-sin * bend, cos * bend), end]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_kind_and_degree_comes_as_often_as_it_should_each_once() {
        for split in [Split::Develop, Split::HeldBack] {
            let mut order = order(split);
            let mut counts: BTreeMap<(Kind, Degree), usize> = BTreeMap::new();
            order.iter().for_each(|(kind, degree, _)| *counts.entry((*kind, *degree)).or_default() += 1);
            for degree in Degree::ALL {
                assert!(TROUBLES.iter().all(|kind| counts[&(*kind, degree)] == ROUNDS));
                assert_eq!(counts[&(Kind::Mixed, degree)], MIXED_ROUNDS);
            }
            assert_eq!(counts[&(Kind::Easy, Degree::One)], EASY);
            assert_eq!(order.len(), 320);
            order.sort_unstable();
            order.dedup();
            assert_eq!(order.len(), 320);
        }
    }

    #[test]
    fn any_stride_is_a_fair_sample() {
        for split in [Split::Develop, Split::HeldBack] {
            let order = order(split);
            for stride in 2..=12 {
                for kind in TROUBLES {
                    let taken = order.iter().step_by(stride).filter(|(other, ..)| *other == kind).count();
                    let fair = 27 / stride;
                    assert!(taken >= 1 && 2 * taken >= fair && taken <= fair + 3, "{kind:?} {stride} {taken}");
                }
            }
        }
    }
}
