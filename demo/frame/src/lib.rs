//! What the camera of a counter sees: a phone or a sheet of paper with a QR code, drawn, put at an angle on a desk,
//! and taken with a lens and a sensor that are not perfect.
//!
//! Scenes are drawn flat, at many pixels to the module. [`camera_frame`] then does what a camera does, in the order
//! it does it: perspective, defocus, exposure and vignette, sensor noise. Everything that looks random comes from the
//! seed, so the same seed gives the same frame on every machine.
//!
//! There is no font here. Rounded blocks stand for lines of text, so that no frame can be mistaken for a real permit.

#![forbid(unsafe_code)]

use image::codecs::jpeg::JpegEncoder;
use image::{ImageResult, Rgb, RgbImage, Rgba, RgbaImage, imageops};

/// One frame of `scene` as the camera sees it.
///
/// `seed` chooses the noise and moves the scene by up to two hundredths of the frame, as no hand holds it in the same
/// place twice.
pub fn camera_frame(scene: &Scene, camera: &Camera, seed: u64) -> RgbImage {
    let mut dice = Dice(seed);
    let mut frame = desk(camera.width, camera.height, &mut dice);
    lay(&mut frame, scene, camera, &mut dice);
    let mut frame = imageops::blur(&frame, camera.blur_sigma.max(0.01));
    expose(&mut frame, camera, &mut dice);
    frame
}

/// Encodes a frame as the camera does. Quality 1 to 100; a phone uses about 90, a webcam about 80.
pub fn to_jpeg(frame: &RgbImage, quality: u8) -> ImageResult<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality.clamp(1, 100)).encode_image(frame)?;
    Ok(jpeg)
}

/// Where the camera stands and how bad it is. The default is a 720p webcam half a metre away in an office.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Frame width in pixels.
    pub width: u32,
    /// Frame height in pixels.
    pub height: u32,
    /// Degrees the scene is turned about its vertical axis; positive: its right side is farther away.
    pub yaw: f32,
    /// Degrees the scene is turned about its horizontal axis; positive: its upper side is farther away.
    pub pitch: f32,
    /// Degrees the scene is turned in the picture plane, clockwise.
    pub roll: f32,
    /// 1 fills 68 % of the frame height with the code and its quiet zone; 2 is twice as far, half as large.
    pub distance: f32,
    /// Defocus: standard deviation in pixels.
    pub blur_sigma: f32,
    /// Sensor noise: standard deviation in grey levels of 255.
    pub noise_sigma: f32,
    /// Exposure: 1 leaves the scene as it is drawn.
    pub brightness: f32,
    /// Quality for [`to_jpeg`].
    pub jpeg_quality: u8,
}

impl Default for Camera {
    fn default() -> Self {
        Camera {
            width: 1280,
            height: 720,
            yaw: 5.0,
            pitch: -4.0,
            roll: 3.0,
            distance: 1.0,
            blur_sigma: 0.8,
            noise_sigma: 5.0,
            brightness: 1.0,
            jpeg_quality: 85,
        }
    }
}

/// Something flat before the camera: a picture, transparent outside its outline, and where its code is.
#[derive(Clone)]
pub struct Scene {
    picture: RgbaImage,
    /// The point that the camera looks at.
    focus: (f32, f32),
    /// Side of the largest code with its quiet zone, in scene pixels.
    code_side: f32,
}

/// How a phone's screen looks.
#[derive(Clone, Copy, Debug)]
pub struct PhoneStyle {
    /// Colour of the header band.
    pub header: [u8; 3],
    /// How much of the code's 15 seconds is left, 0 to 1: the length of the bar under it.
    pub remaining: f32,
}

impl Default for PhoneStyle {
    fn default() -> Self {
        PhoneStyle { header: [22, 119, 166], remaining: 0.7 }
    }
}

/// A phone that shows a permit: header, name and lines as blocks, the code, the bar of remaining seconds.
///
/// `modules` are the rows of a QR symbol without quiet zone, `true` is dark.
pub fn phone_screen(modules: &[Vec<bool>], style: &PhoneStyle) -> Scene {
    let mut canvas = Canvas::new(PHONE.w as u32, PHONE.h as u32);
    phone_body(&mut canvas);
    let screen = PHONE.inset(22.0);
    phone_header(&mut canvas, screen, style);

    let card = Area { x: screen.x + 28.0, y: 330.0, w: screen.w - 56.0, h: 1_150.0 };
    canvas.glow(card.moved(0.0, 8.0), 30.0, 24.0, [20, 40, 60, 60]);
    canvas.fill(card, 30.0, [255, 255, 255, 255]);
    // A portrait and three lines beside it.
    canvas.fill(Area { x: card.x + 40.0, y: card.y + 36.0, w: 104.0, h: 130.0 }, 10.0, [214, 222, 230, 255]);
    canvas.fill(Area { x: card.x + 70.0, y: card.y + 56.0, w: 44.0, h: 48.0 }, 22.0, [158, 172, 186, 255]);
    canvas.fill(Area { x: card.x + 54.0, y: card.y + 112.0, w: 76.0, h: 70.0 }, 34.0, [158, 172, 186, 255]);
    canvas.fill(Area { x: card.x + 40.0, y: card.y + 166.0, w: 104.0, h: 20.0 }, 0.0, [255, 255, 255, 255]);
    canvas.text(card.x + 180.0, card.y + 44.0, 34.0, &[3], [40, 48, 58, 255]);
    canvas.text(card.x + 180.0, card.y + 96.0, 20.0, &[4, 8], [150, 158, 168, 255]);
    canvas.text(card.x + 180.0, card.y + 134.0, 20.0, &[4, 6, 3], [150, 158, 168, 255]);

    let centre = (PHONE.w / 2.0, card.y + 208.0 + CODE_SIDE / 2.0);
    let code_side = canvas.code(modules, centre, [255, 255, 255, 255]);

    let bar = Area { x: card.x + 70.0, y: card.y + 208.0 + CODE_SIDE + 20.0, w: card.w - 140.0, h: 10.0 };
    canvas.fill(bar, 5.0, [228, 233, 238, 255]);
    let left = style.remaining.clamp(0.02, 1.0);
    let [r, g, b] = style.header;
    canvas.fill(Area { w: bar.w * left, ..bar }, 5.0, [r, g, b, 255]);
    canvas.text(card.x + 190.0, bar.y + 34.0, 22.0, &[5, 2, 6], [140, 148, 158, 255]);

    let foot = card.y + card.h;
    for (row, words) in [[4usize, 9].as_slice(), &[4, 12], &[4, 7, 5]].into_iter().enumerate() {
        canvas.text(card.x + 30.0, foot + 48.0 + 46.0 * row as f32, 22.0, words, [128, 138, 150, 255]);
    }
    let home = Area { x: PHONE.w / 2.0 - 130.0, y: PHONE.h - 52.0, w: 260.0, h: 9.0 };
    canvas.fill(home, 4.5, [30, 34, 40, 255]);
    Scene { picture: canvas.picture, focus: centre, code_side }
}

/// A printed permit: a white sheet with grey lines, a code, and the red ring of a seal.
///
/// `modules` are the rows of a QR symbol without quiet zone, `true` is dark.
pub fn printed_voucher(modules: &[Vec<bool>]) -> Scene {
    let (w, h) = (1_700.0, 1_200.0);
    let mut canvas = Canvas::new(w as u32, h as u32);
    let sheet = Area { x: 10.0, y: 10.0, w: w - 20.0, h: h - 20.0 };
    canvas.fill(sheet, 4.0, PAPER);
    canvas.frame(sheet.inset(42.0), 0.0, 3.0, [126, 148, 140, 255]);
    canvas.frame(sheet.inset(52.0), 0.0, 1.5, [126, 148, 140, 255]);

    canvas.text(150.0, 130.0, 46.0, &[8], [52, 54, 58, 255]);
    let grey = [120, 122, 126, 255];
    for (row, words) in
        [[2usize, 3].as_slice(), &[4, 11], &[5, 4, 6], &[5, 9], &[9], &[4, 4, 3]].into_iter().enumerate()
    {
        let y = 260.0 + 84.0 * row as f32;
        canvas.text(130.0, y, 26.0, words, grey);
        canvas.fill(Area { x: 126.0, y: y + 44.0, w: 640.0, h: 1.6 }, 0.0, [198, 198, 194, 255]);
    }
    for row in 0..4 {
        let words: &[usize] = if row == 3 { &[14] } else { &[11, 9] };
        canvas.text(130.0, 830.0 + 46.0 * row as f32, 18.0, words, [156, 158, 160, 255]);
    }

    let centre = (w - 130.0 - CODE_SIDE / 2.0, 470.0);
    let code_side = canvas.code(modules, centre, PAPER);
    canvas.text(w - 130.0 - CODE_SIDE + 120.0, 470.0 + CODE_SIDE / 2.0 + 16.0, 20.0, &[4, 4, 4, 4], grey);

    canvas.text(w - 560.0, 986.0, 24.0, &[4, 2, 2], [80, 82, 86, 255]);
    let seal = Area { x: w - 480.0, y: 880.0, w: 240.0, h: 240.0 };
    let red = [198, 38, 42, 205];
    canvas.frame(seal, 120.0, 9.0, red);
    canvas.frame(seal.inset(62.0), 58.0, 4.0, red);
    for letter in 0..9 {
        let angle = (150.0 + 30.0 * letter as f32).to_radians();
        let (x, y) = (seal.x + 120.0 + 84.0 * angle.cos(), seal.y + 120.0 + 84.0 * angle.sin());
        canvas.fill(Area { x: x - 12.0, y: y - 12.0, w: 24.0, h: 24.0 }, 4.0, red);
    }
    Scene { picture: canvas.picture, focus: centre, code_side }
}

/// Two phones side by side, each with its own code: what a counter must answer with `MULTIPLE_CODES`.
pub fn two_phones(left: &[Vec<bool>], right: &[Vec<bool>]) -> Scene {
    let left = phone_screen(left, &PhoneStyle::default());
    let right = phone_screen(right, &PhoneStyle { header: [176, 62, 48], remaining: 0.4 });
    let gap = 70;
    let (w, h) = left.picture.dimensions();
    let mut picture = RgbaImage::new(2 * w + gap, h);
    image::imageops::replace(&mut picture, &left.picture, 0, 0);
    image::imageops::replace(&mut picture, &right.picture, i64::from(w + gap), 0);
    Scene { picture, focus: ((w + gap / 2) as f32, left.focus.1), code_side: left.code_side.max(right.code_side) }
}

const PAPER: [u8; 4] = [238, 236, 229, 255];

const PHONE: Area = Area { x: 0.0, y: 0.0, w: 900.0, h: 1_840.0 };

/// Room for a code with its quiet zone, in scene pixels.
const CODE_SIDE: f32 = 760.0;

fn phone_body(canvas: &mut Canvas) {
    canvas.fill(PHONE, 104.0, [88, 92, 98, 255]);
    canvas.fill(PHONE.inset(5.0), 99.0, [22, 24, 28, 255]);
    canvas.fill(PHONE.inset(22.0), 82.0, [240, 243, 247, 255]);
}

fn phone_header(canvas: &mut Canvas, screen: Area, style: &PhoneStyle) {
    let [r, g, b] = style.header;
    let band = Area { h: 460.0, ..screen };
    canvas.fill(band, 82.0, [r, g, b, 255]);
    // Lighter to the right, as such pages are.
    canvas.paint(band, 1.0, [255, 255, 255, 70], |x, y| (0.5 - band.outside(x, y, 82.0)).min((x - band.x) / band.w));
    canvas.fill(Area { x: screen.x, y: 420.0, w: screen.w, h: 80.0 }, 0.0, [240, 243, 247, 255]);

    let white = [255, 255, 255, 235];
    canvas.text(92.0, 58.0, 24.0, &[2, 2], white);
    canvas.fill(Area { x: PHONE.w / 2.0 - 19.0, y: 52.0, w: 38.0, h: 38.0 }, 19.0, [12, 13, 16, 255]);
    for (bar, height) in [10.0, 16.0, 22.0, 28.0].into_iter().enumerate() {
        let x = 690.0 + 11.0 * bar as f32;
        canvas.fill(Area { x, y: 84.0 - height, w: 7.0, h: height }, 1.5, white);
    }
    canvas.frame(Area { x: 752.0, y: 57.0, w: 50.0, h: 26.0 }, 7.0, 3.0, white);
    canvas.fill(Area { x: 758.0, y: 63.0, w: 27.0, h: 14.0 }, 2.0, white);

    canvas.text(PHONE.w / 2.0 - 148.0, 164.0, 44.0, &[5], [255, 255, 255, 255]);
    canvas.text(PHONE.w / 2.0 - 128.0, 244.0, 20.0, &[4, 5], [255, 255, 255, 170]);
}

/// A worn office desk, lit from the upper left.
fn desk(width: u32, height: u32, dice: &mut Dice) -> RgbImage {
    let (light_x, light_y) = (0.25 + 0.2 * dice.unit(), 0.1 + 0.2 * dice.unit());
    let grain: Vec<f32> = (0..32).map(|_| dice.unit() - 0.5).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width.max(1) as f32, y as f32 / height.max(1) as f32);
        let light = 1.06 - 0.42 * ((u - light_x).powi(2) + (v - light_y).powi(2)).sqrt();
        // Slow bands along the board: two neighbouring grains, blended.
        let along = (v * 1.9 + u * 0.12) * 12.0;
        let at = along as usize;
        let pick = |i: usize| grain.get(i % 32).copied().unwrap_or(0.0);
        let band = pick(at) + (pick(at + 1) - pick(at)) * (along - at as f32);
        let tone = light + 0.07 * band;
        Rgb([152.0, 128.0, 104.0].map(|level: f32| level_of(level * tone)))
    })
}

/// Puts the scene, seen in perspective, and its shadow onto the frame.
fn lay(frame: &mut RgbImage, scene: &Scene, camera: &Camera, dice: &mut Dice) {
    let jitter = (dice.unit() - 0.5, dice.unit() - 0.5);
    let Some(to_scene) = inverse(&perspective(scene, camera, jitter)) else {
        return; // seen exactly edge-on: nothing to see
    };
    let seen = RgbaImage::from_fn(camera.width, camera.height, |x, y| {
        let (u, v) = through(&to_scene, (x as f32, y as f32));
        // Beyond the scene lies its dark edge colour, transparent.
        imageops::interpolate_bilinear(&scene.picture, u, v).unwrap_or(Rgba([30, 30, 32, 0]))
    });

    shade(frame, &seen, camera.height as f32 / 60.0);
    for (below, above) in frame.pixels_mut().zip(seen.pixels()) {
        blend(&mut below.0, above.0, 1.0);
    }
}

/// Darkens the desk around what lies on it: a soft shadow to the lower right, `reach` pixels long.
fn shade(frame: &mut RgbImage, seen: &RgbaImage, reach: f32) {
    // A quarter of the size is enough for something this soft, and sixteen times faster.
    let (w, h) = (seen.width() / 4, seen.height() / 4);
    let outline = image::GrayImage::from_fn(w, h, |x, y| image::Luma([seen.get_pixel(4 * x, 4 * y).0[3]]));
    let soft = imageops::blur(&outline, (reach / 4.0).max(0.5));
    let shift = (reach / 8.0) as u32;
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        let (sx, sy) = ((x / 4).saturating_sub(shift), (y / 4).saturating_sub(shift));
        let depth = soft.get_pixel_checked(sx, sy).map_or(0.0, |p| f32::from(p.0[0]) / 255.0);
        pixel.0 = pixel.0.map(|level| level_of(f32::from(level) * (1.0 - 0.5 * depth)));
    }
}

/// A homography, by rows.
type Homography = [f32; 9];

/// The homography of a pinhole camera that looks at a turned plane: K · [r1 r2 t].
fn perspective(scene: &Scene, camera: &Camera, jitter: (f32, f32)) -> Homography {
    let (sin_yaw, cos_yaw) = camera.yaw.to_radians().sin_cos();
    let (sin_pitch, cos_pitch) = camera.pitch.to_radians().sin_cos();
    let (sin_roll, cos_roll) = camera.roll.to_radians().sin_cos();
    // First column of Rx(pitch) · Ry(yaw) · Rz(roll), then the second: where the scene's x and y axes point.
    let x_axis = turned([cos_roll, sin_roll, 0.0], sin_yaw, cos_yaw, sin_pitch, cos_pitch);
    let y_axis = turned([-sin_roll, cos_roll, 0.0], sin_yaw, cos_yaw, sin_pitch, cos_pitch);

    let (w, h) = (camera.width as f32, camera.height as f32);
    let focal = 1.3 * w; // a field of view of 42 degrees, as webcams have
    let scale = 0.68 * h / scene.code_side; // frame pixels to the scene pixel at distance 1
    let depth = focal * camera.distance.max(0.05);
    let (cx, cy) = (w / 2.0 + 0.04 * w * jitter.0, h / 2.0 + 0.04 * h * jitter.1);
    let row = |x: f32, y: f32, t: f32| {
        let (x, y) = (x * scale, y * scale);
        [x, y, t - x * scene.focus.0 - y * scene.focus.1]
    };
    let z = row(x_axis[2], y_axis[2], depth);
    let u = row(x_axis[0], y_axis[0], 0.0);
    let v = row(x_axis[1], y_axis[1], 0.0);
    let matrix = [0, 1, 2].map(|i| (focal * u[i] + cx * z[i], focal * v[i] + cy * z[i], z[i]));
    let [a, b, c] = matrix;
    [a.0, b.0, c.0, a.1, b.1, c.1, a.2, b.2, c.2]
}

/// The way back, up to a factor that falls out. `None` where a plane is seen edge-on and becomes a line.
fn inverse(m: &Homography) -> Option<Homography> {
    let column = |i: usize| [m[i], m[3 + i], m[6 + i]];
    let cross =
        |p: [f32; 3], q: [f32; 3]| [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    let dot = |p: [f32; 3], q: [f32; 3]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    let (a, b, c) = (column(0), column(1), column(2));
    let [r, s, t] = [cross(b, c), cross(c, a), cross(a, b)];
    // Of the volume that the columns span, against that of a box with their lengths, rounding leaves this much.
    let flat = 1e-6 * (dot(a, a) * dot(b, b) * dot(c, c)).sqrt();
    (dot(a, r).abs() > flat).then_some([r[0], r[1], r[2], s[0], s[1], s[2], t[0], t[1], t[2]])
}

/// Where a homography takes a point.
fn through(m: &Homography, (x, y): (f32, f32)) -> (f32, f32) {
    let depth = m[6] * x + m[7] * y + m[8];
    ((m[0] * x + m[1] * y + m[2]) / depth, (m[3] * x + m[4] * y + m[5]) / depth)
}

fn turned([x, y, z]: [f32; 3], sin_yaw: f32, cos_yaw: f32, sin_pitch: f32, cos_pitch: f32) -> [f32; 3] {
    let (x, z) = (cos_yaw * x - sin_yaw * z, sin_yaw * x + cos_yaw * z);
    [x, cos_pitch * y + sin_pitch * z, cos_pitch * z - sin_pitch * y]
}

/// Exposure, vignette and sensor noise.
fn expose(frame: &mut RgbImage, camera: &Camera, dice: &mut Dice) {
    let (w, h) = (camera.width as f32, camera.height as f32);
    let half_diagonal_squared = (w * w + h * h) / 4.0;
    for (x, y, pixel) in frame.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 - w / 2.0, y as f32 - h / 2.0);
        let gain = camera.brightness * (1.0 - 0.22 * (dx * dx + dy * dy) / half_diagonal_squared);
        // Most noise is common to the three channels after a camera's own colour processing; a little is not.
        let grey = 0.9 * camera.noise_sigma * dice.normal();
        for level in &mut pixel.0 {
            let noise = grey + 0.45 * camera.noise_sigma * dice.normal();
            *level = level_of(f32::from(*level) * gain + noise);
        }
    }
}

/// A picture that is drawn by blending soft-edged rounded rectangles.
struct Canvas {
    picture: RgbaImage,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        Canvas { picture: RgbaImage::from_pixel(width, height, Rgba([30, 30, 32, 0])) }
    }

    /// A filled rectangle with corners of the given radius; half its side makes a circle.
    fn fill(&mut self, area: Area, radius: f32, colour: [u8; 4]) {
        // Deep inside, where most points are, there is no edge to soften.
        let deep = area.inset(radius + 1.0);
        self.paint(area, 1.0, colour, |x, y| {
            let inside = x > deep.x && y > deep.y && x < deep.x + deep.w && y < deep.y + deep.h;
            if inside { 1.0 } else { 0.5 - area.outside(x, y, radius) }
        });
    }

    /// The outline alone, `width` pixels thick, inside the area.
    fn frame(&mut self, area: Area, radius: f32, width: f32, colour: [u8; 4]) {
        self.paint(area, 1.0, colour, |x, y| {
            let outside = area.outside(x, y, radius);
            (0.5 - outside).min(outside + width + 0.5)
        });
    }

    /// A shadow or a light: fades over `reach` pixels on both sides of the outline.
    fn glow(&mut self, area: Area, radius: f32, reach: f32, colour: [u8; 4]) {
        self.paint(area, reach, colour, |x, y| {
            let t = (0.5 - area.outside(x, y, radius) / (2.0 * reach)).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        });
    }

    /// A line of text: for each word, as many blocks as it has characters, `size` pixels square.
    fn text(&mut self, x: f32, y: f32, size: f32, words: &[usize], colour: [u8; 4]) {
        let mut left = x;
        for &characters in words {
            for _ in 0..characters {
                self.fill(Area { x: left, y, w: size, h: size }, size * 0.18, colour);
                left += size * 1.18;
            }
            left += size * 0.7;
        }
    }

    /// A QR symbol with its quiet zone, at most [`CODE_SIDE`] wide, on the colour given; returns its side.
    fn code(&mut self, modules: &[Vec<bool>], (cx, cy): (f32, f32), ground: [u8; 4]) -> f32 {
        let cells = modules.len() + 8;
        // Whole pixels to the module: the code on a real screen has them too.
        let module = (CODE_SIDE / cells as f32).floor().max(1.0);
        let side = module * cells as f32;
        let (left, top) = ((cx - side / 2.0).round(), (cy - side / 2.0).round());
        self.fill(Area { x: left, y: top, w: side, h: side }, 0.0, ground);
        for (row, dark) in modules.iter().enumerate() {
            for (column, _) in dark.iter().enumerate().filter(|(_, dark)| **dark) {
                let (x, y) = (left + module * (column + 4) as f32, top + module * (row + 4) as f32);
                self.fill(Area { x, y, w: module, h: module }, 0.0, [16, 16, 18, 255]);
            }
        }
        side
    }

    /// Blends the colour over every pixel near `area`, as strongly as `cover` says for the pixel's centre.
    fn paint(&mut self, area: Area, margin: f32, colour: [u8; 4], cover: impl Fn(f32, f32) -> f32) {
        let (width, height) = self.picture.dimensions();
        let from = |start: f32| (start - margin).floor().max(0.0) as u32;
        let to = |end: f32, most: u32| ((end + margin).ceil().max(0.0) as u32).min(most);
        for y in from(area.y)..to(area.y + area.h, height) {
            for x in from(area.x)..to(area.x + area.w, width) {
                let covered = cover(x as f32 + 0.5, y as f32 + 0.5).clamp(0.0, 1.0);
                if covered > 0.0 {
                    blend_over(&mut self.picture.get_pixel_mut(x, y).0, colour, covered);
                }
            }
        }
    }
}

/// A rectangle in scene pixels.
#[derive(Clone, Copy)]
struct Area {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
}

impl Area {
    fn inset(self, by: f32) -> Area {
        Area { x: self.x + by, y: self.y + by, w: self.w - 2.0 * by, h: self.h - 2.0 * by }
    }

    fn moved(self, dx: f32, dy: f32) -> Area {
        Area { x: self.x + dx, y: self.y + dy, ..self }
    }

    /// Distance of a point from the rounded outline: positive outside, negative inside.
    fn outside(self, x: f32, y: f32, radius: f32) -> f32 {
        let radius = radius.min(self.w / 2.0).min(self.h / 2.0);
        let dx = (x - self.x - self.w / 2.0).abs() - self.w / 2.0 + radius;
        let dy = (y - self.y - self.h / 2.0).abs() - self.h / 2.0 + radius;
        // Only the corners need a root, and most points are elsewhere.
        let outside = if dx > 0.0 && dy > 0.0 { dx.hypot(dy) } else { dx.max(dy) };
        outside - radius
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, good enough for noise; never for secrets.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    fn unit(&mut self) -> f32 {
        (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Mean 0, standard deviation 1, nearly normal: the sum of four uniform numbers of 16 bits.
    fn normal(&mut self) -> f32 {
        let roll = self.roll();
        let sum = (roll & 0xffff) + (roll >> 16 & 0xffff) + (roll >> 32 & 0xffff) + (roll >> 48);
        (sum as f32 - 131_070.0) / 37_837.0
    }
}

fn level_of(level: f32) -> u8 {
    // The cast keeps within 0 and 255 by itself, and is many times faster than rounding first.
    (level + 0.5) as u8
}

/// Blends a colour over an opaque pixel.
fn blend(below: &mut [u8; 3], [r, g, b, alpha]: [u8; 4], strength: f32) {
    let opacity = f32::from(alpha) / 255.0 * strength;
    for (level, new) in below.iter_mut().zip([r, g, b]) {
        *level = level_of(f32::from(*level) + (f32::from(new) - f32::from(*level)) * opacity);
    }
}

/// Blends a colour over a pixel that may itself be transparent (Porter and Duff's "over").
fn blend_over(below: &mut [u8; 4], [r, g, b, alpha]: [u8; 4], strength: f32) {
    let above = f32::from(alpha) / 255.0 * strength;
    if above >= 1.0 {
        *below = [r, g, b, 255];
        return;
    }
    let under = f32::from(below[3]) / 255.0 * (1.0 - above);
    let together = above + under;
    if together <= 0.0 {
        return;
    }
    for (level, new) in below.iter_mut().zip([r, g, b]) {
        *level = level_of((f32::from(new) * above + f32::from(*level) * under) / together);
    }
    below[3] = level_of(together * 255.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use verifier::scan::{Limits, read_texts};

    /// Digits that look random, so that the symbol does.
    fn digits(length: usize, seed: u64) -> String {
        let mut dice = Dice(seed);
        (0..length).map(|_| char::from(b'0' + (dice.roll() % 10) as u8)).collect()
    }

    fn modules(digits: &str) -> Vec<Vec<bool>> {
        issuer::qr::QrCode::from_digits(digits, issuer::qr::Level::L).unwrap().modules().to_vec()
    }

    fn read(frame: &RgbImage, quality: u8) -> Vec<String> {
        let seen = read_texts(&to_jpeg(frame, quality).unwrap(), &Limits::default()).unwrap();
        seen.codes.iter().map(|code| code.text().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_phone_and_a_sheet_before_the_default_camera_are_read() {
        let camera = Camera::default();
        for (length, seed) in [(829, 1), (1_300, 2)] {
            let text = digits(length, seed);
            let phone = camera_frame(&phone_screen(&modules(&text), &PhoneStyle::default()), &camera, seed);
            assert_eq!(phone.dimensions(), (1_280, 720));
            assert_eq!(read(&phone, camera.jpeg_quality), std::slice::from_ref(&text));
            let sheet = camera_frame(&printed_voucher(&modules(&text)), &camera, seed);
            assert_eq!(read(&sheet, camera.jpeg_quality), [text]);
        }
    }

    #[test]
    fn both_codes_of_two_phones_are_read() {
        let camera = Camera::default();
        let (left, right) = (digits(829, 3), digits(900, 4));
        let frame = camera_frame(&two_phones(&modules(&left), &modules(&right)), &camera, 5);
        let mut seen = read(&frame, camera.jpeg_quality);
        seen.sort();
        let mut expected = vec![left, right];
        expected.sort();
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_same_seed_gives_the_same_frame_and_another_seed_another() {
        let scene = phone_screen(&modules("8612000"), &PhoneStyle::default());
        let camera = Camera { width: 320, height: 180, ..Camera::default() };
        let frame = camera_frame(&scene, &camera, 7);
        assert_eq!(frame, camera_frame(&scene, &camera, 7));
        assert_ne!(frame, camera_frame(&scene, &camera, 8));
    }

    #[test]
    fn yaw_pitch_and_distance_turn_the_scene_the_documented_way() {
        let scene = phone_screen(&modules("8612000"), &PhoneStyle::default());
        let straight = Camera { yaw: 0.0, pitch: 0.0, roll: 0.0, ..Camera::default() };
        let half = scene.code_side / 2.0;
        let (x, y) = scene.focus;
        let side = |camera: &Camera, from: (f32, f32), to: (f32, f32)| {
            let to_frame = perspective(&scene, camera, (0.0, 0.0));
            let to_scene = inverse(&to_frame).unwrap();
            let (p, q) = (through(&to_frame, from), through(&to_frame, to));
            let back = through(&to_scene, p);
            assert!((back.0 - from.0).hypot(back.1 - from.1) < 0.1, "{back:?} is not {from:?}");
            (p.0 - q.0).hypot(p.1 - q.1)
        };
        let left = ((x - half, y - half), (x - half, y + half));
        let right = ((x + half, y - half), (x + half, y + half));
        let top = (left.0, right.0);
        let bottom = (left.1, right.1);
        assert!((side(&straight, left.0, left.1) - 0.68 * 720.0).abs() < 0.5);
        let far = Camera { distance: 2.0, ..straight.clone() };
        assert!((side(&far, left.0, left.1) - 0.34 * 720.0).abs() < 0.5);
        let yawed = Camera { yaw: 12.0, ..straight.clone() };
        assert!(side(&yawed, left.0, left.1) > 1.02 * side(&yawed, right.0, right.1), "the right side is farther");
        let pitched = Camera { pitch: 12.0, ..straight };
        assert!(side(&pitched, bottom.0, bottom.1) > 1.02 * side(&pitched, top.0, top.1), "the top is farther");
    }

    #[test]
    fn a_scene_seen_edge_on_is_only_the_desk() {
        let scene = phone_screen(&modules("8612000"), &PhoneStyle::default());
        let camera = Camera { width: 320, height: 180, yaw: 90.0, ..Camera::default() };
        assert_eq!(inverse(&perspective(&scene, &camera, (0.0, 0.0))), None);
        assert_eq!(read(&camera_frame(&scene, &camera, 1), 85), Vec::<String>::new());
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let mut dice = Dice(1);
        let throws: Vec<f32> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = throws.iter().sum::<f32>() / 20_000.0;
        let variance = throws.iter().map(|throw| (throw - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
