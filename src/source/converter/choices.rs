//! Operators that choose among their arguments: `any`, `condition`, `ifelse`, and the sample.

use super::call::{Call, Site};
use super::decimal::Decimal;
use super::expression::{Expression, Outcome};
use super::node::Mistake;
use super::run::{Context, Failure};
use super::value::Value;
use md5::{Digest, Md5};

/// Their names.
pub(super) const OPERATORS: &[&str] = &["any", "condition", "cond", "ifelse", "sample_md5"];

#[derive(Debug)]
pub(super) enum Choice {
    /// The first that has a value.
    Any(Vec<Expression>),
    /// What stands behind the first condition that is true.
    Condition(Vec<(Expression, Expression)>, Site),
    /// One of two.
    IfElse(Box<[Expression; 3]>, Site),
    /// Whether a key is among so many percent of all keys.
    Sample(Box<[Expression; 2]>, Site),
}

impl Choice {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        Ok(Some(match call.name() {
            "any" => {
                call.takes_at_least(1)?;
                Choice::Any(call.sources()?)
            }
            "condition" | "cond" => {
                call.takes_pairs()?;
                let branches = (0..call.count()).step_by(2);
                let branches = branches.map(|index| Ok((call.source(index)?, call.source(index + 1)?)));
                let branches = branches.collect::<Result<_, Mistake>>()?;
                Choice::Condition(branches, call.site())
            }
            "ifelse" => {
                call.takes(3)?;
                Choice::IfElse(Box::new([call.source(0)?, call.source(1)?, call.source(2)?]), call.site())
            }
            "sample_md5" => {
                call.takes(2)?;
                Choice::Sample(Box::new([call.source(0)?, call.source(1)?]), call.site())
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Outcome<'r> {
        match self {
            Choice::Any(sources) => any(sources, at),
            Choice::Condition(branches, site) => {
                for (condition, then) in branches {
                    if is_true(condition, at, site)? {
                        return then.evaluate(at);
                    }
                }
                Err(site.failure("none of its conditions is true"))
            }
            Choice::IfElse(parts, site) => {
                let [condition, then, otherwise] = &**parts;
                if is_true(condition, at, site)? { then.evaluate(at) } else { otherwise.evaluate(at) }
            }
            Choice::Sample(parts, site) => {
                let [percent, key] = &**parts;
                sample(percent, key, at, site).map(|is_in| Some(Value::of_bool(is_in)))
            }
        }
    }
}

/// What fails is passed over; where nothing has a value, the first failure is told.
fn any<'r>(sources: &'r [Expression], at: Context<'r>) -> Outcome<'r> {
    let mut failed = None;
    for source in sources {
        match source.evaluate(at) {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(failure) => {
                failed.get_or_insert(failure);
            }
        }
    }
    failed.map_or(Ok(None), Err)
}

/// Whether an expression gives true; no value is false.
pub(super) fn is_true<'r>(source: &'r Expression, at: Context<'r>, site: &Site) -> Result<bool, Failure> {
    match source {
        Expression::Boolean(boolean) => boolean.evaluate(at),
        _ => match source.evaluate(at)? {
            None => Ok(false),
            Some(value) => value.truth().map_err(|what| site.failure(what)),
        },
    }
}

/// The vendor does not tell how it makes a share out of the MD5 of the key. Here the first 32 bits of it, big-endian,
/// are a share of 2³²: the samples have the same size, not the same keys. A key without a value is in no sample.
fn sample<'r>(percent: &'r Expression, key: &'r Expression, at: Context<'r>, site: &Site) -> Result<bool, Failure> {
    let wrong = |what: String| site.failure(what);
    let Some(value) = percent.evaluate(at)? else { return Err(site.failure("it has no percentage")) };
    let text = value.as_text().map_err(wrong)?;
    let percent = Decimal::parse(&text).and_then(|percent| percent.to_f64()).filter(|p| (0.0..=100.0).contains(p));
    let percent = percent.ok_or_else(|| site.failure(format!("{} is no percentage", value.shown())))?;
    let Some(key) = key.evaluate(at)? else { return Ok(false) };
    let digest = Md5::digest(key.as_any_text().map_err(wrong)?.as_bytes());
    let first = digest.iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    Ok(f64::from(first) / 4_294_967_296.0 * 100.0 < percent)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    #[test]
    fn any_is_the_first_that_has_a_value() {
        for (expression, expected) in [
            (r#"["any","none","n","a"]"#, "1"),
            (r#"["any","a","b"]"#, "1"),
            (r#"["any","none"]"#, "-"),
            (r#"["any",["iso_time_to_ms","b"],"b"]"#, "\"x\""),
            (r#"["any","n",["value",null],["value",false]]"#, "false"),
        ] {
            assert_eq!(gives(expression, r#"{"a":1,"b":"x","n":null}"#), expected, "{expression}");
        }
        assert!(fails(r#"["any","none",["iso_time_to_ms","b"]]"#, r#"{"b":"x"}"#).contains("iso_time_to_ms"));
        assert!(mistake(r#"["any"]"#).what.contains("any takes 1 argument or more, 0 are given"));
    }

    #[test]
    fn a_condition_gives_what_stands_behind_the_first_truth() {
        let row = r#"{"op":"d","yes":"true","n":null}"#;
        for (expression, expected) in [
            (
                r#"["cond",["eq","op",["value","c"]],["value","INSERT"],["eq","op",["value","d"]],["value","DELETE"]]"#,
                "\"DELETE\"",
            ),
            (r#"["condition","yes","op",["bool",true],["value",1]]"#, "\"d\""),
            (r#"["cond","n",["value",1],"none",["value",2],["bool",true],["value",3]]"#, "3"),
            (r#"["cond",["bool",true],"none"]"#, "-"),
        ] {
            assert_eq!(gives(expression, row), expected, "{expression}");
        }
        let what = fails(r#"["cond",["eq","op",["value","c"]],["value","INSERT"]]"#, row);
        assert_eq!(what, "convertToAmplitudeFunc.x: cond: none of its conditions is true");
        assert!(fails(r#"["cond","op","op"]"#, row).contains("\"d\" is no boolean"));
        for wrong in [r#"["cond"]"#, r#"["cond","a"]"#, r#"["condition","a","b","c"]"#] {
            assert!(mistake(wrong).what.contains("takes pairs of arguments"), "{wrong}");
        }
    }

    #[test]
    fn ifelse_gives_one_of_two() {
        let expression = r#"["ifelse",["eq","user_id",["value",""]],["value",null],"user_id"]"#;
        assert_eq!(gives(expression, r#"{"user_id":""}"#), "-");
        assert_eq!(gives(expression, r#"{"user_id":"ann"}"#), "\"ann\"");
        assert_eq!(gives(expression, r#"{"user_id":null}"#), "-");
        assert_eq!(gives(r#"["ifelse","none",["value",1],["value",2]]"#, "{}"), "2");
        assert!(mistake(r#"["ifelse","a","b"]"#).what.contains("ifelse takes 3 arguments, 2 are given"));
    }

    #[test]
    fn a_sample_has_its_share_of_keys_and_grows_with_it() {
        let is_in = |percent: &str, key: usize| {
            let expression = format!("[\"sample_md5\",[\"value\",{percent}],\"k\"]");
            gives(&expression, &format!("{{\"k\":\"user-{key}\"}}")) == "true"
        };
        let count = |percent: &str| (0..400).filter(|key| is_in(percent, *key)).count();
        assert_eq!((count("0"), count("100")), (0, 400));
        assert!((20..60).contains(&count("10")) && (160..240).contains(&count("50")));
        assert!((0..400).all(|key| !is_in("10", key) || is_in("15.5", key)));
        // MD5("a") begins with 0cc175b9, which is 4.98 % of 2³².
        assert_eq!(gives(r#"["sample_md5",["value",4.98],["value","a"]]"#, "{}"), "false");
        assert_eq!(gives(r#"["sample_md5",["value","4.99"],["value","a"]]"#, "{}"), "true");
        assert_eq!(gives(r#"["sample_md5",["int",50],"none"]"#, "{}"), "false");
        assert!(fails(r#"["sample_md5",["value",101],["value","a"]]"#, "{}").contains("101 is no percentage"));
        assert!(fails(r#"["sample_md5","none",["value","a"]]"#, "{}").contains("no percentage"));
    }
}
