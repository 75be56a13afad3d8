//! Which writes a stream has heard of: as long as nothing is missing, one range.

use std::ops::Range;

/// The numbers that were seen, as ranges that do not touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Vec<Range<u32>>);

impl Seen {
    /// Adds a number; whether it is new.
    pub(crate) fn add(&mut self, number: u32) -> bool {
        let after = self.0.partition_point(|range| range.start <= number);
        let before = after.checked_sub(1).and_then(|at| self.0.get_mut(at));
        let mut grown = None;
        if let Some(before) = before {
            if before.contains(&number) {
                return false;
            }
            if before.end == number {
                before.end += 1;
                grown = Some(before.end);
            }
        }
        match (grown, self.0.get_mut(after)) {
            // It closes what was missing between two.
            (Some(end), Some(next)) if next.start == end => {
                let end = next.end;
                self.0.remove(after);
                if let Some(before) = self.0.get_mut(after - 1) {
                    before.end = end;
                }
            }
            (Some(_), _) => {}
            (None, Some(next)) if next.start == number + 1 => next.start = number,
            (None, _) => self.0.insert(after, number..number + 1),
        }
        true
    }

    /// How many of these numbers were seen.
    pub(crate) fn among(&self, numbers: &Range<u32>) -> u32 {
        let within = |range: &Range<u32>| {
            let end = range.end.min(numbers.end);
            end.saturating_sub(range.start.max(numbers.start))
        };
        self.0.iter().map(within).sum()
    }

    /// Whether this number was seen.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.among(&(number..number + 1)) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_in_whatever_order() {
        let mut seen = Seen::default();
        for (at, number) in [5, 3, 4, 0, 9, 1, 2, 7, 8, 6].into_iter().enumerate() {
            assert!(seen.add(number), "{number}");
            assert!(!seen.add(number), "{number}");
            assert_eq!(seen.among(&(0..10)) as usize, at + 1);
            assert!(seen.has(number));
        }
        assert_eq!(seen.0.len(), 1, "one range is left");
        assert_eq!(seen.among(&(8..20)), 2);
        assert!(!seen.has(10));
    }
}
