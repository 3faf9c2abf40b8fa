//! Which columns a digest is of.

use super::form::Form;
use crate::error::{Error, ErrorKind, Result};
use crate::model::schema::Schema;
use std::collections::BTreeMap;

/// A column of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestColumn {
    /// Its name in the store.
    pub name: String,
    /// How its values are written.
    pub form: Form,
}

/// A column that a digest leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name in the store.
    pub name: String,
    /// Why, as a sentence without a full stop.
    pub why: String,
}

/// What is asked for; by default all columns that can be compared.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only these columns, if there are any.
    pub only: Vec<String>,
    /// Not these columns.
    pub ignored: Vec<String>,
    /// Forms other than those that follow from the values.
    pub forms: BTreeMap<String, Form>,
}

/// The columns of a digest, and those that it leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// In the order in which a row's text has them: by name.
    pub columns: Vec<DigestColumn>,
    /// By name.
    pub left_out: Vec<LeftOut>,
}

impl Choice {
    /// Chooses among the columns of a store.
    ///
    /// # Errors
    /// `Usage` where the choice names a column that the store has not, or asks for one that has no form.
    pub fn choose(&self, schema: &Schema) -> Result<Chosen> {
        let named = self.only.iter().chain(&self.ignored).chain(self.forms.keys());
        if let Some(name) = named.into_iter().find(|name| schema.id(name).is_none()) {
            return Err(Error::new(ErrorKind::Usage, format!("the store has no column {name:?}"))
                .advice("`eventmirror status` lists its columns"));
        }
        let mut chosen = Chosen::default();
        let by_name: BTreeMap<&str, u16> =
            schema.columns().iter().map(|column| (column.name.as_str(), column.types)).collect();
        for (name, types) in by_name {
            let is_in = |names: &[String]| names.iter().any(|other| other == name);
            let is_asked_for = is_in(&self.only);
            let form = self.forms.get(name).copied().map_or_else(|| Form::of_types(types), Ok);
            let left_out = |why: &str| LeftOut { name: name.to_owned(), why: why.to_owned() };
            match form {
                _ if is_in(&self.ignored) => chosen.left_out.push(left_out("it is ignored on demand")),
                _ if !self.only.is_empty() && !is_asked_for => {
                    chosen.left_out.push(left_out("other columns were asked for"));
                }
                Ok(form) => chosen.columns.push(DigestColumn { name: name.to_owned(), form }),
                Err(why) if is_asked_for => {
                    return Err(Error::new(ErrorKind::Usage, format!("column {name:?} cannot be compared: {why}"))
                        .advice(format!("say how the warehouse has it, as in --form {name}=text")));
                }
                Err(why) => chosen.left_out.push(left_out(why)),
            }
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::row;
    use crate::model::value::ValueRef;

    fn schema() -> Schema {
        let mut schema = Schema::default();
        for (name, value) in [
            ("b", ValueRef::Text("")),
            ("a", ValueRef::Int(1)),
            ("props", ValueRef::Json("{}")),
            ("none", ValueRef::Int(0)),
        ] {
            let id = schema.id_or_add(name);
            if name != "none" {
                schema.note_types(id, 1 << row::tag(value));
            }
        }
        schema
    }

    fn names(chosen: &Chosen) -> (String, String) {
        let columns: Vec<_> = chosen.columns.iter().map(|column| format!("{} {}", column.name, column.form)).collect();
        let left_out: Vec<_> = chosen.left_out.iter().map(|column| column.name.clone()).collect();
        (columns.join(", "), left_out.join(", "))
    }

    #[test]
    fn all_columns_that_can_be_compared_by_name() {
        let chosen = Choice::default().choose(&schema()).unwrap();
        assert_eq!(names(&chosen), ("a number, b text, none nothing".into(), "props".into()));
    }

    #[test]
    fn columns_and_forms_on_demand() {
        let only = Choice { only: vec!["b".into()], ..Choice::default() };
        assert_eq!(names(&only.choose(&schema()).unwrap()), ("b text".into(), "a, none, props".into()));
        let choice = Choice {
            ignored: vec!["a".into(), "none".into()],
            forms: BTreeMap::from([("props".into(), Form::Text)]),
            ..Choice::default()
        };
        assert_eq!(names(&choice.choose(&schema()).unwrap()), ("b text, props text".into(), "a, none".into()));
    }

    #[test]
    fn what_cannot_be_chosen_is_said() {
        let unknown = Choice { ignored: vec!["c".into()], ..Choice::default() };
        assert!(unknown.choose(&schema()).unwrap_err().to_string().contains("no column \"c\""));
        let json = Choice { only: vec!["props".into()], ..Choice::default() };
        assert!(json.choose(&schema()).unwrap_err().to_string().contains("--form props=text"));
    }
}
