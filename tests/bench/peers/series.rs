//! What was measured, by case and peer, an entry for each repetition.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::http::Result;
use crate::numbers::{Table, least, median, most, ratio, whole, with_best};
use crate::served::Peer;
use crate::{Options, cores, process};

/// A case and who was measured in it.
type Who<'a> = (&'a str, Peer);

/// One run of the benchmark.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) options: Options,
    /// For what the processes need and print.
    pub(crate) folder: PathBuf,
    json: Option<File>,
    /// What could not be measured, and what was not as it should be.
    complaints: Vec<String>,
    targets: Vec<Target>,
}

/// A goal, and what came of it.
#[derive(Debug)]
struct Target {
    what: String,
    goal: String,
    measured: f64,
    is_reached: bool,
}

/// The figures of a part, each with the number of its repetition.
#[derive(Debug, Default)]
pub(crate) struct Series(HashMap<(String, Peer), Vec<(u32, Value)>>);

impl Bench {
    pub(crate) fn new(options: Options) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-peers");
        // What is left of a run that was broken off.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        std::fs::create_dir_all(&folder).unwrap();
        let opened = |file: &PathBuf| OpenOptions::new().create(true).append(true).open(file);
        let json = options.json.as_ref().map(opened);
        Self {
            json: json.transpose().unwrap(),
            options,
            folder,
            complaints: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Measures each peer in each case, in turns and so many times at most. What fails is told at the
    /// end.
    pub(crate) fn in_turns(
        &mut self,
        part: &str,
        most: u32,
        cases: &[String],
        peers: &[Peer],
        measure: impl Fn(&Self, usize, Peer) -> Result<Value>,
    ) -> Series {
        let mut series = Series::default();
        let most = self.options.repetitions.min(most);
        for repetition in 1..=most {
            for (at, case) in cases.iter().enumerate() {
                for &peer in peers {
                    let what = format!("{part}: {case}, {}", peer.name());
                    progress(&format!("{what}, {repetition} of {most}"));
                    match measure(self, at, peer) {
                        Ok(figures) => {
                            if let Some(complaint) = figures["complaint"].as_str() {
                                self.complain(format!("{what}: {complaint}"));
                            }
                            self.note(part, case, peer, repetition, &figures);
                            let all = series.0.entry((case.clone(), peer)).or_default();
                            all.push((repetition, figures));
                        }
                        Err(error) => self.complain(format!("{what}: {error}")),
                    }
                }
            }
        }
        series
    }

    fn complain(&mut self, complaint: String) {
        progress(&complaint);
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }

    fn note(&mut self, part: &str, case: &str, peer: Peer, repetition: u32, figures: &Value) {
        let Some(file) = &mut self.json else {
            return;
        };
        let line = json!({
            "part": part,
            "case": case,
            "peer": peer.name(),
            "repetition": repetition,
            "figures": figures,
        });
        writeln!(file, "{line}").unwrap();
    }

    /// Notes what is to be at most `goal`.
    pub(crate) fn aim_below(&mut self, what: impl Into<String>, goal: f64, measured: f64) {
        self.targets.push(Target {
            what: what.into(),
            goal: format!("<= {}", figure(goal)),
            measured,
            is_reached: measured <= goal,
        });
    }

    /// Notes what is to be at least `goal`.
    pub(crate) fn aim_above(&mut self, what: impl Into<String>, goal: f64, measured: f64) {
        self.targets.push(Target {
            what: what.into(),
            goal: format!(">= {}", figure(goal)),
            measured,
            is_reached: measured >= goal,
        });
    }

    /// What the figures depend on.
    pub(crate) fn heading(&self) {
        let options = &self.options;
        println!("# Tidings beside what else there is\n");
        if cfg!(debug_assertions) {
            println!("A debug build: these figures say little.\n");
        }
        if options.quick {
            println!("A quick run, to try it out: these figures say little.\n");
        }
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find(|line| line.starts_with("model name"));
        let cpu = cpu.and_then(|line| line.split(": ").nth(1));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        println!(
            "{}, {} cores, Linux {}; {}.",
            cpu.unwrap_or("a processor without a name"),
            cores::allowed().len(),
            kernel.trim(),
            jiff::Zoned::now().date(),
        );
        let mut versions = vec![said(Command::new(&options.tidings).arg("--version"))];
        versions.push(format!("pingora {PINGORA}"));
        versions.push(said(Command::new("nginx").arg("-v")));
        println!(
            "{}; repetitions: {}.",
            versions.join(", "),
            options.repetitions
        );
        println!("In each field: the median of the repetitions (the best of them).\n");
    }

    /// What was aimed at, and what could not be measured.
    pub(crate) fn print_end(&self) {
        if !self.targets.is_empty() {
            println!("## What was aimed at\n");
            let mut table = Table::new(&["", "goal", "measured", "is"]);
            for target in &self.targets {
                let is = if target.measured.is_nan() {
                    "not measured"
                } else if target.is_reached {
                    "reached"
                } else {
                    "not reached"
                };
                table.row([
                    target.what.clone(),
                    target.goal.clone(),
                    figure(target.measured),
                    is.to_owned(),
                ]);
            }
            table.print();
        }
        if !self.complaints.is_empty() {
            println!("## What went wrong\n");
            for complaint in &self.complaints {
                println!("- {complaint}");
            }
            println!();
        }
    }
}

impl Series {
    pub(crate) fn median(&self, case: &str, peer: Peer, key: &str) -> f64 {
        median(&self.all((case, peer), key))
    }

    /// The median and the best, where less is better.
    pub(crate) fn least(&self, case: &str, peer: Peer, key: &str) -> String {
        usual(&self.all((case, peer), key), least)
    }

    /// The same, where more is better.
    pub(crate) fn most(&self, case: &str, peer: Peer, key: &str) -> String {
        usual(&self.all((case, peer), key), most)
    }

    /// How many times as much as the other: the median of the repetitions, in each of which the two
    /// were measured one after the other.
    pub(crate) fn times(&self, this: Who<'_>, other: Who<'_>, key: &str) -> f64 {
        let others = self.of(other);
        let beside = |of: u32| others.iter().find(|(repetition, _)| *repetition == of);
        let times = self.of(this).iter().filter_map(|(repetition, figures)| {
            let (_, other) = beside(*repetition)?;
            Some(figures[key].as_f64()? / other[key].as_f64()?)
        });
        median(&Vec::from_iter(times))
    }

    /// How many times as much as one figure the other is, likewise.
    pub(crate) fn grown(&self, who: Who<'_>, from: &str, to: &str) -> f64 {
        let figures = self.of(who).iter();
        let times = figures.filter_map(|(_, one)| Some(one[to].as_f64()? / one[from].as_f64()?));
        median(&Vec::from_iter(times))
    }

    /// A figure of each repetition.
    fn all(&self, who: Who<'_>, key: &str) -> Vec<f64> {
        let figures = self.of(who).iter();
        figures.filter_map(|(_, one)| one[key].as_f64()).collect()
    }

    fn of(&self, (case, peer): Who<'_>) -> &[(u32, Value)] {
        let figures = self.0.get(&(case.to_owned(), peer));
        figures.map_or(&[], Vec::as_slice)
    }
}

/// The median, and the best.
fn usual(values: &[f64], best: fn(&[f64]) -> f64) -> String {
    match values {
        [] => "-".to_owned(),
        [..] => with_best(&figure(median(values)), &figure(best(values))),
    }
}

/// In three digits or so.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        small if small < 10.0 => ratio(value),
        middle if middle < 100.0 => format!("{value:.1}"),
        _ => whole(value),
    }
}

/// The first line that a program prints about itself.
fn said(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return format!("no {}", command.get_program().display());
    };
    let both = [output.stdout, output.stderr].concat();
    process::last_lines(&both).replace("nginx version: nginx/", "nginx ")
}

/// Tells of progress, to whoever looks on.
pub(crate) fn progress(what: &str) {
    eprintln!("... {what}");
}

/// As `Cargo.toml` pins it.
const PINGORA: &str = "0.9.1";
