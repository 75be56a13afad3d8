//! The figures: a table for people, and JSON with keys that stay.

mod requests;
mod streams;

use std::fs::OpenOptions;
use std::io::{Write, stdout};
use std::path::Path;

use serde::Serialize;

use crate::args::Common;
use crate::numbers::{Course, Latency, rounded};
use crate::plot;
pub(crate) use requests::RequestsReport;
pub(crate) use streams::StreamsReport;

/// What can be shown.
pub(crate) trait Report: Serialize {
    /// What a picture of it is called.
    fn title(&self) -> String;
    /// What is told of it: a name, its value with a unit, and what it means.
    fn rows(&self) -> Vec<Row>;
}

/// A line of the table.
pub(crate) struct Row {
    name: &'static str,
    value: String,
    meaning: &'static str,
}

/// Prints it, appends it and draws it, as the command line says.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn show(
    report: &impl Report,
    notes: &[String],
    options: &Common,
    latency: &Latency,
    course: Option<&Course>,
) -> Result<(), String> {
    let json = serde_json::to_string(report).map_err(|error| error.to_string())?;
    let printed = options.json.as_deref() == Some(Path::new("-"));
    let mut text = if printed {
        String::new()
    } else {
        table(&report.rows())
    };
    if printed {
        text.push_str(&format!("{json}\n"));
    }
    // Nobody may read it any more; the figures are in a file if they were wanted there.
    stdout().write_all(text.as_bytes()).ok();
    for note in notes {
        writeln!(std::io::stderr(), "loadtest: {note}").ok();
    }
    if let Some(file) = options.json.as_deref().filter(|_| !printed) {
        let written = OpenOptions::new().append(true).create(true).open(file);
        let written = written.and_then(|mut file| file.write_all(format!("{json}\n").as_bytes()));
        written.map_err(|error| format!("--json {}: {error}", file.display()))?;
    }
    if let Some(file) = &options.svg {
        let picture = plot::draw(&report.title(), latency, course);
        let written = std::fs::write(file, picture);
        written.map_err(|error| format!("--svg {}: {error}", file.display()))?;
    }
    Ok(())
}

// --- how figures are written ---

fn at(times: &Latency, part: f64) -> Option<f64> {
    times.quantile(part).map(rounded)
}

fn row(name: &'static str, value: String, meaning: &'static str) -> Row {
    Row {
        name,
        value,
        meaning,
    }
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).len()).max();
    let names = width(|row| row.name).unwrap_or_default();
    let values = width(|row| &row.value).unwrap_or_default();
    let line = |row: &Row| {
        let Row {
            name,
            value,
            meaning,
        } = row;
        let line = format!("{name:<names$}  {value:>values$}  {meaning}");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(none, |value| format!("{value:.3} ms"))
}

fn micros(value: Option<f64>) -> String {
    value.map_or_else(none, |value| format!("{value:.2} us"))
}

fn bytes(value: Option<f64>) -> String {
    value.map_or_else(none, |value| format!("{value:.0} B"))
}

fn cores(value: Option<f64>) -> String {
    value.map_or_else(none, |value| format!("{value:.2} cores"))
}

fn pair(one: Option<f64>, other: Option<f64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) => format!("{one:.2}, {other:.2} ms"),
        _ => none(),
    }
}

fn none() -> String {
    "-".to_owned()
}
