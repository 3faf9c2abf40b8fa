//! `gc` and what it refuses afterwards, through the built binary.

use crate::shell::Shell;
use eventmirror::{EventStore, StoreOptions};
use serde_json::{Value, json};

fn row(operation: &str, user: &str, n: u64) -> String {
    format!(
        "{{\"mutation_type\":\"{operation}\",\"user_id\":\"{user}\",\"insert_id\":\"1\",\"event_time\":5,\"n\":{n}}}\n"
    )
}

/// A store with three commits: ann comes, changes twice; bob comes and goes.
fn applied() -> Shell {
    let (first, second, third) =
        (row("INSERT", "ann", 1) + &row("INSERT", "bob", 1), row("UPDATE", "ann", 2), row("UPDATE", "ann", 3));
    let second = second + &row("DELETE", "bob", 0);
    let shell = Shell::new(&[("in/1.json", &first), ("in/2.json", &second), ("in/3.json", &third)]);
    assert_eq!(shell.run(&["apply", "mirror", "in"]).0, 0);
    shell
}

fn numbers(result: &Value) -> (u64, u64, u64) {
    let horizon = result["horizon"]["commit_sequence"].as_u64().unwrap_or_default();
    (horizon, result["removed"].as_u64().unwrap(), result["kept"].as_u64().unwrap())
}

#[test]
fn versions_are_removed_behind_a_horizon() {
    let shell = applied();
    let nothing = shell.json(&["gc", "mirror", "--json"]);
    assert_eq!((&nothing["schema"], &nothing["store"]), (&json!("eventmirror.gc/1"), &json!("mirror")));
    assert_eq!((&nothing["horizon"], numbers(&nothing)), (&json!(null), (0, 0, 5)), "seven days are kept");
    let would = shell.json(&["gc", "mirror", "--before", "2", "--dry-run"]);
    assert_eq!((numbers(&would), &would["dry_run"]), ((2, 3, 2), &json!(true)));
    assert_eq!(shell.run(&["count", "mirror", "--as-of", "1"]).1, "2\n");

    let (code, out, err) = shell.run(&["gc", "mirror", "--before", "2"]);
    let result: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, numbers(&result), &result["dry_run"]), (0, (2, 3, 2), &json!(false)));
    assert!(result["disk_bytes"]["before"].as_u64() > Some(0) && result["disk_bytes"]["after"].as_u64() > Some(0));
    assert_eq!(err, "eventmirror: removed 3 row versions, 2 kept; the oldest commit that can be read is 2\n");
    let log: Vec<Value> =
        shell.run(&["log", "mirror"]).1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(log.len(), 3, "the log keeps all commits");
    let status = shell.json(&["status", "mirror"]);
    assert_eq!(status["horizon"], json!({"commit_sequence": 2, "committed_at": log[1]["committed_at"]}));
    assert_eq!(status["format_version"], 2);
    assert_eq!(shell.run(&["count", "mirror", "--as-of", "2"]).1, "1\n");

    assert_eq!(numbers(&shell.json(&["gc", "mirror", "--history", "0s"])), (3, 1, 1));
    let variable = shell.command(&["gc", "mirror"]).env("EVENTMIRROR_HISTORY", "0s").output().unwrap();
    assert!(variable.status.success());
}

#[test]
fn commits_before_the_horizon_are_refused_by_every_command() {
    let shell = applied();
    assert_eq!(shell.run(&["gc", "mirror", "--before", "2"]).0, 0);
    shell.write("extract.json", &row("INSERT", "ann", 1));
    let refused: [&[&str]; 7] = [
        &["count", "mirror", "--as-of", "1"],
        &["count", "mirror", "--as-of", "0"],
        &["scan", "mirror", "--as-of", "1"],
        &["get", "mirror", "--user-id", "ann", "--insert-id", "1", "--event-time", "5", "--as-of", "1"],
        &["diff", "mirror", "--from", "1"],
        &["verify", "mirror", "extract.json", "--as-of", "1"],
        &["verify", "mirror", "extract.json", "--as-of-position", "s3=1.json"],
    ];
    for words in refused {
        let (code, out, err) = shell.run(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}\n{err}");
        assert!(err.contains("can no longer be read: at 20") && err.contains("name commit 2 or a later one"), "{err}");
    }
    assert_eq!(shell.run(&["diff", "mirror", "--from", "2"]).0, 1);
}

#[test]
fn wrong_usage_and_a_held_store_are_told_apart() {
    let shell = applied();
    for words in
        [&["--before", "4"][..], &["--before", "0"], &["--history", "soon"], &["--history", "1d", "--before", "2"]]
    {
        assert_eq!(shell.run(&[&["gc", "mirror"], words].concat()).0, 2, "{words:?}");
    }
    let (code, _, err) = shell.run(&["gc", "nowhere"]);
    assert!(code == 2 && err.contains("there is no store"), "{err}");
    assert!(!shell.path("nowhere").exists());
    let store = EventStore::open(shell.path("mirror"), StoreOptions::default()).unwrap();
    assert_eq!(shell.run(&["gc", "mirror"]).0, 5);
    assert_eq!(numbers(&shell.json(&["gc", "mirror", "--before", "3", "--dry-run"])), (3, 4, 1));
    drop(store);
}

/// A key that was deleted has no history once its tombstone is gone, so what came before cannot be told.
#[test]
fn a_cause_is_not_claimed_from_history_that_is_gone() {
    let refused = row("oops", "ann", 7);
    let files = [
        ("1.json", row("INSERT", "ann", 1) + &row("INSERT", "bob", 1)),
        ("2.json", refused.clone() + &row("UPDATE", "bob", 2)),
        ("3.json", row("DELETE", "ann", 0)),
    ];
    let shell = Shell::new(&files.each_ref().map(|(name, content)| (*name, content.as_str())));
    for (name, _) in &files {
        assert_eq!(shell.run(&["apply", "mirror", name]).0, 0);
    }
    let causes = |ann: u64, bob: u64| {
        let rows = [row("", "ann", ann), row("", "bob", bob)];
        shell.write("extract.json", &rows.concat().replace("\"mutation_type\":\"\",", ""));
        let (_, out, err) = shell.run(&["verify", "mirror", "extract.json", "--json"]);
        serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{err}"))["causes"].clone()
    };
    assert_eq!(causes(1, 1), json!({"stale": 2}));
    assert_eq!(causes(7, 2), json!({}), "the delete came after the refusal");
    assert_eq!(shell.run(&["gc", "mirror", "--history", "0s"]).0, 0);
    assert_eq!(causes(1, 1), json!({}), "earlier states are gone");
    assert_eq!(causes(7, 2), json!({}), "so is the delete, and the refusal still says nothing");
    shell.write("4.json", &refused);
    assert_eq!(shell.run(&["apply", "mirror", "4.json"]).0, 0);
    assert_eq!(causes(7, 2), json!({"rejected": 1}), "a refusal behind the horizon does");
}
