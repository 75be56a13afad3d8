//! Many measurements to a few figures, and figures to a table.

use std::time::Duration;

/// The time within which this part of them lies, in milliseconds; not a number of none.
pub(crate) fn quantile(times: &mut [Duration], part: f64) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    times.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place within a vector"
    )]
    let place = (times.len() as f64 * part).ceil() as usize;
    times[place.clamp(1, times.len()) - 1].as_secs_f64() * 1000.0
}

/// The one in the middle; the mean of two where there are two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// The smallest.
pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

/// The largest.
pub(crate) fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

/// Shape: `1.234`.
pub(crate) fn millis(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    format!("{value:.3}")
}

/// Shape: `12 345`.
pub(crate) fn whole(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Shape: `0.52`.
pub(crate) fn ratio(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    format!("{value:.2}")
}

/// The usual one, and the best in parentheses.
pub(crate) fn with_best(usual: &str, best: &str) -> String {
    if usual == "-" {
        return usual.to_owned();
    }
    format!("{usual} ({best})")
}

/// Rates: the median of them, and the largest.
pub(crate) fn rates(values: &[f64]) -> String {
    with_best(&whole(median(values)), &whole(most(values)))
}

/// A table in Markdown.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these heads and no row.
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { rows: vec![heads] }
    }

    /// One more row; what is missing at its end is empty.
    pub(crate) fn row(&mut self, fields: impl IntoIterator<Item = String>) {
        let mut row: Vec<_> = fields.into_iter().collect();
        row.resize(self.rows[0].len(), String::new());
        self.rows.push(row);
    }

    /// Prints it, its columns aligned: the first to the left, the others to the right.
    pub(crate) fn print(&self) {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let widths = self.rows.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let line = |row: &[String]| {
            let fields = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(at, (field, &width))| {
                    if at == 0 {
                        format!("{field:<width$}")
                    } else {
                        format!("{field:>width$}")
                    }
                });
            format!("| {} |", fields.collect::<Vec<_>>().join(" | "))
        };
        let rule = |(at, &width): (usize, &usize)| {
            if at == 0 {
                "-".repeat(width)
            } else {
                format!("{}:", "-".repeat(width.saturating_sub(1)))
            }
        };
        let rules: Vec<_> = widths.iter().enumerate().map(rule).collect();
        println!("{}", line(&self.rows[0]));
        println!("| {} |", rules.join(" | "));
        for row in &self.rows[1..] {
            println!("{}", line(row));
        }
        println!();
    }
}
