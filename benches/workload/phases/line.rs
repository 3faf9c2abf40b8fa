//! What was measured, in the form that all peers share.

use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) struct Measured {
    pub(super) rows: u64,
    /// One a batch or lookup.
    pub(super) seconds: Vec<f64>,
    pub(super) ok: bool,
}

impl Measured {
    pub(super) fn once(rows: u64, seconds: f64, ok: bool) -> Measured {
        Measured { rows, seconds: vec![seconds], ok }
    }
}

pub(super) struct Line<'a> {
    pub(super) peer: &'a str,
    pub(super) phase: &'a str,
    pub(super) path: &'a Path,
    /// Seconds that opening took.
    pub(super) open: f64,
    /// Seconds that closing took.
    pub(super) close: f64,
}

impl Line<'_> {
    pub(super) fn json(&self, measured: Measured) -> Value {
        let Measured { rows, mut seconds, ok } = measured;
        let mut total: f64 = seconds.iter().sum();
        // Some peers put the work of a huge batch off until they are closed.
        if self.phase == "c" {
            total += self.close;
        }
        seconds.sort_by(f64::total_cmp);
        let at = |share: usize| seconds[(seconds.len() * share / 100).min(seconds.len() - 1)];
        let percentile = |share| (at(share) * 1e7).round() / 10.0;
        json!({
            "peer": self.peer, "version": (self.peer == "eventmirror").then_some(env!("CARGO_PKG_VERSION")),
            "phase": self.phase, "ok": ok, "rows": rows, "seconds": micros(total),
            "rows_per_s": (rows as f64 / total).round() as u64, "peak_rss_mb": peak_rss_mb(),
            "disk_mb": disk_mb(self.path), "open_s": micros(self.open),
            "extra": {"close_s": micros(self.close), "us": {"p50": percentile(50), "p99": percentile(99)}},
        })
    }
}

/// Seconds without the digits that say nothing.
fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// The process's own peak, as Linux tells it.
fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What a folder or a file takes on the disk.
pub(super) fn disk_mb(path: &Path) -> f64 {
    let bytes = |path: &Path| path.metadata().map_or(0, |metadata| metadata.blocks() * 512);
    let total: u64 = match path.is_dir() {
        false => bytes(path),
        true => std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes(&entry.path())).sum(),
    };
    (total as f64 / 1e5).round() / 10.0
}
