#![allow(clippy::unwrap_used, clippy::print_stdout)]
use super::*;
use crate::error::ErrorKind;
use crate::model::change::RowNumbers;
use crate::source::files::compression::Compression;
use arrow::array::AsArray;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/malformed/JSONTestSuite/test_parsing");

fn parts(text: &[u8], options: &SourceOptions) -> Vec<Result<Rows>> {
    let input = Box::new(std::io::Cursor::new(text.to_vec()));
    let lines = Lines::new(input, Compression::None, "f.json".to_owned(), options.memory);
    open(lines, options).rows.collect()
}

fn one(text: &[u8]) -> Result<Rows> {
    parts(text, &SourceOptions::default()).into_iter().next().unwrap()
}

/// A column's values; nulls are `-`.
fn column(rows: &Rows, name: &str) -> Vec<String> {
    let array = rows.batch.column_by_name(name).unwrap().as_string::<i32>();
    array.iter().map(|v| v.unwrap_or("-").to_owned()).collect()
}

fn names(rows: &Rows) -> Vec<String> {
    rows.batch.schema().fields().iter().map(|f| f.name().clone()).collect()
}

#[test]
fn fields_become_columns_of_raw_tokens_in_order_of_first_appearance() {
    let rows = one(b"{\"b\" : 62.0 ,\"a\":\"x\\u00e9\"}\n{\"a\":null, \"c\":{\"z\": [1,  2]}}\n").unwrap();
    assert_eq!(names(&rows), ["b", "a", "c"]);
    assert_eq!(column(&rows, "b"), ["62.0", "-"]);
    assert_eq!(column(&rows, "a"), ["\"x\\u00e9\"", "-"]);
    assert_eq!(column(&rows, "c"), ["-", "{\"z\": [1,  2]}"]);
    assert_eq!(TextMeaning::of(rows.batch.schema().field(0)), TextMeaning::JsonToken);
}

#[test]
fn marks_blank_lines_and_line_ends_do_not_matter() {
    let rows = one(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n  \t\n{\"a\":2}\n\n{\"a\":3}").unwrap();
    assert_eq!(column(&rows, "a"), ["1", "2", "3"]);
    assert_eq!((0..3).map(|row| rows.numbers.get(row)).collect::<Vec<_>>(), [1, 4, 6]);
    let plain = one(b"\n{\"a\":1}\n{\"a\":2}").unwrap();
    assert!(matches!(plain.numbers, RowNumbers::From(2)));
}

#[test]
fn of_a_repeated_field_the_last_counts() {
    let rows = one(b"{\"a\":1,\"b\":2,\"a\":3}\n{\"a\":1,\"\\u0061\":null}\n{\"b\":5,\"a\":4}").unwrap();
    assert_eq!(names(&rows), ["a", "b"]);
    assert_eq!(column(&rows, "a"), ["3", "-", "4"]);
    assert_eq!(column(&rows, "b"), ["2", "-", "5"]);
}

#[test]
fn json_that_is_no_object_is_a_row_that_can_be_shown() {
    let rows = one(b"{\"a\":1,\"(line)\":7}\n[1, 2]\nnull\n 5").unwrap();
    assert_eq!(rows.not_objects, [1, 2, 3]);
    let line = rows.batch.column(rows.line.unwrap()).as_string::<i32>();
    assert_eq!(line.iter().map(|v| v.unwrap_or("-")).collect::<Vec<_>>(), ["-", "[1, 2]", "null", " 5"]);
    assert_eq!(column(&rows, "a"), ["1", "-", "-", "-"]);
    assert_eq!(one(b"{}\n{}").unwrap().batch.num_rows(), 2);
}

#[test]
fn a_line_that_is_not_json_is_named() {
    for (text, place, why) in [
        (&b"{\"a\":1}\n{\"a\":}\n"[..], "f.json, line 2", "byte 6: expected value"),
        (b"{\"a\":1}\n\n{\"a\":1} x\n", "f.json, line 3", "byte 9: trailing characters"),
        (b"{\"a\":\"\xff\"}", "f.json, line 1", "byte 7: the bytes are not UTF-8"),
        (b"{\"a\":1", "f.json, line 1", "byte 6: EOF"),
        (b"{\"a\":01}", "f.json, line 1", "byte"),
        (b"[1", "f.json, line 1", "byte 2: EOF"),
    ] {
        let error = one(text).unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::InvalidInput, Some(place)), "{error}");
        assert!(error.to_string().contains(why) && error.to_string().contains("; "), "{error}");
    }
}

#[test]
fn after_an_error_the_rows_end() {
    let options = SourceOptions { rows_per_part: 1, ..Default::default() };
    let parts = parts(b"{\"a\":1}\n{\n{\"a\":2}\n", &options);
    assert_eq!(parts.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn parts_have_the_rows_asked_for_whatever_the_cut() {
    let text: String = (0..10).map(|n| format!("{{\"a\":{n}}}\n")).collect();
    for (rows_per_part, expected) in [(1, 10), (3, 4), (10, 1), (11, 1)] {
        let options = SourceOptions { rows_per_part, ..Default::default() };
        let parts: Vec<Rows> = parts(text.as_bytes(), &options).into_iter().collect::<Result<_>>().unwrap();
        assert_eq!(parts.len(), expected);
        let values: Vec<String> = parts.iter().flat_map(|rows| column(rows, "a")).collect();
        assert_eq!(values, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(parts.last().unwrap().numbers.get(0), 10 - (parts.last().unwrap().batch.num_rows() as u64 - 1));
    }
}

#[test]
fn memory_bounds_lines_parts_and_columns() {
    let options = SourceOptions { memory: 4096, ..Default::default() };
    let long = format!("{{\"a\":1}}\n{{\"a\":\"{}\"}}\n", "x".repeat(2000));
    let error = parts(long.as_bytes(), &options).into_iter().find_map(Result::err).unwrap();
    assert!(error.to_string().contains("f.json, line 2") && error.to_string().contains("--memory"), "{error}");
    let many = "{\"a\":1234567890}\n".repeat(1000);
    let parts_of_many: Vec<Rows> = parts(many.as_bytes(), &options).into_iter().collect::<Result<_>>().unwrap();
    assert!(parts_of_many.len() > 20 && parts_of_many.iter().map(|p| p.batch.num_rows()).sum::<usize>() == 1000);
    let new_fields: String = (0..3000).map(|n| format!("{{\"f{n}\":1}}\n")).collect();
    let widest =
        parts(new_fields.as_bytes(), &SourceOptions::default()).into_iter().map(|p| p.unwrap().batch.num_columns());
    assert_eq!(widest.max(), Some(MANY_COLUMNS + 1));
    let wide: String = (0..=MOST_FIELDS).map(|n| format!("\"f{n}\":1,")).collect();
    let error = one(format!("{{{}}}", wide.trim_end_matches(',')).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("10001 fields"), "{error}");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{{\"a\":{}{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(one(deep.as_bytes()).unwrap().batch.num_rows(), 1);
    assert_eq!(one(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes()).unwrap().not_objects, [0]);
    assert!(one("[".repeat(100_000).as_bytes()).is_err());
    assert!(one("{\"a\":".repeat(100_000).as_bytes()).is_err());
}

/// As lines, and as a property: what must parse is a row, what must be refused is an error, and nothing panics. Texts
/// of several lines that must parse are put on one, which keeps their meaning: their line ends are white space.
#[test]
fn the_json_test_suite_is_judged_right() {
    let Ok(files) = std::fs::read_dir(DATA) else {
        println!("skipped: {DATA} is absent");
        return;
    };
    let mut judged = 0;
    for file in files.map(|f| f.unwrap()) {
        let name = file.file_name().to_string_lossy().into_owned();
        let mut text = std::fs::read(file.path()).unwrap();
        // Blank lines are no rows, and a mark before the text is taken off; the suite refuses both.
        if text.iter().all(|b| b.is_ascii_whitespace()) || text.starts_with(b"\xef\xbb\xbf") {
            continue;
        }
        if name.starts_with('y') {
            text.iter_mut().filter(|b| matches!(b, b'\n' | b'\r')).for_each(|b| *b = b' ');
        }
        let as_property = [b"{\"p\":", &text[..], b"}"].concat();
        for text in [text, as_property] {
            let read = parts(&text, &SourceOptions::default()).into_iter().collect::<Result<Vec<_>>>();
            match name.as_bytes()[0] {
                b'y' => assert_eq!(read.unwrap()[0].batch.num_rows(), 1, "{name}"),
                b'n' => assert!(read.is_err(), "{name}"),
                _ => {}
            }
        }
        judged += 1;
    }
    assert!(judged > 300, "{judged}");
}
