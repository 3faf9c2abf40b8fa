//! Which objects of a URL are read: folders, patterns, and only what is new.

use super::*;

fn totals(report: &Value) -> (u64, u64) {
    let of = |key: &str| report["totals"][key].as_u64().unwrap();
    (of("batches") - of("already_applied"), of("already_applied"))
}

fn positions(report: &Value) -> Vec<String> {
    let name = |batch: &Value| batch["position"].as_str().unwrap().to_owned();
    report["batches"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_url_is_an_object_a_folder_or_a_pattern() {
    let case = Case::new();
    for (user, key) in
        ["in/2025-01/a.json", "in/2025-02/b.json", "in/2025-02/c.csv", "in/[x].json", "in/2025-02/_d.json"]
            .iter()
            .enumerate()
    {
        let content = match key.ends_with("csv") {
            true => b"user_id,insert_id,time\ncem,c1,1\n".to_vec(),
            false => rows(&format!("user{user}"), 0, 3),
        };
        case.put(key, &content, DAY);
    }
    let of = |url: &str| {
        let _ = fs::remove_dir_all(case.path("mirror"));
        positions(&case.apply(&[url]))
    };
    assert_eq!(of("s3://bucket/in/2025-01/a.json"), ["a.json"]);
    assert_eq!(of("s3://bucket/in/2025-02"), ["b.json", "c.csv"]);
    assert_eq!(of("s3://bucket/in/*/*.json"), ["2025-01/a.json", "2025-02/b.json"]);
    assert_eq!(of("s3://bucket/in/2025-0[2-9]/*"), ["2025-02/b.json", "2025-02/c.csv"]);
    assert_eq!(of("s3://bucket/in/2025-*"), ["2025-01/a.json", "2025-02/b.json", "2025-02/c.csv"]);
    assert_eq!(of("s3://bucket/in/[x].json"), ["[x].json"], "an object of that very name comes first");
    assert_eq!(of("s3://bucket"), ["in/2025-01/a.json", "in/2025-02/b.json", "in/2025-02/c.csv", "in/[x].json"]);
    let _ = fs::remove_dir_all(case.path("mirror"));
    let both = case.apply(&["s3://bucket/in/2025-01/", "local/in/2025-02"]);
    assert_eq!(positions(&both), ["a.json", "b.json", "c.csv"], "URLs and paths mix");
}

#[test]
fn empty_objects_that_stand_for_folders_are_no_files() {
    let case = Case::new();
    case.server.put("in/", &b""[..], DAY);
    case.server.put("in/2025/", &b""[..], DAY);
    case.put("in/2025/a.json", &rows("ann", 0, 3), DAY);
    case.put("in/2025-x.json", &rows("bob", 0, 3), DAY);
    assert_eq!(positions(&case.apply(&["s3://bucket/in/"])), ["2025-x.json", "2025/a.json"]);
}

/// Sixty days, an object each, the newest an hour old; all applied.
fn sixty_days() -> Case {
    let case = Case::new();
    for day in 0..60u32 {
        case.put(&format!("in/{day:02}.json"), &rows(&format!("user{day}"), 0, 2), DAY * (59 - day) + MINUTE * 60);
    }
    assert_eq!(totals(&case.apply(&["s3://bucket/in/"])), (60, 0));
    assert_eq!(case.server.count(|s| &s.listed), 60);
    case
}

#[test]
fn a_listing_goes_on_near_the_newest_and_finds_what_came_late() {
    let case = sixty_days();
    case.put("in/60.json", &rows("new", 0, 2), MINUTE);
    case.put("in/58a.json", &rows("late", 0, 2), MINUTE);
    let report = case.apply(&["s3://bucket/in/"]);
    // Days 57, 58 and 59 are within two days of the newest.
    assert_eq!((totals(&report), case.server.count(|s| &s.listed)), ((2, 3), 5));
    assert_eq!(positions(&report), ["58a.json", "60.json"], "known ones are counted only");
    let again = case.apply(&["s3://bucket/in/"]);
    assert_eq!(totals(&again), (0, 4), "two days before the new one");
    case.equals_local_rows();
}

#[test]
fn what_sorts_far_before_is_found_by_a_whole_listing_or_a_longer_look_back() {
    let case = sixty_days();
    case.put("in/30a.json", &rows("very late", 0, 2), MINUTE);
    assert_eq!(totals(&case.apply(&["s3://bucket/in/"])), (0, 3));
    assert_eq!(case.server.count(|s| &s.listed), 3);
    assert_eq!(totals(&case.apply(&["s3://bucket/in/", "--look-back", "30d"])).0, 1);
    case.put("in/05a.json", &rows("very, very late", 0, 2), MINUTE);
    assert_eq!(totals(&case.apply(&["s3://bucket/in/", "--relist"])), (1, 61));
    case.equals_local_rows();
}

#[test]
fn another_url_of_the_same_source_is_listed_whole() {
    let case = Case::new();
    for day in 0..10u32 {
        case.put(&format!("in/{day:02}.json"), &rows(&format!("user{day}"), 0, 2), DAY * (10 - day));
    }
    assert_eq!(totals(&case.apply(&["s3://bucket/in/09*"])), (1, 0));
    assert_eq!(totals(&case.apply(&["s3://bucket/in/"])), (9, 1), "the days before were never listed");
}

#[test]
fn a_listing_is_not_complete_before_all_of_it_is_applied() {
    let case = Case::new();
    case.put("in/0.json", &rows("ann", 0, 2), DAY * 9);
    case.put("in/1.json", b"{ no JSON", DAY * 8);
    case.put("in/2.json", &rows("bob", 0, 2), DAY);
    assert_eq!(case.run(&["apply", "mirror", "s3://bucket/in/"]).code, Some(3));
    assert_eq!(case.run(&["apply", "mirror", "s3://bucket/in/2.json"]).code, Some(0));
    case.put("in/1.json", &rows("cem", 0, 2), MINUTE);
    assert_eq!(totals(&case.apply(&["s3://bucket/in/"])), (1, 2));
    case.equals_local_rows();
}

#[test]
fn a_dry_run_notes_no_listing() {
    let case = sixty_days();
    case.put("in/60.json", &rows("new", 0, 2), MINUTE);
    for _ in 0..2 {
        let report = case.apply(&["s3://bucket/in/", "--dry-run"]);
        assert_eq!(totals(&report), (1, 3));
    }
}

#[test]
fn a_known_object_with_other_content_is_reported_and_not_applied() {
    let case = sixty_days();
    case.server.put("in/59.json", rows("user59", 0, 3), MINUTE);
    case.server.put("in/58.json", rows("user58", 0, 2), MINUTE);
    case.server.count(|s| &s.gets);
    let report = case.apply(&["s3://bucket/in/"]);
    let changed = |report: &Value| report["totals"]["counters"]["changed_after_apply"].as_u64();
    assert_eq!(
        (changed(&report), case.server.count(|s| &s.gets)),
        (Some(1), 1),
        "only the one of the same size is read"
    );
    assert_eq!(case.rows("mirror").len(), 120);
    let again = case.apply(&["s3://bucket/in/"]);
    assert_eq!((changed(&again), case.server.count(|s| &s.gets)), (Some(1), 0), "its new time was noted");
}

#[test]
fn a_bucket_whose_objects_expired_is_no_error() {
    let case = sixty_days();
    case.server.clear();
    assert_eq!(totals(&case.apply(&["s3://bucket/in/"])), (0, 0));
    assert_eq!(case.run(&["apply", "mirror", "s3://bucket/other/"]).code, Some(3));
}

impl Case {
    /// Late files are applied in another order than local ones: only the rows are the same.
    fn equals_local_rows(&self) {
        self.run(&["apply", "twin", "--json", "local/in"]).json();
        assert_eq!(self.rows("mirror"), self.rows("twin"));
    }
}

#[test]
#[ignore = "a measurement"]
fn two_hundred_thousand_objects() {
    let count: usize = std::env::var("LISTED").map_or(200_000, |text| text.parse().unwrap());
    let case = Case::new();
    let day = |n: usize| DAY * ((count - n) / (count / 100)) as u32;
    (0..count).for_each(|n| case.server.put(&format!("in/{n:08}.json"), rows("ann", n, n + 1), day(n) + MINUTE));
    let run = |name: &str, words: &[&str]| {
        let words = [&["apply", "mirror", "--json", "s3://bucket/in/"], words].concat();
        let (out, seconds, memory) = measured(&case, &words);
        let (applied, known) = totals(&serde_json::from_str(&out).unwrap());
        let listed = case.server.count(|s| &s.listed);
        println!("{name}: {applied} applied, {known} known, {listed} listed; {seconds:.2} s, {memory} MB");
    };
    run("all new", &[]);
    run("look-back", &[]);
    run("relist", &["--relist"]);
}
