//! Reed-Solomon over GF(256), with errors and erasures (ISO/IEC 18004:2015, 7.5.2 and Annex B).
//!
//! A codeword that is known to be doubtful (an *erasure*) costs half of what one does that is wrong without anybody's knowing: `parity` check
//! codewords mend so many erasures, or half as many errors.

/// Mends a block in place and says how many codewords it changed, or leaves it as it is.
///
/// The last `parity` codewords are the check codewords. At least `spare` of them must be left over, beyond two for each error and one for
/// each erasure: without any, every block of noise is mended into something.
pub(super) fn mend(block: &mut [u8], parity: usize, erasures: &[usize], spare: usize) -> Option<usize> {
    let n = block.len();
    if n > 255 || parity >= n || erasures.len() + spare > parity || erasures.iter().any(|at| *at >= n) {
        return None;
    }
    let field = Field::get();
    let syndromes: Vec<u8> = (0..parity).map(|power| field.evaluate_block(block, power)).collect();
    if syndromes.iter().all(|syndrome| *syndrome == 0) {
        return Some(0);
    }
    // The position of a codeword is a power of alpha, counted from the end.
    let location = |at: usize| field.power(n - 1 - at);

    // Berlekamp-Massey, begun with the locator of the erasures (polynomials: lowest power first).
    let mut locator = vec![1u8];
    for at in erasures {
        locator = field.product(&locator, &[1, location(*at)]);
    }
    let mut previous = locator.clone();
    let mut length = erasures.len();
    for step in erasures.len()..parity {
        previous.insert(0, 0);
        let discrepancy =
            (0..locator.len().min(step + 1)).fold(0, |sum, i| sum ^ field.times(locator[i], syndromes[step - i]));
        if discrepancy == 0 {
            continue;
        }
        let changed = field.sum_scaled(&locator, &previous, discrepancy);
        if 2 * length <= step + erasures.len() {
            length = step + erasures.len() + 1 - length;
            previous = field.scaled(&locator, field.inverse(discrepancy));
        }
        locator = changed;
    }
    while locator.last() == Some(&0) {
        locator.pop();
    }
    let wrong = locator.len() - 1;
    // Two check codewords for an error, one for an erasure.
    if wrong < erasures.len() || 2 * (wrong - erasures.len()) + erasures.len() + spare > parity {
        return None;
    }

    // Where the locator is zero (Chien), and what is to be added there (Forney).
    let evaluator: Vec<u8> = field.product(&syndromes, &locator).into_iter().take(parity).collect();
    let derivative: Vec<u8> =
        locator.iter().enumerate().skip(1).map(|(power, c)| if power % 2 == 1 { *c } else { 0 }).collect();
    let mut changes = Vec::with_capacity(wrong);
    for at in 0..n {
        let inverse = field.inverse(location(at));
        if field.evaluate(&locator, inverse) == 0 {
            let below = field.evaluate(&derivative, inverse);
            if below == 0 {
                return None;
            }
            // With the first power zero: X times evaluator over derivative.
            let value =
                field.times(location(at), field.times(field.evaluate(&evaluator, inverse), field.inverse(below)));
            changes.push((at, value));
        }
    }
    if changes.len() != wrong {
        return None;
    }
    changes.iter().for_each(|(at, value)| block[*at] ^= value);
    if (0..parity).any(|power| field.evaluate_block(block, power) != 0) {
        changes.iter().for_each(|(at, value)| block[*at] ^= value);
        return None;
    }
    Some(changes.iter().filter(|(_, value)| *value != 0).count())
}

/// GF(256) with x^8 + x^4 + x^3 + x^2 + 1, alpha = 2.
struct Field {
    powers: [u8; 510],
    logarithms: [u8; 256],
}

impl Field {
    fn get() -> &'static Field {
        static FIELD: Field = Field::new();
        &FIELD
    }

    const fn new() -> Field {
        let mut field = Field { powers: [0; 510], logarithms: [0; 256] };
        let mut value = 1u16;
        let mut power = 0;
        while power < 255 {
            field.powers[power] = value as u8;
            field.powers[power + 255] = value as u8;
            field.logarithms[value as usize] = power as u8;
            value <<= 1;
            if value > 255 {
                value ^= 0x11D;
            }
            power += 1;
        }
        field
    }

    fn power(&self, exponent: usize) -> u8 {
        self.powers[exponent % 255]
    }

    fn times(&self, a: u8, b: u8) -> u8 {
        if a == 0 || b == 0 {
            return 0;
        }
        self.powers[usize::from(self.logarithms[usize::from(a)]) + usize::from(self.logarithms[usize::from(b)])]
    }

    /// Of what is not zero.
    fn inverse(&self, a: u8) -> u8 {
        self.powers[255 - usize::from(self.logarithms[usize::from(a)])]
    }

    fn product(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut product = vec![0; a.len() + b.len() - 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                product[i + j] ^= self.times(*x, *y);
            }
        }
        product
    }

    fn scaled(&self, a: &[u8], factor: u8) -> Vec<u8> {
        a.iter().map(|x| self.times(*x, factor)).collect()
    }

    fn sum_scaled(&self, a: &[u8], b: &[u8], factor: u8) -> Vec<u8> {
        let mut sum = vec![0; a.len().max(b.len())];
        sum[..a.len()].copy_from_slice(a);
        b.iter().zip(&mut sum).for_each(|(x, place)| *place ^= self.times(*x, factor));
        sum
    }

    /// Lowest power first.
    fn evaluate(&self, polynomial: &[u8], at: u8) -> u8 {
        polynomial.iter().rev().fold(0, |sum, c| self.times(sum, at) ^ c)
    }

    /// Highest power first, at a power of alpha.
    fn evaluate_block(&self, block: &[u8], power: usize) -> u8 {
        let at = self.power(power);
        block.iter().fold(0, |sum, c| self.times(sum, at) ^ c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(data: &[u8], parity: usize) -> Vec<u8> {
        let field = Field::get();
        let generator = (0..parity).fold(vec![1u8], |g, power| field.product(&g, &[field.power(power), 1]));
        let mut rest = data.to_vec();
        rest.resize(data.len() + parity, 0);
        for at in 0..data.len() {
            let lead = rest[at];
            for (i, c) in generator.iter().rev().enumerate() {
                rest[at + i] ^= field.times(lead, *c);
            }
        }
        [data, &rest[data.len()..]].concat()
    }

    struct Dice(u64);
    impl Dice {
        fn next(&mut self, below: usize) -> usize {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 33) as usize % below
        }
    }

    #[test]
    fn errors_and_erasures_up_to_the_bound_and_not_beyond() {
        let mut dice = Dice(7);
        for round in 0..3_000 {
            let parity = [7, 10, 18, 26, 30][round % 5];
            let data: Vec<u8> = (0..20 + dice.next(90)).map(|_| dice.next(256) as u8).collect();
            let whole = encode(&data, parity);
            let mut places: Vec<usize> = (0..whole.len()).collect();
            (0..places.len()).for_each(|i| {
                let j = i + dice.next(places.len() - i);
                places.swap(i, j);
            });
            let erased = dice.next(parity + 1);
            let errors = (parity - erased) / 2;
            let mut block = whole.clone();
            for at in &places[..erased] {
                block[*at] = dice.next(256) as u8;
            }
            for at in &places[erased..erased + errors] {
                block[*at] ^= 1 + dice.next(255) as u8;
            }
            let before = block.clone();
            assert!(mend(&mut block, parity, &places[..erased], 0).is_some(), "{parity} {erased} {errors}");
            assert_eq!(block, whole);
            // One more of what is to be spared than there is.
            let left = parity - erased - 2 * errors;
            let mut again = before.clone();
            if before != whole && before.iter().zip(&whole).filter(|(a, b)| a != b).count() >= errors && errors > 0 {
                assert_eq!(mend(&mut again, parity, &places[..erased], left + 1), None);
                assert_eq!(again, before, "left as it was");
            }
        }
    }

    #[test]
    fn too_many_errors_are_hardly_ever_taken_for_few() {
        let mut dice = Dice(11);
        let mut mended = 0;
        for _ in 0..20_000 {
            let mut block: Vec<u8> = (0..120).map(|_| dice.next(256) as u8).collect();
            mended += usize::from(mend(&mut block, 24, &[], 4).is_some());
        }
        assert_eq!(mended, 0);
    }
}
