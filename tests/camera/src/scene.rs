//! What lies before the camera, drawn flat: phones in three interfaces, printed permits, and things that are no permit.
//!
//! There is no font here. Characters are a few strokes each, so that no frame can be mistaken for a real permit.

use crate::canvas::{Area, Canvas, Colour, srgb};
use crate::dice::Dice;
use crate::texts::Symbol;

/// Something flat: a picture, transparent outside its outline, and where its code is.
pub(crate) struct Scene {
    pub(crate) canvas: Canvas,
    pub(crate) code: CodePlace,
    pub(crate) surface: Surface,
}

/// Where a code is in its scene, in texels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodePlace {
    /// Left edge of the symbol, without quiet zone.
    pub(crate) left: f32,
    /// Top edge.
    pub(crate) top: f32,
    /// Modules on one side.
    pub(crate) modules: usize,
    /// Texels to the module.
    pub(crate) module: f32,
}

impl CodePlace {
    /// Side of the symbol in texels.
    pub(crate) fn side(&self) -> f32 {
        self.modules as f32 * self.module
    }

    /// The middle of the symbol.
    pub(crate) fn centre(&self) -> (f32, f32) {
        (self.left + self.side() / 2.0, self.top + self.side() / 2.0)
    }

    /// Top left, top right, bottom right, bottom left; `margin` modules farther out.
    pub(crate) fn corners(&self, margin: f32) -> [(f32, f32); 4] {
        let out = margin * self.module;
        let (l, t) = (self.left - out, self.top - out);
        let (r, b) = (self.left + self.side() + out, self.top + self.side() + out);
        [(l, t), (r, t), (r, b), (l, b)]
    }
}

/// How a scene gives off light.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Surface {
    /// A screen behind glass: it shines by itself, and the glass mirrors lamps.
    Screen {
        /// Texels from one display pixel to the next.
        pitch: f32,
        /// How deep the gaps between display pixels are: about 0.5 for LCD, 0.8 for OLED.
        gaps: f32,
        /// Whether the pixels stand in a diamond, as on OLED, or in columns of three stripes.
        diamond: bool,
    },
    /// Paper: it shines by the light that falls on it.
    Paper,
}

/// The interfaces that phones show their code in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    /// A white card on a light ground, below a coloured header.
    Light,
    /// A white tile on black.
    Dark,
    /// A card of a wallet, with a photo in its header, other cards below.
    Wallet,
}

/// The interfaces, to choose from.
pub(crate) const INTERFACES: [Interface; 3] = [Interface::Light, Interface::Dark, Interface::Wallet];

/// How a phone is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhoneLook {
    pub(crate) interface: Interface,
    /// Pixels of the display from left to right: 720 to 1,440.
    pub(crate) display_width: f32,
    pub(crate) oled: bool,
    /// How many cracks start from the corner of broken glass.
    pub(crate) cracks: usize,
    /// Whether module borders lie on whole texels, as a display without scaling has them.
    pub(crate) whole_pixels: bool,
    /// Whether a hand holds it.
    pub(crate) hand: bool,
}

impl PhoneLook {
    /// Any of the usual.
    pub(crate) fn usual(dice: &mut Dice) -> PhoneLook {
        PhoneLook {
            interface: dice.one_of(&INTERFACES),
            display_width: dice.one_of(&[720.0, 1_080.0, 1_080.0, 1_200.0, 1_440.0]),
            oled: dice.chance(0.55),
            cracks: if dice.chance(0.08) { 2 + dice.below(4) } else { 0 },
            whole_pixels: dice.chance(0.25),
            hand: dice.chance(0.75),
        }
    }
}

/// A phone that shows a symbol.
pub(crate) fn phone(symbol: &Symbol, look: &PhoneLook, dice: &mut Dice) -> Scene {
    let module = if look.whole_pixels { 6.0 } else { dice.between(5.6, 6.6) };
    let quiet = 4.0 * module;
    let tile = symbol.side() as f32 * module + 2.0 * quiet;
    // Room for fingers around the phone, and for the rim of the phone around its screen.
    let (around, rim) = (70.0, dice.between(9.0, 16.0));
    let screen_w = (tile / dice.between(0.78, 0.93)).round();
    let screen = Area::new(around + rim, around + rim, screen_w, (screen_w * dice.between(2.0, 2.15)).round());
    let body = screen.inset(-rim);
    let mut canvas = Canvas::new((body.w + 2.0 * around) as usize, (body.h + 2.0 * around) as usize);
    let corner = dice.between(0.06, 0.12) * screen_w;

    if look.hand {
        palm(&mut canvas, body, dice);
    }
    canvas.fill(body, corner + rim, srgb(0x5a5e64), 1.0);
    canvas.fill(body.inset(3.0), corner + rim - 3.0, srgb(0x0c0d10), 1.0);

    let left = (screen.x + (screen.w - tile) / 2.0).round() + quiet;
    let unit = screen_w / 100.0;
    let top = match look.interface {
        Interface::Light => light_page(&mut canvas, screen, corner, unit, tile, dice),
        Interface::Dark => dark_page(&mut canvas, screen, corner, unit, tile, dice),
        Interface::Wallet => wallet_page(&mut canvas, screen, corner, unit, tile, dice),
    };
    let code = CodePlace {
        left: if look.whole_pixels { left.round() } else { left },
        top: (top + quiet).round(),
        modules: symbol.side(),
        module,
    };
    let paper = srgb(dice.one_of(&[0xffffff, 0xffffff, 0xf4f6f8, 0xeaeaea]));
    let tile_area = Area::new(code.left - quiet, code.top - quiet, tile, tile);
    canvas.fill(tile_area, 0.0, paper, 1.0);
    print(&mut canvas, symbol, &code, srgb(dice.one_of(&[0x000000, 0x0a0a0c, 0x161a20, 0x101838])), paper);

    status_line(&mut canvas, screen, unit, look.interface, dice);
    if look.cracks > 0 {
        crack(&mut canvas, screen, &code, look.cracks, dice);
    }
    if look.hand {
        thumb(&mut canvas, body, &code, dice);
    }
    let pitch = screen_w / look.display_width;
    let gaps = if look.oled { dice.between(0.65, 0.85) } else { dice.between(0.35, 0.6) };
    Scene { canvas, code, surface: Surface::Screen { pitch, gaps, diamond: look.oled } }
}

/// How a printed permit has come out of its printer, and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SheetLook {
    /// How far ink ran, in modules: -0.1 (too little toner) to 0.2.
    pub(crate) spread: f32,
    /// How rough edges are, 0 to 1.
    pub(crate) roughness: f32,
    /// Folds across the sheet.
    pub(crate) folds: usize,
    /// Streaks without toner, along the paper's way through the printer.
    pub(crate) streaks: usize,
    /// Whether the seal lies over a corner of the code.
    pub(crate) sealed_over: bool,
}

impl SheetLook {
    /// Any of the usual.
    pub(crate) fn usual(dice: &mut Dice) -> SheetLook {
        SheetLook {
            spread: dice.between(-0.06, 0.16),
            roughness: dice.between(0.1, 0.6),
            folds: dice.one_of(&[0, 0, 1, 1, 2]),
            streaks: dice.one_of(&[0, 0, 0, 1, 2]),
            sealed_over: dice.chance(0.06),
        }
    }
}

/// A printed permit: a sheet with ruled lines, a code, and the ring of a seal.
pub(crate) fn sheet(symbol: &Symbol, look: &SheetLook, dice: &mut Dice) -> Scene {
    let module = dice.between(5.2, 6.4);
    let side = symbol.side() as f32 * module;
    let (w, h) = ((side * dice.between(1.9, 2.3)).round(), (side * dice.between(1.5, 1.8)).round());
    let mut canvas = Canvas::new(w as usize + 20, h as usize + 20);
    let page = Area::new(10.0, 10.0, w, h);
    let paper = srgb(dice.one_of(&[0xf2f0ea, 0xfafaf8, 0xece8dc, 0xe6eee8]));
    canvas.fill(page, 2.0, paper, 1.0);
    canvas.frame(page.inset(side * 0.05), 0.0, 2.5, srgb(0x7e948c), 1.0);

    let unit = side / 100.0;
    let ink = srgb(0x34363a);
    let title = page.x + w * 0.3;
    canvas.text((title, page.y + 9.0 * unit), 7.5 * unit, &[9], ink, dice);
    let code = CodePlace {
        left: (page.x + w - side - 13.0 * unit).round(),
        top: (page.y + 27.0 * unit).round(),
        modules: symbol.side(),
        module,
    };
    let lines = ((h - 40.0 * unit) / (9.5 * unit)) as usize;
    for row in 0..lines {
        let y = page.y + (28.0 + 9.5 * row as f32) * unit;
        let words = [2 + dice.below(3), 4 + dice.below(5)];
        canvas.text((page.x + 9.0 * unit, y), 4.6 * unit, &words, srgb(0x606266), dice);
        let rule = Area::new(page.x + 8.0 * unit, y + 6.4 * unit, code.left - page.x - 22.0 * unit, 0.8);
        canvas.fill(rule, 0.0, srgb(0xb4b4b0), 1.0);
    }
    canvas.text((code.left, code.top + side + 6.0 * unit), 3.6 * unit, &[4, 4, 4, 4], srgb(0x707276), dice);

    ink_on_paper(&mut canvas, symbol, &code, look, dice);
    let seal_at = if look.sealed_over {
        (code.left + side * 0.96, code.top + side * 1.02)
    } else {
        (page.x + w * 0.34, page.y + h * 0.78)
    };
    seal(&mut canvas, seal_at, 17.0 * unit, dice);
    wear(&mut canvas, page, &code, look, dice);
    Scene { canvas, code, surface: Surface::Paper }
}

/// A sticker with a code of another kind: smaller version, coloured frame.
pub(crate) fn sticker(symbol: &Symbol, dice: &mut Dice) -> Scene {
    let module = dice.between(6.0, 9.0);
    let side = symbol.side() as f32 * module;
    let (w, h) = (side * 1.5, side * 2.0);
    let mut canvas = Canvas::new(w as usize, h as usize);
    let card = Area::new(2.0, 2.0, w - 4.0, h - 4.0);
    let colour = srgb(dice.one_of(&[0x1aad19, 0x1677ff, 0xd02a2a]));
    canvas.fill(card, side * 0.06, colour, 1.0);
    canvas.text((w * 0.2, h * 0.08), w * 0.1, &[4], srgb(0xffffff), dice);
    let tile = Area::new((w - side * 1.25) / 2.0, h * 0.22, side * 1.25, side * 1.25);
    canvas.fill(tile, side * 0.04, srgb(0xffffff), 1.0);
    let code = CodePlace {
        left: (tile.x + side * 0.125).round(),
        top: (tile.y + side * 0.125).round(),
        modules: symbol.side(),
        module,
    };
    print(&mut canvas, symbol, &code, srgb(0x000000), srgb(0xffffff));
    canvas.text((w * 0.14, h * 0.9), w * 0.07, &[6, 3], srgb(0xffffff), dice);
    Scene { canvas, code, surface: Surface::Paper }
}

/// A menu, a form, a newspaper: columns of text, boxes, a table, a bar code. No QR code.
pub(crate) fn print_without_code(dice: &mut Dice) -> Scene {
    let (w, h) = (900.0, 760.0);
    let mut canvas = Canvas::new(w as usize, h as usize);
    canvas.fill(Area::new(2.0, 2.0, w - 4.0, h - 4.0), 3.0, srgb(dice.one_of(&[0xf4f0e4, 0xffffff, 0xdfe6ea])), 1.0);
    let ink = srgb(0x202024);
    canvas.text((280.0, 24.0), 44.0, &[7], srgb(0xa02018), dice);
    for column in 0..3 {
        let x = 40.0 + 290.0 * column as f32;
        for row in 0..14 {
            let y = 100.0 + 28.0 * row as f32;
            let words = [2 + dice.below(4), 1 + dice.below(4)];
            canvas.text((x, y), dice.between(14.0, 18.0), &words, ink, dice);
        }
    }
    // A table with filled boxes, which are what finder patterns are mistaken for.
    for row in 0..3 {
        for column in 0..5 {
            let cell = Area::new(40.0 + 66.0 * column as f32, 520.0 + 66.0 * row as f32, 62.0, 62.0);
            canvas.frame(cell, 0.0, 8.0, ink, 1.0);
            if dice.chance(0.6) {
                canvas.fill(cell.inset(18.0), 0.0, ink, 1.0);
            }
        }
    }
    let mut x = 420.0;
    while x < 840.0 {
        let bar = dice.one_of(&[3.0, 3.0, 6.0, 9.0]);
        canvas.fill(Area::new(x, 540.0, bar, 140.0), 0.0, ink, 1.0);
        x += bar + dice.one_of(&[3.0, 3.0, 6.0, 9.0]);
    }
    no_code(canvas, Surface::Paper)
}

/// Faces made of blocks: eyes are rings around a dot, as finder patterns are.
pub(crate) fn faces(dice: &mut Dice) -> Scene {
    let (w, h) = (900.0, 640.0);
    let mut canvas = Canvas::new(w as usize, h as usize);
    canvas.gradient(Area::new(0.0, 0.0, w, h), srgb(0x8ca4b8), srgb(0xd6ccbc));
    for place in 0..3 {
        let (x, y) = (60.0 + 280.0 * place as f32, 90.0 + dice.between(0.0, 60.0));
        canvas.fill(
            Area::new(x - 20.0, y + 330.0, 260.0, 220.0),
            60.0,
            srgb(dice.one_of(&[0x304060, 0x703030, 0x242428])),
            1.0,
        );
        canvas.fill(Area::new(x, y, 220.0, 300.0), 105.0, srgb(0x1c1614), 1.0);
        canvas.fill(
            Area::new(x + 10.0, y + 50.0, 200.0, 270.0),
            96.0,
            srgb(dice.one_of(&[0xe8c0a0, 0xd0a080, 0xf0ccb0])),
            1.0,
        );
        for eye in [x + 42.0, x + 122.0] {
            let ring = Area::new(eye, y + 140.0, 56.0, 56.0);
            canvas.fill(ring, 28.0, srgb(0x101010), 1.0);
            canvas.fill(ring.inset(8.0), 20.0, srgb(0xffffff), 1.0);
            canvas.fill(ring.inset(16.0), 12.0, srgb(0x101010), 1.0);
        }
        canvas.fill(Area::new(x + 70.0, y + 258.0, 80.0, 14.0), 7.0, srgb(0x903030), 1.0);
    }
    no_code(canvas, Surface::Paper)
}

/// A chequered cloth or a grid of windows with rings in it: thousands of edges and no code.
pub(crate) fn pattern(dice: &mut Dice) -> Scene {
    let (w, h) = (1_000.0, 800.0);
    let cell = dice.between(9.0, 40.0);
    let (dark, light) = (srgb(0x141418), srgb(0xf4f4f0));
    let rings = dice.chance(0.5);
    let mut canvas = Canvas::new(w as usize, h as usize);
    canvas.fill(Area::new(0.0, 0.0, w, h), 0.0, light, 1.0);
    let step = if rings { 9.0 * cell / 7.0 } else { 2.0 * cell };
    let (columns, rows) = ((w / step) as usize, (h / step) as usize);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (column as f32 * step, row as f32 * step);
            if rings {
                let ring = Area::new(x, y, cell, cell);
                canvas.fill(ring, 0.0, dark, 1.0);
                canvas.fill(ring.inset(cell / 7.0), 0.0, light, 1.0);
                canvas.fill(ring.inset(cell * 2.0 / 7.0), 0.0, dark, 1.0);
            } else {
                canvas.fill(Area::new(x, y, cell, cell), 0.0, dark, 1.0);
                canvas.fill(Area::new(x + cell, y + cell, cell, cell), 0.0, dark, 1.0);
            }
        }
    }
    no_code(canvas, Surface::Paper)
}

fn no_code(canvas: Canvas, surface: Surface) -> Scene {
    let side = canvas.height() as f32 * 0.6;
    let (w, h) = (canvas.width() as f32, canvas.height() as f32);
    // What the camera looks at: as large as a code would be.
    let code = CodePlace { left: (w - side) / 2.0, top: (h - side) / 2.0, modules: 73, module: side / 73.0 };
    Scene { canvas, code, surface }
}

// --- pages of a phone: each returns the top of the tile with the code ---

fn light_page(canvas: &mut Canvas, screen: Area, corner: f32, unit: f32, tile: f32, dice: &mut Dice) -> f32 {
    canvas.fill(screen, corner, srgb(0xf0f3f7), 1.0);
    let header = srgb(dice.one_of(&[0x1677a6, 0x1a56c8, 0xc83c32, 0x1c8c60, 0x5a3cb4]));
    canvas.fill(Area { h: 50.0 * unit, ..screen }, corner, header, 1.0);
    canvas.fill(Area::new(screen.x, screen.y + 45.0 * unit, screen.w, 10.0 * unit), 0.0, srgb(0xf0f3f7), 1.0);
    canvas.text((screen.x + 34.0 * unit, screen.y + 16.0 * unit), 5.0 * unit, &[5], srgb(0xffffff), dice);
    let top = screen.y + dice.between(52.0, 62.0) * unit;
    let card = Area::new(screen.x + 2.0 * unit, screen.y + 33.0 * unit, screen.w - 4.0 * unit, tile + 48.0 * unit);
    canvas.fill(card, 3.0 * unit, srgb(0xffffff), 1.0);
    portrait(canvas, Area::new(card.x + 5.0 * unit, card.y + 3.0 * unit, 12.0 * unit, 15.0 * unit));
    for (row, size) in [3.8, 2.2, 2.2].into_iter().enumerate() {
        let words = [3, 2 + dice.below(6)];
        let y = card.y + (4.0 + 5.0 * row as f32) * unit;
        canvas.text((card.x + 21.0 * unit, y), size * unit, &words, srgb(0x505862), dice);
    }
    let bar = Area::new(screen.x + 12.0 * unit, top + tile + 2.0 * unit, screen.w - 24.0 * unit, 1.2 * unit);
    canvas.fill(bar, 2.0, srgb(0xe4e9ee), 1.0);
    canvas.fill(Area { w: bar.w * dice.between(0.1, 1.0), ..bar }, 2.0, header, 1.0);
    canvas.text((screen.x + 24.0 * unit, bar.y + 5.0 * unit), 2.6 * unit, &[5, 2, 6], srgb(0x8c949e), dice);
    for row in 0..4 {
        let y = top + tile + (26.0 + 6.0 * row as f32) * unit;
        canvas.text((screen.x + 5.0 * unit, y), 2.6 * unit, &[4, 7 + dice.below(8)], srgb(0x808a96), dice);
    }
    top
}

fn dark_page(canvas: &mut Canvas, screen: Area, corner: f32, unit: f32, tile: f32, dice: &mut Dice) -> f32 {
    canvas.fill(screen, corner, srgb(dice.one_of(&[0x000000, 0x0b0d12, 0x181a20])), 1.0);
    let top = screen.y + dice.between(38.0, 60.0) * unit;
    canvas.text((screen.x + 30.0 * unit, screen.y + 16.0 * unit), 5.0 * unit, &[6], srgb(0xe0e2e6), dice);
    canvas.text((screen.x + 34.0 * unit, screen.y + 26.0 * unit), 2.6 * unit, &[4, 5], srgb(0x80848c), dice);
    // The tile is often rounded; its corners cut a little into the quiet zone.
    let rim = dice.between(0.0, 2.5) * unit;
    let middle = screen.x + screen.w / 2.0;
    let rounded = Area::new(middle - tile / 2.0, top, tile, tile).inset(-rim);
    canvas.fill(rounded, 3.0 * unit, srgb(0xffffff), 1.0);
    for row in 0..3 {
        let y = top + tile + (10.0 + 8.0 * row as f32) * unit;
        canvas.text((screen.x + 10.0 * unit, y), 3.0 * unit, &[3, 0, 8], srgb(0x9a9ea8), dice);
    }
    let button = Area::new(screen.x + 20.0 * unit, top + tile + 48.0 * unit, 60.0 * unit, 12.0 * unit);
    canvas.fill(button, 6.0 * unit, srgb(0x2a6cf0), 1.0);
    top
}

fn wallet_page(canvas: &mut Canvas, screen: Area, corner: f32, unit: f32, tile: f32, dice: &mut Dice) -> f32 {
    canvas.fill(screen, corner, srgb(dice.one_of(&[0xe8eaee, 0x22242a, 0xd8e2ea])), 1.0);
    let (upper, lower) = dice.one_of(&[(0x2c5090, 0x5a90c8), (0x8c1c28, 0xd05040), (0x0c6050, 0x40a888)]);
    let card = Area::new(screen.x + 1.5 * unit, screen.y + 14.0 * unit, screen.w - 3.0 * unit, tile + 64.0 * unit);
    let head = 44.0 * unit;
    canvas.fill(card, 4.0 * unit, srgb(upper), 1.0);
    canvas.gradient(Area::new(card.x, card.y + 5.0 * unit, card.w, head), srgb(upper), srgb(lower));
    canvas.fill(Area::new(card.x, card.y + head, card.w, card.h - head), 4.0 * unit, srgb(0xffffff), 1.0);
    portrait(canvas, Area::new(card.x + 5.0 * unit, card.y + 12.0 * unit, 22.0 * unit, 28.0 * unit));
    for (row, size) in [4.6, 2.6, 2.6, 2.6].into_iter().enumerate() {
        let y = card.y + (12.0 + 7.0 * row as f32) * unit;
        canvas.text((card.x + 32.0 * unit, y), size * unit, &[3, 3 + dice.below(5)], srgb(0xffffff), dice);
    }
    let top = card.y + head + dice.between(3.0, 12.0) * unit;
    for (row, colour) in [0xc09030, 0x4068a8, 0x606068].into_iter().enumerate() {
        let y = card.y + card.h + (4.0 + 13.0 * row as f32) * unit;
        let room = screen.y + screen.h - 2.0 * unit - y;
        canvas.fill(Area::new(card.x, y, card.w, room.min(40.0 * unit)), 4.0 * unit, srgb(colour), 1.0);
        if room > 10.0 * unit {
            canvas.text((card.x + 6.0 * unit, y + 4.0 * unit), 4.0 * unit, &[5], srgb(0xffffff), dice);
        }
    }
    top
}

fn portrait(canvas: &mut Canvas, area: Area) {
    canvas.fill(area, area.w * 0.06, srgb(0xd6dee6), 1.0);
    let (cx, _) = area.centre();
    let head = area.w * 0.46;
    canvas.fill(Area::new(cx - head / 2.0, area.y + area.h * 0.16, head, head * 1.15), head / 2.0, srgb(0x9eacba), 1.0);
    canvas.fill(
        Area::new(area.x + area.w * 0.12, area.y + area.h * 0.7, area.w * 0.76, area.h * 0.3),
        area.w * 0.2,
        srgb(0x6e7c8c),
        1.0,
    );
}

fn status_line(canvas: &mut Canvas, screen: Area, unit: f32, interface: Interface, dice: &mut Dice) {
    let colour = if interface == Interface::Wallet { srgb(0x808084) } else { srgb(0xf0f0f0) };
    canvas.text((screen.x + 8.0 * unit, screen.y + 3.6 * unit), 2.8 * unit, &[2, 2], colour, dice);
    let battery = Area::new(screen.x + screen.w - 15.0 * unit, screen.y + 3.6 * unit, 6.0 * unit, 2.8 * unit);
    canvas.frame(battery, 1.0, 1.0, colour, 1.0);
    canvas.fill(battery.inset(2.0), 0.0, colour, 1.0);
    let (cx, _) = screen.centre();
    canvas.fill(Area::new(cx - 2.3 * unit, screen.y + 2.6 * unit, 4.6 * unit, 4.6 * unit), 2.3 * unit, [0.001; 3], 1.0);
    let home = Area::new(cx - 15.0 * unit, screen.y + screen.h - 3.0 * unit, 30.0 * unit, unit);
    canvas.fill(home, 1.0, srgb(0x60646a), 1.0);
}

// --- codes ---

/// Modules as a screen shows them: exact, whatever part of a texel they cover.
fn print(canvas: &mut Canvas, symbol: &Symbol, code: &CodePlace, dark: Colour, light: Colour) {
    let darkness = darkness(symbol, code);
    paint_darkness(canvas, code, &darkness, dark, light);
}

/// Modules as a printer leaves them: corners run round, ink spreads, edges are rough.
fn ink_on_paper(canvas: &mut Canvas, symbol: &Symbol, code: &CodePlace, look: &SheetLook, dice: &mut Dice) {
    let sharp = darkness(symbol, code);
    let side = sharp.side;
    let run = blurred(&blurred(&sharp.levels, side), side);
    let rough: Vec<f32> = (0..side * side).map(|_| dice.normal()).collect();
    let rough = blurred(&rough, side);
    // The edge of an isolated module moves by `spread` where the blurred step, about five texels wide, is cut.
    let threshold = 0.5 - look.spread * code.module / 5.0;
    let levels = run
        .iter()
        .zip(&rough)
        .map(|(level, rough)| {
            let ink = ((level + rough * 0.35 * look.roughness - threshold) * 3.0 + 0.5).clamp(0.0, 1.0);
            // Solid ink is not even either.
            ink * (1.0 - 0.08 * look.roughness * rough.abs())
        })
        .collect();
    let grey = dice.between(0.02, 0.06);
    let paper = canvas.at(code.left - code.module, code.top - code.module);
    paint_darkness(canvas, code, &Darkness { levels, ..sharp }, [grey; 3], [paper[0], paper[1], paper[2]]);
}

/// How dark each texel of a code and a rim of two modules around it is, 0 to 1.
struct Darkness {
    left: usize,
    top: usize,
    side: usize,
    levels: Vec<f32>,
}

fn darkness(symbol: &Symbol, code: &CodePlace) -> Darkness {
    let rim = (2.0 * code.module).ceil();
    let (left, top) = ((code.left - rim).floor(), (code.top - rim).floor());
    let side = (code.side() + 2.0 * rim).ceil() as usize + 1;
    let columns: Vec<Span> = (0..side).map(|x| Span::of(left + x as f32 - code.left, code.module)).collect();
    let rows: Vec<Span> = (0..side).map(|y| Span::of(top + y as f32 - code.top, code.module)).collect();
    let dark = |row: i32, column: i32| {
        let row = usize::try_from(row).ok().and_then(|row| symbol.modules.get(row));
        let dark = row.zip(usize::try_from(column).ok()).and_then(|(row, column)| row.get(column));
        f32::from(u8::from(dark == Some(&true)))
    };
    let mut levels = Vec::with_capacity(side * side);
    for row in &rows {
        levels.extend(columns.iter().map(|column| {
            let across =
                |y: i32| column.share * dark(y, column.module) + (1.0 - column.share) * dark(y, column.module + 1);
            row.share * across(row.module) + (1.0 - row.share) * across(row.module + 1)
        }));
    }
    Darkness { left: left.max(0.0) as usize, top: top.max(0.0) as usize, side, levels }
}

/// Which module a texel begins in, and how much of the texel belongs to it; the rest belongs to the next one.
struct Span {
    module: i32,
    share: f32,
}

impl Span {
    fn of(start: f32, module: f32) -> Span {
        let at = (start / module).floor();
        Span { module: at as i32, share: ((at + 1.0) * module - start).clamp(0.0, 1.0) }
    }
}

fn paint_darkness(canvas: &mut Canvas, code: &CodePlace, darkness: &Darkness, dark: Colour, light: Colour) {
    debug_assert!(code.side() > 0.0);
    for (y, levels) in darkness.levels.chunks(darkness.side).enumerate() {
        if darkness.top + y >= canvas.height() {
            break;
        }
        let texels = canvas.row_mut(darkness.top + y).iter_mut().skip(darkness.left);
        for (texel, level) in texels.zip(levels).filter(|(_, level)| **level > 0.0) {
            for i in 0..3 {
                texel[i] = light[i] + (dark[i] - light[i]) * level;
            }
            texel[3] = 1.0;
        }
    }
}

/// Mean of 3 by 3, in a square picture.
fn blurred(levels: &[f32], side: usize) -> Vec<f32> {
    let along: Vec<f32> = levels
        .chunks(side)
        .flat_map(|row| {
            (0..side).map(|x| {
                let (before, after) = (row[x.saturating_sub(1)], row[(x + 1).min(side - 1)]);
                (before + row[x] + after) / 3.0
            })
        })
        .collect();
    (0..side * side)
        .map(|at| {
            let before = at.checked_sub(side).unwrap_or(at);
            let after = if at + side < side * side { at + side } else { at };
            (along[before] + along[at] + along[after]) / 3.0
        })
        .collect()
}

// --- what happens to things ---

/// Cracks that start at a corner of the screen and branch, across the code.
fn crack(canvas: &mut Canvas, screen: Area, code: &CodePlace, cracks: usize, dice: &mut Dice) {
    let start = (screen.x + screen.w * dice.one_of(&[0.02, 0.98]), code.top + code.side() * dice.between(-0.2, 1.1));
    for _ in 0..cracks {
        let towards =
            (code.left + code.side() * dice.between(0.0, 1.0), code.top + code.side() * dice.between(0.0, 1.0));
        let mut at = start;
        let steps = 5 + dice.below(5);
        let stride = ((towards.0 - start.0) * 1.3 / steps as f32, (towards.1 - start.1) * 1.3 / steps as f32);
        for _ in 0..steps {
            let next = (at.0 + stride.0 + dice.either(0.0, 18.0), at.1 + stride.1 + dice.either(0.0, 18.0));
            let width = dice.between(0.8, 2.2);
            canvas.line(at, next, width, srgb(0xc8d0d4), 0.75);
            canvas.line((at.0 + 1.5, at.1 + 1.5), (next.0 + 1.5, next.1 + 1.5), width * 0.7, [0.0; 3], 0.5);
            if dice.chance(0.3) {
                let branch = (next.0 + dice.either(10.0, 60.0), next.1 + dice.either(10.0, 60.0));
                canvas.line(next, branch, 1.0, srgb(0xc8d0d4), 0.7);
            }
            at = next;
        }
    }
}

const SKIN: [u32; 4] = [0xd8a080, 0xe6b898, 0xb88060, 0xc89474];

/// The hand behind a phone: fingertips at its right side.
fn palm(canvas: &mut Canvas, body: Area, dice: &mut Dice) {
    let skin = srgb(dice.one_of(&SKIN));
    for finger in 0..4 {
        let y = body.y + body.h * (0.36 + 0.085 * finger as f32);
        let tip = Area::new(body.x + body.w - 60.0, y, 60.0 + dice.between(20.0, 44.0), body.h * 0.07);
        canvas.fill(tip, 30.0, skin, 1.0);
        canvas.glow(Area { y: y + tip.h - 3.0, h: 2.0, ..tip }, 1.0, 5.0, [0.0; 3], 0.35);
    }
}

/// A thumb over the lower left rim, clear of the code.
fn thumb(canvas: &mut Canvas, body: Area, code: &CodePlace, dice: &mut Dice) {
    let skin = srgb(dice.one_of(&SKIN));
    let y = (code.top + code.side() + 8.0 * code.module + dice.between(10.0, 90.0)).min(body.y + body.h - 120.0);
    let long = dice.between(90.0, 150.0);
    let thumb = Area::new(body.x - 66.0, y, long, 74.0);
    canvas.glow(Area { y: y + 6.0, ..thumb }, 36.0, 10.0, [0.0; 3], 0.4);
    canvas.fill(thumb, 36.0, skin, 1.0);
    canvas.fill(Area::new(thumb.x + long - 40.0, y + 16.0, 32.0, 40.0), 16.0, srgb(0xf0d0c0), 0.7);
}

/// A red ring with characters in it.
fn seal(canvas: &mut Canvas, (cx, cy): (f32, f32), radius: f32, dice: &mut Dice) {
    let red = srgb(0xc6262a);
    let ring = Area::new(cx - radius, cy - radius, 2.0 * radius, 2.0 * radius);
    canvas.frame(ring, radius, radius * 0.08, red, 0.8);
    for letter in 0..9 {
        let angle = (150.0 + 30.0 * letter as f32).to_radians();
        let (x, y) = (cx + 0.7 * radius * libm::cosf(angle), cy + 0.7 * radius * libm::sinf(angle));
        let size = radius * 0.24;
        canvas.text((x - size / 2.0, y - size / 2.0), size, &[1], red, dice);
    }
    canvas.fill(Area::new(cx - radius * 0.2, cy - radius * 0.2, radius * 0.4, radius * 0.4), radius * 0.2, red, 0.7);
}

/// Grain, folds and streaks.
fn wear(canvas: &mut Canvas, page: Area, code: &CodePlace, look: &SheetLook, dice: &mut Dice) {
    for _ in 0..look.streaks {
        let x = code.left + code.side() * dice.unit();
        canvas.fill(Area::new(x, page.y, dice.between(0.6, 2.0), page.h), 0.0, srgb(0xf0eee8), 0.55);
    }
    // Each fold: a line across, the paper beyond it a little brighter or darker, and a bright ridge.
    let folds: Vec<(bool, f32, f32)> = (0..look.folds)
        .map(|fold| {
            let across = fold % 2 == 0;
            let at = if across {
                code.top + code.side() * dice.between(0.1, 0.9)
            } else {
                code.left + code.side() * dice.between(0.1, 0.9)
            };
            (across, at, dice.either(0.04, 0.14))
        })
        .collect();
    canvas.tint(|x, y| {
        let grain = 1.0 + 0.018 * dice.normal();
        folds.iter().fold(grain, |light, &(across, at, step)| {
            let distance = if across { y as f32 - at } else { x as f32 - at };
            let beyond = if distance > 0.0 { 1.0 - step * (1.0 - (distance / 300.0).min(1.0)) } else { 1.0 };
            let ridge = 1.0 + 0.16 * (1.0 - (distance / 2.5).abs()).max(0.0);
            light * beyond * ridge
        })
    });
}
