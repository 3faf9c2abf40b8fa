//! Bytes over the network: every format, broken connections, overwritten objects, a server that is killed.

use super::*;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Waits until the server has sent so many bytes of bodies.
fn wait_for_bytes(server: &Server, bytes: u64) {
    let started = Instant::now();
    while server.inside.sent.load(Ordering::SeqCst) < bytes {
        assert!(started.elapsed() < MINUTE, "nobody reads");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn begin(case: &Case, words: &[&str]) -> Child {
    let words = [&["apply", "mirror", "--json"], words].concat();
    case.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Ended {
    Ended::of(child.wait_with_output().unwrap())
}

#[test]
fn a_folder_of_objects_is_what_the_same_local_folder_is() {
    let case = Case::new();
    case.put("in/2025-01/a.json", &rows("ann", 0, 3_000), DAY);
    case.put("in/2025-01/b.json.gz", &gzip(&rows("bob", 0, 40_000)), DAY);
    case.put("in/2025-02/c.csv", b"user_id,insert_id,time,n\ncem,c1,1,2\n", DAY);
    case.put("in/2025-02/d.json.zst", &zstd::encode_all(&rows("dan", 0, 10)[..], 3).unwrap(), DAY);
    case.put("in/empty.json", b"", DAY);
    case.put("in/_SUCCESS", b"no changes", DAY);
    case.put("in/.hidden/x.json", b"no changes", DAY);
    case.put("other/e.json", &rows("eve", 0, 3), DAY);
    #[cfg(feature = "parquet")]
    case.put("in/2025-02/p.parquet", &parquet(20_000, 3_000), DAY);
    let report = case.apply(&["s3://bucket/in/"]);
    let positions: Vec<&Value> = report["batches"].as_array().unwrap().iter().map(|batch| &batch["position"]).collect();
    assert_eq!(positions[0], "2025-01/a.json");
    case.equals_local("in", &[]);
    let again = case.apply(&["s3://bucket/in"]);
    assert_eq!(again["totals"]["already_applied"], again["totals"]["batches"]);
    assert_eq!(again["totals"]["read"], 0);
}

#[test]
fn an_object_is_read_once_and_its_hash_is_that_of_a_local_file() {
    let case = Case::new();
    let content = rows("ann", 0, 60_000);
    case.put("in/a.json", &content, DAY);
    case.apply(&["s3://bucket/in/a.json"]);
    assert_eq!(case.server.count(|s| &s.sent), content.len() as u64);
    // Another time, the same content: it is read to be sure, and known.
    let again = case.apply(&["local/in/a.json"]);
    assert_eq!((&again["totals"]["already_applied"], &again["totals"]["counters"]), (&json!(1), &json!({})));
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_object_is_read_once_whatever_the_memory() {
    let case = Case::new();
    let content = parquet(100_000, 30_000);
    case.put("in/p.parquet", &content, DAY);
    let words = ["--dialect", "backfill"];
    for (store, memory) in [("mirror", "512MB"), ("small", "40MB")] {
        case.server.count(|s| &s.sent);
        let words = [&["apply", store, "--json", "s3://bucket/in/", "--memory", memory], &words[..]].concat();
        assert_eq!(case.run(&words).json()["totals"]["inserted"], 100_000);
        let sent = case.server.count(|s| &s.sent);
        let footer = 256 << 10;
        assert!(sent >= content.len() as u64 && sent <= content.len() as u64 + footer, "{sent} of {}", content.len());
    }
    case.equals_local("in", &words);
    assert!(case.rows("small") == case.rows("mirror"));
    // Its hash is that of the local file: a touched copy is known.
    let again = case.run(&["apply", "small", "--json", "local/in", "--dialect", "backfill"]).json();
    assert_eq!((&again["totals"]["already_applied"], &again["totals"]["counters"]), (&json!(1), &json!({})));
}

#[cfg(feature = "parquet")]
#[test]
fn a_damaged_parquet_object_is_an_error_that_names_it() {
    let case = Case::new();
    let good = parquet(20_000, 5_000);
    let mut flipped = good.clone();
    flipped[good.len() / 2..good.len() / 2 + 4_000].fill(0xa5);
    for (key, content) in [("cut", &good[..good.len() - 9]), ("flipped", &flipped), ("tiny", &b"PAR1"[..])] {
        case.put(&format!("in/{key}.parquet"), content, DAY);
        let url = format!("s3://bucket/in/{key}.parquet");
        let ended = case.run(&["apply", "mirror", &url, "--dialect", "backfill"]);
        assert_eq!(ended.code, Some(3), "{key}: {ended:?}");
        assert!(ended.err.contains(&url), "{}", ended.err);
    }
}

#[test]
fn broken_connections_are_gone_on_with() {
    let case = Case::new();
    let content = rows("ann", 0, 100_000);
    assert!(content.len() > 3 * (4 << 20), "several requests");
    case.put("in/a.json", &content, DAY);
    case.put("in/b.json.gz", &gzip(&rows("bob", 0, 50_000)), DAY);
    {
        let mut faults = case.server.inside.faults.lock().unwrap();
        (faults.cuts, faults.cut_after) = (12, 900_000);
    }
    case.apply(&["s3://bucket/in/"]);
    assert_eq!(case.server.inside.faults.lock().unwrap().cuts, 0, "all cuts were met");
    case.equals_local("in", &[]);
}

#[test]
fn an_object_that_is_overwritten_while_it_is_read_is_refused() {
    let case = Case::new();
    case.put("in/a.json", &rows("ann", 0, 1_000), DAY);
    case.put("in/b.json", &rows("bob", 0, 100_000), DAY);
    let other = rows("bob", 1, 100_001);
    case.server.inside.faults.lock().unwrap().pause = Duration::from_millis(5);
    let child = begin(&case, &["s3://bucket/in/"]);
    wait_for_bytes(&case.server, 2 << 20);
    case.put("in/b.json", &other, MINUTE);
    let ended = end(child);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(
        ended.err.contains("changed while it was read") && ended.err.contains("s3://bucket/in/b.json"),
        "{ended:?}"
    );
    assert_eq!(case.rows("mirror").len(), 1_000, "what was applied before stays, the rest left nothing");
    case.server.inside.faults.lock().unwrap().pause = Duration::ZERO;
    case.apply(&["s3://bucket/in/"]);
    case.equals_local("in", &[]);
}

#[test]
fn a_server_that_is_killed_and_started_again_costs_time_only() {
    let mut case = Case::new();
    for n in 0..4 {
        case.put(&format!("in/{n}.json"), &rows(&format!("user{n}"), 0, 40_000), DAY);
    }
    case.server.inside.faults.lock().unwrap().pause = Duration::from_millis(2);
    let child = begin(&case, &["s3://bucket/in/"]);
    // In the first file, between files, in the last one.
    for _ in 0..3 {
        let sent = case.server.inside.sent.load(Ordering::SeqCst);
        wait_for_bytes(&case.server, sent + (5 << 20));
        case.server.kill();
        std::thread::sleep(Duration::from_millis(300));
        case.server.start_again();
    }
    case.server.inside.faults.lock().unwrap().pause = Duration::ZERO;
    let report = end(child).json();
    assert_eq!(report["totals"]["inserted"], 160_000);
    case.equals_local("in", &[]);
}

#[test]
fn a_server_that_stays_away_ends_the_run_and_the_next_one_goes_on() {
    let mut case = Case::new();
    for n in 0..3 {
        case.put(&format!("in/{n}.json"), &rows(&format!("user{n}"), 0, 40_000), DAY);
    }
    case.server.inside.faults.lock().unwrap().pause = Duration::from_millis(2);
    let child = begin(&case, &["s3://bucket/in/", "--retry-for", "1s"]);
    wait_for_bytes(&case.server, 10 << 20);
    case.server.kill();
    let started = Instant::now();
    let ended = end(child);
    assert!(started.elapsed() < Duration::from_secs(20), "it gives up in time: {:?}", started.elapsed());
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("s3://bucket/in/") && ended.err.contains("AWS_ENDPOINT_URL"), "{}", ended.err);
    let ended = case.run(&["apply", "mirror", "s3://bucket/in/", "--retry-for", "0"]);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    case.server.start_again();
    case.server.inside.faults.lock().unwrap().pause = Duration::ZERO;
    case.apply(&["s3://bucket/in/"]);
    case.equals_local("in", &[]);
}

#[test]
fn what_is_wrong_with_the_settings_is_said_and_no_secret_is() {
    let case = Case::new();
    case.put("in/a.json", &rows("ann", 0, 10), DAY);
    let endpoint = case.server.environment()[0].1.clone();
    let wrong = |set: &[(&str, &str)], unset: &[&str], url: &str| {
        let mut command = case.command(&["apply", "mirror", url, "--retry-for", "0"]);
        command.envs(set.iter().copied());
        unset.iter().for_each(|name| {
            command.env_remove(name);
        });
        let ended = Ended::of(Command::from_std(command).output().unwrap());
        assert_eq!(ended.code, Some(3), "{url}: {}", ended.err);
        assert!(ended.err.contains(url), "{}", ended.err);
        ended.err
    };
    let url = "s3://bucket/in/a.json";
    for url in [url, "s3://bucket/in/"] {
        let error = wrong(&[("AWS_SECRET_ACCESS_KEY", "not-to-be-printed-either")], &[], url);
        assert!(error.contains("refuses access") && error.contains("AWS_SECRET_ACCESS_KEY"), "{error}");
        assert!(!error.contains("not-to-be-printed"), "{error}");
        let error = wrong(&[("AWS_ACCESS_KEY_ID", "AKOTHER")], &[], url);
        assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
        let error = wrong(&[("AWS_ALLOW_HTTP", "false")], &[], url);
        assert!(error.contains("AWS_ALLOW_HTTP"), "{error}");
        let nowhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
        assert!(wrong(&nowhere, &[], url).contains("AWS_ENDPOINT_URL"));
        let no_role = [("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL", endpoint.as_str())];
        let error = wrong(&no_role, &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], url);
        assert!(error.contains("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"), "{error}");
    }
    assert!(wrong(&[], &[], "s3://no-bucket/in/").contains("no such bucket"));
    assert!(wrong(&[], &[], "s3://bucket/nothing/").contains("no change file was found"));
    assert!(wrong(&[("AZURE_SKIP_SIGNATURE", "true")], &[], "az://container/x").contains("AZURE_STORAGE_ACCOUNT_NAME"));
    let ended = case.run(&["apply", "mirror", "ftp://host/file"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("s3://"), "{}", ended.err);
}

/// A large file from here and from the server; `SPEED_FILE` names it.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let Ok(path) = std::env::var("SPEED_FILE") else { return };
    let case = Case::new();
    let name = std::path::Path::new(&path).file_name().unwrap().to_str().unwrap().to_owned();
    case.server.put(&format!("in/{name}"), fs::read(&path).unwrap(), DAY);
    let url = format!("s3://bucket/in/{name}");
    for (place, input) in [("local", &path), ("object", &url), ("local", &path), ("object", &url)] {
        let _ = fs::remove_dir_all(case.path("mirror"));
        let words = ["apply", "mirror", "--dialect", "backfill", "--precision", "us", input];
        let (_, seconds, memory) = measured(&case, &words);
        println!("{name} {place}: {seconds:.2} s, {memory} MB");
    }
}
