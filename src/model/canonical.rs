//! TBD
use super::value::ValueRef;
pub fn append(v: ValueRef<'_>, out: &mut Vec<u8>) { super::row::put(0, v, out) }
