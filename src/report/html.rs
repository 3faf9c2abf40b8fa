//! The page: one file, no script, nothing loaded; readable on paper and in the dark.

use super::Subject;
use super::charts;
use super::parts::{self, Text};
use super::words::grouped;
use crate::diff::Kind;
use crate::verify::{Sample, Touched, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const KINDS: [Kind; 3] = [Kind::Missing, Kind::Unexpected, Kind::Mismatched];

/// The report as one HTML page.
pub fn html(subject: &Subject<'_>) -> String {
    let found = subject.verification;
    let title = format!("{}: {}", found.verdict().name(), subject.store);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (heading(subject))
                    (coverage(subject))
                    @if found.total() > 0 {
                        (kinds(subject))
                        (causes(subject))
                        (pictures(subject))
                        (samples(subject))
                    }
                    (next(subject))
                }
            }
        }
    };
    page.into_string()
}

fn heading(subject: &Subject<'_>) -> Markup {
    let verdict = subject.verification.verdict();
    let mark = match verdict {
        Verdict::Identical => "✓",
        Verdict::Explained => "≈",
        Verdict::Different => "✗",
    };
    html! {
        header {
            p.verdict.(verdict.name()) { span aria-hidden="true" { (mark) } " " (verdict.name()) }
            h1 { (parts::sentence(subject)) }
            dl.facts {
                dt { "store" } dd { (subject.store) }
                dt { "extract" } dd { (subject.extract.join(", ")) }
                dt { "at sequence" } dd { (subject.verification.as_of) }
                dt { "made" } dd { (parts::time(subject.now)) }
            }
        }
    }
}

/// What was compared, and what was not.
fn coverage(subject: &Subject<'_>) -> Markup {
    let found = subject.verification;
    let equal = found.expected.saturating_sub(found.count(Kind::Missing) + found.count(Kind::Mismatched));
    let mut rows = vec![
        ("rows of the extract", found.read),
        ("rows that it says there are", found.expected),
        ("rows in the store", found.actual),
        ("equal rows", equal),
    ];
    let more = [
        ("repeated rows of the extract, counted once", found.repeated),
        ("rows of the extract that were not asked for", found.out_of_range),
        ("rows equal within a tolerance", found.within_tolerance),
    ];
    rows.extend(more.into_iter().filter(|(_, count)| *count > 0));
    html! {
        section {
            h2 { "Coverage" }
            (charts::share(equal, found.count(Kind::Mismatched), found.count(Kind::Missing), found.count(Kind::Unexpected)))
            table.numbers {
                @for (what, count) in rows { tr { th scope="row" { (what) } td { (grouped(count)) } } }
                @for (rule, count) in &found.left_out {
                    tr { th scope="row" { "left out: " (rule.name()) } td { (grouped(*count)) } }
                }
            }
        }
    }
}

fn kinds(subject: &Subject<'_>) -> Markup {
    let meaning = |kind| match kind {
        Kind::Missing => "in the extract, not in the store",
        Kind::Unexpected => "in the store, not in the extract",
        Kind::Mismatched => "in both, with other columns",
    };
    html! {
        section {
            h2 { "Differences" }
            table.numbers {
                thead { tr { th { "kind" } th { "rows" } th { "what it means" } } }
                @for kind in KINDS {
                    tr {
                        th scope="row" { span.swatch.(kind.name()) {} (kind.name()) }
                        td { (grouped(subject.verification.count(kind))) }
                        td.text { (meaning(kind)) }
                    }
                }
            }
        }
    }
}

fn causes(subject: &Subject<'_>) -> Markup {
    let found = subject.verification;
    let explained: u64 = found.causes.values().sum();
    html! {
        section {
            h2 { "Causes" }
            table.numbers {
                thead { tr { th { "cause" } th { "rows" } th { "what it means" } } }
                @for (cause, count) in &found.causes {
                    tr {
                        th scope="row" { (cause.name()) @if cause.is_harmless() { " " span.harmless { "harmless" } } }
                        td { (grouped(*count)) }
                        td.text { (parts::meaning(*cause)) }
                    }
                }
                @if explained < found.total() {
                    tr {
                        th scope="row" { "unknown" }
                        td { (grouped(found.total() - explained)) }
                        td.text { "nothing that the store knows explains them" }
                    }
                }
            }
            @if let Some(shift) = parts::shift(subject) { p.shift { (shift) } }
        }
    }
}

fn pictures(subject: &Subject<'_>) -> Markup {
    let found = subject.verification;
    html! {
        section {
            h2 { "By day" }
            p.hint { "Differences by the day of their event time, UTC." }
            (charts::days(&found.days))
        }
        section {
            h2 { "By bucket" }
            p.hint {
                "Differences by bucket, the first 16 bits of MD5(user_id): each cell is " (charts::BUCKETS_A_CELL)
                " buckets. A few dark cells point to a few users, an even spread to all of them."
            }
            (charts::buckets(&found.buckets))
        }
    }
}

fn samples(subject: &Subject<'_>) -> Markup {
    let samples = &subject.verification.samples;
    html! {
        section {
            h2 { "Samples" }
            p.hint { (grouped(samples.len() as u64)) " of " (grouped(subject.verification.total())) " differences." }
            @for sample in samples { (one_sample(sample, subject)) }
        }
    }
}

fn one_sample(sample: &Sample, subject: &Subject<'_>) -> Markup {
    let key = &sample.key;
    html! {
        article {
            h3 {
                span.swatch.(sample.kind.name()) {} (sample.kind.name())
                @if let Some(cause) = sample.cause { " · " (cause.name()) }
            }
            dl.facts {
                dt { "user_id" } dd { (Text(&key.user_id)) }
                dt { "insert_id" } dd { (Text(&key.insert_id)) }
                dt { "event_time" } dd { (parts::event_time(key.event_time, subject.precision)) }
                @if let Some(offset) = sample.offset {
                    dt { "the other side's time" } dd { (parts::offset(offset, subject.precision)) }
                }
                @if let Some(rule) = sample.rule { dt { "refused by" } dd { (rule.name()) } }
                @if let Some(place) = &sample.place {
                    dt { "in the extract" } dd { (Text(&place.file)) ", row " (place.row_number) }
                }
                @if let Some(batch) = &sample.touched { dt { "last batch" } dd { (batch_text(batch)) } }
                @if let Some(batch) = &sample.cause_batch { dt { "batch of the cause" } dd { (batch_text(batch)) } }
            }
            (columns(sample))
        }
    }
}

fn batch_text(batch: &Touched) -> String {
    format!("{} of source {}, position {}", batch.sequence, batch.source, batch.position)
}

/// Both sides of a sample's columns, those that differ marked where they do.
fn columns(sample: &Sample) -> Markup {
    let rows = parts::column_rows(sample);
    html! {
        @if rows.is_empty() { p.hint { "No columns." } }
        @else {
            div.wide {
                table.columns {
                    thead { tr { th { "column" } th { "extract" } th { "store" } } }
                    @for row in rows {
                        tr.differs[row.differs] {
                            th scope="row" { (Text(&row.column)) }
                            td { (parts::marked(&row.expected, &row.actual, row.differs)) }
                            td { (parts::marked(&row.actual, &row.expected, row.differs)) }
                        }
                    }
                }
            }
        }
    }
}

/// What to do next.
fn next(subject: &Subject<'_>) -> Markup {
    let steps = parts::next_steps(subject);
    html! {
        section {
            h2 { "What to do next" }
            ul {
                @for step in steps { li { (step.text) @if let Some(command) = step.command { pre { (command) } } } }
            }
        }
    }
}
