//! Tables for people.

use crate::report::words;
pub(super) use crate::report::words::grouped;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// A column's title, and whether it holds numbers.
pub(super) type Title<'a> = (&'a str, Align);

/// Where a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Characters of a cell that are shown at most.
const WIDEST: usize = 60;

/// A terminal says that it is narrower than this where it does not know its width; then nothing is fitted to it.
const LEAST_WIDTH: usize = 40;
/// Characters that a column needs to be of use.
const COLUMN_WIDTH: usize = 12;

/// How many columns of text have room on the terminal; `None` where its width is not known.
pub(super) fn columns_that_fit() -> Option<usize> {
    let width = usize::from(Table::new().width()?);
    (width >= LEAST_WIDTH).then_some(width / COLUMN_WIDTH)
}

/// A table with these titles.
pub(super) fn table(titles: &[Title<'_>], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    let arrangement = match table.width() {
        Some(width) if usize::from(width) >= LEAST_WIDTH => ContentArrangement::Dynamic,
        _ => ContentArrangement::Disabled,
    };
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(arrangement);
    let place = |align| match align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    };
    table.set_header(titles.iter().map(|(title, align)| Cell::new(shown(title)).set_alignment(place(*align))));
    for row in rows {
        let cell = |(text, (_, align)): (String, &Title<'_>)| Cell::new(shown(&text)).set_alignment(place(*align));
        table.add_row(row.into_iter().zip(titles).map(cell));
    }
    table
}

/// Text as it may stand on a terminal.
pub(super) fn shown(text: &str) -> String {
    words::shown(text, WIDEST, &[])
}

/// `1 row`, `2 rows`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    let ending = match (number, noun) {
        (1, _) => "",
        (_, "batch") => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_has_its_ending() {
        assert_eq!((plural(1, "batch"), plural(2, "batch")), ("1 batch".to_owned(), "2 batches".to_owned()));
        assert_eq!(plural(1_000, "row"), "1,000 rows");
    }

    #[test]
    fn numbers_stand_right() {
        let table = table(&[("name", Align::Left), ("n", Align::Right)], [vec!["a".into(), "1".into()]]);
        let lines: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "│ name ┆ n │");
        assert_eq!(lines[3], "│ a    ┆ 1 │");
    }
}
