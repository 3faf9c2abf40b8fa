//! Regular expressions and replacements in Java's syntax (`java.util.regex.Pattern`), carried out by the `regex` crate.
//!
//! What both write alike passes; what they mean differently is written anew; what `regex` does not have (back
//! references, look-around, possessive and atomic groups), since it promises to take no longer than the text is long,
//! is refused at the start.
//!
//! | Java | here |
//! |---|---|
//! | `\d` `\w` `\s` `\h` `\v` and their opposites | ASCII, as Java means them |
//! | `\p{Lower}` … `\p{XDigit}` | ASCII; other `\p{…}` are Unicode's |
//! | `.` | anything but a line end: `\n`, `\r`, `\x85`, `\u2028`, `\u2029` |
//! | `\Q…\E`, `\uXXXX`, `\0nn`, `\cX`, `\e`, `\R`, `\Z` | written out |
//! | `$` | the end of the text; in Java also before a last line end |

use regex::{Captures, Regex};

/// A pattern that was checked.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

/// What stands in the place of a match.
#[derive(Debug)]
pub(super) struct Replacement(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

impl Pattern {
    /// A pattern that is searched for.
    pub(super) fn new(java: &str) -> Result<Self, String> {
        Self::compile(java, |rust| rust.to_owned())
    }

    /// A pattern that must match the whole text.
    pub(super) fn whole(java: &str) -> Result<Self, String> {
        Self::compile(java, |rust| format!(r"\A(?:{rust})\z"))
    }

    fn compile(java: &str, wrap: impl FnOnce(&str) -> String) -> Result<Self, String> {
        let wrong = |why: String| format!("the regular expression {java:?} cannot be used: {why}");
        let rust = Translator { rest: java, out: String::new() }.run().map_err(wrong)?;
        // By itself first: `a)|(b` would close the brackets around it.
        let regex = Regex::new(&rust).and_then(|_| Regex::new(&wrap(&rust)));
        regex.map(Pattern).map_err(|error| {
            // The message has several lines and ends with what is wrong.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim();
            wrong(why.strip_prefix("error: ").unwrap_or(why).to_owned())
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// A replacement in Java's syntax: `$1`, `${name}`, and `\` before what stands for itself.
    pub(super) fn replacement(&self, java: &str) -> Result<Replacement, String> {
        let wrong = |why: &str| Err(format!("the replacement {java:?} cannot be used: {why}"));
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = java.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => match rest.next() {
                    Some(c) => text.push(c),
                    None => return wrong("it ends with a backslash"),
                },
                '$' => match self.group(rest.as_str()) {
                    Some((group, length)) => {
                        pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Group(group)]);
                        rest = rest.as_str().get(length..).unwrap_or_default().chars();
                    }
                    None => {
                        return wrong("a $ stands before the number or {name} of a group of the expression; write \\$");
                    }
                },
                c => text.push(c),
            }
        }
        pieces.push(Piece::Text(text));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Replacement(pieces))
    }

    /// The group that a replacement's text names, and the length of the name. Of a number as many digits count as name
    /// a group.
    fn group(&self, text: &str) -> Option<(usize, usize)> {
        if let Some(name) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name) {
            let group = self.0.capture_names().position(|known| known == Some(name))?;
            return Some((group, name.len() + 2));
        }
        let groups = self.0.captures_len();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let longest = (1..=digits).take_while(|length| {
            text.get(..*length).and_then(|digits| digits.parse().ok()).is_some_and(|group: usize| group < groups)
        });
        let length = longest.last()?;
        Some((text.get(..length)?.parse().ok()?, length))
    }

    /// Appends a text with all matches replaced. `make` hears of the bytes before they are made, and may stop it.
    pub(super) fn replace_all(
        &self,
        text: &str,
        with: &Replacement,
        out: &mut String,
        make: &dyn Fn(usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut end = 0;
        let mut push = |piece: &str| {
            make(piece.len())?;
            out.push_str(piece);
            Ok(())
        };
        for found in self.0.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            push(text.get(end..whole.start()).unwrap_or_default())?;
            with.pieces(&found).try_for_each(&mut push)?;
            end = whole.end();
        }
        push(text.get(end..).unwrap_or_default())
    }
}

impl Replacement {
    fn pieces<'a>(&'a self, found: &'a Captures<'_>) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            // A group that took no part in the match is empty.
            Piece::Group(group) => found.get(*group).map_or("", |group| group.as_str()),
        })
    }
}

const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";
const LINE_BREAK: &str = r"(?:\r\n|[\n\x0b\x0c\r\x{85}\x{2028}\x{2029}])";
const BLANKS: &str = r" \t\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}";
const VERTICAL: &str = r"\n\x0b\x0c\r\x{85}\x{2028}\x{2029}";

/// Writes a Java pattern in the syntax of `regex`.
struct Translator<'a> {
    rest: &'a str,
    out: String,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String, String> {
        let dot = if has_flag(self.rest, 's') { ".".to_owned() } else { format!("[^{LINE_ENDS}]") };
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class(0)?,
                '(' => self.group()?,
                '.' => self.out.push_str(&dot),
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.behind_quantifier()?;
                }
                '{' => {
                    let inside: String = self.rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
                    let is_range =
                        inside.starts_with(|c: char| c.is_ascii_digit()) && self.rest[inside.len()..].starts_with('}');
                    if !is_range {
                        return Err("a { begins a repetition such as {2,3}; write \\{".to_owned());
                    }
                    self.out.push_str(&format!("{{{inside}}}"));
                    self.rest = &self.rest[inside.len() + 1..];
                    self.behind_quantifier()?;
                }
                c => self.out.push(c),
            }
        }
        Ok(self.out)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A second sign behind `*`, `+`, `?` or `{2}`: `regex` reads `a*+` as a repeated repetition.
    fn behind_quantifier(&mut self) -> Result<(), String> {
        if self.skip("?") {
            self.out.push('?');
        } else if self.rest.starts_with('+') {
            return Err("possessive quantifiers are not supported".to_owned());
        }
        match self.rest.starts_with(['*', '+', '?', '{']) {
            true => Err("a quantifier follows another".to_owned()),
            false => Ok(()),
        }
    }

    /// What follows an opening parenthesis.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if !self.skip("?") {
            return Ok(());
        }
        self.out.push('?');
        if ["=", "!", "<=", "<!"].iter().any(|sign| self.rest.starts_with(sign)) {
            return Err("look-around is not supported".to_owned());
        }
        if self.rest.starts_with('>') {
            return Err("atomic groups are not supported".to_owned());
        }
        if self.rest.starts_with('<') {
            return Ok(());
        }
        let flags = self.rest.split([':', ')']).next().unwrap_or_default();
        match flags.chars().find(|flag| !matches!(flag, 'i' | 'm' | 's' | '-')) {
            Some(flag) => Err(format!("the flag {flag} is not supported")),
            None => Ok(()),
        }
    }

    /// A class behind its opening bracket, up to its closing one.
    fn class(&mut self, depth: usize) -> Result<(), String> {
        if depth > 50 {
            return Err("classes stand in each other too deep".to_owned());
        }
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        if self.skip("]") {
            self.out.push_str("\\]");
        }
        loop {
            if self.skip("&&") {
                self.out.push_str("&&");
                continue;
            }
            match self.next() {
                Some(']') => break,
                Some('[') => self.class(depth + 1)?,
                Some('\\') => self.escape(true)?,
                Some('-') if self.is_range() => self.out.push('-'),
                // Two of them, or [: at the start, mean something to `regex` alone.
                Some(c @ ('-' | '~' | '&' | '^' | ':')) => self.code(u32::from(c)),
                Some(c) => self.out.push(c),
                None => return Err("a class is not closed".to_owned()),
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// Whether the hyphen that was just read makes a range: it stands between two characters.
    fn is_range(&self) -> bool {
        let is_set = |rest: &str| rest.starts_with(['d', 'D', 'w', 'W', 's', 'S', 'h', 'H', 'v', 'V', 'p', 'P']);
        let begins_other = self.rest.starts_with([']', '[', '-']) || self.rest.starts_with("&&");
        !(begins_other || self.rest.strip_prefix('\\').is_some_and(is_set) || self.out.ends_with(['[', '^', ']', '&']))
    }

    fn code(&mut self, code: u32) {
        self.out.push_str(&format!("\\x{{{code:x}}}"));
    }

    /// What follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.next() else { return Err("it ends with a backslash".to_owned()) };
        match c {
            'd' | 'D' => self.set("0-9", c == 'D'),
            'w' | 'W' => self.set("A-Za-z0-9_", c == 'W'),
            's' | 'S' => self.set(r" \t\n\x0b\x0c\r", c == 'S'),
            'h' | 'H' => self.set(BLANKS, c == 'H'),
            'v' | 'V' => self.set(VERTICAL, c == 'V'),
            'p' | 'P' => self.property(c == 'P')?,
            't' | 'n' | 'r' | 'f' | 'a' => self.out.extend(['\\', c]),
            'e' => self.code(0x1b),
            'c' => match self.next().filter(char::is_ascii) {
                Some(c) => self.code(u32::from(c.to_ascii_uppercase()) ^ 64),
                None => return Err("\\c names no control character".to_owned()),
            },
            'x' if self.skip("{") => {
                let (digits, rest) = self.rest.split_once('}').ok_or("\\x{ is not closed")?;
                let code = u32::from_str_radix(digits, 16).ok().filter(|code| char::from_u32(*code).is_some());
                self.code(code.ok_or("\\x{…} names no character")?);
                self.rest = rest;
            }
            'x' => {
                let code = self.digits(16, 2, 2)?;
                self.code(code);
            }
            '0' => {
                let most = if self.rest.starts_with(['0', '1', '2', '3']) { 3 } else { 2 };
                let code = self.digits(8, 1, most)?;
                self.code(code);
            }
            'u' => self.unit()?,
            'Q' => {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                quoted.chars().for_each(|c| self.code(u32::from(c)));
            }
            'b' if !in_class => self.out.push_str(r"\b"),
            'B' if !in_class => self.out.push_str(r"\B"),
            'A' | 'z' if !in_class => self.out.extend(['\\', c]),
            'Z' if !in_class => self.out.push_str(&format!(r"(?:{LINE_BREAK}?\z)")),
            'R' if !in_class => self.out.push_str(LINE_BREAK),
            '1'..='9' | 'k' => return Err("back references are not supported".to_owned()),
            c if c.is_ascii_alphabetic() => return Err(format!("the escape \\{c} is not supported")),
            c => self.code(u32::from(c)),
        }
        Ok(())
    }

    /// A class of its own, also within a class: so that a hyphen behind it is itself.
    fn set(&mut self, characters: &str, is_negated: bool) {
        self.out.push_str(if is_negated { "[^" } else { "[" });
        self.out.push_str(characters);
        self.out.push(']');
    }

    /// `\p{…}`: the names of POSIX are ASCII in Java.
    fn property(&mut self, is_negated: bool) -> Result<(), String> {
        const ASCII: [(&str, &str); 13] = [
            ("Lower", "a-z"),
            ("Upper", "A-Z"),
            ("ASCII", r"\x00-\x7f"),
            ("Alpha", "A-Za-z"),
            ("Digit", "0-9"),
            ("Alnum", "A-Za-z0-9"),
            ("Punct", r"!-/:-@\[-`{-\x7e"),
            ("Graph", r"!-\x7e"),
            ("Print", r"\x20-\x7e"),
            ("Blank", r" \t"),
            ("Cntrl", r"\x00-\x1f\x7f"),
            ("XDigit", "0-9A-Fa-f"),
            ("Space", r" \t\n\x0b\x0c\r"),
        ];
        let name = match self.skip("{") {
            true => {
                let (name, rest) = self.rest.split_once('}').ok_or("\\p{ is not closed")?;
                self.rest = rest;
                name.to_owned()
            }
            false => self.next().map(String::from).ok_or("\\p names no property")?,
        };
        match ASCII.iter().find(|(known, _)| *known == name) {
            Some((_, characters)) => self.set(characters, is_negated),
            None => {
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '=' | ' ' | '-'));
                if !is_name || name.starts_with("java") || name.starts_with("In") {
                    return Err(format!("the property {name} is not supported"));
                }
                self.out.push_str(&format!("\\{}{{{name}}}", if is_negated { 'P' } else { 'p' }));
            }
        }
        Ok(())
    }

    /// `\uXXXX`, or two of them that are one character.
    fn unit(&mut self) -> Result<(), String> {
        let wrong = "\\u names no character";
        let unit = self.digits(16, 4, 4)?;
        if !(0xd800..0xdc00).contains(&unit) {
            let code = char::from_u32(unit).map(u32::from).ok_or(wrong)?;
            self.code(code);
            return Ok(());
        }
        let low = if self.skip("\\u") { self.digits(16, 4, 4)? } else { 0 };
        if !(0xdc00..0xe000).contains(&low) {
            return Err(wrong.to_owned());
        }
        self.code(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        Ok(())
    }

    fn digits(&mut self, radix: u32, least: usize, most: usize) -> Result<u32, String> {
        let count = self.rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let number = self.rest.get(..count).filter(|_| count >= least);
        let number = number.and_then(|digits| u32::from_str_radix(digits, radix).ok());
        self.rest = self.rest.get(count..).unwrap_or_default();
        number.ok_or_else(|| "an escape lacks digits".to_owned())
    }
}

/// Whether a pattern switches a flag on somewhere.
fn has_flag(pattern: &str, flag: char) -> bool {
    pattern.split("(?").skip(1).any(|rest| {
        let flags = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        flags.contains(flag)
    })
}

#[cfg(test)]
#[path = "java_regex_tests.rs"]
mod tests;
