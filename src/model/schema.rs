//! The columns of a store: names with stable ids.

use super::hash;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The number of a column: its place in the order of arrival, never reused.
pub type ColumnId = u32;

/// What the store knows of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name as the source gave it, case included.
    pub name: String,
    /// The types of values seen so far: bit *n* for [row codec](super::row::tag) tag *n*.
    pub types: u16,
}

/// All columns of a store. It only ever grows: a column that arrives gets the next id, and older rows, which have no
/// value for it, stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    columns: Vec<Column>,
    constants: Vec<u128>,
    ids: HashMap<String, ColumnId>,
}

impl Schema {
    /// A schema of these columns, ids in their order.
    pub fn new(columns: Vec<Column>) -> Self {
        let mut schema = Schema::default();
        for column in columns {
            let id = schema.id_or_add(&column.name);
            schema.columns[id as usize].types |= column.types;
        }
        schema
    }

    /// The columns in the order of their ids.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The id of a column.
    pub fn id(&self, name: &str) -> Option<ColumnId> {
        self.ids.get(name).copied()
    }

    /// The id of a column, which is added if it is new.
    pub fn id_or_add(&mut self, name: &str) -> ColumnId {
        if let Some(id) = self.id(name) {
            return id;
        }
        let id = self.columns.len() as ColumnId;
        self.columns.push(Column { name: name.to_owned(), types: 0 });
        self.constants.push(hash::column_constant(name));
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// The name of a column.
    pub fn name(&self, id: ColumnId) -> Option<&str> {
        self.columns.get(id as usize).map(|column| column.name.as_str())
    }

    /// The factor of a column in a row hash.
    pub fn constant(&self, id: ColumnId) -> Option<u128> {
        self.constants.get(id as usize).copied()
    }

    /// Notes types of values seen in a column; true where one is new.
    pub fn note_types(&mut self, id: ColumnId, types: u16) -> bool {
        match self.columns.get_mut(id as usize) {
            Some(column) => {
                let new = types & !column.types != 0;
                column.types |= types;
                new
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_grow() {
        let mut schema = Schema::default();
        assert_eq!((schema.id_or_add("b"), schema.id_or_add("a"), schema.id_or_add("b")), (0, 1, 0));
        let again = Schema::new(schema.columns().to_vec());
        assert_eq!(again, schema);
        assert_eq!(again.name(1), Some("a"));
        assert_eq!(again.name(2), None);
    }

    #[test]
    fn types_are_noted_once() {
        let mut schema = Schema::default();
        let id = schema.id_or_add("a");
        assert!(schema.note_types(id, 0b1000));
        assert!(!schema.note_types(id, 0b1000));
        assert!(schema.note_types(id, 0b0100));
        assert_eq!(schema.columns()[0].types, 0b1100);
    }
}
