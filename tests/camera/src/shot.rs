//! One frame: scenes before a lens and a sensor, in the order in which light meets them.
//!
//! Scene in linear light, projection with area sampling, blur of lens and movement, the grid of the display against the
//! grid of the sensor, vignette and exposure, noise of light and of electronics, tone curve, the sharpening of webcams,
//! JPEG with halved colour. Everything that looks random comes from the dice.

use std::ops::Range;

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use crate::canvas::{Area, Canvas, Colour, srgb, to_srgb};
use crate::dice::Dice;
use crate::lens::{Blur, Plane};
use crate::scene::{Scene, Surface};
use crate::view::{Optics, Pose, Seen, View};

/// All that one frame is made of.
pub(crate) struct Shot<'a> {
    pub(crate) optics: Optics,
    /// From back to front.
    pub(crate) placed: Vec<Placed<'a>>,
    pub(crate) room: &'a Room,
    pub(crate) light: Lighting,
    pub(crate) blur: Blur,
    pub(crate) sensor: Sensor,
    /// What was drawn before for all frames of a film.
    pub(crate) backdrop: Option<&'a Backdrop>,
}

/// What is the same in all frames of a film, but for its place: the room behind, and the noise. It saves half of the time.
pub(crate) struct Backdrop {
    room: Plane,
    red: Plane,
    blue: Plane,
    noise: Vec<f32>,
}

impl Backdrop {
    /// That of this shot.
    pub(crate) fn of(shot: &Shot<'_>, dice: &mut Dice) -> Backdrop {
        let mut exposed = Exposed::dark(&shot.optics);
        lay_room(&mut exposed, shot, dice);
        let Exposed { room, red, blue, .. } = exposed;
        Backdrop { noise: noise(&room, &shot.sensor, dice), room, red, blue }
    }
}

/// A scene and how it lies.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) pose: Pose,
}

impl Placed<'_> {
    fn view(&self, optics: &Optics) -> Option<View> {
        View::new(optics, &self.pose, self.scene.code.centre(), self.scene.code.module)
    }

    /// Where the corners of the code, `margin` modules farther out, are seen.
    pub(crate) fn corners(&self, optics: &Optics, margin: f32) -> Option<[(f32, f32); 4]> {
        let view = self.view(optics)?;
        let mut seen = [(0.0, 0.0); 4];
        for (seen, corner) in seen.iter_mut().zip(self.scene.code.corners(margin)) {
            *seen = view.frame_of(corner)?;
        }
        Some(seen)
    }

    /// Whether the whole code is in the frame, with one module around it.
    pub(crate) fn is_whole(&self, optics: &Optics) -> bool {
        let (w, h) = (optics.width as f32, optics.height as f32);
        self.corners(optics, 1.0)
            .is_some_and(|corners| corners.iter().all(|&(x, y)| x >= 0.0 && y >= 0.0 && x <= w && y <= h))
    }

    /// Pixels to the module, the mean of the four sides.
    pub(crate) fn px_per_module(&self, optics: &Optics) -> f32 {
        let Some(corners) = self.corners(optics, 0.0) else { return 0.0 };
        let sides = (0..4).map(|i| {
            let (p, q) = (corners[i], corners[(i + 1) % 4]);
            ((p.0 - q.0) * (p.0 - q.0) + (p.1 - q.1) * (p.1 - q.1)).sqrt()
        });
        sides.sum::<f32>() / (4 * self.scene.code.modules) as f32
    }
}

/// The light that falls on things, and that screens give.
#[derive(Clone, Debug)]
pub(crate) struct Lighting {
    /// White paper in the light of the room, 1 is what the sensor takes for white at exposure 1.
    pub(crate) room: f32,
    /// The white of a screen.
    pub(crate) screen: f32,
    /// What the glass of a screen mirrors everywhere, as a part of the room's light.
    pub(crate) veil: f32,
    /// Lamps and windows that the glass mirrors.
    pub(crate) lamps: Vec<Spot>,
    /// Shadows that fall on paper, and screens that are darker at a slant: `strength` is the part of light that is lost.
    pub(crate) shadows: Vec<Spot>,
    /// Depth of the dark bands of a screen whose brightness is pulsed.
    pub(crate) bands: f32,
    /// Height of a band in pixels, and where the first begins.
    pub(crate) band_height: f32,
    pub(crate) band_start: f32,
}

/// A turned ellipse of light or of shadow in the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) at: (f32, f32),
    /// Half its axes in pixels.
    pub(crate) half: (f32, f32),
    /// Its turn in degrees.
    pub(crate) turn: f32,
    /// How wide its edge is, as a part of its size: 0.05 sharp, 1 very soft.
    pub(crate) softness: f32,
    pub(crate) strength: f32,
}

/// The sensor, and what the camera does with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    /// How much of a pixel's width sees light: 1 usually, less where a camera leaves out rows and columns.
    pub(crate) fill: f32,
    /// 1 leaves the light as it is.
    pub(crate) exposure: f32,
    /// Light lost in the corners.
    pub(crate) vignette: f32,
    /// Electrons of a white pixel: 4,000 in good light, 60 in the dark.
    pub(crate) electrons: f32,
    /// Noise of the electronics, in electrons.
    pub(crate) read_noise: f32,
    /// How far the camera has smeared its noise into clumps: 0 to 1.
    pub(crate) clumps: f32,
    /// Contrast of the tone curve: 0 to 0.6.
    pub(crate) contrast: f32,
    /// Strength of sharpening, with its halos: 0 to 1.5.
    pub(crate) halo: f32,
    /// JPEG quality, 1 to 100.
    pub(crate) jpeg_quality: u8,
    /// The quality it is compressed with once more, as chat programs do.
    pub(crate) again: Option<u8>,
}

/// What is behind: a desk with things on it, or an office, out of focus.
pub(crate) struct Room {
    canvas: Canvas,
    tint: Colour,
}

impl Room {
    /// Some desk or other.
    pub(crate) fn new(dice: &mut Dice) -> Room {
        let (w, h) = (320.0, 180.0);
        let mut canvas = Canvas::new(w as usize + 2, h as usize + 2);
        let whole = Area::new(0.0, 0.0, w + 2.0, h + 2.0);
        let wood = dice.one_of(&[0x988068, 0xb8a890, 0x606268, 0xc8c8c4, 0x403834, 0x88968c]);
        let darker = srgb(wood).map(|light| light * dice.between(0.45, 0.9));
        canvas.gradient(whole, srgb(wood), darker);
        for _ in 0..3 + dice.below(6) {
            let area = Area::new(
                dice.between(-60.0, w),
                dice.between(-50.0, h),
                dice.between(20.0, 130.0),
                dice.between(16.0, 100.0),
            );
            let colour = srgb(dice.one_of(&[0xe8e8e4, 0x30343a, 0x2c5080, 0x90302c, 0xd8c8a0, 0x6c7074, 0x202020]));
            canvas.glow(Area { x: area.x + 3.0, y: area.y + 3.0, ..area }, 4.0, 5.0, [0.0; 3], 0.4);
            canvas.fill(area, dice.between(0.0, 8.0), colour, 1.0);
            match dice.below(4) {
                // a keyboard
                0 => {
                    for key in 0..48 {
                        let (column, row) = ((key % 12) as f32, (key / 12) as f32);
                        let (cw, ch) = (area.w / 12.5, area.h / 4.5);
                        let cap = Area::new(area.x + 1.5 + cw * column, area.y + 1.5 + ch * row, cw * 0.8, ch * 0.8);
                        canvas.fill(cap, 1.0, srgb(0x141416), 0.9);
                    }
                }
                // a paper with text
                1 => {
                    let mut y = area.y + 5.0;
                    while y < area.y + area.h - 6.0 {
                        let words = [3, 2 + dice.below(5)];
                        canvas.text((area.x + 4.0, y), 4.0, &words, srgb(0x303034), dice);
                        y += 7.0;
                    }
                }
                _ => {}
            }
        }
        let light = (dice.between(0.0, w), dice.between(-0.2 * h, 0.6 * h));
        canvas.tint(|x, y| {
            let (dx, dy) = ((x as f32 - light.0) / w, (y as f32 - light.1) / w);
            1.15 - 0.8 * (dx * dx + dy * dy).sqrt().min(1.0)
        });
        let warm = dice.between(-0.08, 0.08);
        Room { canvas, tint: [1.0 + warm, 1.0, 1.0 - warm] }
    }
}

/// The camera's picture, as a file.
pub(crate) fn take(shot: &Shot<'_>, dice: &mut Dice) -> Vec<u8> {
    let first = develop(shot, dice).jpeg(shot.sensor.jpeg_quality);
    match shot.sensor.again.and_then(|quality| frame_of_jpeg(&first).map(|frame| frame.jpeg(quality))) {
        Some(again) => again,
        None => first,
    }
}

/// The camera's picture, before it is a file.
pub(crate) fn develop(shot: &Shot<'_>, dice: &mut Dice) -> Frame {
    let mut exposed = project(shot, dice);
    let kernel = shot.blur.kernel();
    let reach = kernel.reach();
    let widened = |range: &Range<usize>, end: usize| range.start.saturating_sub(reach)..(range.end + reach).min(end);
    let (columns, rows) = (widened(&exposed.columns, shot.optics.width), widened(&exposed.rows, shot.optics.height));
    if !columns.is_empty() && !rows.is_empty() {
        let light = kernel.spread(&exposed.light, columns.clone(), rows.clone());
        let cover = kernel.spread(&exposed.cover, columns.clone(), rows.clone());
        // What is behind is neither moved by the hand nor in focus: it stays as it is, where nothing covers it.
        for y in rows {
            let (light, cover) = (&light.row(y)[columns.clone()], &cover.row(y)[columns.clone()]);
            for ((behind, light), cover) in exposed.room.row_mut(y)[columns.clone()].iter_mut().zip(light).zip(cover) {
                *behind = light + *behind * (1.0 - cover).max(0.0);
            }
        }
    }
    expose(exposed, shot, dice)
}

/// Light on the sensor before it is counted.
struct Exposed {
    /// Brightness (Y of linear light) of what is behind.
    room: Plane,
    /// Brightness of what lies before it, and how much of each pixel that covers.
    light: Plane,
    cover: Plane,
    /// Red and blue less brightness, at half the size each way.
    red: Plane,
    blue: Plane,
    /// What the display's grid makes of it, where one is visible.
    grid: Option<Plane>,
    /// Where anything lies before the room.
    columns: Range<usize>,
    rows: Range<usize>,
}

fn brightness([r, g, b]: Colour) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

impl Exposed {
    /// Without any light.
    fn dark(optics: &Optics) -> Exposed {
        let (w, h) = (optics.width, optics.height);
        Exposed {
            room: Plane::new(w, h),
            light: Plane::new(w, h),
            cover: Plane::new(w, h),
            red: Plane::new(w.div_ceil(2), h.div_ceil(2)),
            blue: Plane::new(w.div_ceil(2), h.div_ceil(2)),
            grid: None,
            columns: w..0,
            rows: h..0,
        }
    }
}

fn project(shot: &Shot<'_>, dice: &mut Dice) -> Exposed {
    let mut exposed = Exposed::dark(&shot.optics);
    match shot.backdrop {
        Some(Backdrop { room, red, blue, .. }) => {
            (exposed.room, exposed.red, exposed.blue) = (room.clone(), red.clone(), blue.clone());
        }
        None => lay_room(&mut exposed, shot, dice),
    }
    for placed in &shot.placed {
        if let Some(view) = placed.view(&shot.optics) {
            lay(&mut exposed, shot, placed, &view);
        }
    }
    exposed
}

fn lay_room(exposed: &mut Exposed, shot: &Shot<'_>, dice: &mut Dice) {
    let canvas = &shot.room.canvas;
    let (w, h) = (exposed.room.width, exposed.room.height);
    let scale = ((canvas.width() - 2) as f32 / w as f32, (canvas.height() - 2) as f32 / h as f32);
    let tint = shot.room.tint.map(|light| light * shot.light.room);
    // It is a small picture made large: between its rows first, then along them.
    let mut lights: Vec<[f32; 4]> = vec![[0.0; 4]; canvas.width()];
    for y in 0..h {
        let v = (y as f32 + 0.5) * scale.1 + 0.5;
        let (above, below) = (canvas.row(v as usize), canvas.row((v as usize + 1).min(canvas.height() - 1)));
        let t = v - v as usize as f32;
        for ((light, above), below) in lights.iter_mut().zip(above).zip(below) {
            let mixed = [0, 1, 2].map(|i| (above[i] + (below[i] - above[i]) * t) * tint[i]);
            *light = [mixed[0], mixed[1], mixed[2], brightness(mixed)];
        }
        for (x, behind) in exposed.room.row_mut(y).iter_mut().enumerate() {
            let u = (x as f32 + 0.5) * scale.0 + 0.5;
            let t = u - u as usize as f32;
            let (left, right) = (lights[u as usize], lights[(u as usize + 1).min(canvas.width() - 1)]);
            let between = |i: usize| left[i] + (right[i] - left[i]) * t;
            let bright = between(3);
            *behind = bright * (1.0 + 0.03 * (dice.unit() - 0.5));
            if (x | y) & 1 == 0 {
                exposed.red.row_mut(y / 2)[x / 2] = between(0) - bright;
                exposed.blue.row_mut(y / 2)[x / 2] = between(2) - bright;
            }
        }
    }
}

fn lay(exposed: &mut Exposed, shot: &Shot<'_>, placed: &Placed<'_>, view: &View) {
    let canvas = &placed.scene.canvas;
    let (columns, rows) = bounds(canvas, view, &shot.optics);
    exposed.columns = exposed.columns.start.min(columns.start)..exposed.columns.end.max(columns.end);
    exposed.rows = exposed.rows.start.min(rows.start)..exposed.rows.end.max(rows.end);

    let paper = matches!(placed.scene.surface, Surface::Paper);
    let own = if paper { shot.light.room } else { shot.light.screen };
    let veil = if paper { 0.0 } else { shot.light.veil * shot.light.room };
    // Paper mirrors a little too, if it is glossy.
    let gloss = if paper { 0.25 } else { 1.0 };
    let lamps: Vec<Turned> = shot.light.lamps.iter().map(Turned::from).collect();
    let shadows: Vec<Turned> = shot.light.shadows.iter().map(Turned::from).collect();
    let grid = Grid::of(&placed.scene.surface, shot, view, placed.scene.code.centre());
    if grid.is_some() && exposed.grid.is_none() {
        let even = Plane {
            light: vec![1.0; exposed.light.light.len()],
            ..Plane::new(exposed.light.width, exposed.light.height)
        };
        exposed.grid = Some(even);
    }

    for y in rows {
        let banded = if paper { 1.0 } else { shot.light.band(y) };
        for x in columns.clone() {
            let Some(seen) = view.scene_of(x as f32 + 0.5, y as f32 + 0.5) else { continue };
            let [r, g, b, cover] = area_sample(canvas, &seen);
            if cover <= 0.0 {
                continue;
            }
            let (fx, fy) = (x as f32, y as f32);
            let lit = own * banded * shadows.iter().fold(1.0, |lit, spot| lit * (1.0 - spot.at(fx, fy)).max(0.0));
            let mirrored = (veil + gloss * lamps.iter().map(|spot| spot.at(fx, fy)).sum::<f32>()) * cover;
            let light = [r * lit + mirrored, g * lit + mirrored, b * lit + mirrored];
            let bright = brightness(light);
            let below = &mut exposed.light.row_mut(y)[x];
            *below = bright + *below * (1.0 - cover);
            let covered = &mut exposed.cover.row_mut(y)[x];
            *covered = cover + *covered * (1.0 - cover);
            if let (Some(grid), Some(plane)) = (&grid, &mut exposed.grid) {
                let factor = grid.at(seen.at);
                plane.row_mut(y)[x] = 1.0 + (factor[1] - 1.0) * cover * (1.0 - (mirrored / bright.max(1e-6)).min(1.0));
                if (x | y) & 1 == 0 {
                    let keep = 1.0 - cover;
                    let (red, blue) = (&mut exposed.red.row_mut(y / 2)[x / 2], &mut exposed.blue.row_mut(y / 2)[x / 2]);
                    *red = light[0] * factor[0] - bright * factor[1] + *red * keep;
                    *blue = light[2] * factor[2] - bright * factor[1] + *blue * keep;
                }
            } else if (x | y) & 1 == 0 {
                let (red, blue) = (&mut exposed.red.row_mut(y / 2)[x / 2], &mut exposed.blue.row_mut(y / 2)[x / 2]);
                *red = light[0] - bright + *red * (1.0 - cover);
                *blue = light[2] - bright + *blue * (1.0 - cover);
            }
        }
    }
}

/// The pixels in which a canvas can be seen.
fn bounds(canvas: &Canvas, view: &View, optics: &Optics) -> (Range<usize>, Range<usize>) {
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    let mut seen = Vec::new();
    for step in 0..=8 {
        let t = step as f32 / 8.0;
        for edge in [(t * w, 0.0), (t * w, h), (0.0, t * h), (w, t * h)] {
            match view.frame_of(edge) {
                Some(point) => seen.push(point),
                // A part of it lies behind the camera: look everywhere.
                None => return (0..optics.width, 0..optics.height),
            }
        }
    }
    let range = |values: &mut dyn Iterator<Item = f32>, end: usize| {
        let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)));
        ((low - 2.0).max(0.0) as usize).min(end)..((high + 3.0).max(0.0) as usize).min(end)
    };
    (range(&mut seen.iter().map(|p| p.0), optics.width), range(&mut seen.iter().map(|p| p.1), optics.height))
}

/// The mean of the scene over the pixel: of as many points as it takes to miss no texel.
#[inline]
fn area_sample(canvas: &Canvas, seen: &Seen) -> [f32; 4] {
    let wide = seen.right.0.abs().max(seen.right.1.abs()).max(seen.down.0.abs()).max(seen.down.1.abs());
    let points = (wide + 0.8).clamp(1.0, 6.0) as usize;
    let step = 1.0 / points as f32;
    let mut sum = [0.0; 4];
    for row in 0..points {
        let down = (row as f32 + 0.5) * step - 0.5;
        for column in 0..points {
            let right = (column as f32 + 0.5) * step - 0.5;
            let at = canvas.at(
                seen.at.0 + seen.right.0 * right + seen.down.0 * down,
                seen.at.1 + seen.right.1 * right + seen.down.1 * down,
            );
            for (sum, part) in sum.iter_mut().zip(at) {
                *sum += part;
            }
        }
    }
    sum.map(|sum| sum * step * step)
}

impl Lighting {
    /// How bright a pulsed screen is in this row of a rolling shutter.
    fn band(&self, row: usize) -> f32 {
        if self.bands <= 0.0 {
            return 1.0;
        }
        1.0 - self.bands * (0.5 + 0.5 * cosine((row as f32 - self.band_start) / self.band_height.max(4.0)))
    }
}

/// A spot with its turn worked out.
struct Turned {
    spot: Spot,
    sin: f32,
    cos: f32,
}

impl From<&Spot> for Turned {
    fn from(spot: &Spot) -> Turned {
        let (sin, cos) = libm::sincosf(spot.turn.to_radians());
        Turned { spot: *spot, sin, cos }
    }
}

impl Turned {
    /// How strong it is at a point of the frame.
    #[inline]
    fn at(&self, x: f32, y: f32) -> f32 {
        let Spot { at, half, softness, strength, .. } = self.spot;
        let (dx, dy) = (x - at.0, y - at.1);
        let (u, v) = ((self.cos * dx + self.sin * dy) / half.0, (self.cos * dy - self.sin * dx) / half.1);
        let distance = (u * u + v * v).sqrt();
        let t = ((1.0 + softness - distance) / (2.0 * softness)).clamp(0.0, 1.0);
        strength * t * t * (3.0 - 2.0 * t)
    }
}

/// The grid of a display as the sensor's grid samples it: what is left of its waves is the same everywhere, their phase
/// is not.
struct Grid {
    pitch: f32,
    /// How strong the waves along x and y are, for red, green and blue together.
    along: f32,
    across: f32,
    diamond: bool,
}

impl Grid {
    fn of(surface: &Surface, shot: &Shot<'_>, view: &View, centre: (f32, f32)) -> Option<Grid> {
        let Surface::Screen { pitch, gaps, diamond } = *surface else { return None };
        let (x, y) = view.frame_of(centre)?;
        let seen = view.scene_of(x, y)?;
        let left = |u: f32, v: f32| {
            // Cycles a pixel, along the frame's x and y, of a wave with (u, v) cycles a display pixel.
            let fx = (seen.right.0 * u + seen.right.1 * v) / pitch;
            let fy = (seen.down.0 * u + seen.down.1 * v) / pitch;
            let window = |f: f32| {
                let turn = std::f32::consts::PI * f * shot.sensor.fill;
                if turn.abs() < 1e-3 { 1.0 } else { (libm::sinf(turn) / turn).abs() }
            };
            window(fx) * window(fy) * shot.blur.left_of_wave((fx, fy))
        };
        let (along, across) = if diamond {
            (gaps * left(1.0, 1.0), gaps * left(1.0, -1.0))
        } else {
            // Three stripes of a third each: nearly all of the light of a colour is in its wave.
            (1.6 * left(1.0, 0.0), gaps * left(0.0, 1.0))
        };
        (along > 0.004 || across > 0.004).then_some(Grid { pitch, along, across, diamond })
    }

    /// How much lighter or darker red, brightness and blue are at a point of the scene.
    #[inline]
    fn at(&self, (u, v): (f32, f32)) -> [f32; 3] {
        let (u, v) = (u / self.pitch, v / self.pitch);
        if self.diamond {
            let light = 1.0 + 0.5 * self.along * cosine(u + v) + 0.5 * self.across * cosine(u - v);
            return [light; 3];
        }
        let rows = 1.0 + self.across * cosine(v);
        let stripe = |phase: f32| self.along * cosine(u - phase);
        let (red, green, blue) = (stripe(1.0 / 6.0), stripe(0.5), stripe(5.0 / 6.0));
        let bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        [rows * (1.0 + red), rows * (1.0 + bright), rows * (1.0 + blue)]
    }
}

/// The cosine of so many turns, to a thousandth: sums and products only, so that it is the same everywhere, and fast.
#[inline]
fn cosine(turns: f32) -> f32 {
    // Nearest whole number: the cast cuts towards zero, so the sign is taken care of.
    let whole = (turns + if turns < 0.0 { -0.5 } else { 0.5 }) as i32 as f32;
    let t = turns - whole;
    let s = t * t;
    1.0 + s * (-19.739_21 + s * (64.939_39 + s * (-85.456_81 + s * (60.242_46 - s * 26.0))))
}

fn expose(exposed: Exposed, shot: &Shot<'_>, dice: &mut Dice) -> Frame {
    let sensor = &shot.sensor;
    let Exposed { room: mut light, red, blue, grid, .. } = exposed;
    let (w, h) = (light.width, light.height);
    if let Some(grid) = &grid {
        light.light.iter_mut().zip(&grid.light).for_each(|(light, factor)| *light *= factor);
    }
    // How far each column and each row is from the middle, squared.
    let aside = |size: usize| -> Vec<f32> {
        let from_middle = |place: usize| place as f32 / size as f32 - 0.5;
        (0..size).map(|place| from_middle(place) * from_middle(place)).collect()
    };
    let (columns, lines) = (aside(w), aside(h));
    let gain = |x: usize, y: usize| sensor.exposure * (1.0 - sensor.vignette * 2.0 * (columns[x] + lines[y]));
    let noise = match shot.backdrop {
        // The same noise somewhere else is another to whoever looks at one pixel.
        Some(Backdrop { noise, .. }) => {
            let (end, start) = noise.split_at(dice.below(noise.len()));
            [start, end].concat()
        }
        None => noise(&light, sensor, dice),
    };
    let rows: Vec<f32> = (0..h).map(|_| dice.normal()).collect();
    let tone = Tone::new(sensor.contrast);
    let electron = 1.0 / sensor.electrons.max(1.0);
    let read = sensor.read_noise * electron;
    let mut counted = Plane::new(w, h);
    for y in 0..h {
        let striped = 0.12 * read * rows[y];
        for (x, (counted, noise)) in counted.row_mut(y).iter_mut().zip(&noise[y * w..]).enumerate() {
            let arrived = light.light[y * w + x] * gain(x, y);
            let sigma = (arrived.max(0.0) * electron + read * read).sqrt();
            *counted = tone.of(arrived + sigma * noise + striped);
        }
    }
    if sensor.halo > 0.0 {
        counted = sharpened(&counted, sensor.halo);
    }
    let luma = counted.light.iter().map(|level| (level * 255.0 + 0.5) as u8).collect();
    let (half_w, half_h) = (red.width, red.height);
    let (mut cb, mut cr) = (Vec::with_capacity(half_w * half_h), Vec::with_capacity(half_w * half_h));
    let colour_noise = 0.5 * read.max((0.3 * electron).sqrt());
    for y in 0..half_h {
        for x in 0..half_w {
            let (fx, fy) = ((2 * x).min(w - 1), (2 * y).min(h - 1));
            let gain = gain(fx, fy);
            let bright = (light.light[fy * w + fx] * gain).clamp(0.0, 1.0);
            let noisy =
                |plane: &Plane, dice: &mut Dice| bright + plane.row(y)[x] * gain + 0.5 * colour_noise * dice.normal();
            let (r, b) = (noisy(&red, dice), noisy(&blue, dice));
            let g = (bright - 0.2126 * r - 0.0722 * b) / 0.7152;
            let (r, g, b) = (tone.of(r), tone.of(g), tone.of(b));
            // ITU-T T.871
            let y = 0.299 * r + 0.587 * g + 0.114 * b;
            cb.push((128.5 + 255.0 * 0.564_33 * (b - y)) as u8);
            cr.push((128.5 + 255.0 * 0.713_27 * (r - y)) as u8);
        }
    }
    Frame { width: w, height: h, luma, cb, cr }
}

/// The noise of one frame of this size.
fn noise(frame: &Plane, sensor: &Sensor, dice: &mut Dice) -> Vec<f32> {
    let noise: Vec<f32> = (0..frame.light.len()).map(|_| dice.normal()).collect();
    if sensor.clumps > 0.0 { clumped(noise, frame.width, sensor.clumps) } else { noise }
}

/// Noise as a camera leaves it that has smoothed it: neighbours are alike, the spread is the same.
fn clumped(noise: Vec<f32>, width: usize, share: f32) -> Vec<f32> {
    let height = noise.len() / width;
    let plane = Plane { width, height, light: noise };
    let smooth = smoothed(&plane);
    // A binomial 3 by 3 leaves three eighths of the standard deviation.
    let blend = |white: f32, smooth: f32| white * (1.0 - share) + smooth * share;
    let left = ((1.0 - share) * (1.0 - share) + 0.14 * share * share + 0.5 * share * (1.0 - share)).sqrt();
    plane.light.iter().zip(&smooth.light).map(|(white, smooth)| blend(*white, *smooth) / left).collect()
}

/// Each pixel moved away from the mean of its surroundings; keeps within 0 and 1.
fn sharpened(plane: &Plane, strength: f32) -> Plane {
    let smooth = smoothed(&smoothed(plane));
    let light = plane
        .light
        .iter()
        .zip(&smooth.light)
        .map(|(level, smooth)| (level + strength * (level - smooth)).clamp(0.0, 1.0))
        .collect();
    Plane { light, ..*plane }
}

/// 1-2-1 both ways.
fn smoothed(plane: &Plane) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let mut along = Plane::new(w, h);
    for y in 0..h {
        let row = plane.row(y);
        let into = along.row_mut(y);
        for (into, three) in into[1..].iter_mut().zip(row.windows(3)) {
            *into = 0.25 * three[0] + 0.5 * three[1] + 0.25 * three[2];
        }
        (into[0], into[w - 1]) = (row[0], row[w - 1]);
    }
    let mut both = Plane::new(w, h);
    for y in 0..h {
        let (above, below) = (along.row(y.saturating_sub(1)), along.row((y + 1).min(h - 1)));
        for (x, into) in both.row_mut(y).iter_mut().enumerate() {
            *into = 0.25 * above[x] + 0.5 * along.light[y * w + x] + 0.25 * below[x];
        }
    }
    both
}

/// From light to levels: sRGB with a little more contrast. Looked up by the root of light, so that the dark is fine enough.
struct Tone {
    levels: Vec<f32>,
}

impl Tone {
    const STEPS: usize = 4_096;

    fn new(contrast: f32) -> Tone {
        let level = |step: usize| {
            let root = step as f32 / (Tone::STEPS - 1) as f32;
            let level = to_srgb(root * root);
            (level + contrast * 2.0 * level * (1.0 - level) * (level - 0.5)).clamp(0.0, 1.0)
        };
        Tone { levels: (0..Tone::STEPS).map(level).collect() }
    }

    #[inline]
    fn of(&self, light: f32) -> f32 {
        let step = light.clamp(0.0, 1.0).sqrt() * (Tone::STEPS - 1) as f32 + 0.5;
        self.levels[(step as usize).min(Tone::STEPS - 1)]
    }
}

/// Levels as a camera hands them to its JPEG encoder.
pub(crate) struct Frame {
    width: usize,
    height: usize,
    luma: Vec<u8>,
    cb: Vec<u8>,
    cr: Vec<u8>,
}

impl Frame {
    /// Paints a square of one grey over the picture. Its place and side are even numbers of pixels.
    pub(crate) fn paint_square(&mut self, (left, top): (usize, usize), side: usize, level: u8) {
        for y in top..(top + side).min(self.height) {
            self.luma[y * self.width..][left..(left + side).min(self.width)].fill(level);
        }
        let half = self.width.div_ceil(2);
        for y in top / 2..((top + side) / 2).min(self.height / 2) {
            for plane in [&mut self.cb, &mut self.cr] {
                plane[y * half..][left / 2..((left + side) / 2).min(half)].fill(128);
            }
        }
    }

    pub(crate) fn jpeg(&self, quality: u8) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, quality.clamp(1, 100));
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.encode_image(self).expect("a frame of a few megapixels, written to memory");
        file
    }
}

impl ImageBuffer for &Frame {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width as u16
    }

    fn height(&self) -> u16 {
        self.height as u16
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let y = usize::from(y);
        buffers[0].extend_from_slice(&self.luma[y * self.width..][..self.width]);
        let half = self.width.div_ceil(2);
        for (buffer, plane) in buffers[1..3].iter_mut().zip([&self.cb, &self.cr]) {
            let row = &plane[y / 2 * half..][..half];
            buffer.extend(row.iter().flat_map(|level| [*level, *level]).take(self.width));
        }
    }
}

/// A file decoded again, for whoever compresses it once more.
fn frame_of_jpeg(file: &[u8]) -> Option<Frame> {
    let picture = image::load_from_memory(file).ok()?.to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let ycc = |[r, g, b]: [u8; 3]| {
        let [r, g, b] = [r, g, b].map(f32::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y + 0.5, 128.5 + 0.564_33 * (b - y), 128.5 + 0.713_27 * (r - y)].map(|level| level as u8)
    };
    let luma = picture.pixels().map(|pixel| ycc(pixel.0)[0]).collect();
    let (mut cb, mut cr) = (Vec::new(), Vec::new());
    for y in (0..height).step_by(2) {
        for x in (0..width).step_by(2) {
            let [_, blue, red] = ycc(picture.get_pixel(x as u32, y as u32).0);
            cb.push(blue);
            cr.push(red);
        }
    }
    Some(Frame { width, height, luma, cb, cr })
}
