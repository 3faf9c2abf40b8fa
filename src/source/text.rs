//! One view on all the Arrow types that hold text.

use crate::error::{Error, ErrorKind, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, LargeStringArray, StringArray, StringViewArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};

/// A column of text, in one of the forms that a change part may have.
pub(super) enum Text<'a> {
    Utf8(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

impl<'a> Text<'a> {
    /// `None` for a column of another type.
    pub(super) fn of(array: &'a ArrayRef) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => Some(Text::Utf8(array.as_string())),
            DataType::LargeUtf8 => Some(Text::Large(array.as_string())),
            DataType::Utf8View => Some(Text::View(array.as_string_view())),
            DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
                let array = array.as_dictionary::<Int32Type>();
                Some(Text::Dictionary(array, array.values().as_string()))
            }
            _ => None,
        }
    }

    /// The text of a row below the column's length, `None` for null.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Text::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Text::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Text::View(array) => array.is_valid(row).then(|| array.value(row)),
            Text::Dictionary(array, values) => {
                let key = array.key(row)?;
                values.is_valid(key).then(|| values.value(key))
            }
        }
    }
}

/// A column that `Text` can view where it holds text at all, and the rows whose bytes are no UTF-8 (null in it).
pub(super) struct Normal {
    pub(super) array: ArrayRef,
    pub(super) not_utf8: Vec<usize>,
}

/// Turns the types that `Text` does not know into those it knows: dictionaries of other shapes into their values'
/// type, bytes that are UTF-8 into text (old writers leave text columns unannotated), nothing into nulls.
pub(super) fn normalise(array: &ArrayRef) -> Result<Normal> {
    let as_it_is = |array: ArrayRef| Ok(Normal { array, not_utf8: Vec::new() });
    match array.data_type() {
        DataType::Null => as_it_is(new_null_array(&DataType::Utf8, array.len())),
        DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => {
            as_it_is(array.clone())
        }
        DataType::Dictionary(_, value) => normalise(&convert(array, value)?),
        DataType::Binary => decode(array, &DataType::Utf8),
        DataType::LargeBinary => decode(array, &DataType::LargeUtf8),
        DataType::BinaryView => decode(array, &DataType::Utf8View),
        _ => as_it_is(array.clone()),
    }
}

fn decode(bytes: &ArrayRef, to: &DataType) -> Result<Normal> {
    let array = convert(bytes, to)?;
    let not_utf8 = (0..array.len()).filter(|row| bytes.is_valid(*row) && array.is_null(*row)).collect();
    Ok(Normal { array, not_utf8 })
}

/// A cast whose failure is an error of the input.
pub(super) fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    cast(array, to).map_err(|e| {
        Error::new(ErrorKind::InvalidInput, format!("a column of type {} cannot be read as {to}", array.data_type()))
            .because(e)
    })
}

/// Cuts a value so that it fits a message.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The text of a JSON string token, unescaped. `None` where it has a lone surrogate, which no UTF-8 text can hold.
pub(super) fn unescape(token: &str) -> Option<std::borrow::Cow<'_, str>> {
    let inner = token.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(inner.into()),
        true => serde_json::from_str::<String>(token).ok().map(Into::into),
    }
}
