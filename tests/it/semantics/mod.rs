//! Every row of the table "Semantics" of the design, as tests named after it. Each case runs against the store and the
//! oracle, which must agree on the table and on every count; what is written here is what both must say.

mod keys;
mod operations;
mod positions;
mod scopes;
mod values;
mod windows;
