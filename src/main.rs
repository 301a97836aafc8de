//! covey
fn main() {}
