//! What each mutation of a set does to the table: looked up in the existence index, on both cores, page by page.

use super::index::{Page, PageReader};
use super::keyspace::pages::{Entry, PAGES, page_of};
use super::{Inner, both};
use crate::error::Result;
use crate::model::counts::Counts;
use crate::model::fingerprint::Fingerprint;
use crate::model::mutation::{Effect, MutationSet, Policies, effect};
use std::collections::HashMap;

/// Below this many mutations a second thread costs more than it saves.
const PARALLEL_FROM: usize = 4096;

/// The effects of a set's mutations, with what they change.
#[derive(Debug, Default)]
pub(super) struct Classified {
    /// One a mutation.
    pub(super) effects: Vec<Effect>,
    pub(super) counts: Counts,
    /// Changes of the existence index.
    pub(super) entries: Vec<Entry>,
    /// Changes of fingerprints by bucket; row counts are differences modulo 2^64.
    pub(super) changes: HashMap<u16, Fingerprint>,
}

/// Looks every mutation up and brings the pages up to date.
pub(super) fn classify(
    inner: &Inner,
    pages: &mut [Page],
    committed: u64,
    set: &MutationSet,
    policies: &Policies,
) -> Result<Classified> {
    let half = PAGES / 2;
    let (mut low, mut high): (Vec<_>, Vec<_>) = (0..set.mutations.len() as u32)
        .map(|index| (set.mutations[index as usize].key_hash, index))
        .partition(|(key_hash, _)| usize::from(page_of(*key_hash)) < half);
    let (low_pages, high_pages) = pages.split_at_mut(half);
    let task = |pages, first_page, order: &mut Vec<(u128, u32)>| {
        order.sort_unstable();
        Half { inner, committed, set, policies }.run(pages, first_page, order)
    };
    let (low, high) = match set.mutations.len() < PARALLEL_FROM {
        true => (task(low_pages, 0, &mut low)?, task(high_pages, half, &mut high)?),
        false => both(|| task(low_pages, 0, &mut low), || task(high_pages, half, &mut high))?,
    };
    let mut all = Classified { effects: vec![Effect::WithoutEffect; set.mutations.len()], ..Classified::default() };
    for part in [low, high] {
        part.effects.iter().for_each(|(index, effect)| all.effects[*index as usize] = *effect);
        all.counts.add(&part.counts);
        all.entries.extend(part.entries);
        for (bucket, change) in part.changes {
            let sum = all.changes.entry(bucket).or_default();
            *sum = sum.plus(change);
        }
    }
    Ok(all)
}

/// What one half of the pages makes of the mutations that fall on it.
#[derive(Default)]
struct HalfClassified {
    effects: Vec<(u32, Effect)>,
    counts: Counts,
    entries: Vec<Entry>,
    changes: HashMap<u16, Fingerprint>,
}

struct Half<'a> {
    inner: &'a Inner,
    committed: u64,
    set: &'a MutationSet,
    policies: &'a Policies,
}

impl Half<'_> {
    fn run(&self, pages: &mut [Page], first_page: usize, order: &[(u128, u32)]) -> Result<HalfClassified> {
        let mut reader = PageReader::new(&self.inner.db, self.inner.families(), self.committed);
        let mut out = HalfClassified::default();
        out.effects.reserve(order.len());
        out.entries.reserve(order.len());
        for same_page in order.chunk_by(|a, b| page_of(a.0) == page_of(b.0)) {
            let number = page_of(same_page[0].0);
            let page = &mut pages[usize::from(number) - first_page];
            reader.read(number, page)?;
            let first_entry = out.entries.len();
            for &(key_hash, index) in same_page {
                self.mutation(index, page.get(key_hash), &mut out);
            }
            page.set_all(&out.entries[first_entry..]);
        }
        Ok(out)
    }

    /// `old` is the row hash that the key has.
    fn mutation(&self, index: u32, old: Option<u128>, out: &mut HalfClassified) {
        let mutation = &self.set.mutations[index as usize];
        let (effect, counter) = effect(mutation.kind, old, mutation.row_hash, self.policies);
        if let Some(counter) = counter {
            out.counts.count(counter, 1);
        }
        out.effects.push((index, effect));
        match effect {
            Effect::Inserted => out.counts.inserted += 1,
            Effect::Updated => out.counts.updated += 1,
            Effect::Deleted => out.counts.deleted += 1,
            Effect::Unchanged => out.counts.unchanged += 1,
            Effect::WithoutEffect => out.counts.without_effect += 1,
            Effect::Rejected(rule) => out.counts.reject(rule, 1),
        }
        if effect.changes_the_key() {
            let mut change = Fingerprint::default();
            if effect != Effect::Inserted {
                change.remove(old.unwrap_or_default());
            }
            if effect != Effect::Deleted {
                change.add(mutation.row_hash);
            }
            let sum = out.changes.entry(mutation.bucket).or_default();
            *sum = sum.plus(change);
            out.entries.push(Entry { key_hash: mutation.key_hash, row_hash: mutation.row_hash });
        }
    }
}
