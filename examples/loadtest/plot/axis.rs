//! From values to places, and where to write which number.

/// A logarithmic axis, which shows a tenth of a millisecond as well as a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Logarithms of the first and the last value.
    from: f64,
    to: f64,
    /// Where these stand in the picture.
    first: f64,
    last: f64,
}

impl Axis {
    /// Between values, each above 0, from `first` to `last` in the picture.
    pub(super) fn new(from: f64, to: f64, first: f64, last: f64) -> Self {
        Self {
            from: from.log10(),
            to: to.log10(),
            first,
            last,
        }
    }

    /// One on which all these values have a place, and neither end is bare.
    pub(super) fn around(values: impl Iterator<Item = f64>, first: f64, last: f64) -> Self {
        let (mut least, mut most) = (f64::MAX, f64::MIN_POSITIVE);
        for value in values.filter(|value| *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if least > most {
            (least, most) = (0.1, 1.0);
        }
        let steps = || all_steps().filter(|(_, step)| *step > 0);
        let from = steps().map(|(value, _)| value);
        let from = from.filter(|value| *value <= least).last();
        let to = steps().map(|(value, _)| value).find(|value| *value >= most);
        let (from, to) = (from.unwrap_or(least), to.unwrap_or(most));
        let to = if to > from { to } else { from * 10.0 };
        Self::new(from, to, first, last)
    }

    /// Where a value stands; what is beyond an end stands there.
    pub(super) fn place(&self, value: f64) -> f64 {
        let part = (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        self.first + part.clamp(0.0, 1.0) * (self.last - self.first)
    }

    /// The values to write: 1, 2 and 5 of each power of ten; of many powers only 1.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let sparse = self.to - self.from > SPARSE_FROM;
        let within = |value: f64| {
            let log = value.log10();
            log >= self.from - 1e-9 && log <= self.to + 1e-9
        };
        all_steps()
            .filter(|(value, step)| within(*value) && (*step == 1 || !sparse))
            .map(|(value, _)| value)
            .collect()
    }
}

/// 1, 2 and 5 of each power of ten that a latency in milliseconds may have.
fn all_steps() -> impl Iterator<Item = (f64, u8)> {
    (-5..8).flat_map(|power| [1, 2, 5].map(|step| (f64::from(step) * 10f64.powi(power), step)))
}

/// Powers of ten from which on three numbers for each are too many.
const SPARSE_FROM: f64 = 3.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_room_for_all_values_and_ends_at_round_ones() {
        let axis = Axis::around([0.37, 12.0, 4.0].into_iter(), 100.0, 0.0);
        assert_eq!(axis.ticks(), [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert!((axis.place(0.2) - 100.0).abs() < 1e-6);
        assert!((axis.place(20.0)).abs() < 1e-6);
        assert!((axis.place(2.0) - 50.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_and_a_single_value_have_an_axis_too() {
        assert!(
            !Axis::around(std::iter::empty(), 1.0, 0.0)
                .ticks()
                .is_empty()
        );
        let single = Axis::around([1.0].into_iter(), 100.0, 0.0);
        assert!(single.place(1.0).is_finite() && single.ticks().len() > 1);
    }
}
