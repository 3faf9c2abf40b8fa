//! Events as lines of JSON.

use crate::error::Result;
use crate::model::event_json;
use crate::model::value::Event;
use std::io::Write;

/// Writes each event as one line of JSON, values as they were given, and returns how many there were.
pub fn write_ndjson(events: impl Iterator<Item = Result<Event>>, mut out: impl Write) -> Result<u64> {
    let mut line = String::new();
    let mut count = 0;
    for event in events {
        line.clear();
        event_json::append_event(&event?, &mut line);
        one_line(&mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
        count += 1;
    }
    Ok(count)
}

/// Puts a JSON text on one line.
///
/// A JSON value that was given over several lines comes back as it was given, and its line breaks would end the
/// record. In valid JSON a raw line break can only be white space between tokens, so a space means the same.
pub fn one_line(json: &mut String) {
    if json.contains(['\n', '\r']) {
        *json = json.replace(['\n', '\r'], " ");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::key::EventKey;
    use crate::model::value::Value;

    #[test]
    fn an_event_is_one_line_even_where_its_json_has_several() {
        let event = |insert_id: &str| Event::new(EventKey::new("ann", insert_id, 7));
        let events = [
            Ok(event("a\n1")),
            Ok(event("a2")
                .with("p", Value::Json("{\r\n  \"b\": 1\n}".into()))
                .with("n", Value::Decimal("62.00".into()))),
        ];
        let mut out = Vec::new();
        assert_eq!(write_ndjson(events.into_iter(), &mut out).unwrap(), 2);
        let expected = "{\"user_id\":\"ann\",\"insert_id\":\"a\\n1\",\"event_time\":7}\n".to_owned()
            + "{\"user_id\":\"ann\",\"insert_id\":\"a2\",\"event_time\":7,\"p\":{    \"b\": 1 },\"n\":62.00}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
