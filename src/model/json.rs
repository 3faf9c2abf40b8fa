//! JSON texts, checked strictly by RFC 8259 in one pass.
//!
//! The same scanner serves [`validate`] and the [canonical form](super::canonical), so that they cannot disagree about
//! what JSON is.

use super::number::Number;

/// Arrays and objects may stand in each other this deep. RFC 8259 section 9 lets an implementation set a limit; this
/// one bounds the stack, which the scanner uses once a level.
pub const MAX_DEPTH: usize = 512;

/// Why a text is not JSON, and the byte (counted from 0) where that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text ends before its value does; it may have been cut off.
    #[error("the JSON text ends too early, at byte {0}")]
    Ended(usize),
    /// Something else stands where JSON's grammar wants a value, a name, a comma, a colon or an end.
    #[error("unexpected character in JSON at byte {0}")]
    Unexpected(usize),
    /// A value is complete, and more than white space follows.
    #[error("the JSON value has ended and more follows at byte {0}")]
    Trailing(usize),
    /// A number has a leading zero, or lacks digits behind its sign, point or exponent.
    #[error("malformed JSON number at byte {0}")]
    Number(usize),
    /// A backslash is followed by none of `"\/bfnrt` and no `u` with four hexadecimal digits.
    #[error("malformed escape in a JSON string at byte {0}")]
    Escape(usize),
    /// A character below U+0020 stands unescaped in a string.
    #[error("control character in a JSON string at byte {0}")]
    Control(usize),
    /// The bytes are not UTF-8.
    #[error("the JSON text is not UTF-8 at byte {0}")]
    Utf8(usize),
    /// More than [`MAX_DEPTH`] levels.
    #[error("more than {MAX_DEPTH} levels of JSON arrays and objects at byte {0}")]
    TooDeep(usize),
}

/// Checks that `text` is one JSON text: a value of any type, with white space around it or not.
///
/// Accepted: names that occur twice in one object, lone surrogates as escapes (`"\ud800"`), numbers of any length and
/// size. Refused: a byte order mark, and everything that RFC 8259 does not allow.
///
/// ```
/// use eventmirror::model::json::{JsonError, validate};
/// assert_eq!(validate(br#"{"plan": "pro"}"#), Ok(()));
/// assert_eq!(validate(br#"{"plan": "pro""#), Err(JsonError::Ended(14)));
/// ```
pub fn validate(text: &[u8]) -> Result<(), JsonError> {
    match std::str::from_utf8(text) {
        Ok(text) => scan(text, &mut Nothing),
        Err(error) => Err(JsonError::Utf8(error.valid_up_to())),
    }
}

/// What the scanner tells about a text, in the text's order. Strings and names are the bytes between the quotes, and
/// whether there is an escape among them.
pub(super) trait Sink {
    fn null(&mut self);
    fn boolean(&mut self, value: bool);
    fn number(&mut self, number: &Number<'_>);
    fn string(&mut self, raw: &[u8], escaped: bool);
    fn begin_array(&mut self);
    fn end_array(&mut self);
    /// Returns what [`end_object`](Self::end_object) is to be given.
    fn begin_object(&mut self) -> ObjectMark;
    fn begin_member(&mut self, raw: &[u8], escaped: bool);
    fn end_member(&mut self);
    fn end_object(&mut self, mark: ObjectMark);
}

/// Where an object began, in terms of the sink.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ObjectMark {
    pub(super) bytes: usize,
    pub(super) members: usize,
}

/// Tells `sink` about `text`; where an error is returned, the sink was told about what stands before it.
pub(super) fn scan<S: Sink>(text: &str, sink: &mut S) -> Result<(), JsonError> {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, sink };
    scanner.skip_space();
    scanner.value(0)?;
    scanner.skip_space();
    if scanner.at < text.len() { Err(JsonError::Trailing(scanner.at)) } else { Ok(()) }
}

struct Scanner<'a, S> {
    text: &'a [u8],
    at: usize,
    sink: &'a mut S,
}

impl<'a, S: Sink> Scanner<'a, S> {
    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.text.get(self.at) {
            Some(b'"') => {
                let (raw, escaped) = self.string()?;
                self.sink.string(raw, escaped);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(JsonError::TooDeep(self.at)),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b't') => self.literal(b"true").map(|()| self.sink.boolean(true)),
            Some(b'f') => self.literal(b"false").map(|()| self.sink.boolean(false)),
            Some(b'n') => self.literal(b"null").map(|()| self.sink.null()),
            _ => self.unexpected(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        let mark = self.sink.begin_object();
        self.at += 1;
        self.skip_space();
        if !self.skip(b'}') {
            loop {
                if self.text.get(self.at) != Some(&b'"') {
                    return self.unexpected();
                }
                let (raw, escaped) = self.string()?;
                self.sink.begin_member(raw, escaped);
                self.skip_space();
                if !self.skip(b':') {
                    return self.unexpected();
                }
                self.skip_space();
                self.value(depth)?;
                self.sink.end_member();
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.sink.end_object(mark);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        self.sink.begin_array();
        self.at += 1;
        self.skip_space();
        if !self.skip(b']') {
            loop {
                self.value(depth)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.sink.end_array();
        Ok(())
    }

    /// Behind a member or an element: moves behind the comma and its white space (true) or behind `end` (false).
    #[inline]
    fn goes_on(&mut self, end: u8) -> Result<bool, JsonError> {
        self.skip_space();
        if self.skip(b',') {
            self.skip_space();
            return Ok(true);
        }
        if self.skip(end) { Ok(false) } else { self.unexpected().map(|()| false) }
    }

    #[inline]
    fn number(&mut self) -> Result<(), JsonError> {
        let (number, length) = Number::scan(&self.text[self.at..]).ok_or(JsonError::Number(self.at))?;
        self.sink.number(&number);
        self.at += length;
        Ok(())
    }

    /// Moves behind a string; the bytes between its quotes, and whether there is an escape among them.
    #[inline]
    fn string(&mut self) -> Result<(&'a [u8], bool), JsonError> {
        let text = self.text;
        let start = self.at + 1;
        let end = start + plain_length(&text[start..]);
        if text.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok((&text[start..end], false));
        }
        self.special_string(start, end)
    }

    /// A string that has an escape at `at`, or is malformed there.
    #[inline(never)]
    fn special_string(&mut self, start: usize, mut at: usize) -> Result<(&'a [u8], bool), JsonError> {
        let text = self.text;
        loop {
            match text.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok((&text[start..at], true));
                }
                Some(b'\\') => at += escape_length(&text[at..]).ok_or(JsonError::Escape(at))?,
                Some(_) => return Err(JsonError::Control(at)),
                None => return Err(JsonError::Ended(at)),
            }
            at += plain_length(&text[at..]);
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.unexpected();
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    #[cold]
    fn unexpected(&self) -> Result<(), JsonError> {
        Err(if self.at < self.text.len() { JsonError::Unexpected(self.at) } else { JsonError::Ended(self.at) })
    }
}

/// How many bytes stand before the first quote, backslash or control character.
#[inline]
pub(super) fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = 0;
    // Eight bytes at a time. A borrow can mark bytes above a true mark, never below: the lowest mark is right.
    while let Some(Ok(bytes)) = text.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(bytes);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let marks = zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c)) | control;
        let marks = marks & (ONES * 0x80);
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|&&byte| byte != b'"' && byte != b'\\' && byte >= 0x20).count()
}

/// The length of the escape that `text` begins with, `None` where it is malformed.
fn escape_length(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// The sink of a mere check.
struct Nothing;

impl Sink for Nothing {
    fn null(&mut self) {}
    fn boolean(&mut self, _: bool) {}
    fn number(&mut self, _: &Number<'_>) {}
    fn string(&mut self, _: &[u8], _: bool) {}
    fn begin_array(&mut self) {}
    fn end_array(&mut self) {}
    fn begin_object(&mut self) -> ObjectMark {
        ObjectMark::default()
    }
    fn begin_member(&mut self, _: &[u8], _: bool) {}
    fn end_member(&mut self) {}
    fn end_object(&mut self, _: ObjectMark) {}
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACCEPTED: &[&str] = &[
        "[]",
        "[[] ]",
        "{}",
        " \t\r\n0\n ",
        "-0",
        "[-0.0e-0, 1E+2, 123.456e78]",
        "0e1000000000000000000000000",
        "[null, true,false]",
        r#"{"a":1,"a":1}"#,
        r#"{"":0}"#,
        r#"["\"\\\/\b\f\n\r\t\u00eF"]"#,
        r#"["\ud83d\ude00", "\ud800", "\udc00\ud800", "\ud800\n"]"#,
        "\"\u{7f}\u{2028}\u{10ffff}\"",
    ];

    const REFUSED: &[(&str, JsonError)] = &[
        ("", JsonError::Ended(0)),
        (" ", JsonError::Ended(1)),
        ("[1", JsonError::Ended(2)),
        (r#"{"a":"#, JsonError::Ended(5)),
        (r#""abc"#, JsonError::Ended(4)),
        ("[1,]", JsonError::Unexpected(3)),
        ("[,1]", JsonError::Unexpected(1)),
        ("[1 2]", JsonError::Unexpected(3)),
        ("[1}", JsonError::Unexpected(2)),
        (r#"{"a":1,}"#, JsonError::Unexpected(7)),
        (r#"{"a" 1}"#, JsonError::Unexpected(5)),
        ("{1:1}", JsonError::Unexpected(1)),
        ("nul", JsonError::Unexpected(0)),
        ("True", JsonError::Unexpected(0)),
        ("NaN", JsonError::Unexpected(0)),
        ("+1", JsonError::Unexpected(0)),
        (".5", JsonError::Unexpected(0)),
        ("'a'", JsonError::Unexpected(0)),
        ("\u{feff}{}", JsonError::Unexpected(0)),
        ("\u{a0}1", JsonError::Unexpected(0)),
        ("\u{c}1", JsonError::Unexpected(0)),
        ("1 1", JsonError::Trailing(2)),
        ("[]]", JsonError::Trailing(2)),
        ("nulll", JsonError::Trailing(4)),
        ("0x1", JsonError::Trailing(1)),
        ("-", JsonError::Number(0)),
        ("[01]", JsonError::Number(1)),
        ("-01", JsonError::Number(0)),
        ("1.", JsonError::Number(0)),
        ("1.e1", JsonError::Number(0)),
        ("1e", JsonError::Number(0)),
        ("1e+", JsonError::Number(0)),
        ("-Infinity", JsonError::Number(0)),
        (r#""\x""#, JsonError::Escape(1)),
        (r#""ab\u00g0""#, JsonError::Escape(3)),
        (r#""\u00"#, JsonError::Escape(1)),
        ("\"\\\u{e9}\"", JsonError::Escape(1)),
        ("\"a\tb\"", JsonError::Control(2)),
        ("\"123456789\0\"", JsonError::Control(10)),
    ];

    #[test]
    fn json_is_what_rfc_8259_says() {
        for text in ACCEPTED {
            assert_eq!(validate(text.as_bytes()), Ok(()), "{text}");
        }
        for (text, error) in REFUSED {
            assert_eq!(validate(text.as_bytes()), Err(*error), "{text}");
        }
        assert_eq!(validate(b"[\"a\xed\xa0\x80\"]"), Err(JsonError::Utf8(3)));
        assert_eq!(validate(b"[\"\xc0\xaf\"]"), Err(JsonError::Utf8(2)));
        assert_eq!(validate(b"\"\xe2\x82"), Err(JsonError::Utf8(1)));
    }

    #[test]
    fn depth_is_limited_before_the_stack_is() {
        let nested = |open: &str, close: &str, depth| open.repeat(depth) + "0" + &close.repeat(depth);
        assert_eq!(validate(nested("[", "]", MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(validate(nested("[", "]", MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep(MAX_DEPTH)));
        assert_eq!(validate(nested("[", "]", 100_000).as_bytes()), Err(JsonError::TooDeep(MAX_DEPTH)));
        assert_eq!(validate(nested(r#"{"":"#, "}", MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(validate(nested(r#"{"":"#, "}", 100_000).as_bytes()), Err(JsonError::TooDeep(4 * MAX_DEPTH)));
    }

    /// The public suite is used in place: `y_` must be accepted, `n_` refused, `i_` may be either.
    #[test]
    fn the_public_json_test_suite_agrees() {
        let folder = "../shared/data/malformed/JSONTestSuite/test_parsing";
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let Ok(files) = std::fs::read_dir(&folder) else {
            return eprintln!("skipped: no JSONTestSuite at {}", folder.display());
        };
        let mut counts = [0, 0];
        for file in files {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let result = validate(&std::fs::read(&path).unwrap());
            match name.as_bytes()[0] {
                b'y' => assert_eq!(result, Ok(()), "{name}"),
                b'n' => assert!(result.is_err(), "{name} was accepted"),
                _ if name == "i_structure_500_nested_arrays.json" => assert_eq!(result, Ok(())),
                _ => continue,
            }
            counts[usize::from(name.starts_with('n'))] += 1;
        }
        assert!(counts[0] > 90 && counts[1] > 180, "the suite is not whole: {counts:?}");
    }

    #[test]
    fn the_first_special_byte_is_found_at_every_place() {
        for length in 0..40 {
            for special in (0..0x20).chain([b'"', b'\\']) {
                for place in 0..length {
                    let mut text = vec![0xa2; length];
                    text[place] = special;
                    text[place + 1..].fill(0x21);
                    assert_eq!(plain_length(&text), place);
                }
            }
            assert_eq!(plain_length(&"\u{7f}!#[]\u{e9} ~".repeat(9).as_bytes()[..length]), length);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn serde_json_accepts_the_same_texts(
            text in r#"([\[\]{},:" \\0-9.eE+-]|true|null|"a"|\\u12|\\n|é|[\x00-\x20]|"a":1|\[1\]|\{"b":-2\.5\}){0,8}"#
        ) {
            let reference = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(validate(text.as_bytes()).is_ok(), reference);
        }

        #[test]
        fn arbitrary_bytes_are_no_reason_to_panic(bytes: Vec<u8>) {
            let _ = validate(&bytes);
        }
    }
}
