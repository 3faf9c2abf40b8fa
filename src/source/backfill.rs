//! A first full load: files that hold the table's rows and no operations.
//!
//! ```text
//! user_id,insert_id,event_time,event_type,total
//! u-10001,ord-1001,2025-11-03 09:15:00.123,Order Placed,19.90
//! ```
//!
//! Every row is an INSERT. A column that another dialect would read as an operation is payload.

use super::dialect::Changes;
use super::mapping::ChangeColumn;
use crate::model::change::{Operation, Operations};

/// None: all columns but the key are payload.
pub(super) const COLUMNS: &[ChangeColumn] = &[];

/// What the rows of a part do.
pub(super) fn changes() -> Changes {
    Changes::in_order(Operations::All(Operation::Insert))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_an_insert() {
        assert!(matches!(changes().operations, Operations::All(Operation::Insert)));
    }
}
