//! A flat picture in linear light, painted with soft-edged rounded rectangles and lines.

use crate::dice::Dice;

/// Linear light: red, green, blue, 0 to 1 for what a screen can show.
pub(crate) type Colour = [f32; 3];

/// A colour as designers write it, `0xRRGGBB` in sRGB (IEC 61966-2-1), in linear light.
pub(crate) fn srgb(hex: u32) -> Colour {
    [hex >> 16, hex >> 8, hex].map(|level| to_linear((level & 0xff) as f32 / 255.0))
}

/// A level of sRGB, 0 to 1, in linear light.
pub(crate) fn to_linear(level: f32) -> f32 {
    if level <= 0.040_45 { level / 12.92 } else { libm::powf((level + 0.055) / 1.055, 2.4) }
}

/// Linear light, 0 to 1, as a level of sRGB.
pub(crate) fn to_srgb(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::powf(light, 1.0 / 2.4) - 0.055 }
}

/// A rectangle in texels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) w: f32,
    pub(crate) h: f32,
}

impl Area {
    pub(crate) const fn new(x: f32, y: f32, w: f32, h: f32) -> Area {
        Area { x, y, w, h }
    }

    pub(crate) fn inset(self, by: f32) -> Area {
        Area { x: self.x + by, y: self.y + by, w: self.w - 2.0 * by, h: self.h - 2.0 * by }
    }

    pub(crate) fn centre(self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Distance of a point from the rounded outline: positive outside, negative inside.
    fn outside(self, x: f32, y: f32, radius: f32) -> f32 {
        let dx = (x - self.x - self.w / 2.0).abs() - self.w / 2.0 + radius;
        let dy = (y - self.y - self.h / 2.0).abs() - self.h / 2.0 + radius;
        // Only the corners need a root, and most points are elsewhere.
        let outside = if dx > 0.0 && dy > 0.0 { (dx * dx + dy * dy).sqrt() } else { dx.max(dy) };
        outside - radius
    }
}

/// The picture. Texels are premultiplied with their opacity, which is the fourth number.
#[derive(Clone)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    texels: Vec<[f32; 4]>,
}

impl Canvas {
    /// A transparent canvas.
    pub(crate) fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, texels: vec![[0.0; 4]; width * height] }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn row(&self, y: usize) -> &[[f32; 4]] {
        &self.texels[y * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [[f32; 4]] {
        &mut self.texels[y * self.width..][..self.width]
    }

    /// The colour at a point, blended of the four texels around it. Beyond the edge all is transparent.
    #[inline(always)]
    pub(crate) fn at(&self, x: f32, y: f32) -> [f32; 4] {
        let (x, y) = (x - 0.5, y - 0.5);
        if !(x >= 0.0 && y >= 0.0 && x < (self.width - 1) as f32 && y < (self.height - 1) as f32) {
            return [0.0; 4];
        }
        // Casts cut off what is behind the point, as `floor` would, and are faster.
        let (column, row) = (x as usize, y as usize);
        let (tx, ty) = (x - column as f32, y - row as f32);
        let start = row * self.width + column;
        let (a, b, c, d) = ((1.0 - tx) * (1.0 - ty), tx * (1.0 - ty), (1.0 - tx) * ty, tx * ty);
        let (Some([above, beside]), Some([below, across])) =
            (self.texels.get(start..start + 2), self.texels.get(start + self.width..start + self.width + 2))
        else {
            return [0.0; 4];
        };
        let mut blended = [0.0; 4];
        for i in 0..4 {
            blended[i] = a * above[i] + b * beside[i] + c * below[i] + d * across[i];
        }
        blended
    }

    /// A filled rectangle with corners of the given radius; half its side makes a circle.
    pub(crate) fn fill(&mut self, area: Area, radius: f32, colour: Colour, opacity: f32) {
        let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
        if area.w <= 0.0 || area.h <= 0.0 {
            return;
        }
        self.paint(area, 1.0, colour, |x, y| {
            // Deep inside, where most points are, there is no edge to soften.
            let deep = radius + 1.0;
            let inside =
                x - area.x > deep && y - area.y > deep && area.x + area.w - x > deep && area.y + area.h - y > deep;
            if inside { opacity } else { opacity * (0.5 - area.outside(x, y, radius)).clamp(0.0, 1.0) }
        });
    }

    /// The outline alone, `width` texels thick, inside the area.
    pub(crate) fn frame(&mut self, area: Area, radius: f32, width: f32, colour: Colour, opacity: f32) {
        let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
        self.paint(area, 1.0, colour, |x, y| {
            let outside = area.outside(x, y, radius);
            opacity * (0.5 - outside).min(outside + width + 0.5).clamp(0.0, 1.0)
        });
    }

    /// A shadow or a light: fades over `reach` texels on both sides of the outline.
    pub(crate) fn glow(&mut self, area: Area, radius: f32, reach: f32, colour: Colour, opacity: f32) {
        let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
        self.paint(area, reach, colour, |x, y| {
            let t = (0.5 - area.outside(x, y, radius) / (2.0 * reach)).clamp(0.0, 1.0);
            opacity * t * t * (3.0 - 2.0 * t)
        });
    }

    /// A straight line, `width` texels thick, with soft edges.
    pub(crate) fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, colour: Colour, opacity: f32) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-6);
        let area = Area::new(from.0.min(to.0), from.1.min(to.1), dx.abs(), dy.abs());
        self.paint(area, width / 2.0 + 1.0, colour, |x, y| {
            let (px, py) = (x - from.0, y - from.1);
            let along = ((px * dx + py * dy) / length).clamp(0.0, length);
            let (ax, ay) = (px - dx / length * along, py - dy / length * along);
            // A line thinner than a texel covers only a part of it.
            opacity * (width / 2.0 + 0.5 - (ax * ax + ay * ay).sqrt()).clamp(0.0, width.min(1.0))
        });
    }

    /// Colours from top to bottom, blended; opaque.
    pub(crate) fn gradient(&mut self, area: Area, top: Colour, bottom: Colour) {
        let rows = area.h.max(1.0) as usize;
        for row in 0..rows {
            let t = row as f32 / rows as f32;
            let colour = std::array::from_fn(|i| top[i] + (bottom[i] - top[i]) * t);
            self.fill(Area::new(area.x, area.y + row as f32, area.w, 1.0), 0.0, colour, 1.0);
        }
    }

    /// A line of text that nobody can read: characters of a few strokes each, `size` texels square; a 0 in `words` is a
    /// gap of one character. Returns where it ends.
    pub(crate) fn text(
        &mut self,
        (x, y): (f32, f32),
        size: f32,
        words: &[usize],
        colour: Colour,
        dice: &mut Dice,
    ) -> f32 {
        let mut left = x;
        for &characters in words {
            for _ in 0..characters {
                self.character(Area::new(left, y, size, size), colour, dice);
                left += size * 1.12;
            }
            left += size * if characters == 0 { 1.0 } else { 0.5 };
        }
        left
    }

    fn character(&mut self, area: Area, colour: Colour, dice: &mut Dice) {
        let thick = (area.w * 0.1).max(0.8);
        for _ in 0..2 + dice.below(3) {
            let (at, from, to) = (dice.unit(), dice.between(0.0, 0.35), dice.between(0.65, 1.0));
            let row = Area::new(area.x + area.w * from, area.y + (area.h - thick) * at, area.w * (to - from), thick);
            self.fill(row, 0.0, colour, 0.95);
        }
        for _ in 0..1 + dice.below(3) {
            let (at, from, to) = (dice.between(0.1, 0.9), dice.between(0.0, 0.4), dice.between(0.6, 1.0));
            let column = Area::new(area.x + (area.w - thick) * at, area.y + area.h * from, thick, area.h * (to - from));
            self.fill(column, 0.0, colour, 0.95);
        }
    }

    /// Multiplies the light of every texel, without its opacity.
    pub(crate) fn tint(&mut self, mut factor: impl FnMut(usize, usize) -> f32) {
        for y in 0..self.height {
            for (x, texel) in self.row_mut(y).iter_mut().enumerate() {
                if texel[3] > 0.0 {
                    let factor = factor(x, y);
                    for light in &mut texel[..3] {
                        *light *= factor;
                    }
                }
            }
        }
    }

    /// Blends the colour over every texel near `area`, as strongly as `cover` says for the texel's centre.
    pub(crate) fn paint(&mut self, area: Area, margin: f32, [r, g, b]: Colour, cover: impl Fn(f32, f32) -> f32) {
        let from = |start: f32| (start - margin).floor().max(0.0) as usize;
        let to = |end: f32, most: usize| ((end + margin).ceil().max(0.0) as usize).min(most);
        let columns = from(area.x)..to(area.x + area.w, self.width);
        if columns.is_empty() {
            return;
        }
        for y in from(area.y)..to(area.y + area.h, self.height) {
            let start = columns.start;
            for (i, texel) in self.row_mut(y)[columns.clone()].iter_mut().enumerate() {
                let covered = cover((start + i) as f32 + 0.5, y as f32 + 0.5);
                if covered > 0.0 {
                    for (light, new) in texel.iter_mut().zip([r, g, b, 1.0]) {
                        *light += (new - *light) * covered;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srgb_and_linear_light_are_each_other_back() {
        for level in 0..=255 {
            let level = level as f32 / 255.0;
            assert!((to_srgb(to_linear(level)) - level).abs() < 1e-4);
        }
        let [r, g, b] = srgb(0xff8000);
        assert!((r - 1.0).abs() < 1e-6 && (g - 0.215_86).abs() < 1e-4 && b == 0.0);
    }

    #[test]
    fn what_is_filled_is_there_and_the_rest_is_not() {
        let mut canvas = Canvas::new(20, 20);
        canvas.fill(Area::new(5.0, 5.0, 10.0, 10.0), 0.0, [0.5; 3], 1.0);
        assert_eq!(canvas.at(10.0, 10.0), [0.5, 0.5, 0.5, 1.0]);
        assert_eq!(canvas.at(3.0, 10.0), [0.0; 4]);
        // Half a texel beyond the edge the blend of inside and outside is half.
        assert_eq!(canvas.at(5.0, 10.0), [0.25, 0.25, 0.25, 0.5]);
        assert_eq!(canvas.at(-4.0, 700.0), [0.0; 4]);
        assert_eq!(canvas.at(f32::NAN, 1.0), [0.0; 4]);
        let mut round = Canvas::new(20, 20);
        round.fill(Area::new(5.0, 5.0, 10.0, 10.0), 5.0, [0.5; 3], 1.0);
        assert_eq!((round.at(5.5, 5.5)[3], round.at(10.0, 10.0)[3]), (0.0, 1.0));
    }
}
