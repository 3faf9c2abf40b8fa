//! Progress on standard error, where that is a terminal.

use super::output::say;
use super::table::{grouped, plural, shown};
use crate::{GcProgress, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

const TEMPLATE: &str = "{bar:24} {bytes}/{total_bytes} {msg} {elapsed}";

/// A bar that is shown on a terminal only.
fn bar(template: &str) -> ProgressBar {
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::no_length(),
        false => ProgressBar::hidden(),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// One bar over the buckets of a table.
pub(super) struct TableBar(ProgressBar);

impl TableBar {
    pub(super) fn new() -> TableBar {
        let bar = bar("{bar:24} {percent} % {msg} {elapsed}");
        bar.set_length(1 << 16);
        bar.enable_steady_tick(Duration::from_millis(200));
        TableBar(bar)
    }

    pub(super) fn show(&self, progress: GcProgress) {
        match progress {
            GcProgress::Bucket(bucket) => self.0.set_position(bucket.into()),
            GcProgress::Compacting => {
                self.0.set_position(1 << 16);
                self.0.set_message("compacting");
            }
        }
    }

    /// Removes the bar, so that the result stands alone.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// One bar over the bytes of all files, with batches, rows and rate beside it.
pub(super) struct Bars {
    bar: ProgressBar,
    started: Instant,
    windows: usize,
    done: usize,
    /// Bytes and name of the window at hand.
    bytes: u64,
    name: String,
    rows: u64,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars {
            bar: bar(TEMPLATE),
            started: Instant::now(),
            windows: 0,
            done: 0,
            bytes: 0,
            name: String::new(),
            rows: 0,
        }
    }

    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Known(_) | Progress::LeftOut(_) => {}
            Progress::Found { windows, bytes } => {
                self.windows = *windows;
                self.bar.set_length(*bytes);
                self.bar.enable_steady_tick(Duration::from_millis(200));
            }
            Progress::Window { name, bytes } => {
                self.bytes = *bytes;
                self.name = shown(name);
            }
            Progress::Rows(rows) => self.rows += rows,
            Progress::Notice(text) => self.bar.suspend(|| say(text)),
            Progress::Done(_) => {
                self.done += 1;
                self.bar.inc(std::mem::take(&mut self.bytes));
            }
        }
        if !self.bar.is_hidden() {
            self.bar.set_message(self.message());
        }
    }

    fn message(&self) -> String {
        let rate = self.rows as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let (rows, rate) = (plural(self.rows, "row"), grouped(rate as u64));
        let (done, windows) = (grouped(self.done as u64), grouped(self.windows as u64));
        format!("{done}/{windows} batches, {rows} ({rate}/s) {}", self.name)
    }

    /// Removes the bar, so that the result stands alone.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
