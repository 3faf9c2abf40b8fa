//! Where the rows of a warehouse are.

use super::Engine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the warehouse has event times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    /// As timestamps; those without a time zone are in UTC.
    #[default]
    Timestamp,
    /// As whole seconds since 1970.
    Seconds,
    /// As whole milliseconds since 1970.
    Millis,
    /// As whole microseconds since 1970.
    Micros,
}

/// A table of a warehouse, as the queries name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The engine's name.
    #[serde(with = "engine_name")]
    pub engine: Engine,
    /// Its name as SQL has it, quoted where it must be.
    pub name: String,
    /// Columns of key fields (`user_id`, `insert_id`, `event_time`) and of the store's columns, where they have other
    /// names in the warehouse. An id may be made of several.
    pub columns: BTreeMap<String, Vec<String>>,
    /// How event times are kept.
    pub event_time: EventTime,
}

mod engine_name {
    use super::Engine;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(engine: &Engine, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(engine.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Engine, D::Error> {
        let name = String::deserialize(deserializer)?;
        Engine::parse(&name).ok_or_else(|| D::Error::custom(format!("{name:?} is no engine")))
    }
}
