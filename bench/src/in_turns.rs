//! Measuring several things in turns, so that a machine that slows down slows all of them down.
//!
//! A clock that drops, a neighbour that wakes up or a cache that fills falls on every contender alike: each sample is a short batch of
//! one contender, the next sample is the next contender's, and the order is turned round every time. Medians leave out the batches that
//! an interrupt fell into. The ratio is the median of the ratios of neighbouring samples, so that it compares like with like.

use std::time::Instant;

/// One thing to measure: a name, and work to be done for the iteration with this number.
pub struct Contender<'a> {
    name: &'a str,
    work: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Contender<'a> {
    /// The work for one iteration. Numbers rise from 0 and none comes twice.
    pub fn new(name: &'a str, work: impl FnMut(usize) + 'a) -> Contender<'a> {
        Contender { name, work: Box::new(work) }
    }
}

/// How often: `samples` batches of `batch` iterations for each contender. A tenth of the samples is run first and not counted.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Batches of each contender.
    pub samples: usize,
    /// Iterations in a batch.
    pub batch: usize,
}

impl Extent {
    /// How many iterations each contender is asked for, those not counted among them.
    pub fn iterations(self) -> usize {
        (self.samples + self.samples / 10) * self.batch
    }
}

/// What one contender took.
pub struct Taken {
    /// Its name.
    pub name: String,
    /// Nanoseconds an iteration, sample by sample.
    nanos: Vec<f64>,
}

impl Taken {
    /// Median time of an iteration, in microseconds.
    pub fn micros(&self) -> f64 {
        median(self.nanos.iter().map(|nanos| nanos / 1_000.0))
    }

    /// How much longer this took than `other`: the median of the ratios of neighbouring samples.
    pub fn ratio_to(&self, other: &Taken) -> f64 {
        median(self.nanos.iter().zip(&other.nanos).map(|(own, other)| own / other))
    }
}

/// Measures the contenders in turns. The results are in their order.
pub fn measure(extent: Extent, mut contenders: Vec<Contender<'_>>) -> Vec<Taken> {
    let mut taken: Vec<Taken> = contenders
        .iter()
        .map(|c| Taken { name: c.name.to_owned(), nanos: Vec::with_capacity(extent.samples) })
        .collect();
    let warm_up = extent.samples / 10;
    let count = contenders.len();
    for sample in 0..warm_up + extent.samples {
        for turn in 0..count {
            // Forwards and backwards by turns: no contender always runs after the same other one.
            let turn = if sample % 2 == 0 { turn } else { count - 1 - turn };
            let work = &mut contenders[turn].work;
            let begin = Instant::now();
            for iteration in sample * extent.batch..(sample + 1) * extent.batch {
                work(iteration);
            }
            let nanos = begin.elapsed().as_nanos() as f64 / extent.batch as f64;
            if sample >= warm_up {
                taken[turn].nanos.push(nanos);
            }
        }
    }
    taken
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }

    #[test]
    fn contenders_take_turns_and_no_iteration_comes_twice() {
        let seen = RefCell::new(Vec::new());
        let extent = Extent { samples: 20, batch: 2 };
        let taken = measure(
            extent,
            vec![
                Contender::new("a", |i| seen.borrow_mut().push(('a', i))),
                Contender::new("b", |i| seen.borrow_mut().push(('b', i))),
            ],
        );
        let seen = seen.into_inner();
        assert_eq!(extent.iterations(), 44);
        assert_eq!(seen[..8], [('a', 0), ('a', 1), ('b', 0), ('b', 1), ('b', 2), ('b', 3), ('a', 2), ('a', 3)]);
        for name in ['a', 'b'] {
            let own: Vec<usize> = seen.iter().filter(|(n, _)| *n == name).map(|(_, i)| *i).collect();
            assert_eq!(own, (0..44).collect::<Vec<_>>());
        }
        assert_eq!(taken.iter().map(|t| t.nanos.len()).collect::<Vec<_>>(), [20, 20]);
    }

    #[test]
    fn ratios_are_of_neighbours() {
        let taken = |nanos: &[f64]| Taken { name: String::new(), nanos: nanos.to_vec() };
        // The machine became ten times slower on the way; the ratio did not change.
        let (own, other) = (taken(&[20.0, 200.0, 210.0]), taken(&[10.0, 100.0, 100.0]));
        assert_eq!(own.ratio_to(&other), 2.0);
        assert_eq!(own.micros(), 0.2);
    }
}
