//! `completions` and `man`: what is generated from the arguments themselves.

use super::Outcome;
use super::arguments::{Cli, CompletionsArguments, ManArguments};
use super::output::{Console, say};
use crate::error::{Error, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct CompletionsJson {
    schema: &'static str,
    shell: String,
    script: String,
}

pub(super) fn completions(arguments: &CompletionsArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "eventmirror", &mut script);
    if json {
        let script = String::from_utf8_lossy(&script).into_owned();
        let schema = "eventmirror.completions/1";
        console.json(&CompletionsJson { schema, shell: arguments.shell.to_string(), script })?;
        return Ok(Outcome::Done);
    }
    console.stream().write_all(&script)?;
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct ManJson {
    schema: &'static str,
    pages: BTreeMap<String, String>,
}

pub(super) fn man(arguments: &ManArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let pages = pages()?;
    if let Some(folder) = &arguments.folder {
        let place = |error: std::io::Error| Error::from(error).at(folder.display().to_string());
        std::fs::create_dir_all(folder).map_err(place)?;
        for (name, page) in &pages {
            std::fs::write(folder.join(name), page).map_err(place)?;
        }
        say(&format!("{} pages written to {}", pages.len(), folder.display()));
    } else if json {
        let text = |(name, page): (String, Vec<u8>)| (name, String::from_utf8_lossy(&page).into_owned());
        console.json(&ManJson { schema: "eventmirror.man/1", pages: pages.into_iter().map(text).collect() })?;
    } else if let Some(page) = pages.get("eventmirror.1") {
        console.stream().write_all(page)?;
    }
    Ok(Outcome::Done)
}

/// The pages of the program and of its commands, by file name.
fn pages() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = BTreeMap::new();
    let mut commands = vec![program];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|command| command.get_name() != "help").cloned());
        let man = Man::new(command);
        let mut page = Vec::new();
        man.render(&mut page)?;
        pages.insert(man.get_filename(), page);
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let pages = pages().unwrap();
        assert!(pages.contains_key("eventmirror.1"), "{:?}", pages.keys());
        assert!(pages.contains_key("eventmirror-digest-sql.1"), "{:?}", pages.keys());
        assert!(!pages.keys().any(|name| name.contains("help")), "{:?}", pages.keys());
        for command in Cli::command().get_subcommands() {
            let page = &pages[&format!("eventmirror-{}.1", command.get_name())];
            assert!(String::from_utf8_lossy(page).contains("Examples"), "{}", command.get_name());
        }
    }
}
