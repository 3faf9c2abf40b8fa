//! What a reader does with the events of a snapshot. Knows events and columns, not where they come from.

mod export;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;

pub use export::{column_names, write_csv};
pub use lines::{one_line, write_ndjson};
#[cfg(feature = "parquet")]
pub use parquet::{ParquetPlan, write_parquet};
