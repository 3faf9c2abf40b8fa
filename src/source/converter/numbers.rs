//! Arithmetic: `int`, `round`, `add`, `subtract`, `multiply`, `divide`. Texts are converted, no value is 0.
//!
//! The vendor's page calls the results integers, but that of `add`, which it calls a float. Here everything is
//! calculated exactly, in decimals; then all but `add` cut the fraction off, toward zero, as integer division does.

use super::call::{Call, Site};
use super::decimal::Decimal;
use super::expression::Expression;
use super::node::Mistake;
use super::run::{Context, Failure};
use super::value::Value;

/// Their names.
pub(super) const OPERATORS: &[&str] = &["int", "round", "add", "+", "subtract", "-", "multiply", "*", "divide", "/"];

#[derive(Debug)]
pub(super) enum Number {
    /// The nearest whole number; a half goes up.
    Round(Box<Expression>, Site),
    Add(Vec<Expression>, Site),
    Subtract(Box<[Expression; 2]>, Site),
    Multiply(Vec<Expression>, Site),
    Divide(Box<[Expression; 2]>, Site),
}

/// `["int", 5]`: the value, which must be a whole number as it stands.
pub(super) fn literal(call: &mut Call<'_, '_>) -> Result<Option<String>, Mistake> {
    if call.name() != "int" {
        return Ok(None);
    }
    call.takes(1)?;
    let literal = call.literal(0).unwrap_or_else(|| "null".to_owned());
    match literal.strip_prefix('-').unwrap_or(&literal).bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(Some(literal)),
        false => Err(call.mistake_in(0, format!("{literal} is no whole number"))),
    }
}

impl Number {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        Ok(Some(match call.name() {
            "round" => {
                call.takes(1)?;
                Number::Round(Box::new(call.source(0)?), call.site())
            }
            "add" | "+" => {
                call.takes_at_least(1)?;
                Number::Add(call.sources()?, call.site())
            }
            "subtract" | "-" => {
                call.takes(2)?;
                Number::Subtract(Box::new([call.source(0)?, call.source(1)?]), call.site())
            }
            "multiply" | "*" => {
                call.takes_at_least(1)?;
                Number::Multiply(call.sources()?, call.site())
            }
            "divide" | "/" => {
                call.takes(2)?;
                Number::Divide(Box::new([call.source(0)?, call.source(1)?]), call.site())
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Result<Value<'r>, Failure> {
        let (result, site) = match self {
            Number::Round(of, site) => (number(of, at, site)?.round(), site),
            Number::Add(sources, site) => (fold(sources, at, site, Decimal::add)?, site),
            Number::Multiply(sources, site) => (fold(sources, at, site, Decimal::multiply)?.map(Decimal::cut), site),
            Number::Subtract(both, site) => {
                let (one, other) = (number(&both[0], at, site)?, number(&both[1], at, site)?);
                (one.subtract(other).map(Decimal::cut), site)
            }
            Number::Divide(both, site) => {
                let (one, other) = (number(&both[0], at, site)?, number(&both[1], at, site)?);
                if other.is_zero() {
                    return Err(site.failure("it divides by zero"));
                }
                (one.divide(other), site)
            }
        };
        match result {
            Some(result) => Ok(Value::made(result.to_string())),
            None => Err(site.failure("the result has too many digits")),
        }
    }
}

fn fold<'r>(
    sources: &'r [Expression],
    at: Context<'r>,
    site: &Site,
    join: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Option<Decimal>, Failure> {
    let mut result = None;
    for source in sources {
        let next = number(source, at, site)?;
        result = match result {
            None => Some(next),
            Some(sum) => match join(sum, next) {
                None => return Ok(None),
                sum => sum,
            },
        };
    }
    Ok(result)
}

/// An expression's value as a number.
pub(super) fn number<'r>(source: &'r Expression, at: Context<'r>, site: &Site) -> Result<Decimal, Failure> {
    let Some(value) = source.evaluate(at)? else { return Ok(Decimal::ZERO) };
    let text = value.as_text().map_err(|what| site.failure(what))?;
    Decimal::parse(&text)
        .ok_or_else(|| site.failure(format!("{} is no number that can be calculated with", value.shown())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fails, gives, mistake};

    const ROW: &str =
        r#"{"a":7,"b":"2","p":19.99,"half":2.5,"minus":-2.5,"n":null,"s":"x","t":true,"big":9223372036854775807}"#;

    #[test]
    fn results_are_exact_and_whole_but_for_sums() {
        for (expression, expected) in [
            (r#"["int",5]"#, "5"),
            (r#"["int",-0]"#, "-0"),
            (r#"["round","p"]"#, "20"),
            (r#"["round","half"]"#, "3"),
            (r#"["round","minus"]"#, "-2"),
            (r#"["round",["value","2.4999"]]"#, "2"),
            (r#"["round","none"]"#, "0"),
            (r#"["add","a","b"]"#, "9"),
            (r#"["+","a","n","none",["int",1]]"#, "8"),
            (r#"["+","p",["value",0.01]]"#, "20"),
            (r#"["+","p",["value",0.1]]"#, "20.09"),
            (r#"["+","a"]"#, "7"),
            (r#"["subtract","a","b"]"#, "5"),
            (r#"["-","n","a"]"#, "-7"),
            (r#"["-","p",["int",1]]"#, "18"),
            (r#"["multiply","p",["int",100]]"#, "1999"),
            (r#"["*","a","b","half"]"#, "35"),
            (r#"["*","minus",["int",1]]"#, "-2"),
            (r#"["*","a","none"]"#, "0"),
            (r#"["divide","a","b"]"#, "3"),
            (r#"["/",["int",-7],"b"]"#, "-3"),
            (r#"["/","a",["value",0.5]]"#, "14"),
            (r#"["/","none","a"]"#, "0"),
            (r#"["*","big","big"]"#, "85070591730234615847396907784232501249"),
            (r#"["divide",["value",1762161300123456],["int",1000]]"#, "1762161300123"),
            (r#"["+",["value",1e3],["value","1.5e-1"]]"#, "1000.15"),
        ] {
            assert_eq!(gives(expression, ROW), expected, "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_calculated_fails() {
        for (expression, what) in [
            (r#"["round","s"]"#, "\"x\" is no number"),
            (r#"["+","a","t"]"#, "true is no number"),
            (r#"["+","a",["array","a"]]"#, "[7] is no text"),
            (r#"["/","a","none"]"#, "divides by zero"),
            (r#"["*","big","big","big"]"#, "too many digits"),
            (r#"["+",["value",1e400],["int",1]]"#, "is no number that can be calculated with"),
            (r#"["round",["value",""]]"#, "is no number"),
        ] {
            assert!(fails(expression, ROW).contains(what), "{expression}: {}", fails(expression, ROW));
        }
    }

    #[test]
    fn arguments_are_checked_at_the_start() {
        for (expression, place, what) in [
            (r#"["int","5"]"#, "convertToAmplitudeFunc.x[1]", "\"5\" is no whole number"),
            (r#"["int",5.0]"#, "convertToAmplitudeFunc.x[1]", "5.0 is no whole number"),
            (r#"["int",1e3]"#, "convertToAmplitudeFunc.x[1]", "1e3 is no whole number"),
            (r#"["int",null]"#, "convertToAmplitudeFunc.x[1]", "null is no whole number"),
            (r#"["round"]"#, "convertToAmplitudeFunc.x", "round takes 1 argument"),
            (r#"["+"]"#, "convertToAmplitudeFunc.x", "+ takes 1 argument or more"),
            (r#"["subtract","a"]"#, "convertToAmplitudeFunc.x", "subtract takes 2 arguments"),
            (r#"["/","a","b","c"]"#, "convertToAmplitudeFunc.x", "/ takes 2 arguments, 3 are given"),
            (r#"["add","a",1]"#, "convertToAmplitudeFunc.x[2]", "1 stands where a field or an operator is wanted"),
        ] {
            let mistake = mistake(expression);
            assert!(mistake.place == place && mistake.what.contains(what), "{expression}: {mistake:?}");
        }
    }
}
