//! Numbers that look random and are the same on every machine.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, fast, good enough for noise; never for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one purpose: different words and numbers give unrelated throws.
    pub(crate) fn new(purpose: &str, number: u64) -> Self {
        // FNV-1a, and then a throw for the number, so that neighbouring numbers are unrelated too.
        let hash =
            purpose.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let mut dice = Dice(hash ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Dice(dice.roll())
    }

    /// 64 bits.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform between two numbers.
    pub(crate) fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit()
    }

    /// The same with either sign.
    pub(crate) fn either(&mut self, from: f32, to: f32) -> f32 {
        let size = self.between(from, to);
        if self.chance(0.5) { size } else { -size }
    }

    /// A whole number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.roll()) * end as u128) >> 64) as usize
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    /// Mean 0, standard deviation 1, nearly normal: the sum of four uniform numbers of 16 bits.
    pub(crate) fn normal(&mut self) -> f32 {
        let roll = self.roll();
        let sum = (roll & 0xffff) + (roll >> 16 & 0xffff) + (roll >> 32 & 0xffff) + (roll >> 48);
        (sum as f32 - 131_070.0) / 37_837.0
    }

    /// Bytes of a key or a nonce.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| (self.roll() >> 56) as u8)
    }

    /// Puts a list into another order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_have_the_spread_that_is_asked_for() {
        let mut dice = Dice::new("spread", 1);
        let throws: Vec<f32> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = throws.iter().sum::<f32>() / 20_000.0;
        let variance = throws.iter().map(|throw| (throw - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert!((0..1_000).all(|_| (2.0..3.0).contains(&dice.between(2.0, 3.0))));
        let sizes: Vec<f32> = (0..1_000).map(|_| dice.either(2.0, 3.0)).collect();
        assert!(sizes.iter().all(|size| (2.0..3.0).contains(&size.abs())));
        assert!((400..600).contains(&sizes.iter().filter(|size| **size < 0.0).count()));
        assert_eq!((dice.below(0), dice.below(1)), (0, 0));
    }

    #[test]
    fn purposes_and_numbers_are_unrelated() {
        let first = |purpose, number| Dice::new(purpose, number).roll();
        let throws = [first("a", 0), first("a", 1), first("b", 0), first("b", 1)];
        for (place, throw) in throws.iter().enumerate() {
            assert!(throws[..place].iter().all(|other| (other ^ throw).count_ones() > 16));
        }
        assert_eq!(first("a", 1), throws[1]);
    }

    #[test]
    fn a_shuffled_list_has_the_same_members() {
        let mut list: Vec<usize> = (0..50).collect();
        Dice::new("shuffle", 0).shuffle(&mut list);
        assert_ne!(list, (0..50).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..50).collect::<Vec<_>>());
    }
}
