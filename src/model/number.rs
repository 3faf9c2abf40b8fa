//! Numbers in JSON's syntax, and the one normal form that all spellings and types of a number share.
//!
//! The rules are those of [the canonical form](crate::docs::canonical#numbers).

use super::canonical::tag;
use std::io::Write;

/// A number in JSON's syntax, split into its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'a> {
    pub(super) negative: bool,
    /// Digits before the point, at least one.
    pub(super) integer: &'a [u8],
    /// Digits behind the point, none where there is no point.
    pub(super) fraction: &'a [u8],
    pub(super) exponent_negative: bool,
    /// Digits of the exponent, none where there is no exponent.
    pub(super) exponent: &'a [u8],
    /// What the digits before and behind the point are as one whole number, where they are at most 19.
    coefficient: u64,
}

impl<'a> Number<'a> {
    /// Splits the number that `text` begins with and says how many bytes it takes; `None` where there is none.
    ///
    /// A part that may follow but is not well-formed (`1.`, `1e`) makes the whole malformed.
    #[inline]
    pub(super) fn scan(text: &'a [u8]) -> Option<(Number<'a>, usize)> {
        let negative = text.first() == Some(&b'-');
        let mut coefficient = 0;
        let (integer, mut at) = digits(text, usize::from(negative), &mut coefficient)?;
        if integer.len() > 1 && integer[0] == b'0' {
            return None;
        }
        let mut number =
            Number { negative, integer, fraction: &[], exponent_negative: false, exponent: &[], coefficient };
        if text.get(at) == Some(&b'.') {
            (number.fraction, at) = digits(text, at + 1, &mut number.coefficient)?;
        }
        if let Some(b'e' | b'E') = text.get(at) {
            let sign = text.get(at + 1).copied();
            number.exponent_negative = sign == Some(b'-');
            (number.exponent, at) = digits(text, at + 1 + usize::from(matches!(sign, Some(b'-' | b'+'))), &mut 0)?;
        }
        Some((number, at))
    }

    /// The number that `text` is, `None` where it is anything else.
    pub(super) fn whole(text: &'a str) -> Option<Number<'a>> {
        Number::scan(text.as_bytes()).filter(|(_, length)| *length == text.len()).map(|(number, _)| number)
    }

    /// Appends the normal form. A DECIMAL has no end mark: inside a container the caller adds it.
    #[inline]
    pub(super) fn append(&self, out: &mut Vec<u8>) {
        if self.exponent.is_empty() && self.integer.len() + self.fraction.len() <= 18 {
            let mut coefficient = self.coefficient;
            let mut places = self.fraction.len();
            while places > 0 && coefficient.is_multiple_of(10) {
                coefficient /= 10;
                places -= 1;
            }
            if places == 0 {
                return put_int(if self.negative { -(coefficient as i64) } else { coefficient as i64 }, out);
            }
            if coefficient < EXACT_COEFFICIENTS {
                return put_float(signed(self.negative, coefficient as f64 / POWERS[places]), out);
            }
        }
        self.append_slowly(out);
    }

    /// This number as a double, where no printing is needed to know that the double is written back exactly like this:
    /// up to 15 digits with a point, without a superfluous zero, from 10⁻⁵ on. `None` decides nothing.
    pub(super) fn plainly_a_float(&self) -> Option<f64> {
        let fraction = self.fraction;
        if !self.exponent.is_empty() || fraction.is_empty() || self.integer.len() + fraction.len() > 15 {
            return None;
        }
        let coefficient = self.coefficient;
        let small = self.integer == b"0" && fraction.starts_with(b"00000");
        if coefficient == 0 || small || self.has_superfluous_zero() {
            return None;
        }
        Some(signed(self.negative, coefficient as f64 / POWERS[fraction.len()]))
    }

    /// Whether there is a zero at the end of the fraction, other than in `.0`: no float is written so.
    pub(super) fn has_superfluous_zero(&self) -> bool {
        self.fraction.len() > 1 && self.fraction.ends_with(b"0")
    }

    /// The general case of [`append`](Self::append): any number of digits, any exponent.
    fn append_slowly(&self, out: &mut Vec<u8>) {
        let head = trim_start(self.integer);
        let tail = if head.is_empty() { trim_start(self.fraction) } else { self.fraction };
        let (tail, mut zeros) = trim_end(tail);
        let (head, more) = if tail.is_empty() { trim_end(head) } else { (head, 0) };
        zeros += more;
        let length = head.len() + tail.len();
        if length == 0 {
            return put_int(0, out);
        }
        // value = head ++ tail · 10^(exponent + shift), neither first nor last digit zero. A slice holds at most
        // isize::MAX bytes, so the casts are exact.
        let shift = zeros as i64 - self.fraction.len() as i64;
        let exponent = trim_start(self.exponent);
        if exponent.len() <= SMALL_EXPONENT && length <= 19 {
            let magnitude = fold(exponent, &[]) as i64;
            let exponent = shift + if self.exponent_negative { -magnitude } else { magnitude };
            if append_small(self.negative, fold(head, tail), length, exponent, out) {
                return;
            }
        }
        out.push(tag::DECIMAL);
        if self.negative {
            out.push(b'-');
        }
        out.extend_from_slice(head);
        out.extend_from_slice(tail);
        out.push(b'e');
        append_sum(self.exponent_negative, exponent, shift, out);
    }
}

/// Coefficients below this have at most 15 digits. Decimals of up to 15 digits map to different doubles throughout
/// the normal range, so the shortest text of the nearest double is the decimal itself: nothing has to be printed to
/// know that form (b) holds.
const EXACT_COEFFICIENTS: u64 = 1_000_000_000_000_000;

/// Powers of ten that a double holds exactly. A coefficient below 2⁵³ times or divided by one of them is rounded once,
/// hence correctly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Exponents of up to this many digits are added as integers, longer ones digit by digit.
const SMALL_EXPONENT: usize = 17;

/// Appends form (a) or (b) of ±`coefficient` · 10^`exponent`; false where neither holds and nothing was appended.
///
/// `coefficient` has `length` ≤ 19 digits, the last of them not zero.
fn append_small(negative: bool, coefficient: u64, length: usize, exponent: i64, out: &mut Vec<u8>) -> bool {
    if let Some(value) = integral(negative, coefficient, exponent) {
        put_int(value, out);
        return true;
    }
    match nearest_if_shortest(coefficient, length, exponent) {
        Some(value) => put_float(signed(negative, value), out),
        None => return false,
    }
    true
}

/// ±`coefficient` · 10^`exponent` where that is whole and fits.
fn integral(negative: bool, coefficient: u64, exponent: i64) -> Option<i64> {
    let magnitude = coefficient.checked_mul(10u64.checked_pow(u32::try_from(exponent).ok()?)?)?;
    let value = i128::from(magnitude);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// The double nearest to `coefficient` · 10^`exponent`, if the shortest text that reads back as this double is that
/// very decimal.
fn nearest_if_shortest(coefficient: u64, length: usize, exponent: i64) -> Option<f64> {
    // No double needs more than 17 digits, and none lies beyond these powers of ten.
    if length > 17 || !(-324..=308).contains(&(exponent + length as i64 - 1)) {
        return None;
    }
    let exact = coefficient < EXACT_COEFFICIENTS;
    if exact && exponent.unsigned_abs() <= 22 {
        let power = POWERS[exponent.unsigned_abs() as usize];
        return Some(if exponent < 0 { coefficient as f64 / power } else { coefficient as f64 * power });
    }
    let value: f64 = Buffer::format(format_args!("{coefficient}e{exponent}")).as_str().parse().ok()?;
    if !value.is_normal() && !value.is_subnormal() {
        return None;
    }
    let holds = (exact && value.is_normal()) || shortest(value) == (coefficient, exponent);
    holds.then_some(value)
}

/// The shortest decimal that reads back as `value`, and of several the nearest one: coefficient without trailing
/// zeros, and exponent. `value` is finite and positive.
pub(super) fn shortest(value: f64) -> (u64, i64) {
    let buffer = Buffer::format(format_args!("{value:e}"));
    match Number::scan(buffer.as_str().as_bytes()) {
        Some((number, _)) => {
            let magnitude = fold(number.exponent, &[]) as i64;
            let exponent = if number.exponent_negative { -magnitude } else { magnitude };
            (fold(number.integer, number.fraction), exponent - number.fraction.len() as i64)
        }
        None => (0, 0),
    }
}

/// Appends the normal form of a double: that of its shortest text.
pub(super) fn append_float(value: f64, out: &mut Vec<u8>) {
    const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;
    if value.is_nan() {
        return put_float(f64::from_bits(0x7ff8_0000_0000_0000), out);
    }
    if value.abs() < EXACT_INTEGERS {
        if value.trunc() == value {
            return put_int(value as i64, out);
        }
    } else if value.abs() < 1e19 {
        // From 2⁵³ on the shortest text may be another whole number than the double: 2⁶⁰ reads 1152921504606847000.
        let (coefficient, exponent) = shortest(value.abs());
        if let Some(value) = integral(value < 0.0, coefficient, exponent) {
            return put_int(value, out);
        }
    }
    put_float(value, out);
}

/// Appends the normal form of a whole number without sign.
pub(super) fn append_uint(value: u64, out: &mut Vec<u8>) {
    match i64::try_from(value) {
        Ok(value) => put_int(value, out),
        Err(_) => {
            let buffer = Buffer::format(format_args!("{value}"));
            if let Some(number) = Number::whole(buffer.as_str()) {
                number.append(out);
            }
        }
    }
}

/// Appends form (a).
#[inline]
pub(super) fn put_int(value: i64, out: &mut Vec<u8>) {
    put_tagged(tag::INT, value as u64, out);
}

/// Appends form (b).
#[inline]
fn put_float(value: f64, out: &mut Vec<u8>) {
    put_tagged(tag::FLOAT, value.to_bits(), out);
}

#[inline]
fn put_tagged(tag: u8, bits: u64, out: &mut Vec<u8>) {
    let mut bytes = [tag; 9];
    bytes[1..].copy_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(&bytes);
}

#[inline]
fn signed(negative: bool, value: f64) -> f64 {
    if negative { -value } else { value }
}

/// One or more digits from `at` on, and where they end. Adds them behind those of `coefficient`, wrapping around.
#[inline]
fn digits<'a>(text: &'a [u8], at: usize, coefficient: &mut u64) -> Option<(&'a [u8], usize)> {
    let mut end = at;
    while let Some(digit @ b'0'..=b'9') = text.get(end) {
        *coefficient = add(*coefficient, digit);
        end += 1;
    }
    (end > at).then(|| (&text[at..end], end))
}

#[inline]
fn add(sum: u64, digit: &u8) -> u64 {
    sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
}

/// The value of the digits of both slices, at most 19 in all.
fn fold(head: &[u8], tail: &[u8]) -> u64 {
    tail.iter().fold(head.iter().fold(0, add), add)
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

/// The digits without trailing zeros, and how many zeros there were.
fn trim_end(digits: &[u8]) -> (&[u8], usize) {
    let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    (&digits[..digits.len() - zeros], zeros)
}

/// Appends the sum of an exponent (sign and digits, no leading zero) and `shift` in decimal.
///
/// Exact for any number of digits, so that 1e(10³⁰) and 1e(10³¹) stay two numbers.
fn append_sum(negative: bool, digits: &[u8], shift: i64, out: &mut Vec<u8>) {
    if digits.len() <= SMALL_EXPONENT {
        let magnitude = fold(digits, &[]) as i64;
        let sum = shift + if negative { -magnitude } else { magnitude };
        out.extend_from_slice(Buffer::format(format_args!("{sum}")).as_str().as_bytes());
        return;
    }
    // More digits than any shift has, so the sign stays; the shift is added to or taken from the magnitude.
    let mut carry = if negative { -shift } else { shift };
    if negative {
        out.push(b'-');
    }
    let start = out.len();
    out.extend_from_slice(digits);
    for digit in out[start..].iter_mut().rev() {
        let sum = i64::from(*digit - b'0') + carry;
        *digit = b'0' + sum.rem_euclid(10) as u8;
        carry = sum.div_euclid(10);
    }
    if carry > 0 {
        out.insert(start, b'1');
    }
    let zeros = out[start..].iter().take_while(|&&digit| digit == b'0').count();
    out.drain(start..start + zeros);
}

/// A short text on the stack: printing a number allocates nothing.
pub(super) struct Buffer {
    bytes: [u8; 48],
    length: usize,
}

impl Buffer {
    /// Formats at most 48 bytes of ASCII; what does not fit is cut off.
    pub(super) fn format(arguments: std::fmt::Arguments<'_>) -> Buffer {
        let mut bytes = [0; 48];
        let mut rest = bytes.as_mut_slice();
        let _ = rest.write_fmt(arguments);
        let length = 48 - rest.len();
        Buffer { bytes, length }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The normal form in words: `int 5`, `float 0.5`, `decimal 5e400`.
    fn form(text: &str) -> String {
        let mut out = vec![];
        Number::whole(text).unwrap().append(&mut out);
        describe(&out)
    }

    fn form_of_float(value: f64) -> String {
        let mut out = vec![];
        append_float(value, &mut out);
        describe(&out)
    }

    fn describe(bytes: &[u8]) -> String {
        let bits = || u64::from_be_bytes(bytes[1..].try_into().unwrap());
        match bytes[0] {
            tag::INT => format!("int {}", bits() as i64),
            tag::FLOAT => format!("float {:?}", f64::from_bits(bits())),
            tag::DECIMAL => format!("decimal {}", std::str::from_utf8(&bytes[1..]).unwrap()),
            other => panic!("tag {other}"),
        }
    }

    #[test]
    fn each_number_has_one_form() {
        for (text, expected) in [
            ("0", "int 0"),
            ("-0", "int 0"),
            ("-0.00e99999999999999999999999", "int 0"),
            ("20", "int 20"),
            ("20.0", "int 20"),
            ("2e1", "int 20"),
            ("2000e-2", "int 20"),
            ("0.0000000000000000000000000000000000000000000020e46", "int 20"),
            ("-1.5e1", "int -15"),
            ("9223372036854775807", "int 9223372036854775807"),
            ("922337203685477580700e-2", "int 9223372036854775807"),
            ("-9223372036854775808", "int -9223372036854775808"),
            ("9223372036854775808", "decimal 9223372036854775808e0"),
            ("-9223372036854775809", "decimal -9223372036854775809e0"),
            ("18446744073709551615", "decimal 18446744073709551615e0"),
            ("9223372036854776000", "float 9.223372036854776e18"),
            ("1e18", "int 1000000000000000000"),
            ("1e19", "float 1e19"),
            ("0.1", "float 0.1"),
            ("1.10", "float 1.1"),
            ("-0.5", "float -0.5"),
            ("123456789012345.5", "float 123456789012345.5"),
            ("0.30000000000000004", "float 0.30000000000000004"),
            ("0.30000000000000001", "decimal 30000000000000001e-17"),
            ("0.1000000000000000055511151231257827", "decimal 1000000000000000055511151231257827e-34"),
            ("1e308", "float 1e308"),
            ("1e309", "decimal 1e309"),
            ("1e400", "decimal 1e400"),
            ("1.7976931348623157e308", "float 1.7976931348623157e308"),
            ("1.7976931348623158e308", "decimal 17976931348623158e292"),
            ("5e-324", "float 5e-324"),
            ("4e-324", "decimal 4e-324"),
            ("1e-400", "decimal 1e-400"),
            ("1e1000000000", "decimal 1e1000000000"),
            ("10e99999999999999999", "decimal 1e100000000000000000"),
            ("10e999999999999999999999", "decimal 1e1000000000000000000000"),
            ("0.1e1000000000000000000000", "decimal 1e999999999999999999999"),
            ("0.1e100000000000000000", "decimal 1e99999999999999999"),
            ("1e0000000000000000000000099999999999999999", "decimal 1e99999999999999999"),
            ("10e-1000000000000000000000", "decimal 1e-999999999999999999999"),
            ("0.1e-999999999999999999999", "decimal 1e-1000000000000000000000"),
        ] {
            assert_eq!(form(text), expected, "{text}");
        }
        let digits = "1234567890".repeat(40);
        assert_eq!(form(&digits), format!("decimal {}e1", &digits[..399]));
        assert_eq!(form(&format!("0.{digits}")), format!("decimal {}e-399", &digits[..399]));
        assert_eq!(form(&format!("1{}", "0".repeat(400))), "decimal 1e400");
        assert_eq!(form(&format!("2{}e-400", "0".repeat(401))), "int 20");
    }

    #[test]
    fn a_double_means_its_shortest_text() {
        for (value, expected) in [
            (0.0, "int 0"),
            (-0.0, "int 0"),
            (62.0, "int 62"),
            (0.1, "float 0.1"),
            (9_007_199_254_740_991.0, "int 9007199254740991"),
            ((1u64 << 60) as f64, "int 1152921504606847000"),
            (9_223_372_036_854_774_784.0, "int 9223372036854775000"),
            (9_223_372_036_854_775_808.0, "float 9.223372036854776e18"),
            (-9_223_372_036_854_775_808.0, "float -9.223372036854776e18"),
            (1e300, "float 1e300"),
            (f64::INFINITY, "float inf"),
            (f64::NEG_INFINITY, "float -inf"),
        ] {
            assert_eq!(form_of_float(value), expected);
        }
        assert_eq!(form_of_float(-f64::NAN), form_of_float(f64::from_bits(0x7ff0_0000_0000_0001)));
    }
}
