//! Ids as they are shown where somebody decides by them.

/// The start of an id that is shown where somebody decides by it: 50 bits at least.
pub(in crate::engine) fn short(id: &str) -> String {
    let len = if id.starts_with("cv1") { SHORT_ACCOUNT } else { SHORT_HEX };
    id.chars().take(len).collect()
}

/// `cv1` and ten characters of five bits each.
const SHORT_ACCOUNT: usize = 13;

/// Thirteen characters of four bits each.
const SHORT_HEX: usize = 13;
