//! The `eventmirror` binary.
fn main() {}
