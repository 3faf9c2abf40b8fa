//! The texts by which a dialect's columns name operations, and say yes or no.

use super::SourceOptions;
use super::text::{Normal, Text, excerpt, normalise, unescape};
use crate::error::Result;
use crate::model::change::{Operation, Refused, TextMeaning};
use crate::model::rejection::Rule;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;

/// The operations of a dialect, each under its label. A label is exact.
pub(super) struct Labels(pub(super) &'static [(&'static str, Operation)]);

/// What a row's label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Null, absent or the empty text.
    Missing,
    /// One of the dialect's, or an alias that the caller gave.
    Known(Operation),
    /// Anything else.
    Unknown,
}

impl Label {
    /// The operation, which is unknown where the label is missing.
    pub(super) fn operation(self) -> Operation {
        if let Label::Known(operation) = self { operation } else { Operation::Unknown }
    }
}

impl Labels {
    /// The labels of a column. What is no text is no label.
    pub(super) fn read(&self, column: &ArrayRef, meaning: TextMeaning, options: &SourceOptions) -> Vec<Label> {
        let rows = 0..column.len();
        let unknown = |row: usize| if column.is_null(row) { Label::Missing } else { Label::Unknown };
        let Ok(Normal { array, not_utf8 }) = normalise(column) else { return rows.map(unknown).collect() };
        let Some(text) = Text::of(&array) else { return rows.map(unknown).collect() };
        let label = |row: usize| match text.get(row) {
            None => Label::Missing,
            Some(token) if meaning == TextMeaning::JsonToken => {
                unescape(token).map_or(Label::Unknown, |text| self.of(&text, options))
            }
            Some(text) => self.of(text, options),
        };
        let mut labels: Vec<Label> = rows.map(label).collect();
        for row in not_utf8 {
            if let Some(label) = labels.get_mut(row) {
                *label = Label::Unknown;
            }
        }
        labels
    }

    fn of(&self, text: &str, options: &SourceOptions) -> Label {
        if text.is_empty() {
            return Label::Missing;
        }
        let is = |name: &str| text == name || options.op_case_insensitive && text.eq_ignore_ascii_case(name);
        let aliases = options.op_aliases.iter().map(|(name, operation)| (name.as_str(), *operation));
        let mut labels = self.0.iter().copied().chain(aliases);
        labels.find(|(name, _)| is(name)).map_or(Label::Unknown, |(_, found)| Label::Known(found))
    }
}

/// The answers of a column of yes and no, `None` for null: booleans, `true` and `false` as text in any case, 1 and 0.
/// Rows that say neither are added to `refused`.
pub(super) fn flags(
    column: &ArrayRef,
    meaning: TextMeaning,
    field: &str,
    refused: &mut Vec<Refused>,
) -> Result<Vec<Option<bool>>> {
    let Normal { array, not_utf8 } = normalise(column)?;
    let mut refuse = |row: usize, value: &str| {
        let detail = format!("{field} is {}, neither true nor false", excerpt(value));
        refused.push(Refused { row, rule: Rule::BadMutationType, detail });
        None
    };
    let mut flags: Vec<Option<bool>> = if let Some(text) = Text::of(&array) {
        let flag = |row| text.get(row).and_then(|text| flag(text, meaning).or_else(|| refuse(row, text)));
        (0..array.len()).map(flag).collect()
    } else if *array.data_type() == DataType::Boolean {
        array.as_boolean().iter().collect()
    } else {
        let mut flag = |row| match array.is_null(row) {
            true => None,
            false => {
                let text = array_value_to_string(&array, row).unwrap_or_default();
                self::flag(&text, TextMeaning::Plain).or_else(|| refuse(row, &text))
            }
        };
        (0..array.len()).map(&mut flag).collect()
    };
    for row in not_utf8 {
        let answer = refuse(row, "bytes that are not UTF-8");
        if let Some(flag) = flags.get_mut(row) {
            *flag = answer;
        }
    }
    Ok(flags)
}

fn flag(text: &str, meaning: TextMeaning) -> Option<bool> {
    let unescaped = match meaning {
        TextMeaning::JsonToken if text.starts_with('"') => unescape(text)?,
        _ => text.into(),
    };
    let is = |name: &str| unescaped.eq_ignore_ascii_case(name);
    match () {
        () if is("true") || is("1") => Some(true),
        () if is("false") || is("0") => Some(false),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int8Array, StringArray};
    use std::sync::Arc;

    fn read(column: ArrayRef, meaning: TextMeaning) -> (Vec<Option<bool>>, Vec<(usize, String)>) {
        let mut refused = Vec::new();
        let flags = flags(&column, meaning, "is_update", &mut refused).unwrap();
        (flags, refused.into_iter().map(|r| (r.row, r.detail)).collect())
    }

    #[test]
    fn booleans_numbers_and_texts_say_yes_or_no() {
        let (yes, no) = (Some(true), Some(false));
        let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![yes, no, None]));
        assert_eq!(read(booleans, TextMeaning::Plain).0, [yes, no, None]);
        let texts = ["true", "FALSE", "True", "1", "0", "tRUE"];
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        assert_eq!(read(texts, TextMeaning::Plain).0, [yes, no, yes, yes, no, yes]);
        let tokens = ["true", "\"FALSE\"", "1", "\"0\""];
        let tokens: ArrayRef = Arc::new(StringArray::from_iter_values(tokens));
        assert_eq!(read(tokens, TextMeaning::JsonToken).0, [yes, no, yes, no]);
        assert_eq!(read(Arc::new(Int8Array::from(vec![1, 0])), TextMeaning::Plain).0, [yes, no]);
        let decimals = Decimal128Array::from(vec![1, 0]).with_precision_and_scale(38, 0).unwrap();
        assert_eq!(read(Arc::new(decimals), TextMeaning::Plain).0, [yes, no]);
    }

    #[test]
    fn what_says_neither_is_refused_with_its_value() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["yes", "", " true", "2"]));
        let (flags, refused) = read(texts, TextMeaning::Plain);
        assert_eq!(flags, [None; 4]);
        assert_eq!(refused[0], (0, "is_update is yes, neither true nor false".to_owned()));
        assert_eq!(refused.len(), 4);
        assert_eq!(read(Arc::new(StringArray::from(vec!["{}"])), TextMeaning::JsonToken).1.len(), 1);
        assert_eq!(read(Arc::new(Float64Array::from(vec![0.5])), TextMeaning::Plain).1.len(), 1);
        assert_eq!(read(Arc::new(BinaryArray::from_vec(vec![b"\xff"])), TextMeaning::Plain).1.len(), 1);
    }
}
