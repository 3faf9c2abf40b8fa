//! Sorting of encoded keys: sixteen bytes at a time, so that a key is fetched from its arena once a level and not once
//! a comparison.

/// Where a row is: index of its arena's rows, and index of the row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) part: u32,
    pub(super) row: u32,
}

const STEP: usize = 16;

/// Sorts places by key, then by what `tie` tells of rows of one key. The keys must be self-delimiting: none is a
/// prefix of another. Calls `group` for every run of one key, in order. `count` is how many places there are.
pub(super) fn by_key<'a, T: Ord>(
    count: usize,
    places: impl Iterator<Item = Place>,
    key: &impl Fn(Place) -> &'a [u8],
    tie: &impl Fn(Place) -> T,
    group: &mut impl FnMut(&[Place]),
) {
    let mut items: Vec<(u128, Place)> = Vec::with_capacity(count);
    items.extend(places.map(|place| (chunk(key(place), 0), place)));
    let mut run = Vec::new();
    sort_level(&mut items, 0, key, tie, &mut run, group);
}

fn sort_level<'a, T: Ord>(
    items: &mut [(u128, Place)],
    depth: usize,
    key: &impl Fn(Place) -> &'a [u8],
    tie: &impl Fn(Place) -> T,
    run: &mut Vec<Place>,
    group: &mut impl FnMut(&[Place]),
) {
    items.sort_unstable_by_key(|(prefix, _)| *prefix);
    for same in items.chunk_by_mut(|a, b| a.0 == b.0) {
        let next = depth + STEP;
        if same.len() > 1 && key(same[0].1).len() > next {
            same.iter_mut().for_each(|(prefix, place)| *prefix = chunk(key(*place), next));
            sort_level(same, next, key, tie, run, group);
            continue;
        }
        run.clear();
        run.extend(same.iter().map(|(_, place)| *place));
        if run.len() > 1 {
            run.sort_by_key(|place| tie(*place));
        }
        group(run);
    }
}

/// Sixteen bytes of a key from `depth` on, as a number with the same order; zeros behind its end.
fn chunk(key: &[u8], depth: usize) -> u128 {
    let rest = key.get(depth..).unwrap_or_default();
    match rest.first_chunk::<STEP>() {
        Some(bytes) => u128::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0u8; STEP];
            bytes[..rest.len()].copy_from_slice(rest);
            u128::from_be_bytes(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::EventKey;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn groups_come_in_the_order_of_keys(keys in prop::collection::vec(("[ab]{1,30}", "[ab\u{0}]{1,20}", 0i64..3), 0..60)) {
            let keys: Vec<Vec<u8>> = keys.into_iter().map(|(u, i, t)| EventKey::new(u, i, t).encode()).collect();
            let places = (0..keys.len() as u32).map(|row| Place { part: 0, row });
            let mut groups = Vec::new();
            let key = |place: Place| keys[place.row as usize].as_slice();
            by_key(keys.len(), places, &key, &|place| place.row, &mut |run| groups.push(run.iter().map(|p| p.row).collect::<Vec<_>>()));
            let mut expected = std::collections::BTreeMap::<&[u8], Vec<u32>>::new();
            keys.iter().enumerate().for_each(|(row, key)| expected.entry(key).or_default().push(row as u32));
            prop_assert_eq!(groups, expected.into_values().collect::<Vec<_>>());
        }
    }
}
