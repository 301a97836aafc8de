//! The names of settings, and the one that was probably meant.

use super::settings::SECTIONS;

/// Every setting as `section.key`.
pub(crate) fn all() -> impl Iterator<Item = String> {
    SECTIONS.iter().flat_map(|s| s.fields.iter().map(|f| format!("{}.{}", s.name, f.name)))
}

/// True if `key` (as `section.key`) is a setting.
pub(crate) fn is_known(key: &str) -> bool {
    all().any(|name| name == key)
}

/// The name that looks most like `key`: a setting, or a section if `key` has no dot.
pub(crate) fn nearest(key: &str) -> Option<String> {
    // Less alike than this (0 to 1), a suggestion is noise.
    const ALIKE: f64 = 0.6;
    let leaf = key.rsplit('.').next().unwrap_or(key);
    let score = |name: &str| {
        let name_leaf = name.rsplit('.').next().unwrap_or(name);
        // The right key in the wrong section is the best guess of all.
        if leaf == name_leaf { 2.0 } else { strsim::normalized_damerau_levenshtein(key, name) }
    };
    let sections = SECTIONS.iter().map(|s| s.name.to_owned()).filter(|_| !key.contains('.'));
    let best = all().chain(sections).map(|name| (score(&name), name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_the_setting() {
        assert_eq!(nearest("network.lisen").as_deref(), Some("network.listen"));
        assert_eq!(nearest("netwrok").as_deref(), Some("network"));
        assert_eq!(nearest("bootstrap").as_deref(), Some("network.bootstrap"));
        assert_eq!(nearest("rpc.mdns").as_deref(), Some("network.mdns"));
        assert_eq!(nearest("network.colour_of_the_sky"), None);
    }
}
