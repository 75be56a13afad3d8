//! Latency as a picture: how much of it lies within what time, and how that went over the run.
//!
//! It needs nothing but itself: no script, no font, no style from elsewhere.

mod axis;

use std::fmt::Write;

use crate::numbers::{Course, Latency};
use axis::Axis;

/// A picture with this title, as SVG.
pub(crate) fn draw(title: &str, latency: &Latency, course: Option<&Course>) -> String {
    let mut svg = String::new();
    let _infallible = write!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="Inter, 'Helvetica Neue', Arial, sans-serif" font-size="13" fill="#334155">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{LEFT}" y="36" font-size="20" font-weight="600" fill="#0f172a">{title}</text>
"##
    );
    percentiles(&mut svg, latency);
    over_time(&mut svg, course);
    svg.push_str("</svg>\n");
    svg
}

/// A field with axes around it.
struct Panel {
    top: f64,
    heading: &'static str,
    /// What the numbers below are.
    below: &'static str,
    /// Milliseconds.
    y: Axis,
}

/// A line in a panel, and what it is called.
struct Line {
    name: &'static str,
    color: &'static str,
    points: Vec<(f64, f64)>,
}

impl Panel {
    /// One in which all these values have a place.
    fn new(
        top: f64,
        heading: &'static str,
        below: &'static str,
        values: impl Iterator<Item = f64>,
    ) -> Self {
        Self {
            top,
            heading,
            below,
            y: Axis::around(values, top + PANEL, top),
        }
    }

    /// Its frame, and its numbers: those below with their places.
    fn frame(&self, svg: &mut String, below: &[(f64, String)]) {
        let (top, bottom) = (self.top, self.top + PANEL);
        text(svg, LEFT, top - 14.0, "start", self.heading);
        for value in self.y.ticks() {
            let y = self.y.place(value);
            rule(svg, (LEFT, y), (RIGHT, y), GRID);
            text(svg, LEFT - 8.0, y + 4.5, "end", &number(value));
        }
        for (x, label) in below {
            rule(svg, (*x, top), (*x, bottom), GRID);
            text(svg, *x, bottom + 19.0, "middle", label);
        }
        rule(svg, (LEFT, bottom), (RIGHT, bottom), FRAME);
        rule(svg, (LEFT, top), (LEFT, bottom), FRAME);
        text(
            svg,
            LEFT.midpoint(RIGHT),
            bottom + 40.0,
            "middle",
            self.below,
        );
        let middle = top + PANEL / 2.0;
        let _infallible = writeln!(
            svg,
            r#"<text x="24" y="{middle:.1}" text-anchor="middle" transform="rotate(-90 24 {middle:.1})">milliseconds</text>"#
        );
    }

    fn line(&self, svg: &mut String, line: &Line) {
        let each = line.points.iter();
        let points: String = each
            .map(|(x, value)| format!("{x:.1},{:.1} ", self.y.place(*value)))
            .collect();
        let (color, points) = (line.color, points.trim_end());
        let _infallible = writeln!(
            svg,
            r#"<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"/>"#
        );
        if let [(x, value)] = &*line.points {
            self.dot(svg, *x, *value, color);
        }
    }

    fn dot(&self, svg: &mut String, x: f64, value: f64, color: &str) {
        let y = self.y.place(value);
        let _infallible = writeln!(
            svg,
            r##"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{color}" stroke="#ffffff" stroke-width="1.5"/>"##
        );
    }
}

/// Over what part of all, as what is left of them: each step to the right is a tenth of the last.
fn percentiles(svg: &mut String, latency: &Latency) {
    let heading = "Within how long, by part of all";
    let value = |left: f64| latency.quantile(1.0 - left);
    // Beyond the last of all there is nothing to say.
    let least = 1.0 / (latency.count().clamp(10, COUNT_MOST) as f64);
    let x = Axis::new(1.0, least, LEFT, RIGHT);
    let steps = (0..=STEPS).map(|step| least.powf(f64::from(step) / f64::from(STEPS)));
    let points = steps.filter_map(|left| Some((x.place(left), value(left)?)));
    let points: Vec<_> = points.collect();
    let values = points.iter().map(|(_, value)| *value);
    let panel = Panel::new(FIRST_TOP, heading, "percentile", values);
    let marks: Vec<_> = PARTS
        .iter()
        .filter(|(left, _)| *left >= least * 0.999)
        .collect();
    let below: Vec<_> = marks
        .iter()
        .map(|(left, label)| (x.place(*left), (*label).to_owned()))
        .collect();
    panel.frame(svg, &below);
    let line = Line {
        name: "",
        color: BLUE,
        points,
    };
    panel.line(svg, &line);
    for (left, _) in marks {
        let Some(value) = value(*left) else {
            return empty(svg, FIRST_TOP);
        };
        let x = x.place(*left);
        panel.dot(svg, x, value, BLUE);
        let anchor = if x > RIGHT - 60.0 { "end" } else { "middle" };
        let y = panel.y.place(value);
        let above = y > FIRST_TOP + 24.0;
        let y = if above { y - 12.0 } else { y + 22.0 };
        label(svg, x, y, anchor, &format!("{} ms", number(value)));
    }
}

fn over_time(svg: &mut String, course: Option<&Course>) {
    let pieces: Vec<_> = course.into_iter().flat_map(Course::pieces).collect();
    let end = pieces.last().map_or(1.0, |(at, _)| *at).max(0.1);
    let x = |at: f64| LEFT + at / end * (RIGHT - LEFT);
    let of = |part: f64| {
        let value = |(at, times): &(f64, &Latency)| Some((x(*at), times.quantile(part)?));
        pieces.iter().filter_map(value).collect::<Vec<_>>()
    };
    let line = |name, color, part| Line {
        name,
        color,
        points: of(part),
    };
    let lines = [
        line("max", RED, 1.0),
        line("p99", AMBER, 0.99),
        line("p50", BLUE, 0.5),
    ];
    let values = lines.iter().flat_map(|line| &line.points);
    let heading = "Over the run";
    let below = "seconds since the start";
    let panel = Panel::new(SECOND_TOP, heading, below, values.map(|(_, value)| *value));
    let step = second_step(end);
    let count = (0..SECONDS_MAX).map(|number| f64::from(number) * step);
    let seconds = count.take_while(|at| *at <= end * 1.001);
    let ticks: Vec<_> = seconds.map(|at| (x(at), number(at))).collect();
    panel.frame(svg, &ticks);
    let mut at = RIGHT;
    for line in &lines {
        panel.line(svg, line);
        text(svg, at, SECOND_TOP - 14.0, "end", line.name);
        let begin = at - 52.0;
        rule(
            svg,
            (begin, SECOND_TOP - 18.5),
            (begin + 18.0, SECOND_TOP - 18.5),
            (line.color, 3),
        );
        at -= 76.0;
    }
    if pieces.is_empty() {
        empty(svg, SECOND_TOP);
    }
}

/// Seconds between two numbers, so that there are some ten.
fn second_step(end: f64) -> f64 {
    let steps = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0,
    ];
    let few = |step: &f64| end / step <= 11.0;
    steps.into_iter().find(few).unwrap_or(end / 10.0)
}

/// With as many digits as say something. Shape: `0.052`, `1.25`, `37`.
fn number(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 0.1 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn empty(svg: &mut String, top: f64) {
    text(
        svg,
        LEFT.midpoint(RIGHT),
        top + PANEL / 2.0,
        "middle",
        "nothing was measured",
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _infallible = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
    );
}

/// Text over lines: they end around it.
fn label(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _infallible = writeln!(
        svg,
        r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-weight="600" fill="#0f172a" stroke="#ffffff" stroke-width="4" stroke-linejoin="round" paint-order="stroke">{text}</text>"##
    );
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64), (color, width): (&str, u8)) {
    let _infallible = writeln!(
        svg,
        r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{color}" stroke-width="{width}"/>"#,
        from.0, from.1, to.0, to.1
    );
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 760.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = 924.0;
const PANEL: f64 = 250.0;
const FIRST_TOP: f64 = 90.0;
const SECOND_TOP: f64 = 440.0;
const BLUE: &str = "#2563eb";
const AMBER: &str = "#d97706";
const RED: &str = "#dc2626";
/// Colour and width.
const GRID: (&str, u8) = ("#e2e8f0", 1);
const FRAME: (&str, u8) = ("#94a3b8", 1);
/// Values beyond which the curve ends.
const COUNT_MOST: u64 = 1_000_000;
/// Points of the curve.
const STEPS: u32 = 240;
/// What is left of all, and what that part is called.
const PARTS: [(f64, &str); 7] = [
    (0.5, "50"),
    (0.1, "90"),
    (0.01, "99"),
    (0.001, "99.9"),
    (0.0001, "99.99"),
    (0.00001, "99.999"),
    (0.000001, "99.9999"),
];
/// Numbers below the course.
const SECONDS_MAX: u32 = 100;
