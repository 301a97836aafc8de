//! Which settings can change while the node runs, and how two configurations differ.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Config;

/// Settings that take effect at once. The others shape what is built at the start: sockets, caches, limits of connections.
const LIVE: &[&str] = &[
    "network.discoverable",
    "pairing.required",
    "pairing.decline_silently",
    "pairing.max_pending",
    "pairing.max_invites_per_hour",
    "keepers.offer",
    "receipts.read",
    "groups.rotation_delay",
    "groups.max_members",
    "storage.journal_keep",
    "storage.journal_max_mib",
    "storage.author_burst_mib",
    "storage.author_kib_per_second",
    "storage.mail_max_mib",
    "storage.mail_max_accounts",
    "log.level",
];

/// Whether the setting (as `section.key`) can change while the node runs.
pub fn is_live(key: &str) -> bool {
    LIVE.contains(&key)
}

/// The settings (as `section.key`) in which the two differ, in alphabetical order.
pub fn differences(one: &Config, other: &Config) -> Vec<String> {
    let (one, other) = (values(one), values(other));
    one.into_iter().filter(|(key, value)| other.get(key) != Some(value)).map(|(key, _)| key).collect()
}

/// `running` with the values that `wanted` has for `keys`.
pub fn adopt(running: &Config, wanted: &Config, keys: &[String]) -> Config {
    let mut all = serde_json::to_value(running).unwrap_or_default();
    let wanted = values(wanted);
    for key in keys {
        if let (Some((section, name)), Some(value)) = (key.split_once('.'), wanted.get(key)) {
            all[section][name] = value.clone();
        }
    }
    serde_json::from_value(all).expect("both are configurations, and so is any mixture of their settings")
}

/// Every setting (as `section.key`) with its value.
pub fn values(config: &Config) -> BTreeMap<String, Value> {
    let all = serde_json::to_value(config).unwrap_or_default();
    let sections = all.as_object().into_iter().flatten();
    sections
        .flat_map(|(section, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, value)| (format!("{section}.{key}"), value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    #[test]
    fn every_live_setting_is_a_setting() {
        for key in LIVE {
            assert!(names::is_known(key), "{key}");
        }
        assert_eq!(values(&Config::default()).len(), names::all().count());
    }

    #[test]
    fn only_the_named_settings_are_adopted() {
        let (running, mut wanted) = (Config::default(), Config::default());
        wanted.receipts.read = false;
        wanted.rpc.listen = "off".to_owned();
        wanted.groups.rotation_delay = super::super::Period::seconds(7);
        let changed = differences(&running, &wanted);
        assert_eq!(changed, ["groups.rotation_delay", "receipts.read", "rpc.listen"]);
        let live: Vec<String> = changed.into_iter().filter(|key| is_live(key)).collect();
        let adopted = adopt(&running, &wanted, &live);
        assert_eq!(differences(&adopted, &wanted), ["rpc.listen"]);
        assert_eq!(differences(&running, &running), Vec::<String>::new());
    }
}
