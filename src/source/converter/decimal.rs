//! Exact decimals of up to 38 digits, for the arithmetic of converters. What does not fit is no result.

use std::fmt;

/// `digits` / 10^`places`, without zeros at the end of the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    places: u32,
}

/// The largest power of ten in 128 bits.
const MOST_PLACES: u32 = 38;

impl Decimal {
    pub(super) const ZERO: Decimal = Decimal { digits: 0, places: 0 };

    /// The number that a text is, in JSON's syntax or with leading zeros.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || unsigned.ends_with('.') {
            return None;
        }
        let mut digits = 0_i128;
        for byte in whole.bytes().chain(fraction.bytes()) {
            let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
            digits = digits.checked_mul(10)?.checked_add(digit)?;
        }
        if digits == 0 {
            return Some(Decimal::ZERO);
        }
        let digits = if unsigned.len() < mantissa.len() { -digits } else { digits };
        let places = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        match u32::try_from(places) {
            Ok(places) => Decimal { digits, places }.normal(),
            Err(_) => {
                let power = u32::try_from(-places).ok().and_then(|power| 10_i128.checked_pow(power))?;
                Some(Decimal { digits: digits.checked_mul(power)?, places: 0 })
            }
        }
    }

    /// Takes the zeros at the end of the fraction away. `None` where it still has too many places.
    fn normal(mut self) -> Option<Decimal> {
        while self.places > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.places -= 1;
        }
        (self.places <= MOST_PLACES).then_some(self)
    }

    /// Both with as many places.
    fn aligned(self, other: Decimal) -> Option<(i128, i128, u32)> {
        let places = self.places.max(other.places);
        let scale = |of: Decimal| of.digits.checked_mul(10_i128.checked_pow(places - of.places)?);
        Some((scale(self)?, scale(other)?, places))
    }

    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub(super) fn add(self, other: Decimal) -> Option<Decimal> {
        let (one, two, places) = self.aligned(other)?;
        Decimal { digits: one.checked_add(two)?, places }.normal()
    }

    pub(super) fn subtract(self, other: Decimal) -> Option<Decimal> {
        let (one, two, places) = self.aligned(other)?;
        Decimal { digits: one.checked_sub(two)?, places }.normal()
    }

    pub(super) fn multiply(self, other: Decimal) -> Option<Decimal> {
        Decimal { digits: self.digits.checked_mul(other.digits)?, places: self.places + other.places }.normal()
    }

    /// The quotient's whole part. `None` for a divisor of 0 too.
    pub(super) fn divide(self, other: Decimal) -> Option<Decimal> {
        let (one, two, _) = self.aligned(other)?;
        Some(Decimal { digits: one.checked_div(two)?, places: 0 })
    }

    /// Without its fraction.
    pub(super) fn cut(self) -> Decimal {
        Decimal { digits: self.digits / self.unit(), places: 0 }
    }

    /// The nearest whole number; a half goes up, as Java's `Math.round` does.
    pub(super) fn round(self) -> Option<Decimal> {
        let unit = self.unit();
        let floor = self.digits.div_euclid(unit);
        let rest = self.digits.rem_euclid(unit);
        Some(Decimal { digits: floor.checked_add(i128::from(rest >= unit - rest))?, places: 0 })
    }

    fn unit(self) -> i128 {
        10_i128.pow(self.places.min(MOST_PLACES))
    }

    /// As a whole number of 64 bits, where it is one.
    pub(super) fn to_i64(self) -> Option<i64> {
        (self.places == 0).then_some(self.digits).and_then(|digits| i64::try_from(digits).ok())
    }

    pub(super) fn to_f64(self) -> Option<f64> {
        self.to_string().parse().ok()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let (digits, places) = (self.digits.unsigned_abs(), self.places as usize);
        if places == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn texts_are_read_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("62.0", "62"),
            ("007", "7"),
            ("-12.50", "-12.5"),
            ("0.001", "0.001"),
            ("1e3", "1000"),
            ("1.5E-3", "0.0015"),
            ("0e99999", "0"),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ] {
            assert_eq!(decimal(text).to_string(), expected, "{text}");
        }
        for text in
            ["", "-", ".5", "5.", "+1", "1e", "1x", " 1", "1e39", "1e-39", "١", "1.2.3", "0x1", "1e99999999999", "NaN"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse(&"9".repeat(40)), None);
    }

    #[test]
    fn what_does_not_fit_is_no_result() {
        let most = decimal("170141183460469231731687303715884105727");
        let least = most
            .subtract(Decimal::ZERO)
            .and_then(|m| Decimal::ZERO.subtract(m))
            .and_then(|m| m.subtract(decimal("1")))
            .unwrap();
        assert_eq!(most.add(decimal("1")), None);
        assert_eq!(most.add(decimal("0.1")), None);
        assert_eq!(least.divide(decimal("-1")), None);
        assert_eq!(least.round(), Some(least));
        assert_eq!(decimal("1").divide(Decimal::ZERO), None);
        assert_eq!(decimal("1e-30").multiply(decimal("1e-30")), None);
        assert_eq!(decimal("1e-38").round(), Some(Decimal::ZERO));
        assert_eq!(decimal("0.5e-37").cut(), Decimal::ZERO);
    }
}
