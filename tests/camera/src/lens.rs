//! What a lens and a shaking hand make of a point of light: a kernel, and planes of light that it is spread over.

/// What makes a frame unsharp, in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Blur {
    /// The lens at its best: standard deviation of a bell.
    pub(crate) bell: f32,
    /// Out of focus: radius of a disc.
    pub(crate) disc: f32,
    /// Movement while the shutter is open: the way of a point, equally long in each part. Empty: none.
    pub(crate) path: Vec<(f32, f32)>,
}

impl Blur {
    /// All of it in one kernel.
    pub(crate) fn kernel(&self) -> Kernel {
        let mut kernel = Kernel::bell(self.bell);
        if self.disc > 0.1 {
            kernel = kernel.then(&Kernel::disc(self.disc));
        }
        if self.path.len() > 1 {
            kernel = kernel.then(&Kernel::path(&self.path));
        }
        kernel
    }

    /// How much of a wave of this frequency, in cycles a pixel, comes through before the sensor counts pixels: 0 to 1.
    pub(crate) fn left_of_wave(&self, (fx, fy): (f32, f32)) -> f32 {
        let pi = std::f32::consts::PI;
        let squared = fx * fx + fy * fy;
        let bell = libm::expf(-2.0 * pi * pi * self.bell * self.bell * squared);
        let turn = 2.0 * pi * self.disc * squared.sqrt();
        let disc = if turn > 0.05 { 2.0 * libm::j1f(turn) / turn } else { 1.0 };
        let (mut even, mut odd, mut parts) = (0.0f32, 0.0f32, 0.0f32);
        for ends in self.path.windows(2) {
            for step in 0..16 {
                let t = (step as f32 + 0.5) / 16.0;
                let (x, y) = (ends[0].0 + (ends[1].0 - ends[0].0) * t, ends[0].1 + (ends[1].1 - ends[0].1) * t);
                let (sin, cos) = libm::sincosf(2.0 * pi * (fx * x + fy * y));
                (even, odd, parts) = (even + cos, odd + sin, parts + 1.0);
            }
        }
        let path = if parts > 0.0 { (even * even + odd * odd).sqrt() / parts } else { 1.0 };
        (bell * disc * path).abs()
    }
}

/// A plane of light, row by row.
#[derive(Clone)]
pub(crate) struct Plane {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) light: Vec<f32>,
}

impl Plane {
    pub(crate) fn new(width: usize, height: usize) -> Plane {
        Plane { width, height, light: vec![0.0; width * height] }
    }

    pub(crate) fn row(&self, y: usize) -> &[f32] {
        &self.light[y * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.light[y * self.width..][..self.width]
    }
}

/// How the light of one point is spread over pixels: a square of odd side, its sum 1.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    reach: usize,
    weights: Vec<f32>,
}

impl Kernel {
    /// A lens of its usual sharpness: a bell of this standard deviation in pixels.
    pub(crate) fn bell(sigma: f32) -> Kernel {
        let reach = (3.0 * sigma).ceil().max(1.0) as usize;
        let bell = |d: i32| libm::expf(-0.5 * (d * d) as f32 / (sigma * sigma).max(1e-6));
        Kernel::from_points(reach, square(reach).map(|(x, y)| (x as f32, y as f32, bell(x) * bell(y))))
    }

    /// A lens out of focus: a disc of this radius in pixels, evenly bright.
    pub(crate) fn disc(radius: f32) -> Kernel {
        let reach = radius.ceil().max(1.0) as usize;
        // Each pixel is divided into 8 by 8 parts, to find how much of it the disc covers.
        let part = |i: i32| (i as f32 + 0.5) / 8.0 - 0.5;
        let covered = |x: i32, y: i32| {
            let parts = (0..64).filter(|i| {
                let (dx, dy) = (x as f32 + part(i % 8), y as f32 + part(i / 8));
                dx * dx + dy * dy <= radius * radius
            });
            parts.count() as f32
        };
        Kernel::from_points(reach, square(reach).map(|(x, y)| (x as f32, y as f32, covered(x, y).max(1e-9))))
    }

    /// A movement while the shutter is open: through these points in pixels, equally long in each part.
    pub(crate) fn path(points: &[(f32, f32)]) -> Kernel {
        let reach = points.iter().map(|(x, y)| x.abs().max(y.abs()).ceil()).fold(1.0f32, f32::max) as usize + 1;
        const STEPS: usize = 48;
        let along = points.windows(2).flat_map(|ends| {
            let (from, to) = (ends[0], ends[1]);
            (0..STEPS).map(move |step| {
                let t = (step as f32 + 0.5) / STEPS as f32;
                (from.0 + (to.0 - from.0) * t, from.1 + (to.1 - from.1) * t, 1.0)
            })
        });
        if points.len() < 2 { Kernel::from_points(1, [(0.0, 0.0, 1.0)]) } else { Kernel::from_points(reach, along) }
    }

    /// Points of light at any place within `reach`, each shared among the four pixels around it.
    fn from_points(reach: usize, points: impl IntoIterator<Item = (f32, f32, f32)>) -> Kernel {
        let side = 2 * reach + 1;
        let mut weights = vec![0.0; side * side];
        for (x, y, weight) in points {
            let (x, y) = (x + reach as f32, y + reach as f32);
            let (fx, fy) = (x.floor(), y.floor());
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let share = (1.0 - (x - fx - dx as f32).abs()) * (1.0 - (y - fy - dy as f32).abs());
                let (column, row) = (fx as usize + dx, fy as usize + dy);
                if share > 0.0 && column < side && row < side {
                    weights[row * side + column] += weight * share;
                }
            }
        }
        let sum: f32 = weights.iter().sum();
        Kernel { reach, weights: weights.into_iter().map(|weight| weight / sum).collect() }
    }

    /// One after the other.
    pub(crate) fn then(&self, other: &Kernel) -> Kernel {
        let reach = self.reach + other.reach;
        let side = 2 * reach + 1;
        let mut weights = vec![0.0; side * side];
        for (x, y, weight) in self.taps() {
            for (u, v, other) in other.taps() {
                let (column, row) = ((reach as i32 + x + u) as usize, (reach as i32 + y + v) as usize);
                weights[row * side + column] += weight * other;
            }
        }
        Kernel { reach, weights }
    }

    fn taps(&self) -> impl Iterator<Item = (i32, i32, f32)> + '_ {
        square(self.reach)
            .zip(&self.weights)
            .map(|((x, y), weight)| (x, y, *weight))
            .filter(|(.., weight)| *weight > 0.0)
    }

    /// How far the light of a point goes, in pixels.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// Spreads the light of a plane, within `rows` and `columns` only; outside of them it stays as it is.
    pub(crate) fn spread(&self, plane: &Plane, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Plane {
        // What little the weakest taps add is not worth their time.
        let strongest = self.weights.iter().copied().fold(0.0, f32::max);
        let taps: Vec<(i32, i32, f32)> = self.taps().filter(|(.., weight)| *weight > 0.004 * strongest).collect();
        let sum: f32 = taps.iter().map(|(.., weight)| weight).sum();
        let mut spread = plane.clone();
        let (first, last) = (columns.start, columns.end);
        for y in rows {
            let into = &mut spread.light[y * plane.width..][first..last];
            into.fill(0.0);
            for &(dx, dy, weight) in &taps {
                let weight = weight / sum;
                let row = plane.row((y as i32 - dy).clamp(0, plane.height as i32 - 1) as usize);
                let start = first as i32 - dx;
                if start >= 0 && start as usize + into.len() <= row.len() {
                    for (light, from) in into.iter_mut().zip(&row[start as usize..]) {
                        *light += weight * from;
                    }
                } else {
                    // Beyond the edge of the frame it goes on as at the edge.
                    for (i, light) in into.iter_mut().enumerate() {
                        *light += weight * row[(start + i as i32).clamp(0, row.len() as i32 - 1) as usize];
                    }
                }
            }
        }
        spread
    }
}

fn square(reach: usize) -> impl Iterator<Item = (i32, i32)> {
    let reach = reach as i32;
    (-reach..=reach).flat_map(move |y| (-reach..=reach).map(move |x| (x, y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance along x and y of the light of one point.
    fn moments(kernel: &Kernel) -> [f32; 4] {
        let sum = |of: fn(f32, f32) -> f32| kernel.taps().map(|(x, y, w)| w * of(x as f32, y as f32)).sum::<f32>();
        let (x, y) = (sum(|x, _| x), sum(|_, y| y));
        [x, y, sum(|x, _| x * x) - x * x, sum(|_, y| y * y) - y * y]
    }

    fn near(found: [f32; 4], expected: [f32; 4], tolerance: f32) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance), "{found:?} {expected:?}");
    }

    #[test]
    fn kernels_spread_as_far_as_they_say_and_keep_all_light() {
        for kernel in
            [Kernel::bell(0.7), Kernel::disc(3.3), Kernel::path(&[(-4.0, 1.0), (3.0, -2.0)]), Kernel::path(&[])]
        {
            assert!((kernel.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        near(moments(&Kernel::bell(1.2)), [0.0, 0.0, 1.44, 1.44], 0.05);
        near(moments(&Kernel::disc(4.0)), [0.0, 0.0, 4.0, 4.0], 0.15); // a quarter of the radius squared
        // A line of length 12 has a variance of a twelfth of its square, and sharing among pixels adds a sixth at most.
        near(moments(&Kernel::path(&[(-6.0, 0.0), (6.0, 0.0)])), [0.0, 0.0, 12.1, 0.0], 0.2);
        near(moments(&Kernel::bell(1.0).then(&Kernel::disc(4.0))), [0.0, 0.0, 5.0, 5.0], 0.2);
    }

    #[test]
    fn waves_as_long_as_a_movement_vanish() {
        let moved = Blur { bell: 0.0, disc: 0.0, path: vec![(-4.0, 0.0), (4.0, 0.0)] };
        assert!(moved.left_of_wave((1.0 / 8.0, 0.0)) < 0.02);
        assert!((moved.left_of_wave((0.0, 0.3)) - 1.0).abs() < 1e-3);
        assert!((moved.left_of_wave((0.0, 0.0)) - 1.0).abs() < 1e-3);
        let defocused = Blur { bell: 0.5, disc: 3.0, path: Vec::new() };
        assert!(defocused.left_of_wave((0.61 / 3.0, 0.0)) < 0.01, "the first zero of a disc");
        assert!(defocused.left_of_wave((0.05, 0.0)) > 0.8);
    }

    #[test]
    fn only_the_region_is_spread_and_its_light_is_kept() {
        let mut plane = Plane::new(40, 30);
        plane.row_mut(15)[20] = 1.0;
        plane.row_mut(2)[2] = 1.0;
        let spread = Kernel::disc(3.0).spread(&plane, 10..40, 8..30);
        assert_eq!(spread.row(2)[2], 1.0);
        assert!(spread.row(15)[20] < 0.1 && spread.row(15)[18] > 0.02);
        let sum: f32 = spread.light.iter().sum();
        assert!((sum - 2.0).abs() < 1e-3, "{sum}");
        // An even plane stays even, to its edges.
        let even = Plane { light: vec![0.5; 1_200], ..Plane::new(40, 30) };
        let spread = Kernel::path(&[(-7.0, 3.0), (6.0, -2.0)]).spread(&even, 0..40, 0..30);
        assert!(spread.light.iter().all(|light| (light - 0.5).abs() < 1e-4));
    }
}
