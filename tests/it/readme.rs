//! The README's main job does what the README shows.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text blocks of the README.
fn blocks(language: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_demo_shows_what_the_readme_says() {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_eventmirror"));
    let retail = binary.parent().unwrap().join("examples/retail");
    let output = Command::new("bash")
        .arg(root().join(".ci/demo"))
        .env("EVENTMIRROR_BIN", &binary)
        .env("RETAIL_BIN", retail)
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    let told = blocks("text").into_iter().find(|block| block.starts_with("$ ")).unwrap();
    assert_eq!(shown, told);
}

#[test]
fn the_two_commands_are_scripts_of_the_project() {
    let commands = blocks("sh");
    for command in ["bash .ci/demo", "bash .ci/test"] {
        assert!(commands.iter().any(|block| block.trim() == command), "{command}");
        assert!(root().join(command.trim_start_matches("bash ")).is_file());
    }
}

#[test]
fn the_commands_that_the_readme_names_exist() {
    let used = blocks("sh").concat();
    for command in ["apply", "scan", "count", "log", "rejected", "status"] {
        assert!(used.contains(&format!("eventmirror {command} ")), "{command}");
        let help = Command::new(env!("CARGO_BIN_EXE_eventmirror")).args([command, "--help"]).output().unwrap();
        assert!(help.status.success());
    }
}
