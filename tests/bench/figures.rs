//! Collects figures and prints them as one table.

use std::time::Duration;

/// What was measured, and what is to be reached.
#[derive(Debug)]
pub(crate) struct Figures {
    wanted: Vec<String>,
    rows: Vec<[String; 3]>,
}

impl Figures {
    pub(crate) fn new(wanted: Vec<String>) -> Self {
        Self { wanted, rows: Vec::new() }
    }

    /// Is this benchmark asked for?
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word.as_str()))
    }

    pub(crate) fn add(&mut self, what: &str, reach: &str, measured: String) {
        say(&format!("{what}: {measured} (to reach: {reach})"));
        self.rows.push([what.to_owned(), measured, reach.to_owned()]);
    }

    pub(crate) fn print(&self) {
        say("");
        say("| what | measured | to reach |");
        say("| --- | --- | --- |");
        for [what, measured, reach] in &self.rows {
            say(&format!("| {what} | {measured} | {reach} |"));
        }
    }
}

/// The value below which `percent` of the samples are.
pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let at = (samples.len() * percent).div_ceil(100).saturating_sub(1);
    samples.get(at).copied().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
