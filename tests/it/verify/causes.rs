//! What a verification compares, and the causes of what it finds, through the built binary.

use super::Case;
use serde_json::{Value, json};
use std::fs;

fn row(user: &str, time: i64, columns: &str) -> String {
    format!("{{\"user_id\":\"{user}\",\"insert_id\":\"{user}-1\",\"event_time\":{time}{columns}}}\n")
}

fn operation(operation: &str, row: &str) -> String {
    row.replacen('{', &format!("{{\"mutation_type\":\"{operation}\","), 1)
}

impl Case {
    /// A store that these files made, one after the other.
    fn of(files: &[(&str, &str)]) -> Case {
        let case = Case(super::Shell::new(&[]));
        for (name, content) in files {
            case.write(name, content);
            case.run(&["apply", "mirror", name], 0);
        }
        case
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// What a verification against these rows says that ends with this exit code.
    fn verify(&self, rows: &str, words: &[&str], code: i32) -> Value {
        self.write("extract.json", rows);
        self.json(&[&["verify", "mirror", "extract.json", "--json"], words].concat(), code)
    }
}

fn batch(sequence: u64, name: &str) -> Value {
    json!({"commit_sequence": sequence, "source": "s3", "position": name})
}

#[test]
fn some_columns_and_numbers_that_are_near() {
    let case = Case::of(&[("1.json", &row("ann", 1, ",\"n\":1.5,\"m\":\"x\",\"at\":1"))]);
    let other = row("ann", 1, ",\"n\":1.4,\"m\":\"x\",\"at\":2");
    let columns = |result: &Value| result["samples"][0]["columns"].as_array().map(Vec::len);
    assert_eq!(columns(&case.verify(&other, &[], 1)), Some(2));
    assert_eq!(columns(&case.verify(&other, &["--columns", "n,m"], 1)), Some(1));
    assert_eq!(case.verify(&other, &["--columns", "m"], 0)["verdict"], "identical");
    assert_eq!(case.verify(&other, &["--ignore-columns", "n,at"], 0)["rows"], json!({"expected": 1, "actual": 1}));
    let near = case.verify(&other, &["--tolerance", "n=0.2", "--ignore-columns", "at"], 0);
    assert_eq!((&near["verdict"], &near["within_tolerance"]), (&json!("identical"), &json!(1)));
    assert_eq!(columns(&case.verify(&other, &["--tolerance", "n=0.2"], 1)), Some(1));
    case.verify(&other, &["--tolerance", "n=0.05", "--ignore-columns", "at"], 1);
    let (_, err) = case.run(&["verify", "mirror", "extract.json", "--columns", "nn"], 2);
    assert!(err.contains("\"nn\"") && err.contains("status"), "{err}");
    case.run(&["verify", "mirror", "extract.json", "--columns", "n", "--ignore-columns", "m"], 2);

    // A repair of some columns leaves the others as they are.
    case.run(&["verify", "mirror", "extract.json", "--columns", "n", "--repair", "repair.json.gz"], 1);
    case.run(&["apply", "mirror", "repair.json.gz"], 0);
    let event: Value = serde_json::from_str(&case.run(&["scan", "mirror", "--format", "ndjson"], 0).0).unwrap();
    assert_eq!((&event["n"], &event["at"]), (&json!(1.4), &json!(1)));
}

#[test]
fn users_and_times_out_of_range_are_no_differences() {
    let days = ["ann", "bob", "cem"].map(|user| row(user, 86_400_000, ""));
    let case = Case::of(&[("1.json", &days.concat())]);
    let extract = days[0].clone() + &row("bob", 86_399_999, "") + &row("dan", 86_400_001, "");
    let differences = |words: &[&str], code| {
        let result = case.verify(&extract, words, code);
        let of = |kind: &str| result["differences"][kind].as_u64().unwrap();
        (of("missing"), of("unexpected"), result["out_of_range"].as_u64().unwrap())
    };
    assert_eq!(differences(&[], 1), (2, 2, 0));
    assert_eq!(differences(&["--user-id", "ann"], 0), (0, 0, 2));
    assert_eq!(differences(&["--user-id", "bob"], 1), (1, 1, 2));
    assert_eq!(differences(&["--user-id", "nobody"], 0), (0, 0, 3));
    assert_eq!(differences(&["--from", "1970-01-02T00:00:00Z"], 1), (1, 2, 1));
    assert_eq!(differences(&["--from", "1970-01-02T00:00:00Z", "--to", "86400001"], 1), (0, 2, 2));
    assert_eq!(differences(&["--to", "86400000"], 1), (1, 0, 2), "half open");
    assert_eq!(differences(&["--to", "0"], 0), (0, 0, 3));
}

#[test]
fn an_extract_of_an_earlier_or_later_moment_is_told() {
    let (first, second) = (row("ann", 1, ",\"n\":1"), row("ann", 1, ",\"n\":2"));
    let files = [
        ("1.json", first.clone() + &row("bob", 1, "")),
        ("2.json", operation("UPDATE", &second) + &operation("DELETE", &row("bob", 1, "")) + &row("cem", 1, "")),
    ];
    let case = Case::of(&files.each_ref().map(|(name, content)| (*name, content.as_str())));
    let late = case.verify(&(second + &row("cem", 1, "")), &["--as-of-position", "s3=1.json"], 1);
    assert_eq!(
        (&late["verdict"], &late["as_of"], &late["causes"]),
        (&json!("explained"), &json!(1), &json!({"pending": 3}))
    );
    let sample = &late["samples"][0];
    assert_eq!((&sample["kind"], &sample["cause_batch"]), (&json!("missing"), &batch(2, "2.json")));
    case.run(&["verify", "mirror", "extract.json", "--as-of-position", "s3=2.json"], 0);

    let early = case.verify(&(first + &row("bob", 1, "")), &[], 1);
    assert_eq!(early["causes"], json!({"stale": 2}), "that a key was not there before its first batch says nothing");
    let sample = &early["samples"][0];
    assert_eq!((&sample["cause_batch"], &sample["last_batch"]), (&batch(1, "1.json"), &batch(2, "2.json")));
    let (_, err) = case.run(&["verify", "mirror", "extract.json", "--as-of-position", "s3=3.json"], 2);
    assert!(err.contains("3.json") && err.contains("log"), "{err}");
    case.run(&["verify", "mirror", "extract.json", "--as-of-position", "1.json"], 2);
}

#[test]
fn a_row_that_the_store_refused_is_told_with_its_rule() {
    let refused = operation("insert", &row("gus", 1, ",\"n\":1")) + &operation("oops", &row("ann", 5, ",\"n\":2"));
    let case = Case::of(&[("1.json", &row("ann", 5, ",\"n\":1")), ("2.json", &refused)]);
    let extract = row("gus", 1, ",\"n\":1") + &row("ann", 5, ",\"n\":2");
    let result = case.verify(&extract, &[], 1);
    assert_eq!((&result["verdict"], &result["causes"]), (&json!("different"), &json!({"rejected": 2})));
    let sample = &result["samples"][0];
    assert_eq!((&sample["rule"], &sample["cause_batch"]), (&json!("bad_mutation_type"), &batch(2, "2.json")));
    // Before the refusal nothing is known, and after a later batch it says nothing.
    assert_eq!(case.verify(&extract, &["--as-of", "1"], 1)["causes"], json!({}));
    case.write("3.json", &operation("UPDATE", &row("ann", 5, ",\"n\":3")));
    case.run(&["apply", "mirror", "3.json"], 0);
    assert_eq!(case.verify(&extract, &[], 1)["causes"], json!({"rejected": 1}));
    // The columns of refused rows are those of their files.
    case.write(
        "4.json",
        "{\"mutation_type\":\"x\",\"Who\":7,\"insert_id\":\"7-1\",\"When\":\"1970-01-01 00:00:01\"}\n",
    );
    let map = ["--map", "user_id=Who", "--map", "event_time=When"];
    case.run(&[&["apply", "mirror", "4.json"], &map[..]].concat(), 0);
    let extract = "{\"Who\":\"7\",\"insert_id\":\"7-1\",\"When\":1000}\n";
    assert_eq!(case.verify(extract, &map, 1)["causes"], json!({"rejected": 1}));
}

#[test]
fn what_the_mirror_was_told_not_to_take_is_explained() {
    let case = Case::of(&[("1.json", &(row("ann", 10, ",\"n\":1") + &row("bob", 10, "")))]);
    let extract = row("ann", 10, ",\"n\":2") + &row("cem", 1, "");
    let causes = |words: &[&str]| case.verify(&extract, words, 1)["causes"].clone();
    assert_eq!(causes(&[]), json!({}));
    assert_eq!(causes(&["--scope", "event_time >= 5"]), json!({"out_of_scope": 1}));
    assert_eq!(causes(&["--ops", "insert"]), json!({"op_disabled": 2}));
    assert_eq!(causes(&["--ops", "insert,update"]), json!({"op_disabled": 1}));
    let words = ["--scope", "event_time >= 5", "--ops", "insert"];
    assert_eq!(case.verify(&extract, &words, 1)["verdict"], "explained");
    let accept = [&words[..], &["--accept", "op_disabled,out_of_scope"]].concat();
    case.verify(&extract, &accept, 0);
}

#[test]
fn an_event_of_after_the_last_batch_is_pending() {
    let case = Case::of(&[("1.json", &row("ann", 1, ""))]);
    let extract = row("ann", 1, "") + &row("zoe", 32_503_680_000_000, "");
    let result = case.verify(&extract, &[], 1);
    assert_eq!((&result["verdict"], &result["causes"]), (&json!("explained"), &json!({"pending": 1})));
}

#[test]
fn digits_that_were_cut_off_and_mistaken_units_are_said_once() {
    let times = [1_700_000_000_123i64, 1_700_000_001_456, 1_700_000_002_789];
    let rows = |of: fn(i64) -> i64| -> String {
        ["ann", "bob", "cem"].iter().zip(times).map(|(user, time)| row(user, of(time), "")).collect()
    };
    let case = Case::of(&[("1.json", &rows(|time| time / 1_000 * 1_000))]);
    let shift = |extract: &str| case.verify(extract, &[], 1)["shift"].clone();
    assert_eq!(shift(&rows(|time| time)), json!({"floored_to_ms": 1_000, "pairs": 3}));
    assert_eq!(shift(&rows(|time| time / 1_000)), json!({"multiplied_by": 1_000, "pairs": 3}));
    assert_eq!(shift(&rows(|time| time / 1_000 * 1_000_000)), json!({"divided_by": 1_000, "pairs": 3}));
    assert_eq!(shift(&rows(|time| time / 1_000 * 1_000 + 3_600_000)), json!({"offset_ms": -3_600_000, "pairs": 3}));
}
