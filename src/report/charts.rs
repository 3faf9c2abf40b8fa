//! Pictures as SVG in the page: no script, colours from the page's style.

use super::parts::time;
use super::words::grouped;
use crate::diff::Kind;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Differences by kind.
type Counts = BTreeMap<Kind, u64>;

const KINDS: [Kind; 3] = [Kind::Missing, Kind::Unexpected, Kind::Mismatched];
const WIDTH: f64 = 720.0;
/// More bars than this are no bars any more: days are taken together.
const MOST_BARS: i64 = 90;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// How much of all rows is equal, as one bar.
pub(super) fn share(equal: u64, mismatched: u64, missing: u64, unexpected: u64) -> Markup {
    let parts = [("equal", equal), ("mismatched", mismatched), ("missing", missing), ("unexpected", unexpected)];
    let all: u64 = parts.iter().map(|(_, count)| count).sum();
    // A part that is there is seen, however small it is.
    let width = |count: u64| if count == 0 { 0.0 } else { (count as f64 / all as f64 * WIDTH).max(2.0) };
    let scale = WIDTH / parts.iter().map(|(_, count)| width(*count)).sum::<f64>().max(1.0);
    let mut x = 0.0;
    let bars = parts.map(|(name, count)| {
        let bar = (x, width(count) * scale, name, count);
        x += bar.1;
        bar
    });
    html! {
        svg.share viewBox="0 0 720 28" role="img" aria-label="share of equal rows" {
            @for (x, width, name, count) in bars {
                @if width > 0.0 {
                    rect.(name) x=(number(x)) y="0" width=(number(width)) height="28" {
                        title { (name) ": " (grouped(count)) " rows" }
                    }
                }
            }
        }
    }
}

/// Differences by day, as stacked bars. Days are numbered from 1970-01-01.
pub(super) fn days(days: &BTreeMap<i64, Counts>) -> Markup {
    let (Some(first), Some(last)) = (days.keys().next().copied(), days.keys().next_back().copied()) else {
        return html! {};
    };
    let days_a_bar = (last.saturating_sub(first) / MOST_BARS).saturating_add(1);
    let mut bars: BTreeMap<i64, Counts> = BTreeMap::new();
    for (day, counts) in days {
        let bar = bars.entry((day - first) / days_a_bar).or_default();
        counts.iter().for_each(|(kind, count)| *bar.entry(*kind).or_default() += count);
    }
    let highest = bars.values().map(|bar| bar.values().sum::<u64>()).max().unwrap_or(1).max(1);
    let count = (last - first) / days_a_bar + 1;
    let step = (WIDTH / count as f64).min(48.0);
    let day = |day: i64| day.checked_mul(DAY_MILLIS).map(|millis| time(millis).chars().take(10).collect::<String>());
    let name = |bar: i64| {
        let start = first + bar * days_a_bar;
        let (from, to) = (day(start).unwrap_or_default(), day(start + days_a_bar - 1).unwrap_or_default());
        if days_a_bar == 1 { from } else { format!("{from} to {to}") }
    };
    html! {
        svg.days viewBox="0 0 720 190" role="img" aria-label="differences by day" {
            text.axis x="0" y="10" { (grouped(highest)) }
            line.axis x1="0" y1="160" x2="720" y2="160" {}
            @for (bar, counts) in &bars {
                g {
                    title { (name(*bar)) ": " (listed(counts)) }
                    @for (kind, y, height) in stacked(counts, highest) {
                        rect.(kind.name()) x=(number(*bar as f64 * step)) y=(number(y)) width=(number((step - 1.0).max(1.0)))
                            height=(number(height)) {}
                    }
                }
            }
            text.axis x="0" y="180" { (day(first).unwrap_or_default()) }
            text.axis.end x=(number((count as f64 * step).max(200.0))) y="180" { (day(last).unwrap_or_default()) }
        }
    }
}

/// The pieces of a bar from the bottom up: kind, top, height.
fn stacked(counts: &Counts, highest: u64) -> Vec<(Kind, f64, f64)> {
    let mut bottom = 160.0;
    let pieces = KINDS.iter().filter_map(|kind| {
        let count = counts.get(kind).copied().filter(|count| *count > 0)?;
        let height = (count as f64 / highest as f64 * 144.0).max(1.0);
        bottom -= height;
        Some((*kind, bottom, height))
    });
    pieces.collect()
}

fn listed(counts: &Counts) -> String {
    let texts = counts.iter().filter(|(_, count)| **count > 0);
    texts.map(|(kind, count)| format!("{} {}", grouped(*count), kind.name())).collect::<Vec<_>>().join(", ")
}

const COLUMNS: u16 = 64;
const ROWS: u16 = 16;
/// Buckets that share a cell.
pub(super) const BUCKETS_A_CELL: u32 = (1 << 16) / (COLUMNS as u32 * ROWS as u32);

/// Differences by bucket, as cells in the order of buckets, row by row.
pub(super) fn buckets(buckets: &BTreeMap<u16, u64>) -> Markup {
    let mut cells: BTreeMap<u32, u64> = BTreeMap::new();
    for (bucket, count) in buckets {
        *cells.entry(u32::from(*bucket) / BUCKETS_A_CELL).or_default() += count;
    }
    let highest = cells.values().copied().max().unwrap_or(1) as f64;
    let cell = |index: u32| {
        let (column, row) = (index % u32::from(COLUMNS), index / u32::from(COLUMNS));
        (f64::from(column) * 11.25, f64::from(row) * 11.25)
    };
    html! {
        svg.buckets viewBox="0 0 720 180" role="img" aria-label="differences by bucket" {
            rect.ground x="0" y="0" width="720" height="180" {}
            @for (index, count) in &cells {
                @let (x, y) = cell(*index);
                @let first = index * BUCKETS_A_CELL;
                // The eye sees shares of the logarithm better than of the count.
                @let strength = 0.15 + 0.85 * (*count as f64 + 1.0).ln() / (highest + 1.0).ln();
                rect.cell x=(number(x)) y=(number(y)) width="10.5" height="10.5" fill-opacity=(format!("{strength:.2}")) {
                    title { "buckets " (first) " to " (first + BUCKETS_A_CELL - 1) ": " (grouped(*count)) }
                }
            }
        }
    }
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_part_is_seen() {
        let text = share(1_000_000, 1, 0, 0).into_string();
        assert!(text.contains("class=\"mismatched\"") && text.contains("mismatched: 1 rows"), "{text}");
        assert!(!text.contains("class=\"missing\""), "{text}");
        assert!(share(0, 0, 0, 0).into_string().contains("<svg"));
    }

    #[test]
    fn days_of_years_are_taken_together() {
        let counts = |count| Counts::from([(Kind::Missing, count)]);
        let text = days(&BTreeMap::from([(0, counts(3)), (1, counts(4)), (3_650, counts(1))])).into_string();
        assert_eq!(text.matches("<rect").count(), 2, "{text}");
        assert!(text.contains("1970-01-01 to 1970-02-10: 7 missing"), "{text}");
        let one = days(&BTreeMap::from([(17_000, counts(1))])).into_string();
        assert!(one.contains("2016-07-18: 1 missing"), "{one}");
        // The ends of time.
        let far = days(&BTreeMap::from([(i64::MIN / DAY_MILLIS, counts(1)), (i64::MAX / DAY_MILLIS, counts(1))]));
        assert_eq!(far.into_string().matches("<rect").count(), 2);
    }

    #[test]
    fn buckets_share_cells() {
        let text = buckets(&BTreeMap::from([(0, 1), (63, 2), (64, 3), (u16::MAX, 4)])).into_string();
        assert_eq!(text.matches("class=\"cell\"").count(), 3, "{text}");
        assert!(text.contains("buckets 65472 to 65535: 4"), "{text}");
    }
}
