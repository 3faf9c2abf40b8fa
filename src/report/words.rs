//! Numbers and text of users as reports show them, on pages and on terminals.

/// A number with a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text of users: control characters, which could steer a terminal, are written out, but for those that are `kept`, and what
/// is longer than `most` characters is cut.
pub(crate) fn shown(text: &str, most: usize, kept: &[char]) -> String {
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            _ if index == most => {
                out.push('…');
                break;
            }
            _ if character.is_control() && !kept.contains(&character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn text_of_users_cannot_steer_a_terminal_and_is_cut() {
        assert_eq!(shown("a\u{1b}[31mb\n\u{9b}c", 60, &[]), "a\\u{1b}[31mb\\n\\u{9b}c");
        assert_eq!(shown("a\n\u{7}", 60, &['\n']), "a\n\\u{7}");
        assert_eq!(shown(&"é".repeat(61), 60, &[]), "é".repeat(60) + "…");
    }
}
