//! Where each module of a symbol lies in the picture.

use image::GrayImage;

use super::finder::{BlackWhite, Corner, Finder};
use super::symbol::Version;

/// The places of the modules: a perspective view of the symbol, bent a little where its alignment patterns say so.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) version: Version,
    view: View,
    /// Rows and columns, in modules, at which something was measured.
    lines: Vec<f32>,
    /// What is to be added at each crossing of the lines, in pixels.
    bends: Vec<(f32, f32)>,
    /// How well the finder and alignment patterns fit, -1 to 1.
    pub(super) fit: f32,
}

impl Grid {
    /// The grid over three finder patterns, if the symbol is of this version.
    pub(super) fn over(grey: &GrayImage, three: &Three, version: Version) -> Option<Grid> {
        let side = version.side() as f32;
        let (near, far) = (3.5, side - 3.5);
        let mut view = three.view(side - 7.0)?;
        let mut known = [(near, near), (far, near), (near, far)].map(|place| (place, view.at(place.0, place.1)));

        // The finder patterns' own places, sharper than runs of black and white tell.
        let mut fits = Vec::new();
        for mark in &mut known {
            let (offset, fit) = search(grey, &view, mark.0, &FINDER, 1.0, 0.5).unwrap_or(((0.0, 0.0), 0.0));
            fits.push(fit);
            if fit > WEAK {
                mark.1 = view.at(mark.0.0 + offset.0, mark.0.1 + offset.1);
            }
        }
        // One of the three may lie under a glare.
        if fits.iter().filter(|fit| **fit <= WEAK).count() > 1 {
            return None;
        }
        let support_first: Vec<bool> = fits.iter().map(|fit| *fit > WEAK).collect();
        let mut support: Vec<(Point, Point)> =
            known.iter().zip(&support_first).filter(|(_, sure)| **sure).map(|(mark, _)| *mark).collect();
        let firm = support.len();
        let centres = known.map(|(_, centre)| centre);
        view = Three { centres, ..*three }.view(side - 7.0)?;

        // Alignment patterns, from the finder patterns outward: each is searched where those before it say it is.
        let lines = version.alignment();
        let last = *lines.last()?;
        let mut wanted: Vec<(usize, usize)> = lines
            .iter()
            .flat_map(|row| lines.iter().map(|column| (*column, *row)))
            .filter(|place| ![(6, 6), (6, last), (last, 6)].contains(place))
            .collect();
        wanted.sort_by_key(|(column, row)| column + row);
        for (column, row) in wanted {
            let place = (column as f32 + 0.5, row as f32 + 0.5);
            // Until the perspective is known the far corner may be modules away.
            let reach = if support.len() > 4 { 1.75 } else { 1.5 + 2.0 * (place.0 + place.1) / (2.0 * side) };
            let Some((offset, fit)) = search(grey, &view, place, &ALIGNMENT, reach, 0.5) else { continue };
            fits.push(fit);
            if fit < 0.6 {
                continue;
            }
            let found = view.at(place.0 + offset.0, place.1 + offset.1);
            support.push((place, found));
            if support.len() >= 4 {
                let spread = support.iter().any(|(place, _)| place.0 > side * 0.4 && place.1 > side * 0.4);
                if spread {
                    view = View::fitted(&support).unwrap_or(view);
                }
            }
        }
        // What fits none of the others is no alignment pattern.
        for _ in 0..3 {
            let module = view.module(side / 2.0, side / 2.0);
            let far_off = |((u, v), (x, y)): &(Point, Point)| {
                let (px, py) = view.at(*u, *v);
                (px - x).hypot(py - y) > 0.9 * module
            };
            let before = support.len();
            let mut index = 0;
            support.retain(|mark| {
                index += 1;
                index <= firm || !far_off(mark)
            });
            if support.len() == before {
                break;
            }
            view = View::fitted(&support).unwrap_or(view);
        }
        let mut grid = Grid {
            version,
            view,
            lines: Vec::new(),
            bends: Vec::new(),
            fit: fits.iter().sum::<f32>() / fits.len() as f32,
        };
        grid.bend(&support);
        Some(grid)
    }

    /// Takes up what the perspective view leaves over at the marks.
    fn bend(&mut self, support: &[(Point, Point)]) {
        let mut lines: Vec<f32> = self.version.alignment().iter().map(|line| *line as f32 + 0.5).collect();
        if lines.len() < 2 {
            return;
        }
        let size = lines.len();
        let side = self.version.side() as f32;
        let (first, last) = (lines[0], lines[size - 1]);
        let mut bends = vec![None; size * size];
        for ((u, v), (x, y)) in support {
            // Finder patterns stand where the first and last lines cross, a little outside.
            let snap = |at: f32| match at {
                _ if at < 4.0 => first,
                _ if at > side - 4.0 => last,
                _ => at,
            };
            let place = |at: f32| lines.iter().position(|line| (line - at).abs() < 0.1);
            if let (Some(column), Some(row)) = (place(snap(*u)), place(snap(*v))) {
                let (px, py) = self.view.at(*u, *v);
                bends[row * size + column] = Some((x - px, y - py));
            }
        }
        // A mark that was not found goes as its neighbours do.
        let filled = (0..size * size).map(|at| {
            bends[at].unwrap_or_else(|| {
                let (row, column) = (at / size, at % size);
                let near: Vec<(f32, f32)> = [(0isize, 1isize), (1, 0), (0, -1), (-1, 0)]
                    .iter()
                    .filter_map(|(dy, dx)| {
                        let (y, x) = (row.checked_add_signed(*dy)?, column.checked_add_signed(*dx)?);
                        (y < size && x < size).then(|| bends[y * size + x]).flatten()
                    })
                    .collect();
                let count = near.len().max(2) as f32;
                (
                    near.iter().map(|bend| bend.0).sum::<f32>() / count,
                    near.iter().map(|bend| bend.1).sum::<f32>() / count,
                )
            })
        });
        self.bends = filled.collect();
        lines.dedup();
        self.lines = lines;
    }

    /// The place of a point of the symbol, in pixels; in modules from the upper left corner.
    pub(super) fn at(&self, u: f32, v: f32) -> Point {
        let (x, y) = self.view.at(u, v);
        let size = self.lines.len();
        if size < 2 {
            return (x, y);
        }
        let cell = |at: f32| {
            let next = self.lines.partition_point(|line| *line <= at).clamp(1, size - 1);
            let (low, high) = (self.lines[next - 1], self.lines[next]);
            (next - 1, ((at - low) / (high - low)).clamp(0.0, 1.0))
        };
        let ((column, s), (row, t)) = (cell(u), cell(v));
        let bend = |row: usize, column: usize| self.bends[row * size + column];
        let mix = |a: Point, b: Point, part: f32| (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part);
        let (dx, dy) = mix(
            mix(bend(row, column), bend(row, column + 1), s),
            mix(bend(row + 1, column), bend(row + 1, column + 1), s),
            t,
        );
        (x + dx, y + dy)
    }

    /// Pixels to the module in the middle of the symbol.
    pub(super) fn module(&self) -> f32 {
        let middle = self.version.side() as f32 / 2.0;
        self.view.module(middle, middle)
    }

    /// The four corners of the symbol in pixels: top left, top right, bottom right, bottom left.
    pub(super) fn corners(&self) -> [Point; 4] {
        let side = self.version.side() as f32;
        [self.at(0.0, 0.0), self.at(side, 0.0), self.at(side, side), self.at(0.0, side)]
    }
}

pub(super) type Point = (f32, f32);

/// Three finder patterns, and how the symbol shrinks from one to the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Three {
    /// Top left, top right, bottom left.
    pub(super) centres: [Point; 3],
    /// How many times larger the modules are at the first than at the second and the third, each along the line between the two.
    pub(super) shrinks: [f32; 2],
    /// Modules from the first to the second, and to the third.
    pub(super) distances: [f32; 2],
}

impl Three {
    pub(super) fn of(picture: &BlackWhite, corner: &Corner) -> Three {
        let centre = |finder: &Finder| (finder.x, finder.y);
        let along = |other: &Finder| {
            let a = &corner.top_left;
            let (dx, dy) = (other.x - a.x, other.y - a.y);
            let length = dx.hypot(dy).max(1.0);
            let direction = (dx / length, dy / length);
            // A square at an angle is longer along the rows and columns than along its sides.
            let slope = direction.0.abs().max(direction.1.abs());
            let here = picture.module_along(a, direction).unwrap_or(a.module * slope);
            let there = picture.module_along(other, direction).unwrap_or(other.module * slope);
            // In one dimension, what lies between two places of a perspective view is their geometric mean.
            (here / there, length / (here * there).sqrt())
        };
        let (right, down) = (along(&corner.top_right), along(&corner.bottom_left));
        Three {
            centres: [centre(&corner.top_left), centre(&corner.top_right), centre(&corner.bottom_left)],
            shrinks: [right.0, down.0],
            distances: [right.1, down.1],
        }
    }

    /// As far as the patterns' own sizes tell no more than the mean.
    pub(super) fn plain(corner: &Corner) -> Three {
        let three = [corner.top_left, corner.top_right, corner.bottom_left];
        let module = three.iter().map(|finder| finder.module).sum::<f32>() / 3.0;
        let centres = three.map(|finder| (finder.x, finder.y));
        let distance = |to: usize| (centres[to].0 - centres[0].0).hypot(centres[to].1 - centres[0].1) / module;
        Three { centres, shrinks: [1.0; 2], distances: [distance(1), distance(2)] }
    }

    pub(super) fn module(&self) -> f32 {
        let d = |to: usize| (self.centres[to].0 - self.centres[0].0).hypot(self.centres[to].1 - self.centres[0].1);
        (d(1) / self.distances[0] + d(2) / self.distances[1]) / 2.0
    }

    /// The view in which the patterns' centres are so many modules apart.
    fn view(&self, apart: f32) -> Option<View> {
        let n = f64::from(apart);
        let [a, b, c] = self.centres.map(|(x, y)| (f64::from(x), f64::from(y)));
        // From pattern to pattern the scale changes with the square of the depth.
        let [g, h] = self.shrinks.map(|shrink| (f64::from(shrink.clamp(0.4, 2.5)).sqrt() - 1.0) / n);
        let axis = |p: (f64, f64), g: f64| ((p.0 * (1.0 + g * n) - a.0) / n, (p.1 * (1.0 + g * n) - a.1) / n);
        let (u, v) = (axis(b, g), axis(c, h));
        // The origin is the centre of the first pattern, at 3.5 modules: shift, and make the constant in the denominator one.
        let w = 1.0 - 3.5 * (g + h);
        if w < 0.2 {
            return None;
        }
        Some(View([
            u.0 / w,
            v.0 / w,
            (a.0 - 3.5 * (u.0 + v.0)) / w,
            u.1 / w,
            v.1 / w,
            (a.1 - 3.5 * (u.1 + v.1)) / w,
            g / w,
            h / w,
        ]))
    }
}

/// A perspective view of a plane: modules to pixels.
#[derive(Clone, Copy, Debug)]
struct View([f64; 8]);

impl View {
    /// That which misses the points least, four or more of them.
    fn fitted(points: &[(Point, Point)]) -> Option<View> {
        // Normal equations of the usual linear form, in coordinates of about one.
        let scale = 1.0 / 32.0;
        let mean_x = points.iter().map(|(_, (x, _))| f64::from(*x)).sum::<f64>() / points.len() as f64;
        let mean_y = points.iter().map(|(_, (_, y))| f64::from(*y)).sum::<f64>() / points.len() as f64;
        let reach =
            points.iter().map(|(_, (x, y))| (f64::from(*x) - mean_x).hypot(f64::from(*y) - mean_y)).fold(1.0, f64::max);
        let mut normal = [[0.0f64; 9]; 8];
        for ((u, v), (x, y)) in points {
            let (u, v) = (f64::from(*u) * scale, f64::from(*v) * scale);
            let (x, y) = ((f64::from(*x) - mean_x) / reach, (f64::from(*y) - mean_y) / reach);
            let rows = [[u, v, 1.0, 0.0, 0.0, 0.0, -u * x, -v * x, x], [0.0, 0.0, 0.0, u, v, 1.0, -u * y, -v * y, y]];
            for row in rows {
                for i in 0..8 {
                    for j in 0..9 {
                        normal[i][j] += row[i] * row[j];
                    }
                }
            }
        }
        let h = solve(normal)?;
        // Back into pixels: x = mean + reach * x'.
        let (g, k) = (h[6], h[7]);
        Some(View([
            (h[0] * reach + mean_x * g) * scale,
            (h[1] * reach + mean_x * k) * scale,
            h[2] * reach + mean_x,
            (h[3] * reach + mean_y * g) * scale,
            (h[4] * reach + mean_y * k) * scale,
            h[5] * reach + mean_y,
            g * scale,
            k * scale,
        ]))
    }

    fn at(&self, u: f32, v: f32) -> Point {
        let (u, v) = (f64::from(u), f64::from(v));
        let [a, b, c, d, e, f, g, h] = self.0;
        let w = g * u + h * v + 1.0;
        (((a * u + b * v + c) / w) as f32, ((d * u + e * v + f) / w) as f32)
    }

    fn module(&self, u: f32, v: f32) -> f32 {
        let (o, p, q) = (self.at(u, v), self.at(u + 1.0, v), self.at(u, v + 1.0));
        (((p.0 - o.0).hypot(p.1 - o.1)) + ((q.0 - o.0).hypot(q.1 - o.1))) / 2.0
    }
}

/// Gauss with pivots.
fn solve(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for i in 0..8 {
        let pivot = (i..8).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() < 1e-12 {
            return None;
        }
        for j in 0..8 {
            if j != i {
                let factor = rows[j][i] / rows[i][i];
                for k in i..9 {
                    rows[j][k] -= factor * rows[i][k];
                }
            }
        }
    }
    Some(core::array::from_fn(|i| rows[i][8] / rows[i][i]))
}

/// A finder pattern less like one than this is somewhere else, or covered.
const WEAK: f32 = 0.35;

/// A pattern that is known: modules around its centre, dark +1, light -1.
struct Template {
    half: isize,
    dark: fn(u32) -> bool,
}

/// With the light ring around it.
const FINDER: Template = Template { half: 4, dark: |ring| ring <= 1 || ring == 3 };
const ALIGNMENT: Template = Template { half: 2, dark: |ring| ring != 1 };

/// How like a finder pattern the surroundings of a point are, turned as suits best: -1 to 1.
pub(super) fn likeness_of_finder(grey: &GrayImage, finder: &Finder) -> f32 {
    let turned = |quarter: f64| {
        let (sine, cosine) = (quarter * core::f64::consts::FRAC_PI_2).sin_cos();
        let m = f64::from(finder.module);
        let view =
            View([m * cosine, -m * sine, f64::from(finder.x), m * sine, m * cosine, f64::from(finder.y), 0.0, 0.0]);
        search(grey, &view, (0.0, 0.0), &FINDER, 0.0, 0.5).map_or(-1.0, |(_, like)| like)
    };
    [0.0, 0.2, 0.4, 0.6, 0.8].into_iter().map(turned).fold(-1.0, f32::max)
}

/// Where, around a place of the symbol, the picture is most like a template: what to add, in modules, and how like (-1 to 1).
fn search(
    grey: &GrayImage,
    view: &View,
    place: Point,
    template: &Template,
    reach: f32,
    step: f32,
) -> Option<(Point, f32)> {
    let steps = (reach / step).round() as isize;
    let mut best = (f32::MIN, 0isize, 0isize);
    // The view is as good as straight over so few modules.
    let origin = view.at(place.0, place.1);
    let (right, down) = (view.at(place.0 + 1.0, place.1), view.at(place.0, place.1 + 1.0));
    let (ux, uy, vx, vy) = (right.0 - origin.0, right.1 - origin.1, down.0 - origin.0, down.1 - origin.1);
    let level_at = |s: f32, t: f32| level(grey, origin.0 + s * ux + t * vx, origin.1 + s * uy + t * vy);

    // The samples of one place are those of others too: each is taken once.
    let to_module = if steps == 0 { 1 } else { (1.0 / step).round() as isize };
    let edge = template.half * to_module + steps;
    let side = 2 * edge + 1;
    let lattice: Vec<Option<f32>> = (0..side * side)
        .map(|at| level_at((at % side - edge) as f32 / to_module as f32, (at / side - edge) as f32 / to_module as f32))
        .collect();
    for y in -steps..=steps {
        for x in -steps..=steps {
            let sample = |s: isize, t: isize| {
                let at = (t * to_module + y + edge) * side + s * to_module + x + edge;
                lattice.get(usize::try_from(at).ok()?).copied().flatten()
            };
            if let Some(like) = likeness(template, sample) {
                // What is near is likelier than what is far.
                let like = like - 0.004 * (x * x + y * y) as f32 * step * step;
                if like > best.0 {
                    best = (like, x, y);
                }
            }
        }
    }
    if best.0 == f32::MIN {
        return None;
    }
    // Between the steps.
    let (mut u, mut v) = (best.1 as f32 * step, best.2 as f32 * step);
    let finely = |u: f32, v: f32| likeness(template, |s, t| level_at(s as f32 + u, t as f32 + v));
    let mut like = finely(u, v)?;
    let mut finer = step / 2.0;
    for _ in 0..3 {
        for (du, dv) in [(finer, 0.0), (-finer, 0.0), (0.0, finer), (0.0, -finer)] {
            if let Some(other) = finely(u + du, v + dv)
                && other > like
            {
                (u, v, like) = (u + du, v + dv, other);
            }
        }
        finer /= 2.0;
    }
    Some(((u, v), like))
}

/// How alike a template and what is sampled at its modules are, -1 to 1; none where something lies outside, or all is of one grey.
fn likeness(template: &Template, sample: impl Fn(isize, isize) -> Option<f32>) -> Option<f32> {
    let (mut sum, mut squares, mut product, mut count, mut dark_count) = (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for y in -template.half..=template.half {
        for x in -template.half..=template.half {
            let level = sample(x, y)?;
            sum += level;
            squares += level * level;
            count += 1.0;
            if (template.dark)(x.unsigned_abs().max(y.unsigned_abs()) as u32) {
                product -= level;
                dark_count += 1.0;
            } else {
                product += level;
            }
        }
    }
    let mean = sum / count;
    let sign_mean = (count - 2.0 * dark_count) / count;
    let variance = (squares / count - mean * mean).max(0.0);
    let covariance = product / count - mean * sign_mean;
    let spread = variance.sqrt() * (1.0 - sign_mean * sign_mean).sqrt();
    (spread > 0.5).then(|| covariance / spread)
}

/// The grey level at a point, between pixels; none outside.
pub(super) fn level(grey: &GrayImage, x: f32, y: f32) -> Option<f32> {
    let (x, y) = (x - 0.5, y - 0.5);
    let (width, height) = (grey.width() as usize, grey.height() as usize);
    if !(x >= 0.0 && y >= 0.0) || x >= (width - 1) as f32 || y >= (height - 1) as f32 {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    let (s, t) = (x - left as f32, y - top as f32);
    let raw = grey.as_raw();
    let above = raw.get(top * width + left..top * width + left + 2)?;
    let below = raw.get((top + 1) * width + left..(top + 1) * width + left + 2)?;
    let mix = |a: u8, b: u8| f32::from(a) + (f32::from(b) - f32::from(a)) * s;
    let (upper, lower) = (mix(above[0], above[1]), mix(below[0], below[1]));
    Some(upper + (lower - upper) * t)
}
