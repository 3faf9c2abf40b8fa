#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn is_whole(pattern: &str, text: &str) -> bool {
    Pattern::whole(pattern).unwrap().is_match(text)
}

fn replaced(pattern: &str, with: &str, text: &str) -> String {
    let pattern = Pattern::new(pattern).unwrap();
    let with = pattern.replacement(with).unwrap();
    let mut out = String::new();
    pattern.replace_all(text, &with, &mut out, &|_| Ok(())).unwrap();
    out
}

#[test]
fn the_documented_filters_match_whole_names() {
    let dated = r"\w+\_\d{4}-\d{2}-\d{2}.json.gz";
    assert!(is_whole(dated, "events_2025-11-04.json.gz"));
    assert!(!is_whole(dated, "a/events_2025-11-04.json.gz") && !is_whole(dated, "events_2025-11-04.json.gz.tmp"));
    let parquet = r"folder1/folder2/ds=202011[1-2][0-9]/.*\.parquet";
    assert!(is_whole(parquet, "folder1/folder2/ds=20201119/part-0.parquet"));
    assert!(!is_whole(parquet, "folder1/folder2/ds=20201130/part-0.parquet"));
    assert!(is_whole(r"events/dt=\d{4}-\d{2}-\d{2}/.*\.json\.gz", "events/dt=2025-11-04/0.json.gz"));
    assert!(is_whole(".*", "anything") && is_whole("a|ab", "ab") && !is_whole("a|ab", "abc"));
}

#[test]
fn brackets_that_are_closed_too_often_are_no_pattern() {
    // Put into brackets of our own, they would match `a` and `b`.
    for pattern in ["a)|(b", "a)(?:b", ")("] {
        assert!(Pattern::whole(pattern).is_err() && Pattern::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn what_java_means_differently_is_written_anew() {
    for (pattern, yes, no) in [
        (r"\d", "5", "٥"),
        (r"\w", "_", "é"),
        (r"\W", "é", "a"),
        (r"\s", "\u{b}", "\u{a0}"),
        (r"\h", "\u{a0}", "\n"),
        (r"\v", "\u{2028}", " "),
        (r"[\d.]", ".", "a"),
        (r"[^\d]", "a", "5"),
        (r"[\D]", "a", "5"),
        (r"[a-z&&[^aeiou]]", "b", "e"),
        (r"[a-c[x-z]]", "y", "d"),
        (r"[[:a]]", ":", "l"),
        (r"[[:alpha:]]", "p", "z"),
        (r"[a--]", "-", "b"),
        (r"[~~a]", "~", "b"),
        (r"[-a]", "-", "b"),
        (r"[\w-.]", "-", ","),
        (r"[.-\w]", "-", ","),
        (r"[+-\-]", ",", "."),
        (r"[a^-c]", "b", "-"),
        (r"[a&b]", "&", "c"),
        (r"[a-]", "-", "b"),
        (r"[]a]", "]", "b"),
        (r"\p{Lower}", "a", "é"),
        (r"\P{Lower}", "é", "a"),
        (r"\p{L}", "é", "1"),
        (r"\p{IsLatin}", "é", "я"),
        (r"\pL", "é", "1"),
        (r"[\p{Punct}]", "~", "a"),
        (r"\p{Punct}", "[", " "),
        (r"\Qa.b\E", "a.b", "axb"),
        (r"\Qa.b", "a.b", "axb"),
        (r"[\Q^-]\E]", "]", "a"),
        (r"\x41\x{42}", "AB", "ab"),
        (r"\u00e9", "é", "e"),
        (r"\uD83D\uDE00", "😀", "a"),
        (r"\0101", "A", "a"),
        (r"\cA", "\u{1}", "A"),
        (r"\e", "\u{1b}", "e"),
        (r"a\Rb", "a\r\nb", "a b"),
        (r"\<a\>", "<a>", "a"),
        (r"\#\ \-\&", "# -&", "a"),
        ("a.b", "a b", "a\rb"),
        ("(?s)a.b", "a\nb", "ab"),
        ("(?i)AB", "ab", "ac"),
        ("(?<year>[0-9]{4})-(?:a|b)", "2025-b", "2025-c"),
        ("a{2}b{1,}c{0,1}", "aab", "ab"),
        ("a+?b*?c??", "ab", "b"),
    ] {
        assert!(is_whole(pattern, yes), "{pattern} matches {yes:?}");
        assert!(!is_whole(pattern, no), "{pattern} does not match {no:?}");
    }
    assert_eq!(replaced(r"a\Z", "x", "a\n"), "x");
    assert_eq!(replaced(r"\bcat\b", "dog", "cat concat"), "dog concat");
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    for (pattern, why) in [
        (r"(a)\1", "back references"),
        (r"(?<n>a)\k<n>", "back references"),
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        ("(?>a+)b", "atomic"),
        ("a*+", "possessive"),
        ("a{2}+", "possessive"),
        ("a**", "quantifier follows"),
        ("(?U)a", "the flag U"),
        ("(?d)a", "the flag d"),
        (r"\p{javaLowerCase}", "the property javaLowerCase"),
        (r"\p{InGreek}", "the property InGreek"),
        (r"\p{Nonsense}", "Unicode property not found"),
        (r"\G", "\\G"),
        (r"\y", "\\y"),
        (r"[\b]", "\\b"),
        ("a(b", "unclosed group"),
        ("a)b", "unopened group"),
        ("a)|(b", "unopened group"),
        ("(?x) a", "the flag x"),
        ("[a", "class is not closed"),
        ("*a", "repetition operator missing expression"),
        ("a{x}", "{2,3}"),
        (r"\x4", "digits"),
        (r"\uD83D", "no character"),
        ("a\\", "backslash"),
        ("(a{1000}){1000}", "size limit"),
    ] {
        let error = Pattern::new(pattern).unwrap_err();
        assert!(error.contains(why) && error.contains(&format!("{pattern:?}")), "{pattern}: {error}");
    }
}

#[test]
fn replacements_name_groups_as_java_does() {
    assert_eq!(replaced("(a)(b)?", "[$1$2$0]", "ab-a"), "[abab]-[aa]");
    assert_eq!(replaced("(a)", "$12", "a"), "a2", "there is no group 12");
    assert_eq!(replaced("(?<x>a)", r"\$${x}\\", "a"), r"$a\");
    assert_eq!(replaced("", "-", "ab"), "-a-b-");
    assert_eq!(replaced("x", "", "axbx"), "ab");
    let pattern = Pattern::new("(a)").unwrap();
    for wrong in ["$2", "$", "$x", "${y}", "${x", "a\\"] {
        assert!(pattern.replacement(wrong).unwrap_err().contains("cannot be used"), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[\\\\a-dxupQEZR0-9(){}\\[\\]^$.*+?|,:<>=!&~é-]{0,20}", with in "[a$0-9{}\\\\]{0,6}", text in "[a-d0-9é\n]{0,12}") {
        if let Ok(pattern) = Pattern::new(&pattern) {
            let with = pattern.replacement(&with);
            if let Ok(with) = with {
                pattern.replace_all(&text, &with, &mut String::new(), &|_| Ok(())).unwrap();
            }
        }
        let _ = Pattern::whole(&pattern);
    }
}
