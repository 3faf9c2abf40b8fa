//! Escapes in JSON strings: resolved, written, and compared with the usual ones.

use super::json::plain_length;

/// Appends what stands between the quotes of a valid JSON string, escapes resolved, as WTF-8: UTF-8 in which a lone
/// surrogate (`\ud800` without its half) is encoded as if it were a character. Different strings give different bytes.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(position) = rest.iter().position(|&byte| byte == b'\\') {
        out.extend_from_slice(&rest[..position]);
        let (code, length) = resolve(&rest[position..]);
        push_code_point(code, out);
        rest = &rest[position + length..];
    }
    out.extend_from_slice(rest);
}

/// The code point of the escape (or of the surrogate pair of two escapes) that `text` begins with, and its length.
fn resolve(text: &[u8]) -> (u32, usize) {
    let Some(unit) = unit(text) else {
        let short = text.get(1).copied().unwrap_or(b'\\');
        return (u32::from(control_of(short).unwrap_or(short)), text.len().min(2));
    };
    if let 0xd800..0xdc00 = unit
        && let Some(low @ 0xdc00..0xe000) = text.get(6..).and_then(self::unit)
    {
        return (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), 12);
    }
    (unit, 6)
}

/// The UTF-16 unit of a `\uXXXX` that `text` begins with.
fn unit(text: &[u8]) -> Option<u32> {
    if !text.starts_with(b"\\u") {
        return None;
    }
    text.get(2..6)?.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

/// The control character that a short escape's letter stands for.
fn control_of(letter: u8) -> Option<u8> {
    Some(match letter {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

fn push_code_point(code: u32, out: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(&[0xed, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]),
    }
}

/// Appends `text` as a JSON string with its quotes. Escaped is what must be, in the form that serde_json writes:
/// `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t`, other characters below U+0020 as `\u00xx` in lower case.
pub(super) fn append_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        // Whatever ends the plain part is ASCII, so both cuts are at character boundaries.
        let plain = plain_length(rest.as_bytes());
        out.push_str(&rest[..plain]);
        let Some(&byte) = rest.as_bytes().get(plain) else { break };
        append_escape(byte, out);
        rest = &rest[plain + 1..];
    }
    out.push('"');
}

fn append_escape(byte: u8, out: &mut String) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
            return;
        }
    };
    out.push('\\');
    out.push(char::from(letter));
}

/// Appends what stands between the quotes of a JSON string with its escapes resolved, if [`append_string`] writes the
/// result back exactly so; false where it does not, and `out` then holds no more than a part.
pub(super) fn unescape_usual(raw: &str, out: &mut String) -> bool {
    let mut rest = raw;
    loop {
        let plain = plain_length(rest.as_bytes());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
        if rest.is_empty() {
            return true;
        }
        let Some((byte, length)) = usual_escape(rest.as_bytes()) else { return false };
        out.push(char::from(byte));
        rest = &rest[length..];
    }
}

/// The ASCII character of an escape that [`append_escape`] writes, and its length.
fn usual_escape(text: &[u8]) -> Option<(u8, usize)> {
    if text.first() != Some(&b'\\') {
        return None;
    }
    match text.get(1)? {
        byte @ (b'"' | b'\\') => Some((*byte, 2)),
        b'u' => {
            let byte = u8::try_from(unit(text)?).ok()?;
            let mut written = String::new();
            append_escape(byte, &mut written);
            (byte < 0x20 && text.starts_with(written.as_bytes())).then_some((byte, 6))
        }
        letter => Some((control_of(*letter)?, 2)),
    }
}
