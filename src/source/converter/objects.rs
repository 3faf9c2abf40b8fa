//! Operators that make objects and arrays: `dict`, `array`, `merge_dicts`, `flatten_dict`, `exclude_keys`.

use super::call::{Call, Reader, Site};
use super::expression::{Expression, Outcome};
use super::json::{Member, members, push_member, push_name, quoted};
use super::node::{Mistake, Node, note_name};
use super::numbers;
use super::run::{Context, Failure};
use super::value::Value;
use crate::model::json::MAX_DEPTH;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Their names.
pub(super) const OPERATORS: &[&str] = &["dict", "array", "merge_dicts", "flatten_dict", "exclude_keys"];

#[derive(Debug)]
pub(super) enum Object {
    /// An object of the members that have a value, each with its name as a JSON string.
    Dict(Vec<(String, Expression)>, Site),
    /// An array of those that have a value.
    Array(Vec<Expression>, Site),
    /// The members of all, later ones before earlier ones.
    Merge(Vec<Expression>, Site),
    /// Members of members with joined names.
    Flatten { separator: String, levels: Box<Expression>, of: Box<Expression>, site: Site },
    /// An object without some of its members.
    Exclude { of: Box<Expression>, names: Vec<String>, site: Site },
}

impl Object {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        Ok(Some(match call.name() {
            "dict" => {
                call.takes_pairs()?;
                Object::Dict(dict(call)?, call.site())
            }
            "array" => {
                call.takes_at_least(1)?;
                Object::Array(call.sources()?, call.site())
            }
            "merge_dicts" => {
                call.takes_at_least(1)?;
                Object::Merge(call.sources()?, call.site())
            }
            "flatten_dict" => {
                call.takes(3)?;
                let separator = call.text(0)?;
                let (levels, of) = (Box::new(call.source(1)?), Box::new(call.source(2)?));
                Object::Flatten { separator, levels, of, site: call.site() }
            }
            "exclude_keys" => {
                call.takes_at_least(1)?;
                let of = Box::new(call.source(0)?);
                let mut names = (1..call.count()).map(|index| call.text(index)).collect::<Result<Vec<_>, _>>()?;
                names.sort_unstable();
                Object::Exclude { of, names, site: call.site() }
            }
            _ => return Ok(None),
        }))
    }

    /// The short form: an object whose members are expressions.
    pub(super) fn of_members(node: &Node<'_>, reader: &mut Reader) -> Result<Self, Mistake> {
        let site = Site::new(&node.place, "dict");
        let member = |(name, node): (String, Node<'_>)| Ok((quoted(&name), Expression::read(&node, reader)?));
        Ok(Object::Dict(node.members()?.into_iter().map(member).collect::<Result<_, Mistake>>()?, site))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Outcome<'r> {
        match self {
            Object::Dict(members, site) => make_dict(members, at, site),
            Object::Array(elements, site) => make_array(elements, at, site),
            Object::Merge(dicts, site) => merge(dicts, at, site),
            Object::Flatten { separator, levels, of, site } => {
                let Some(value) = of.evaluate(at)? else { return Ok(None) };
                let levels =
                    numbers::number(levels, at, site)?.to_i64().and_then(|levels| usize::try_from(levels).ok());
                let levels = levels.ok_or_else(|| site.failure("its second argument is no number of levels"))?;
                let mut flat = Flat { separator, names: Vec::new(), at, site };
                flat.add(String::new(), &value.members().map_err(|what| site.failure(what))?, levels.min(MAX_DEPTH))?;
                let members = flat.names.into_iter().map(|(name, value)| (Cow::Owned(name), value));
                write_members(last_of_each(members.collect()), at, site).map(Some)
            }
            Object::Exclude { of, names, site } => exclude(of, names, at, site),
        }
    }
}

fn dict(call: &mut Call<'_, '_>) -> Result<Vec<(String, Expression)>, Mistake> {
    let mut seen = HashSet::new();
    let mut members = Vec::with_capacity(call.count() / 2);
    for index in (0..call.count()).step_by(2) {
        let name = call.text(index)?;
        members.push((quoted(&name), call.source(index + 1)?));
        note_name(&mut seen, &name).map_err(|what| call.mistake_in(index, what))?;
    }
    Ok(members)
}

fn make_dict<'r>(members: &'r [(String, Expression)], at: Context<'r>, site: &Site) -> Outcome<'r> {
    let mut object = String::from("{");
    for (name, source) in members {
        let Some(value) = source.evaluate(at)? else { continue };
        at.run.make(name.len() + value.len() + 2).map_err(|what| site.failure(what))?;
        push_name(name, &mut object);
        value.append_json(&mut object);
    }
    object.push('}');
    Ok(Some(Value::made(object)))
}

fn make_array<'r>(elements: &'r [Expression], at: Context<'r>, site: &Site) -> Outcome<'r> {
    let mut array = String::from("[");
    // What cannot be evaluated is left out: the vendor's page says so.
    for value in elements.iter().filter_map(|source| source.evaluate(at).ok().flatten()) {
        at.run.make(value.len() + 1).map_err(|what| site.failure(what))?;
        if array.len() > 1 {
            array.push(',');
        }
        value.append_json(&mut array);
    }
    array.push(']');
    Ok(Some(Value::made(array)))
}

fn merge<'r>(dicts: &'r [Expression], at: Context<'r>, site: &Site) -> Outcome<'r> {
    let mut found = Vec::with_capacity(dicts.len());
    for dict in dicts {
        found.extend(dict.evaluate(at)?);
    }
    if found.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::new();
    for dict in &found {
        all.append(&mut dict.members().map_err(|what| site.failure(what))?);
    }
    write_members(last_of_each(all), at, site).map(Some)
}

fn exclude<'r>(of: &'r Expression, names: &[String], at: Context<'r>, site: &Site) -> Outcome<'r> {
    let Some(value) = of.evaluate(at)? else { return Ok(None) };
    let mut members = value.members().map_err(|what| site.failure(what))?;
    let all = members.len();
    members.retain(|(name, _)| names.binary_search_by(|known| known.as_str().cmp(name)).is_err());
    match members.len() == all {
        true => {
            drop(members);
            Ok(Some(value))
        }
        false => write_members(members, at, site).map(Some),
    }
}

/// Of a name that comes again the last value counts, at the place of the first.
fn last_of_each(members: Vec<Member<'_>>) -> Vec<Member<'_>> {
    /// Below this many, looking at all is faster than hashing.
    const FEW: usize = 16;
    let is_few = members.len() <= FEW;
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut kept: Vec<Member<'_>> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let place = match is_few {
            true => kept.iter().position(|(known, _)| *known == name),
            false => places.get(&name).copied(),
        };
        match place.and_then(|place| kept.get_mut(place)) {
            Some(member) => member.1 = value,
            None => {
                if !is_few {
                    places.insert(name.clone(), kept.len());
                }
                kept.push((name, value));
            }
        }
    }
    kept
}

fn write_members<'r>(members: Vec<Member<'_>>, at: Context<'r>, site: &Site) -> Result<Value<'r>, Failure> {
    let bytes = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    at.run.make(bytes).map_err(|what| site.failure(what))?;
    let mut object = String::with_capacity(bytes + 2);
    object.push('{');
    members.iter().for_each(|(name, value)| push_member(name, value, &mut object));
    object.push('}');
    Ok(Value::made(object))
}

/// The members of an object and of the objects in it.
struct Flat<'f, 'v> {
    separator: &'f str,
    names: Vec<(String, &'v str)>,
    at: Context<'f>,
    site: &'f Site,
}

impl<'v> Flat<'_, 'v> {
    /// Adds members whose names begin with those of the objects around them. Below `levels` objects stay as they are,
    /// and so do empty ones and arrays.
    fn add(&mut self, prefix: String, of: &[Member<'v>], levels: usize) -> Result<(), Failure> {
        for (name, value) in of {
            let name = if prefix.is_empty() { name.to_string() } else { format!("{prefix}{}{name}", self.separator) };
            self.at.run.make(name.len()).map_err(|what| self.site.failure(what))?;
            let inner = if levels > 0 && value.starts_with('{') { members(value) } else { Ok(Vec::new()) };
            match inner.map_err(|_| self.site.failure("a name holds half of a surrogate pair"))? {
                inner if inner.is_empty() => self.names.push((name, value)),
                inner => self.add(name, &inner, levels - 1)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    const ROW: &str = r#"{"a":{"b":{"c":1.50,"l":[{"x":1}]},"e":{}},"d":{"b":2,"z":null},"n":null,"s":"text"}"#;

    #[test]
    fn a_dict_has_the_members_that_have_a_value() {
        let expected = r#"{"k\"1":"text","k2":{"in":1.50}}"#;
        let long = r#"["dict","k\"1","s","gone","none","null","n","k2",["dict","in",["path","a","b","c"]]]"#;
        let short = r#"{"k\"1":"s","gone":"none","null":"n","k2":{"in":["path","a","b","c"]}}"#;
        assert_eq!(gives(long, ROW), expected);
        assert_eq!(gives(short, ROW), expected);
        assert_eq!((gives("{}", ROW), gives(r#"{"x":"none"}"#, ROW)), ("{}".to_owned(), "{}".to_owned()));
        assert!(mistake(r#"["dict"]"#).what.contains("dict takes pairs"));
        assert!(mistake(r#"["dict","a"]"#).what.contains("dict takes pairs"));
        let not_raw = mistake(r#"["dict",["value","a"],"b"]"#);
        assert_eq!(not_raw.place, "convertToAmplitudeFunc.x[1]");
        assert!(not_raw.what.contains("the first argument of dict is a string as it stands"), "{}", not_raw.what);
        assert!(mistake(r#"["dict","a","b","a","c"]"#).place.ends_with("x[3]"));
        assert!(mistake(r#"{"a":"b","a":"c"}"#).what.contains("twice"));
    }

    #[test]
    fn an_array_leaves_out_what_cannot_be_evaluated() {
        assert_eq!(
            gives(r#"["array","s","none",["iso_time_to_ms","s"],["path","a","b","c"],"n"]"#, ROW),
            r#"["text",1.50]"#
        );
        assert_eq!(gives(r#"["array","none"]"#, ROW), "[]");
        assert!(mistake(r#"["array"]"#).what.contains("1 argument or more"));
    }

    #[test]
    fn merged_dicts_have_the_last_value_of_each_name() {
        assert_eq!(gives(r#"["merge_dicts","a","d","none"]"#, ROW), r#"{"b":2,"e":{},"z":null}"#);
        assert_eq!(gives(r#"["merge_dicts","d",{"b":"s"}]"#, ROW), r#"{"b":"text","z":null}"#);
        assert_eq!(gives(r#"["merge_dicts","none","n"]"#, ROW), "-");
        assert!(fails(r#"["merge_dicts","d","s"]"#, ROW).contains("merge_dicts: \"text\" is no object"));
        assert!(mistake(r#"["merge_dicts"]"#).what.contains("merge_dicts takes"));
    }

    #[test]
    fn a_flattened_dict_joins_names_down_to_a_level() {
        for (levels, expected) in [
            (0, r#"{"b":{"c":1.50,"l":[{"x":1}]},"e":{}}"#),
            (1, r#"{"b.c":1.50,"b.l":[{"x":1}],"e":{}}"#),
            (9, r#"{"b.c":1.50,"b.l":[{"x":1}],"e":{}}"#),
        ] {
            assert_eq!(gives(&format!(r#"["flatten_dict",".",["int",{levels}],"a"]"#), ROW), expected);
        }
        assert_eq!(gives(r#"["flatten_dict","_",["int",1],"a"]"#, r#"{"a":{"a":{"b":1},"a_b":2}}"#), r#"{"a_b":2}"#);
        assert_eq!(gives(r#"["flatten_dict",".",["int",1],"none"]"#, ROW), "-");
        assert!(fails(r#"["flatten_dict",".",["int",-1],"a"]"#, ROW).contains("no number of levels"));
        assert!(fails(r#"["flatten_dict",".",["int",1],"s"]"#, ROW).contains("is no object"));
        assert!(mistake(r#"["flatten_dict",".","a"]"#).what.contains("3 arguments"));
        let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
        let flat = gives(r#"["flatten_dict",".",["int",1000000],"a"]"#, &format!("{{\"a\":{deep}}}"));
        assert!(flat.starts_with("{\"a.a.a."), "deep objects do not end the stack");
    }

    #[test]
    fn excluded_keys_are_left_out_and_the_rest_is_as_it_was() {
        assert_eq!(gives(r#"["exclude_keys","d","b"]"#, ROW), r#"{"z":null}"#);
        let spaced = r#"{"p":{"internal_note" : "x",  "a" : 1.0}}"#;
        assert_eq!(gives(r#"["exclude_keys","p","internal_note"]"#, spaced), r#"{"a":1.0}"#);
        assert_eq!(gives(r#"["exclude_keys","p","other"]"#, spaced), r#"{"internal_note" : "x",  "a" : 1.0}"#);
        assert_eq!(gives(r#"["exclude_keys","p"]"#, spaced), r#"{"internal_note" : "x",  "a" : 1.0}"#);
        assert_eq!(gives(r#"["exclude_keys","none","a"]"#, ROW), "-");
        assert_eq!(gives(r#"["exclude_keys",["path"],"a","d","s"]"#, r#"{"a":1,"q":2,"s":"x"}"#), r#"{"q":2}"#);
        assert!(fails(r#"["exclude_keys","s","a"]"#, ROW).contains("is no object"));
        assert!(mistake(r#"["exclude_keys","s",["value","a"]]"#).place.ends_with("x[2]"));
    }
}
