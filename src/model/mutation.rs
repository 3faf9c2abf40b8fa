//! Mutations: the net effect of a change batch on each key, and what comes of it.

use super::arena::Arena;
use super::change::RowPlace;
use super::counts::Counter;
use super::rejection::Rule;
use std::ops::Range;

/// How a put was asked for, which decides what is counted when the store disagrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MutationKind {
    /// Only INSERTs: the key should be new.
    Insert,
    /// Only UPDATEs: the key should exist.
    Update,
    /// A mixture of operations that ends in a put: either is fine.
    Upsert,
    /// A DELETE: the key should exist.
    Delete,
    /// A DELETE behind a put of the same batch: the key need not have existed before.
    DeleteAfterPut,
}

impl MutationKind {
    /// Whether the key is gone afterwards.
    pub fn is_delete(self) -> bool {
        matches!(self, MutationKind::Delete | MutationKind::DeleteAfterPut)
    }
}

/// What to do with a row that contradicts the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// Do as the row says (replace, upsert) and count it.
    #[default]
    Apply,
    /// Leave the store as it is and count it.
    Ignore,
    /// Reject the row.
    Reject,
}

/// What an UPDATE does to the columns that it does not bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UpdateMode {
    /// The row is replaced whole: columns that it does not bring become null. What every warehouse feed means.
    #[default]
    Replace,
    /// Columns that it does not bring stay, for sources that send patches.
    Merge,
}

/// The options of design section 3 that are decided against the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policies {
    /// An INSERT of a key that has another payload.
    pub on_insert_conflict: Policy,
    /// An UPDATE of a key that does not exist.
    pub on_unmatched_update: Policy,
    /// What an UPDATE replaces.
    pub update_mode: UpdateMode,
}

/// What a mutation does to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The key is new.
    Inserted,
    /// The key had another payload.
    Updated,
    /// The key is gone.
    Deleted,
    /// The key has this payload already.
    Unchanged,
    /// The store stays as it is: nothing to delete, or a policy ignores the row.
    WithoutEffect,
    /// A policy rejects the row.
    Rejected(Rule),
}

impl Effect {
    /// Whether the key is not what it was: a version is written, and index and fingerprint follow.
    pub fn changes_the_key(self) -> bool {
        matches!(self, Effect::Inserted | Effect::Updated | Effect::Deleted)
    }
}

/// What comes of a mutation, given the row hash that the key has (`None`: the key does not exist) and the hash of the
/// new row, with what is counted besides.
///
/// | mutation | key absent | same payload | other payload |
/// |---|---|---|---|
/// | insert | inserted | unchanged | updated + `insert_conflict`, or as the policy says |
/// | update | inserted + `update_without_match`, or as the policy says | unchanged | updated |
/// | upsert | inserted | unchanged | updated |
/// | delete | without effect + `delete_without_match` | deleted | deleted |
/// | delete after put | without effect | deleted | deleted |
pub fn effect(kind: MutationKind, old: Option<u128>, new: u128, policies: &Policies) -> (Effect, Option<Counter>) {
    use MutationKind::*;
    match (kind, old) {
        (Delete, None) => (Effect::WithoutEffect, Some(Counter::DeleteWithoutMatch)),
        (DeleteAfterPut, None) => (Effect::WithoutEffect, None),
        (Delete | DeleteAfterPut, Some(_)) => (Effect::Deleted, None),
        (Insert | Upsert, None) => (Effect::Inserted, None),
        (Update, None) => {
            let effect = match policies.on_unmatched_update {
                Policy::Apply => Effect::Inserted,
                Policy::Ignore => Effect::WithoutEffect,
                Policy::Reject => Effect::Rejected(Rule::UpdateWithoutMatch),
            };
            (effect, Some(Counter::UpdateWithoutMatch))
        }
        (_, Some(old)) if old == new => (Effect::Unchanged, None),
        (Insert, Some(_)) => {
            let effect = match policies.on_insert_conflict {
                Policy::Apply => Effect::Updated,
                Policy::Ignore => Effect::WithoutEffect,
                Policy::Reject => Effect::Rejected(Rule::InsertConflict),
            };
            (effect, Some(Counter::InsertConflict))
        }
        (Update | Upsert, Some(_)) => (Effect::Updated, None),
    }
}

/// The net effect of a change batch on one key. Key and row are ranges of an arena of its [`MutationSet`].
#[derive(Debug, Clone, Copy)]
pub struct Mutation {
    /// Hash of the key: what the store's index knows it by.
    pub key_hash: u128,
    /// Hash of the new row; 0 for a delete.
    pub row_hash: u128,
    /// Where the change stood that decided.
    pub place: RowPlace,
    /// Which arena holds the bytes.
    pub arena: u32,
    /// Where the encoded key begins in its arena.
    pub offset: u32,
    /// Bytes of the key.
    pub key_length: u32,
    /// Bytes of the row, which follow the key.
    pub row_length: u32,
    /// Bucket of the key.
    pub bucket: u16,
    /// What it does.
    pub kind: MutationKind,
    /// The row brings only some columns, to be laid over the row that the store has.
    pub is_patch: bool,
}

impl Mutation {
    fn key_range(&self) -> Range<usize> {
        self.offset as usize..(self.offset + self.key_length) as usize
    }

    fn row_range(&self) -> Range<usize> {
        let start = (self.offset + self.key_length) as usize;
        start..start + self.row_length as usize
    }
}

/// One net mutation a key, in the order of encoded keys.
#[derive(Debug, Default)]
pub struct MutationSet {
    /// Bytes of keys and rows.
    pub arenas: Vec<Arena>,
    /// The mutations, keys strictly rising.
    pub mutations: Vec<Mutation>,
}

impl MutationSet {
    /// The encoded key of a mutation of this set.
    pub fn key(&self, mutation: &Mutation) -> &[u8] {
        &self.arenas[mutation.arena as usize][mutation.key_range()]
    }

    /// The encoded row of a mutation of this set; empty for a delete.
    pub fn row(&self, mutation: &Mutation) -> &[u8] {
        &self.arenas[mutation.arena as usize][mutation.row_range()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(on_insert_conflict: Policy, on_unmatched_update: Policy) -> Policies {
        Policies { on_insert_conflict, on_unmatched_update, ..Policies::default() }
    }

    fn check(kind: MutationKind, old: Option<u128>, policies: Policies, expected: (Effect, Option<Counter>)) {
        assert_eq!(effect(kind, old, 7, &policies), expected, "{kind:?} on {old:?}");
    }

    #[test]
    fn every_line_of_the_table() {
        use MutationKind::*;
        let default = Policies::default();
        for kind in [Insert, Upsert] {
            check(kind, None, default, (Effect::Inserted, None));
        }
        for kind in [Insert, Update, Upsert] {
            check(kind, Some(7), default, (Effect::Unchanged, None));
        }
        for kind in [Update, Upsert] {
            check(kind, Some(8), default, (Effect::Updated, None));
        }
        for kind in [Delete, DeleteAfterPut] {
            check(kind, Some(7), default, (Effect::Deleted, None));
            check(kind, Some(8), default, (Effect::Deleted, None));
        }
        check(Insert, Some(8), default, (Effect::Updated, Some(Counter::InsertConflict)));
        check(Update, None, default, (Effect::Inserted, Some(Counter::UpdateWithoutMatch)));
        check(Delete, None, default, (Effect::WithoutEffect, Some(Counter::DeleteWithoutMatch)));
        check(DeleteAfterPut, None, default, (Effect::WithoutEffect, None));
    }

    #[test]
    fn policies_decide_what_contradicts_the_store() {
        use MutationKind::*;
        let conflict = Some(Counter::InsertConflict);
        let unmatched = Some(Counter::UpdateWithoutMatch);
        check(Insert, Some(8), with(Policy::Ignore, Policy::Apply), (Effect::WithoutEffect, conflict));
        check(Insert, Some(8), with(Policy::Reject, Policy::Apply), (Effect::Rejected(Rule::InsertConflict), conflict));
        check(Update, None, with(Policy::Apply, Policy::Ignore), (Effect::WithoutEffect, unmatched));
        let rejected = Effect::Rejected(Rule::UpdateWithoutMatch);
        check(Update, None, with(Policy::Apply, Policy::Reject), (rejected, unmatched));
        check(Insert, Some(7), with(Policy::Reject, Policy::Reject), (Effect::Unchanged, None));
    }
}
