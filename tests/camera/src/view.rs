//! Where a flat scene is seen in the frame: a pinhole camera before a turned plane, with the barrel distortion of a small lens.

/// A lens without its faults of light: size of the frame, focal length, distortion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Optics {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Focal length in pixels. 0.8 of the width is a field of view of 64 degrees.
    pub(crate) focal: f32,
    /// How much farther out a point of the corner would be without distortion, as a part of its distance: 0 to 0.08.
    pub(crate) barrel: f32,
}

/// How a scene lies before the camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// Degrees the scene is turned about its vertical axis; positive: its right side is farther away.
    pub(crate) yaw: f32,
    /// Degrees the scene is turned about its horizontal axis; positive: its upper side is farther away.
    pub(crate) pitch: f32,
    /// Degrees the scene is turned in the picture plane, clockwise.
    pub(crate) roll: f32,
    /// Where in the frame the middle of the code is, in pixels, but for distortion.
    pub(crate) at: (f32, f32),
    /// Pixels to the module at the middle of the code, were it not turned.
    pub(crate) px_per_module: f32,
}

/// The map from a scene's texels to the frame's pixels and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    to_frame: [f64; 9],
    to_scene: [f64; 9],
    centre: (f64, f64),
    barrel: f64,
    corner_squared: f64,
}

impl View {
    /// `focus` is the point of the scene, in texels, that the pose places; `module` its texels to the module.
    ///
    /// `None` if the scene is seen edge-on.
    pub(crate) fn new(optics: &Optics, pose: &Pose, focus: (f32, f32), module: f32) -> Option<View> {
        let (sin_yaw, cos_yaw) = libm::sincos(f64::from(pose.yaw).to_radians());
        let (sin_pitch, cos_pitch) = libm::sincos(f64::from(pose.pitch).to_radians());
        let (sin_roll, cos_roll) = libm::sincos(f64::from(pose.roll).to_radians());
        // Columns of Rx(pitch) · Ry(yaw) · Rz(roll): where the scene's x and y axes point.
        let turned = |[x, y, z]: [f64; 3]| {
            let (x, z) = (cos_yaw * x - sin_yaw * z, sin_yaw * x + cos_yaw * z);
            [x, cos_pitch * y + sin_pitch * z, cos_pitch * z - sin_pitch * y]
        };
        let x_axis = turned([cos_roll, sin_roll, 0.0]);
        let y_axis = turned([-sin_roll, cos_roll, 0.0]);

        let focal = f64::from(optics.focal);
        let (cx, cy) = (optics.width as f64 / 2.0, optics.height as f64 / 2.0);
        let depth = focal / f64::from(pose.px_per_module / module);
        let ray = [(f64::from(pose.at.0) - cx) / focal, (f64::from(pose.at.1) - cy) / focal, 1.0];
        let (fx, fy) = (f64::from(focus.0), f64::from(focus.1));
        let place: [f64; 3] = std::array::from_fn(|i| depth * ray[i] - fx * x_axis[i] - fy * y_axis[i]);
        let row = |i: usize, c: f64| {
            let of = |v: &[f64; 3]| if i < 2 { focal * v[i] + c * v[2] } else { v[2] };
            [of(&x_axis), of(&y_axis), of(&place)]
        };
        let rows = [row(0, cx), row(1, cy), row(2, 0.0)];
        let to_frame: [f64; 9] = std::array::from_fn(|i| rows[i / 3][i % 3]);
        let to_scene = inverse(&to_frame)?;
        let corner_squared = cx * cx + cy * cy;
        Some(View { to_frame, to_scene, centre: (cx, cy), barrel: f64::from(optics.barrel), corner_squared })
    }

    /// Where a point of the scene is seen. `None` if it lies behind the camera.
    pub(crate) fn frame_of(&self, (x, y): (f32, f32)) -> Option<(f32, f32)> {
        let m = &self.to_frame;
        let (x, y) = (f64::from(x), f64::from(y));
        let depth = m[6] * x + m[7] * y + m[8];
        if depth <= 1e-6 {
            return None;
        }
        let (dx, dy) = (
            (m[0] * x + m[1] * y + m[2]) / depth - self.centre.0,
            (m[3] * x + m[4] * y + m[5]) / depth - self.centre.1,
        );
        // A lens with barrel distortion draws the point nearer to the middle: solved by repetition.
        let mut shrink = 1.0;
        for _ in 0..8 {
            shrink = 1.0 / (1.0 + self.barrel * (dx * dx + dy * dy) * shrink * shrink / self.corner_squared);
        }
        Some(((self.centre.0 + dx * shrink) as f32, (self.centre.1 + dy * shrink) as f32))
    }

    /// Which point of the scene is seen at a point of the frame, and how far the scene's point moves with one pixel to
    /// the right and one pixel down. `None` beyond the horizon.
    #[inline]
    pub(crate) fn scene_of(&self, x: f32, y: f32) -> Option<Seen> {
        let (dx, dy) = (f64::from(x) - self.centre.0, f64::from(y) - self.centre.1);
        let stretch = 1.0 + self.barrel * (dx * dx + dy * dy) / self.corner_squared;
        let (x, y) = (self.centre.0 + dx * stretch, self.centre.1 + dy * stretch);
        let m = &self.to_scene;
        let depth = m[6] * x + m[7] * y + m[8];
        if depth <= 1e-12 {
            return None;
        }
        let near = 1.0 / depth;
        let (u, v) = ((m[0] * x + m[1] * y + m[2]) * near, (m[3] * x + m[4] * y + m[5]) * near);
        let near = near * stretch;
        Some(Seen {
            at: (u as f32, v as f32),
            right: (((m[0] - u * m[6]) * near) as f32, ((m[3] - v * m[6]) * near) as f32),
            down: (((m[1] - u * m[7]) * near) as f32, ((m[4] - v * m[7]) * near) as f32),
        })
    }
}

/// A point of the scene and its movement with the pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: (f32, f32),
    pub(crate) right: (f32, f32),
    pub(crate) down: (f32, f32),
}

/// The inverse but for a positive factor, and with the sign that makes the third coordinate positive before the camera.
fn inverse(m: &[f64; 9]) -> Option<[f64; 9]> {
    let minor = |a: usize, b: usize, c: usize, d: usize| m[a] * m[d] - m[b] * m[c];
    let adjugate = [
        minor(4, 5, 7, 8),
        -minor(1, 2, 7, 8),
        minor(1, 2, 4, 5),
        -minor(3, 5, 6, 8),
        minor(0, 2, 6, 8),
        -minor(0, 2, 3, 5),
        minor(3, 4, 6, 7),
        -minor(0, 1, 6, 7),
        minor(0, 1, 3, 4),
    ];
    let determinant = m[0] * adjugate[0] + m[1] * adjugate[3] + m[2] * adjugate[6];
    (determinant.abs() > 1e-9).then(|| adjugate.map(|entry| entry / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTICS: Optics = Optics { width: 1_280, height: 720, focal: 1_000.0, barrel: 0.05 };
    const STRAIGHT: Pose = Pose { yaw: 0.0, pitch: 0.0, roll: 0.0, at: (640.0, 360.0), px_per_module: 4.0 };

    fn view(pose: &Pose, optics: &Optics) -> View {
        View::new(optics, pose, (300.0, 400.0), 8.0).unwrap()
    }

    #[test]
    fn what_is_seen_at_a_place_is_seen_there() {
        let pose = Pose { yaw: 20.0, pitch: -30.0, roll: 50.0, at: (500.0, 420.0), px_per_module: 5.0 };
        let view = view(&pose, &OPTICS);
        for point in [(300.0, 400.0), (0.0, 0.0), (620.0, 100.0), (10.0, 700.0)] {
            let (x, y) = view.frame_of(point).unwrap();
            let seen = view.scene_of(x, y).unwrap();
            assert!((seen.at.0 - point.0).abs() < 0.02 && (seen.at.1 - point.1).abs() < 0.02, "{point:?} {seen:?}");
            let right = view.scene_of(x + 1.0, y).unwrap().at;
            assert!(
                (right.0 - seen.at.0 - seen.right.0).abs() < 0.1 && (right.1 - seen.at.1 - seen.right.1).abs() < 0.1
            );
            let down = view.scene_of(x, y + 1.0).unwrap().at;
            assert!((down.0 - seen.at.0 - seen.down.0).abs() < 0.1 && (down.1 - seen.at.1 - seen.down.1).abs() < 0.1);
        }
    }

    #[test]
    fn poses_turn_the_scene_the_documented_way() {
        let flat = Optics { barrel: 0.0, ..OPTICS };
        let side = |pose: &Pose, from: (f32, f32), to: (f32, f32)| {
            let view = view(pose, &flat);
            let (p, q) = (view.frame_of(from).unwrap(), view.frame_of(to).unwrap());
            ((p.0 - q.0).powi(2) + (p.1 - q.1).powi(2)).sqrt()
        };
        let (left, right) = (((0.0, 100.0), (0.0, 700.0)), ((600.0, 100.0), (600.0, 700.0)));
        assert!((side(&STRAIGHT, left.0, left.1) - 300.0).abs() < 0.01, "4 pixels for each 8 texels");
        let yawed = Pose { yaw: 20.0, ..STRAIGHT };
        assert!(side(&yawed, left.0, left.1) > 1.02 * side(&yawed, right.0, right.1), "the right side is farther");
        let pitched = Pose { pitch: 20.0, ..STRAIGHT };
        assert!(side(&pitched, left.1, right.1) > 1.02 * side(&pitched, left.0, right.0), "the top is farther");
        let rolled = view(&Pose { roll: 90.0, ..STRAIGHT }, &flat).frame_of((400.0, 400.0)).unwrap();
        assert!((rolled.0 - 640.0).abs() < 0.01 && (rolled.1 - 410.0).abs() < 0.01, "clockwise: right becomes down");
        let edge_on = Pose { yaw: 90.0, ..STRAIGHT };
        assert!(
            View::new(&flat, &edge_on, (300.0, 400.0), 8.0)
                .is_none_or(|view| view.scene_of(700.0, 360.0).is_none_or(|seen| seen.right.0.abs() > 100.0))
        );
    }

    #[test]
    fn barrel_distortion_draws_corners_in_and_leaves_the_middle() {
        let flat = Optics { barrel: 0.0, ..OPTICS };
        let corner = (-700.0, -100.0);
        let (bent, straight) =
            (view(&STRAIGHT, &OPTICS).frame_of(corner).unwrap(), view(&STRAIGHT, &flat).frame_of(corner).unwrap());
        assert!(bent.0 > straight.0 + 5.0 && bent.1 > straight.1 + 2.0, "{bent:?} {straight:?}");
        assert_eq!(view(&STRAIGHT, &OPTICS).frame_of((300.0, 400.0)), Some((640.0, 360.0)));
    }
}
