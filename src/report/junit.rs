//! A verification as JUnit XML, which CI systems show: a test a kind of difference.

use super::Subject;
use super::parts::sentence;
use super::words::{grouped, shown};
use crate::diff::Kind;
use crate::error::Result;
use crate::verify::Sample;
use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

/// Characters of an id or a name that are shown at most.
const LONGEST: usize = 600;

const KINDS: [(Kind, &str); 3] = [
    (Kind::Missing, "no row is missing"),
    (Kind::Unexpected, "no row is unexpected"),
    (Kind::Mismatched, "no row is mismatched"),
];

/// The report as JUnit XML. Differences that were accepted make no test fail; they are its output.
///
/// # Errors
/// None in practice: the text is written to memory.
pub fn junit(subject: &Subject<'_>) -> Result<String> {
    let found = subject.verification;
    let fails = |kind: Kind| found.count(kind) > 0 && !subject.is_accepted;
    let failures = KINDS.iter().filter(|(kind, _)| fails(*kind)).count().to_string();
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = [("name", "eventmirror verify"), ("tests", "3"), ("failures", failures.as_str())];
    out.create_element("testsuites").with_attributes(counts).write_inner_content(|out| {
        let suite = [("name", subject.store), ("tests", "3"), ("failures", failures.as_str())];
        out.create_element("testsuite").with_attributes(suite).write_inner_content(|out| {
            for (kind, name) in KINDS {
                let case = [("classname", "eventmirror.verify"), ("name", name)];
                let case = out.create_element("testcase").with_attributes(case);
                let count = found.count(kind);
                if count == 0 {
                    case.write_empty()?;
                    continue;
                }
                let (message, body) = (format!("{} rows are {}", grouped(count), kind.name()), samples(subject, kind));
                case.write_inner_content(|out| {
                    let body = BytesText::new(&body);
                    match fails(kind) {
                        true => {
                            let failure = [("message", message.as_str()), ("type", kind.name())];
                            out.create_element("failure").with_attributes(failure).write_text_content(body)?
                        }
                        false => out.create_element("system-out").write_text_content(body)?,
                    };
                    Ok(())
                })?;
            }
            out.create_element("system-out").write_text_content(BytesText::new(&sentence(subject)))?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(String::from_utf8_lossy(&out.into_inner()).into_owned())
}

fn samples(subject: &Subject<'_>, kind: Kind) -> String {
    let found = subject.verification;
    let lines = found.samples.iter().filter(|sample| sample.kind == kind).map(line);
    let mut text: Vec<String> = lines.collect();
    let more = found.count(kind).saturating_sub(text.len() as u64);
    if more > 0 {
        text.push(format!("… and {} more", grouped(more)));
    }
    text.join("\n")
}

fn line(sample: &Sample) -> String {
    let key = &sample.key;
    let mut line = format!(
        "user_id={} insert_id={} event_time={}",
        allowed(&key.user_id),
        allowed(&key.insert_id),
        key.event_time
    );
    let columns: Vec<String> = sample.columns.iter().map(|found| allowed(&found.column)).collect();
    if !columns.is_empty() {
        line.push_str(&format!(" columns={}", columns.join(",")));
    }
    if let Some(cause) = sample.cause {
        line.push_str(&format!(" cause={}", cause.name()));
    }
    line
}

/// Text without what XML has no way to write.
fn allowed(text: &str) -> String {
    shown(text, LONGEST, &[]).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
