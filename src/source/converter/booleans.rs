//! Boolean operators: `bool`, `not`, `and`, `or`, `equals`, `contains`. No value is false to them, and the texts `true`
//! and `false` are booleans.

use super::call::{Call, Site};
use super::choices::is_true;
use super::expression::Expression;
use super::node::Mistake;
use super::run::{Context, Failure};

/// Their names.
pub(super) const OPERATORS: &[&str] =
    &["bool", "not", "!", "and", "&&", "or", "||", "equals", "eq", "=", "contains", "is_substring"];

#[derive(Debug)]
pub(super) enum Boolean {
    Not(Box<Expression>, Site),
    /// All are true.
    And(Vec<Expression>, Site),
    /// One is true at least.
    Or(Vec<Expression>, Site),
    /// Both mean the same, or neither has a value.
    Equals(Box<[Expression; 2]>),
    /// The text has a piece that is this one.
    Contains {
        piece: String,
        of: Box<Expression>,
        site: Site,
    },
}

/// `["bool", true]`: the value, which must be a boolean as it stands.
pub(super) fn literal(call: &mut Call<'_, '_>) -> Result<Option<String>, Mistake> {
    if call.name() != "bool" {
        return Ok(None);
    }
    call.takes(1)?;
    match call.literal(0) {
        Some(literal) if matches!(literal.as_str(), "true" | "false") => Ok(Some(literal)),
        other => Err(call.mistake_in(0, format!("{} is no boolean", other.as_deref().unwrap_or("null")))),
    }
}

impl Boolean {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        Ok(Some(match call.name() {
            "not" | "!" => {
                call.takes(1)?;
                Boolean::Not(Box::new(call.source(0)?), call.site())
            }
            "and" | "&&" => {
                call.takes_at_least(1)?;
                Boolean::And(call.sources()?, call.site())
            }
            "or" | "||" => {
                call.takes_at_least(1)?;
                Boolean::Or(call.sources()?, call.site())
            }
            "equals" | "eq" | "=" => {
                call.takes(2)?;
                Boolean::Equals(Box::new([call.source(0)?, call.source(1)?]))
            }
            "contains" | "is_substring" => {
                call.takes(2)?;
                Boolean::Contains { piece: call.text(0)?, of: Box::new(call.source(1)?), site: call.site() }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Result<bool, Failure> {
        match self {
            Boolean::Not(of, site) => is_true(of, at, site).map(|truth| !truth),
            Boolean::And(sources, site) => {
                for source in sources {
                    if !is_true(source, at, site)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Boolean::Or(sources, site) => {
                for source in sources {
                    if is_true(source, at, site)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Boolean::Equals(both) => {
                let [one, other] = &**both;
                Ok(match (one.evaluate(at)?, other.evaluate(at)?) {
                    (Some(one), Some(other)) => one.means(&other),
                    (None, None) => true,
                    _ => false,
                })
            }
            Boolean::Contains { piece, of, site } => match of.evaluate(at)? {
                None => Ok(false),
                Some(value) => match value.as_text() {
                    Ok(text) => Ok(text.contains(piece.as_str())),
                    Err(what) => Err(site.failure(what)),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    const ROW: &str = r#"{"t":true,"f":false,"T":"True","F":"false","n":null,"one":1,"s":"watch tv","o":{"a":1}}"#;

    #[test]
    fn the_truth_table() {
        for (expression, expected) in [
            (r#"["bool",true]"#, true),
            (r#"["bool",false]"#, false),
            (r#"["not","t"]"#, false),
            (r#"["!","n"]"#, true),
            (r#"["!","none"]"#, true),
            (r#"["not","F"]"#, true),
            (r#"["and","t"]"#, true),
            (r#"["and","t","T",["bool",true]]"#, true),
            (r#"["&&","t","n"]"#, false),
            (r#"["&&","f","s"]"#, false),
            (r#"["or","f","F","none"]"#, false),
            (r#"["||","n","T","s"]"#, true),
            (r#"["equals","one",["value",1.0]]"#, true),
            (r#"["eq","one",["value","1"]]"#, false),
            (r#"["=","s",["value","watch tv"]]"#, true),
            (r#"["=","o",["value",{ "a": 1 }]]"#, true),
            (r#"["=","n",["value",null]]"#, true),
            (r#"["=","none","n"]"#, true),
            (r#"["=","n",["value",""]]"#, false),
            (r#"["contains","tv","s"]"#, true),
            (r#"["is_substring","TV","s"]"#, false),
            (r#"["contains","","s"]"#, true),
            (r#"["contains","tv","n"]"#, false),
            (r#"["contains","tv","none"]"#, false),
            (r#"["contains","1","one"]"#, true),
        ] {
            assert_eq!(gives(expression, ROW), expected.to_string(), "{expression}");
        }
    }

    #[test]
    fn what_is_no_boolean_fails() {
        for expression in [r#"["not","s"]"#, r#"["and","t","one"]"#, r#"["or","f","o"]"#] {
            assert!(fails(expression, ROW).contains("is no boolean"), "{expression}");
        }
        assert!(fails(r#"["contains","a","o"]"#, ROW).contains("is no text"));
    }

    #[test]
    fn arguments_are_checked_at_the_start() {
        for (expression, place, what) in [
            (r#"["bool","true"]"#, "convertToAmplitudeFunc.x[1]", "\"true\" is no boolean"),
            (r#"["bool",null]"#, "convertToAmplitudeFunc.x[1]", "null is no boolean"),
            (r#"["bool"]"#, "convertToAmplitudeFunc.x", "bool takes 1 argument"),
            (r#"["!","a","b"]"#, "convertToAmplitudeFunc.x", "! takes 1 argument, 2 are given"),
            (r#"["and"]"#, "convertToAmplitudeFunc.x", "and takes 1 argument or more"),
            (r#"["||"]"#, "convertToAmplitudeFunc.x", "|| takes 1 argument or more"),
            (r#"["eq","a"]"#, "convertToAmplitudeFunc.x", "eq takes 2 arguments, 1 are given"),
            (r#"["contains",["value","a"],"b"]"#, "convertToAmplitudeFunc.x[1]", "is a string as it stands"),
        ] {
            let mistake = mistake(expression);
            assert!(mistake.place == place && mistake.what.contains(what), "{expression}: {mistake:?}");
        }
    }
}
