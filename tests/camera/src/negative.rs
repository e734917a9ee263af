//! Frames that are no permit by itself: nothing to read, a shop's code, two permits, a permit and a forged one.

use crate::dice::Dice;
use crate::scene::{self, PhoneLook, Scene, SheetLook};
use crate::shot::{Placed, Room, take};
use crate::still::{Carrier, Plan};
use crate::texts::{self, Phone, SAMPLES, Symbol};
use crate::{Degree, Kind, Resolution, Split, Still};

/// How many there are in one half of the corpus.
pub(crate) const NEGATIVES: usize = 48;

/// The kinds, in their shares: of six frames, three have no code.
const SHARES: [Kind; 6] =
    [Kind::NoCode, Kind::ShopCode, Kind::NoCode, Kind::TwoPermits, Kind::NoCode, Kind::ForgedBeside];

/// Draws one. Panics if there is none with this number.
pub(crate) fn negative(split: Split, index: usize) -> Still {
    assert!(index < NEGATIVES, "there are {NEGATIVES} frames of this sort");
    let kind = SHARES[index % SHARES.len()];
    let name = format!("{}-{}-{index:02}", split.letter(), kind.name());
    let mut dice = Dice::new(&name, 2);
    let dice = &mut dice;
    let resolution = if (index / SHARES.len()).is_multiple_of(2) { Resolution::Hd720 } else { Resolution::Hd1080 };
    let mut plan = Plan::new(split, resolution, dice);
    let room = Room::new(dice);
    let (scenes, symbols) = match kind {
        Kind::ShopCode => {
            let symbol = texts::sticker(dice);
            (vec![scene::sticker(&symbol, dice)], vec![symbol])
        }
        Kind::TwoPermits | Kind::ForgedBeside => {
            let first = Phone::new(dice.below(SAMPLES), dice).show(dice);
            let second = if kind == Kind::ForgedBeside {
                texts::forged(&first)
            } else {
                Phone::new(dice.below(SAMPLES), dice).show(dice)
            };
            plan.carrier = Carrier::Phone(PhoneLook::usual(dice));
            let left = plan.scene_of(&first, dice);
            plan.carrier = if dice.chance(0.6) {
                Carrier::Phone(PhoneLook::usual(dice))
            } else {
                Carrier::Sheet(SheetLook { sealed_over: false, ..SheetLook::usual(dice) })
            };
            let right = plan.scene_of(&second, dice);
            (vec![left, right], vec![first, second])
        }
        _ => (nothing_to_read(index, dice), Vec::new()),
    };
    place(&mut plan, &scenes, &symbols, &room, name, kind, resolution, dice)
}

/// Desks, menus, faces, patterns.
fn nothing_to_read(index: usize, dice: &mut Dice) -> Vec<Scene> {
    match index / 2 % 4 {
        0 => vec![scene::print_without_code(dice)],
        1 => vec![scene::faces(dice)],
        2 => vec![scene::pattern(dice)],
        _ => Vec::new(),
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one frame")]
fn place(
    plan: &mut Plan,
    scenes: &[Scene],
    symbols: &[Symbol],
    room: &Room,
    name: String,
    kind: Kind,
    resolution: Resolution,
    dice: &mut Dice,
) -> Still {
    let (w, h) = (plan.optics.width as f32, plan.optics.height as f32);
    let mut placed: Vec<Placed<'_>> = Vec::new();
    for (place, scene) in scenes.iter().enumerate() {
        let mut pose = plan.pose;
        pose.roll += dice.either(0.0, 10.0);
        if scenes.len() == 2 {
            // Each in its half of the frame, as large as leaves its code free.
            let side = scene.code.modules as f32 + 8.0;
            pose.px_per_module = (dice.between(0.3, 0.36) * w / side).min(0.8 * h / side);
            pose.at = (w * (0.25 + 0.5 * place as f32), h * dice.between(0.46, 0.54));
            // The left phone lies over the right one, so that neither covers the other's code.
            placed.insert(0, Placed { scene, pose });
        } else {
            pose.px_per_module = dice.between(0.45, 0.7) * h / scene.code.modules as f32;
            pose.at = (w * dice.between(0.42, 0.58), h * dice.between(0.45, 0.55));
            placed.push(Placed { scene, pose });
        }
    }
    let mut shot = plan.shot_of(placed, room);
    shot.light.room = shot.light.room.max(0.5);
    let px_per_module =
        shot.placed.last().filter(|_| !symbols.is_empty()).map_or(0.0, |first| first.px_per_module(&shot.optics));
    let jpeg = take(&shot, dice);
    let version = symbols.first().map_or(0, |symbol| symbol.version);
    let text = symbols.iter().map(|symbol| symbol.text.clone()).collect();
    Still::new(name, kind, Degree::One, resolution, text, version, px_per_module, jpeg)
}
