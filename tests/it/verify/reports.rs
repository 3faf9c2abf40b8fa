//! The reports of a verification: the page for people and the JUnit file.

use crate::shell::Shell;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fs;

const EXTRACT: &str = "user_id,insert_id,event_time,plan\n\
    ann,a1,1762161300123,pro<i>\nbob,b1,1762161300123,free\ncem,c1,1762161300123,free\n";

/// A store that has ann with another plan, bob as he is, not cem, and one whose name is markup.
fn shell() -> Shell {
    let row = |user: &str, insert: &str, plan: &str| {
        format!(
            "{{\"mutation_type\":\"INSERT\",\"user_id\":\"{user}\",\"insert_id\":\"{insert}\",\"event_time\":1762161300123,\"plan\":\"{plan}\"}}\n"
        )
    };
    let rows =
        row("ann", "a1", "pro<b>") + &row("bob", "b1", "free") + &row("<script>\\u0007alert(1)</script>", "x1", "x");
    let shell = Shell::new(&[("changes/1.json", &rows), ("extract.csv", EXTRACT)]);
    assert_eq!(shell.run(&["apply", "mirror", "changes"]).0, 0);
    shell
}

fn written(shell: &Shell, words: &[&str], code: i32) -> (String, String) {
    let reports = ["--report", "page.html", "--junit", "tests.xml"];
    let (found, _, err) = shell.run(&[words, &reports].concat());
    assert_eq!(found, code, "{err}");
    let read = |name: &str| fs::read_to_string(shell.path(name)).unwrap();
    (read("page.html"), read("tests.xml"))
}

#[test]
fn the_page_shows_what_differs_and_loads_nothing() {
    let (page, _) = written(&shell(), &["verify", "mirror", "extract.csv"], 1);
    for part in [
        "<!DOCTYPE html>",
        "3 of 3 rows differ; the store has 3.",
        "&quot;pro&lt;<mark>i</mark>&gt;&quot;",
        "&quot;pro&lt;<mark>b</mark>&gt;&quot;",
        "&lt;script&gt;\\u{7}alert(1)",
        "2025-11-03: 1 missing, 1 unexpected, 1 mismatched",
        "position 1.json",
        "eventmirror verify mirror extract.csv --repair repair.json.gz",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is run or loaded");
}

#[test]
fn an_identical_mirror_has_a_page_too() {
    let shell = shell();
    assert_eq!(shell.run(&["verify", "mirror", "extract.csv", "--repair", "repair.json.gz"]).0, 1);
    assert_eq!(shell.run(&["apply", "mirror", "repair.json.gz"]).0, 0);
    let (page, tests) = written(&shell, &["verify", "mirror", "extract.csv"], 0);
    assert!(page.contains("The store has exactly the 3 rows of the extract.") && !page.contains("Samples"), "{page}");
    assert_eq!(elements(&tests), ["testsuites", "testsuite", "testcase", "testcase", "testcase", "system-out"]);
    assert!(tests.contains("failures=\"0\""), "{tests}");
}

/// The elements of an XML text, which must be one that is well formed.
fn elements(text: &str) -> Vec<String> {
    let mut reader = Reader::from_str(text);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) | Event::Empty(start) => {
                start.attributes().for_each(|attribute| {
                    drop(attribute.unwrap().normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap())
                });
                names.push(String::from_utf8(start.name().0.to_vec()).unwrap());
            }
            Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn each_kind_of_difference_is_a_test_that_fails_unless_it_is_accepted() {
    let shell = shell();
    let (_, tests) = written(&shell, &["verify", "mirror", "extract.csv"], 1);
    let expected =
        ["testsuites", "testsuite", "testcase", "failure", "testcase", "failure", "testcase", "failure", "system-out"];
    assert_eq!(elements(&tests), expected);
    for part in ["failures=\"3\"", "1 rows are missing", "user_id=cem insert_id=c1", "columns=plan", "&lt;script&gt;"] {
        assert!(tests.contains(part), "{part}\n{tests}");
    }
    let limited = written(&shell, &["verify", "mirror", "extract.csv", "--limit", "0"], 1).1;
    assert!(limited.contains("… and 1 more"), "{limited}");

    // The same user twice with another plan: the extract contradicts itself, which may be accepted.
    shell.write("extract.csv", &format!("{EXTRACT}cem,c1,1762161300123,pro\n"));
    let only = ["verify", "mirror", "extract.csv", "--user-id", "cem", "--accept", "duplicate_in_extract"];
    let (_, tests) = written(&shell, &only, 0);
    assert!(tests.contains("failures=\"0\"") && tests.contains("<system-out>user_id=cem"), "{tests}");
}
