//! Measuring several things in turns, so that a machine that slows down slows all of them down.
//!
//! A clock that drops, a neighbour that wakes up or a cache that fills falls on every contender alike: each sample is a short batch of
//! one contender, the next sample is the next contender's, and the order is turned round every time. Two ratios come of it: of the
//! medians, which is what a user meets, and of the fastest tenths, which is what is left when nothing disturbs. On an idle machine they
//! agree; where they do not, the machine was busy and the second is the one to believe.

use std::fmt;
use std::hint::black_box;
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
        quantile(&self.nanos, 0.5) / 1_000.0
    }

    /// The time that nine tenths of the samples exceeded, in microseconds: what is left when nothing disturbs.
    pub fn micros_undisturbed(&self) -> f64 {
        quantile(&self.nanos, 0.1) / 1_000.0
    }

    /// How much longer this took than `other`.
    pub fn ratio_to(&self, other: &Taken) -> Ratio {
        let of = |share| quantile(&self.nanos, share) / quantile(&other.nanos, share);
        Ratio { median: of(0.5), undisturbed: of(0.1) }
    }
}

/// How much longer one contender took than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of the medians.
    pub median: f64,
    /// Of the times that nine tenths of the samples did not reach.
    pub undisturbed: f64,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} (undisturbed {:.3})", self.median, self.undisturbed)
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
            let nanos = deeper(sample % STACK_PLACES, &mut || {
                let begin = Instant::now();
                for iteration in sample * extent.batch..(sample + 1) * extent.batch {
                    work(iteration);
                }
                begin.elapsed().as_nanos() as f64 / extent.batch as f64
            });
            if sample >= warm_up {
                taken[turn].nanos.push(nanos);
            }
        }
    }
    taken
}

/// Places on the stack that the samples run at by turns.
const STACK_PLACES: usize = 31;

/// Runs `sample` further down the stack by a couple of hundred bytes a step. Where the stack begins is drawn anew for each process, and at
/// some places the arithmetic of a signature takes several per cent longer (its stores and loads come to lie a multiple of 4,096 bytes
/// apart): a whole run would be fast or slow for one contender. At many places in turn each meets them all.
#[inline(never)]
fn deeper(steps: usize, sample: &mut dyn FnMut() -> f64) -> f64 {
    let padding = black_box([0u8; 200]);
    let nanos = if steps == 0 { sample() } else { deeper(steps - 1, sample) };
    black_box(&padding);
    nanos
}

/// The value below which this share of the values lies; NaN when there are none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let values: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!((quantile(&values, 0.1), quantile(&values, 0.5)), (10.0, 50.0));
        assert_eq!(quantile(&[3.0], 0.5), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
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
    fn a_busy_machine_moves_the_median_and_not_the_fastest_tenth() {
        let taken = |nanos: Vec<f64>| Taken { name: String::new(), nanos };
        let disturbed = (0..100).map(|i| if i < 40 { 20.0 } else { 50.0 }).collect();
        let ratio = taken(disturbed).ratio_to(&taken(vec![10.0; 100]));
        assert_eq!(ratio, Ratio { median: 5.0, undisturbed: 2.0 });
        assert_eq!(taken(vec![1_500.0]).micros(), 1.5);
        let rising = taken((0..100).map(f64::from).collect());
        assert_eq!((rising.micros_undisturbed(), rising.micros()), (0.01, 0.05));
        assert_eq!(ratio.to_string(), "5.000 (undisturbed 2.000)");
    }
}
