//! The converter file: which keys it may have, and what they mean. Whatever is wrong in it is told at the start.
//!
//! ```text
//! { "config_name": [...],                       its name, for people
//!   "converterConfig": {
//!     "fileType": "json",                       or csv, parquet
//!     "compressionType": "gzip",                or none; what the bytes of a file say is what counts
//!     "ignoreEventFlag": "$ignore",             rows whose target of that name is true are left out
//!     "convertToAmplitudeFunc": { "user_id": …, "insert_id": …, "time": …, … } },
//!   "keyValidatorConfig": { "filterPattern": … } }     names of files, whole
//! ```

use super::call::{Reader, Site};
use super::expression::Expression;
use super::java_regex::Pattern;
use super::node::{Mistake, Node, note_name};
use crate::source::FileFormat;
use std::collections::HashSet;

/// The targets that make up an event's key; without them there is nothing to mirror.
pub(super) const KEY_TARGETS: [&str; 3] = ["user_id", "insert_id", "time"];
/// The target that tells the operation.
pub(super) const OPERATION_TARGET: &str = "mutation_type";
/// As many as a file may have columns.
const MOST_TARGETS: usize = 10_000;

/// A field of the events to make.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) source: Expression,
}

/// What a converter file says.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) format: Option<FileFormat>,
    pub(super) filter: Option<Pattern>,
    pub(super) targets: Vec<Target>,
    /// The target that says that a row is left out; it is no field of the event.
    pub(super) ignore: Option<(Expression, Site)>,
    /// The names of the source's fields, by slot.
    pub(super) fields: Vec<String>,
    pub(super) whole_row: bool,
    pub(super) reads_clock: bool,
}

impl Config {
    pub(super) fn read(text: &str) -> Result<Self, Mistake> {
        let root = Node::root(text)?;
        let [_, converter, keys] = known(&root, ["config_name", "converterConfig", "keyValidatorConfig"])?;
        let converter = converter.ok_or_else(|| root.mistake("the converter has no converterConfig"))?;
        let [file_type, compression, flag, targets] =
            known(&converter, ["fileType", "compressionType", "ignoreEventFlag", "convertToAmplitudeFunc"])?;
        let format = file_type.map(|node| one_of(&node, FileFormat::ALL.map(|format| (format.name(), format))));
        compression.map(|node| one_of(&node, [("gzip", ()), ("none", ())])).transpose()?;
        let targets = targets.ok_or_else(|| converter.mistake("the converter has no convertToAmplitudeFunc"))?;
        let mut reader = Reader::default();
        let mut targets = read_targets(&targets, &mut reader)?;
        let ignore = flag.map(|flag| take_flag(&flag, &mut targets)).transpose()?;
        check_key(&targets)?;
        let filter = keys.map(|keys| read_filter(&keys)).transpose()?.flatten();
        Ok(Config {
            format: format.transpose()?,
            filter,
            targets: targets.into_iter().map(|(target, _)| target).collect(),
            ignore,
            fields: reader.fields,
            whole_row: reader.whole_row,
            reads_clock: reader.clocks > 0,
        })
    }
}

/// The members of an object by these names, in this order; another name is a mistake.
fn known<'a, const N: usize>(node: &Node<'a>, names: [&str; N]) -> Result<[Option<Node<'a>>; N], Mistake> {
    if !node.is_object() {
        return Err(node.mistake(format!("an object is wanted, with {}", names.join(", "))));
    }
    let mut found = [const { None }; N];
    for (name, member) in node.members()? {
        match names.iter().position(|known| *known == name) {
            Some(index) => found[index] = Some(member),
            None => {
                return Err(Mistake::new(member.place, format!("{name:?} is no key of a converter"))
                    .advice(format!("known here are {}", names.join(", "))));
            }
        }
    }
    Ok(found)
}

fn one_of<T: Copy, const N: usize>(node: &Node<'_>, choices: [(&str, T); N]) -> Result<T, Mistake> {
    let text = node.string()?;
    let choice = choices.iter().find(|(name, _)| text.as_deref() == Some(name));
    choice.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        node.mistake(format!("{} is none of {}", node.text, names.join(", ")))
    })
}

/// The targets with their places. The object may also be written as the `dict` that it is short for.
fn read_targets(node: &Node<'_>, reader: &mut Reader) -> Result<Vec<(Target, Placed)>, Mistake> {
    let members = match node.is_object() {
        true => node.members()?,
        false => dict_members(node)?,
    };
    if members.len() > MOST_TARGETS {
        return Err(node.mistake(format!("{} targets are more than {MOST_TARGETS}", members.len())));
    }
    let mut targets: Vec<(Target, Placed)> = Vec::with_capacity(members.len());
    for (name, source) in members {
        let clocks = reader.clocks;
        let expression = Expression::read(&source, reader)?;
        let placed = Placed { place: source.place, reads_clock: reader.clocks > clocks };
        targets.push((Target { name, source: expression }, placed));
    }
    Ok(targets)
}

/// Where a target stands, and what must be known of it.
struct Placed {
    place: String,
    reads_clock: bool,
}

fn dict_members<'a>(node: &Node<'a>) -> Result<Vec<(String, Node<'a>)>, Mistake> {
    let wrong = || node.mistake("the targets are an object, or the operator dict with its pairs");
    let elements = if node.is_array() { node.elements()? } else { return Err(wrong()) };
    let (operator, pairs) = elements.split_first().ok_or_else(wrong)?;
    if operator.string()?.as_deref() != Some("dict") || pairs.len() % 2 != 0 {
        return Err(wrong());
    }
    let mut members: Vec<(String, Node<'a>)> = Vec::with_capacity(pairs.len() / 2);
    let mut names = HashSet::new();
    for pair in pairs.chunks_exact(2) {
        let name = pair[0].string()?.ok_or_else(|| pair[0].mistake("the name of a target is a string as it stands"))?;
        note_name(&mut names, &name).map_err(|what| pair[0].mistake(what))?;
        members.push((name, pair[1].clone()));
    }
    Ok(members)
}

/// Takes the target that `ignoreEventFlag` names out of the others.
fn take_flag(flag: &Node<'_>, targets: &mut Vec<(Target, Placed)>) -> Result<(Expression, Site), Mistake> {
    let name = flag.string()?.ok_or_else(|| flag.mistake(format!("{} is no name of a target", flag.text)))?;
    match targets.iter().position(|(target, _)| target.name == name) {
        Some(index) => {
            let (target, placed) = targets.remove(index);
            Ok((target.source, Site::new(&placed.place, "ignoreEventFlag")))
        }
        None => Err(flag
            .mistake(format!("convertToAmplitudeFunc has no target {name:?}"))
            .advice("give it one, a boolean expression that is true for rows to leave out")),
    }
}

fn check_key(targets: &[(Target, Placed)]) -> Result<(), Mistake> {
    for name in KEY_TARGETS {
        let Some((_, placed)) = targets.iter().find(|(target, _)| target.name == name) else {
            return Err(Mistake::new("convertToAmplitudeFunc", format!("the converter has no target {name}"))
                .advice(format!("a mirrored event needs {}", KEY_TARGETS.join(", "))));
        };
        if placed.reads_clock {
            return Err(Mistake::new(placed.place.clone(), format!("{name} comes from the clock"))
                .advice("a key must be the same whenever the row is read: take it from the row"));
        }
    }
    Ok(())
}

fn read_filter(node: &Node<'_>) -> Result<Option<Pattern>, Mistake> {
    let [pattern] = known(node, ["filterPattern"])?;
    let Some(pattern) = pattern else { return Ok(None) };
    let text = pattern.string()?.ok_or_else(|| pattern.mistake(format!("{} is no text", pattern.text)))?;
    Pattern::whole(&text).map(Some).map_err(|what| pattern.mistake(what))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = r#""user_id":"u","insert_id":"i","time":"t""#;

    fn read(targets: &str, more: &str, outside: &str) -> Result<Config, Mistake> {
        Config::read(&format!("{{\"converterConfig\":{{\"convertToAmplitudeFunc\":{{{targets}}}{more}}}{outside}}}"))
    }

    #[test]
    fn the_documented_shape_is_read() {
        let config = Config::read(
            r#"{ "config_name": ["Event sample converter"],
                 "converterConfig": {
                   "fileType": "parquet", "compressionType": "none", "ignoreEventFlag": "$ignore",
                   "convertToAmplitudeFunc": {
                     "user_id": "user", "insert_id": "id", "time": "epoch", "event_type": "action",
                     "event_properties": {"business_id_encid": "business_id"},
                     "$ignore": ["equals", ["path", "action"], ["value", "page_view"]] } },
                 "keyValidatorConfig": {"filterPattern": "folder1/.*\\.parquet"} }"#,
        )
        .unwrap();
        assert_eq!(config.format, Some(FileFormat::Parquet));
        assert!(config.filter.unwrap().is_match("folder1/a.parquet"));
        let names: Vec<_> = config.targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["user_id", "insert_id", "time", "event_type", "event_properties"]);
        assert!(config.ignore.is_some());
        assert_eq!(config.fields, ["user", "id", "epoch", "action", "business_id"]);
        assert!(!config.whole_row && !config.reads_clock);
    }

    #[test]
    fn the_targets_may_be_written_as_a_dict() {
        let text =
            r#"{"converterConfig":{"convertToAmplitudeFunc":["dict","user_id","u","insert_id","i","time","t"]}}"#;
        assert_eq!(Config::read(text).unwrap().targets.len(), 3);
        for wrong in [r#"["dict","user_id"]"#, r#"["merge_dicts","a"]"#, "[]", "5", r#"["dict","a","b","a","c"]"#] {
            let text = format!("{{\"converterConfig\":{{\"convertToAmplitudeFunc\":{wrong}}}}}");
            assert!(Config::read(&text).unwrap_err().place.starts_with("convertToAmplitudeFunc"), "{wrong}");
        }
    }

    #[test]
    fn every_mistake_has_its_place() {
        for (targets, more, outside, place, what) in [
            (KEY, r#","fileTyp":"json""#, "", "converterConfig.fileTyp", "is no key"),
            (KEY, "", r#","extra":1"#, "extra", "is no key"),
            (KEY, r#","fileType":"avro""#, "", "converterConfig.fileType", "\"avro\" is none of json, csv, parquet"),
            (KEY, r#","fileType":["json"]"#, "", "converterConfig.fileType", "is none of"),
            (KEY, r#","compressionType":"zip""#, "", "converterConfig.compressionType", "none of gzip, none"),
            (KEY, r#","ignoreEventFlag":"$ignore""#, "", "converterConfig.ignoreEventFlag", "no target \"$ignore\""),
            (KEY, r#","ignoreEventFlag":true"#, "", "converterConfig.ignoreEventFlag", "true is no name"),
            (KEY, r#","ignoreEventFlag":"time""#, "", "convertToAmplitudeFunc", "no target time"),
            (
                KEY,
                "",
                r#","keyValidatorConfig":{"filterPattern":"a("}"#,
                "keyValidatorConfig.filterPattern",
                "unclosed",
            ),
            (KEY, "", r#","keyValidatorConfig":{"filterPattern":5}"#, "keyValidatorConfig.filterPattern", "no text"),
            (KEY, "", r#","keyValidatorConfig":{"pattern":""}"#, "keyValidatorConfig.pattern", "is no key"),
            (KEY, "", r#","keyValidatorConfig":[]"#, "keyValidatorConfig", "an object is wanted"),
            (r#""user_id":"u","time":"t""#, "", "", "convertToAmplitudeFunc", "no target insert_id"),
            (r#""user_id":"u","insert_id":"i","time":["ms_time_now"]"#, "", "", "convertToAmplitudeFunc.time", "clock"),
            (
                r#""user_id":"u","time":"t","insert_id":["concat","a",["iso_time_now"]]"#,
                "",
                "",
                "convertToAmplitudeFunc.insert_id",
                "clock",
            ),
            (r#""user_id":"u","user_id":"v""#, "", "", "convertToAmplitudeFunc.user_id", "twice"),
        ] {
            let mistake = read(targets, more, outside).unwrap_err();
            assert!(mistake.place == place && mistake.what.contains(what), "{mistake:?}");
        }
        for (text, what) in
            [("{}", "no converterConfig"), ("[]", "an object is wanted"), ("{", "not JSON"), ("{} {}", "not JSON")]
        {
            assert!(Config::read(text).unwrap_err().what.contains(what), "{text}");
        }
        assert!(Config::read(r#"{"converterConfig":{}}"#).unwrap_err().what.contains("no convertToAmplitudeFunc"));
    }
}
