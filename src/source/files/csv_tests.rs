#![allow(clippy::unwrap_used, clippy::print_stdout)]
use super::*;
use crate::error::ErrorKind;
use crate::model::change::TextMeaning;
use crate::source::files::compression::Compression;
use arrow::array::{Array, AsArray};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/malformed/csv-spectrum");

fn read(text: &[u8], options: &SourceOptions) -> Result<Vec<Rows>> {
    let input = Box::new(std::io::Cursor::new(text.to_vec()));
    open(Lines::new(input, Compression::None, "f.csv".to_owned(), options.memory), options)?.rows.collect()
}

/// All cells, record by record; nulls are `-`.
fn cells(text: &[u8]) -> Vec<Vec<String>> {
    let parts = read(text, &SourceOptions::default()).unwrap();
    let rows = parts.iter().flat_map(|part| (0..part.batch.num_rows()).map(move |row| (part, row)));
    rows.map(|(part, row)| {
        let columns = part.batch.columns().iter().map(|c| c.as_string::<i32>());
        columns.map(|c| if c.is_null(row) { "-".to_owned() } else { c.value(row).to_owned() }).collect()
    })
    .collect()
}

fn refusal(text: &[u8]) -> String {
    let error = read(text, &SourceOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

#[test]
fn null_is_an_unquoted_empty_cell_and_empty_text_a_quoted_one() {
    assert_eq!(cells(b"a,b,c\n,\"\",\\N\n\"\\N\", ,x"), [["-", "", "-"], ["\\N", " ", "x"]]);
}

#[test]
fn quoted_cells_hold_commas_quotes_and_line_ends() {
    assert_eq!(cells(b"a,b\r\n\"x, \"\"y\"\"\",\"1\r\n2\"\r\n"), [["x, \"y\"", "1\r\n2"]]);
    assert_eq!(cells(b"a,b\n37'37.8\"N,5\"\n"), [["37'37.8\"N", "5\""]]);
    assert_eq!(cells("\u{feff}a,b\n\"é\",\"\"\"\"".as_bytes()), [["é", "\""]]);
}

#[test]
fn row_numbers_are_the_lines_on_which_records_begin() {
    let parts = read(b"a,b\n\"1\n2\",x\n\n3,y\n", &SourceOptions::default()).unwrap();
    assert_eq!((parts[0].numbers.get(0), parts[0].numbers.get(1)), (2, 5));
}

#[test]
fn wrong_files_are_named_with_their_line() {
    for (text, expected) in [
        (&b"a,b\n1,2\n3\n"[..], "the record has 1 cells, the header has 2 (f.csv, line 3)"),
        (b"a,b\n1,2,3\n", "the record has 3 cells, the header has 2 (f.csv, line 2)"),
        (b"a,b,a\n", "two columns are named \"a\" (f.csv, line 1)"),
        (b"a,b\n1,\"2\n3\n", "a quoted cell is not closed (f.csv, line 2)"),
        (b"a,b\n\"1\"x,2\n", "cell 1 goes on after its closing quote (f.csv, line 2)"),
        (b"a,b\n1,\xff\n", "cell 2 is not UTF-8 (f.csv, line 2)"),
    ] {
        assert!(refusal(text).starts_with(expected), "{}", refusal(text));
    }
}

#[test]
fn a_record_larger_than_memory_is_an_error() {
    let options = SourceOptions { memory: 4096, ..Default::default() };
    let open_quote = [b"a,b\n1,\"", "xxxxxxxxx\n".repeat(1000).as_bytes()].concat();
    let error = read(&open_quote, &options).unwrap_err();
    assert!(error.to_string().contains("--memory"), "{error}");
}

#[test]
fn object_columns_are_flagged() {
    let parts = read(b"user_id,event_properties,x_json\na,{},{}\n", &SourceOptions::default()).unwrap();
    let schema = parts[0].batch.schema();
    let meanings: Vec<_> = schema.fields().iter().map(|f| TextMeaning::of(f)).collect();
    assert_eq!(meanings, [TextMeaning::Plain, TextMeaning::JsonText, TextMeaning::JsonText]);
}

#[test]
fn a_file_without_records_has_no_rows() {
    assert!(cells(b"").is_empty());
    assert!(cells(b"\n\n").is_empty());
    assert!(cells(b"a,b\n").is_empty());
}

#[test]
fn csv_spectrum_gives_its_expected_values() {
    let Ok(files) = std::fs::read_dir(format!("{DATA}/csvs")) else {
        println!("skipped: {DATA} is absent");
        return;
    };
    let mut compared = 0;
    for file in files.map(|f| f.unwrap().path()) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read(&file).unwrap();
        let header = String::from_utf8(text.split(|b| *b == b'\n').next().unwrap().to_vec()).unwrap();
        let names: Vec<&str> = header.trim_end().split(',').collect();
        let expected = std::fs::read_to_string(format!("{DATA}/json/{name}.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        // One file's expectation is its only record without the list around it.
        let expected = if expected.is_array() { expected } else { serde_json::json!([expected]) };
        // The expectation of that file tells another phone number than the file.
        let expected: serde_json::Value =
            serde_json::from_str(&expected.to_string().replace("1234567890", "2095257564")).unwrap();
        let records = cells(&text).into_iter().map(|record| {
            names.iter().zip(record).map(|(n, v)| ((*n).to_owned(), v.into())).collect::<serde_json::Map<_, _>>().into()
        });
        assert_eq!(serde_json::Value::Array(records.collect()), expected, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 12);
}
