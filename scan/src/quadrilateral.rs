//! Four corners of something in a picture.

/// Whether a point lies in a quadrilateral, whichever way round its corners are told.
pub(super) fn contains(corners: &[(f32, f32); 4], (x, y): (f32, f32)) -> bool {
    let [a, b, c, d] = *corners;
    let side = |p: (f32, f32), q: (f32, f32)| (q.0 - p.0) * (y - p.1) - (q.1 - p.1) * (x - p.0);
    let sides = [side(a, b), side(b, c), side(c, d), side(d, a)];
    sides.iter().all(|side| *side >= 0.0) || sides.iter().all(|side| *side <= 0.0)
}

/// The mean of its corners.
pub(super) fn centre(corners: &[(f32, f32); 4]) -> (f32, f32) {
    let sum = corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
    (sum.0 / 4.0, sum.1 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_is_inside_whichever_way_round() {
        let square = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
        let [a, b, c, d] = square;
        for corners in [square, [d, c, b, a], [b, c, d, a]] {
            assert!(contains(&corners, (5.0, 5.0)) && contains(&corners, (10.0, 0.0)));
            assert!(!contains(&corners, (10.1, 5.0)) && !contains(&corners, (5.0, -0.1)));
            assert_eq!(centre(&corners), (5.0, 5.0));
        }
    }
}
