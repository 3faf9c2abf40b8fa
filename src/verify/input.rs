//! One input of an extract: a file, or a Delta table at one of its versions.

use crate::error::{Error, ErrorKind, Result};
use crate::model::change::Parts;
use crate::source::{self, DeltaTable, InputFile, SourceOptions};

pub(super) enum Input {
    File(InputFile),
    Table { table: DeltaTable, version: u64, name: String },
}

impl Input {
    /// The Delta table that the inputs are, at the version that the options ask for, the latest by default; `None` where
    /// no input is one.
    ///
    /// # Errors
    /// `Usage` where a table stands beside other inputs: its files hold rows that were removed long ago; `InvalidInput` for a
    /// version that it does not have.
    pub(super) fn table(inputs: &[String], options: &SourceOptions) -> Result<Option<Input>> {
        for input in inputs.iter().filter(|input| !input.contains(['*', '?', '['])) {
            if !DeltaTable::is_table(input)? {
                continue;
            }
            if inputs.len() > 1 {
                return Err(Error::new(ErrorKind::Usage, "a Delta table is an extract alone").at(input.as_str()));
            }
            let table = DeltaTable::open(input, options)?;
            let (latest, version) = (table.latest(), options.to_version.unwrap_or(table.latest()));
            if version > latest {
                let text = format!("the table has no version {version}, its latest is {latest}");
                return Err(Error::new(ErrorKind::InvalidInput, text).at(input.as_str()));
            }
            return Ok(Some(Input::Table { table, version, name: format!("{input}, version {version}") }));
        }
        Ok(None)
    }

    /// How samples name it.
    pub(super) fn name(&self) -> &str {
        match self {
            Input::File(file) => &file.name,
            Input::Table { name, .. } => name,
        }
    }

    /// Its rows, decoded as they are asked for.
    pub(super) fn parts(&self, options: &SourceOptions) -> Result<Parts> {
        match self {
            Input::File(file) => source::parts(file, options),
            Input::Table { table, version, .. } => table.rows(*version, options),
        }
    }
}
