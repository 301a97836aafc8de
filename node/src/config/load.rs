//! Reading the layers of a configuration and putting them together.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use figment::{Figment, providers::Serialized, value::Value};
use serde::Serialize;
use toml::{Spanned, de::DeTable};

use super::{Config, ConfigError, check, edit, errors::Place, names, settings::SECTIONS};
use crate::{files, paths::Paths};

/// Prefix of environment variables that are settings. Those without `__` (`COVEY_LOG`, `COVEY_DATA_DIR`, …) are not.
const PREFIX: &str = "COVEY_";

/// Settings given by flags.
#[derive(Debug, Clone, Default)]
pub struct Overrides(BTreeMap<&'static str, Value>);

impl Overrides {
    /// No flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `section.key`.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl Serialize) -> Self {
        debug_assert!(names::is_known(key), "flag for unknown setting {key}");
        if let Ok(value) = Value::serialize(value) {
            self.0.insert(key, value);
        }
        self
    }

    /// Sets `section.key` if the flag was given.
    #[must_use]
    pub fn set_some(self, key: &'static str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }
}

/// Who decides a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody.
    Default,
    /// The file.
    File,
    /// This variable.
    Environment(String),
    /// A flag.
    Flag,
}

/// Where a configuration comes from, so that it can be read again.
#[derive(Debug, Clone)]
pub struct Layers {
    file: PathBuf,
    must_exist: bool,
    environment: Vec<(String, String)>,
    flags: Overrides,
}

impl Layers {
    /// The file that `paths` names, the environment of this process, and `flags`.
    pub fn of_process(paths: &Paths, flags: Overrides) -> Self {
        let (file, must_exist) = (paths.config_file().to_owned(), paths.config_is_explicit());
        Self { file, must_exist, environment: process_environment(), flags }
    }

    /// The configuration as the layers are now.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(&self) -> Result<Config, ConfigError> {
        load(&self.file, self.must_exist, self.environment.iter().cloned(), &self.flags)
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Who decides a setting: the file, or what wins over it. The environment with the name of its variable.
    pub fn source(&self, key: &str) -> Source {
        if self.flags.0.contains_key(key) {
            return Source::Flag;
        }
        let name = variable(key);
        if self.environment.iter().any(|(known, _)| *known == name) {
            return Source::Environment(name);
        }
        let text = read(&self.file, false).ok().flatten().unwrap_or_default();
        let in_file = || {
            toml::from_str::<toml::Table>(&text).ok()?.get(key.split('.').next()?)?.get(key.split('.').nth(1)?).cloned()
        };
        if in_file().is_some() { Source::File } else { Source::Default }
    }

    /// What the file would say with the setting changed (or left out, without a value), and the configuration that this makes.
    ///
    /// # Errors
    /// [`ConfigError`]; the file is as it was.
    pub fn with(&self, key: &str, value: Option<&serde_json::Value>) -> Result<(String, Config), ConfigError> {
        let before = read(&self.file, false)?.unwrap_or_default();
        let place = Place::File(self.file.clone(), 1);
        let text = edit::edited(&before, key, value).map_err(|message| ConfigError::Syntax { place, message })?;
        let config = put_together(&self.file, Some(&text), self.environment.iter().cloned(), &self.flags)?;
        Ok((text, config))
    }

    /// Replaces the content of the file, atomically; one that is not there is made.
    ///
    /// # Errors
    /// What the operating system says; the old file is then still there.
    pub fn write(&self, text: &str) -> io::Result<()> {
        // A link stays a link.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut complete = files::private_beside(&file)?;
        complete.write_all(text.as_bytes())?;
        if let Ok(before) = fs::metadata(&file) {
            complete.as_file().set_permissions(before.permissions())?;
        }
        files::put_in_place(complete, &file)
    }
}

/// The variables of this process that [`load`] looks at.
pub fn process_environment() -> Vec<(String, String)> {
    let text = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
    std::env::vars_os().map(|(n, v)| (text(n), text(v))).filter(|(n, _)| n.starts_with(PREFIX)).collect()
}

/// The configuration from `file` (which must exist if `must_exist`), `environment` and `flags`, checked.
///
/// # Errors
/// [`ConfigError`] with the place and the most likely intention.
pub fn load(
    file: &Path,
    must_exist: bool,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Result<Config, ConfigError> {
    put_together(file, read(file, must_exist)?.as_deref(), environment, flags)
}

fn put_together(
    file: &Path,
    text: Option<&str>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(text) = text {
        figment = figment.merge(Serialized::defaults(parse(file, text)?));
    }
    let environment = variables(environment)?;
    for (key, (_, value)) in &environment {
        figment = figment.merge(Serialized::default(key, value));
    }
    for (key, value) in &flags.0 {
        figment = figment.merge(Serialized::default(key, value));
    }
    let config: Config = figment.extract().map_err(|e| {
        let key = e.path.join(".");
        // The file was checked by itself, so that it was a later layer.
        let variable = environment.get(&key).filter(|_| !flags.0.contains_key(key.as_str()));
        let place = variable.map_or(Place::Flag, |(name, _)| Place::Environment(name.clone()));
        ConfigError::Type { place, message: e.kind.to_string(), key }
    })?;
    check(&config)?;
    Ok(config)
}

pub(super) fn read(path: &Path, must_exist: bool) -> Result<Option<String>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound && must_exist => {
            Err(ConfigError::Missing { path: path.to_path_buf() })
        }
        // The directory of the data may not be one; whoever needs it says so.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) && !must_exist => Ok(None),
        Err(source) => Err(ConfigError::Io { path: path.to_path_buf(), source }),
    }
}

/// Reads a file: syntax first, then names, then types, each with its line. What it does not set has its default.
fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let place = |at: Option<Range<usize>>| Place::File(path.to_path_buf(), line_of(text, at.as_ref()));
    let table = DeTable::parse(text)
        .map_err(|e| ConfigError::Syntax { place: place(e.span()), message: e.message().to_owned() })?;
    for (section, value) in table.get_ref() {
        let unknown = |name: &Spanned<_>, key: String| ConfigError::UnknownKey {
            place: place(Some(Spanned::span(name))),
            nearest: names::nearest(&key),
            key,
        };
        let Some(known) = SECTIONS.iter().find(|s| s.name == section.get_ref()) else {
            return Err(unknown(section, section.get_ref().to_string()));
        };
        let Some(keys) = value.get_ref().as_table() else { continue };
        for key in keys.keys() {
            if !known.fields.iter().any(|f| f.name == key.get_ref()) {
                return Err(unknown(key, format!("{}.{}", known.name, key.get_ref())));
            }
        }
    }
    toml::from_str(text).map_err(|e| {
        let at = e.span();
        let line = text.lines().nth(line_of(text, at.as_ref()) - 1).unwrap_or_default().trim();
        ConfigError::Type { place: place(at), key: line.to_owned(), message: e.message().to_owned() }
    })
}

/// The line (from 1) in which a range begins.
pub(super) fn line_of(text: &str, at: Option<&Range<usize>>) -> usize {
    let start = at.map_or(0, |range| range.start).min(text.len());
    text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count() + 1
}

/// Settings in the environment: `section.key` to the variable and its value.
pub(super) fn variables(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, (String, Value)>, ConfigError> {
    let mut found = BTreeMap::new();
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let Some((section, key)) = rest.split_once("__") else {
            mistyped(&name, rest)?;
            continue;
        };
        let key = format!("{}.{}", section.to_lowercase(), key.to_lowercase());
        if !names::is_known(&key) {
            let nearest = names::nearest(&key).map(|key| variable(&key));
            return Err(ConfigError::UnknownKey { place: Place::Environment(name), key, nearest });
        }
        // Numbers, switches and lists as in TOML; what is none of them is a text.
        let value = value.parse().unwrap_or_else(|never| match never {});
        found.insert(key, (name, value));
    }
    Ok(found)
}

/// `COVEY_NETWORK_LISTEN` has no effect, and its author should know why.
fn mistyped(name: &str, rest: &str) -> Result<(), ConfigError> {
    let lower = rest.to_lowercase();
    let meant = names::all().find(|key| key.replace('.', "_") == lower);
    match meant {
        Some(key) => Err(ConfigError::UnknownKey {
            place: Place::Environment(name.to_owned()),
            nearest: Some(variable(&key)),
            key: name.to_owned(),
        }),
        None => Ok(()),
    }
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, env: &[(&str, &str)], flags: &Overrides) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("config.toml");
        fs::write(&file, text).expect("write");
        load(&file, true, env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())), flags)
    }

    fn error(text: &str, env: &[(&str, &str)]) -> String {
        load_text(text, env, &Overrides::new()).expect_err("refused").to_string()
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let config = load(Path::new("/nonexistent/config.toml"), false, [], &Overrides::new()).expect("defaults");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let text = "[network]\nmdns = false\nupnp = false\n[rpc]\nlisten = \"127.0.0.1:1\"\n";
        let env = [("COVEY_NETWORK__UPNP", "true"), ("COVEY_RPC__LISTEN", "127.0.0.1:2"), ("COVEY_LOG", "debug")];
        let flags = Overrides::new().set("rpc.listen", "127.0.0.1:3").set_some("network.mdns", None::<bool>);
        let config = load_text(text, &env, &flags).expect("valid");
        assert_eq!((config.network.mdns, config.network.upnp), (false, true));
        assert_eq!(config.rpc.listen, "127.0.0.1:3");
        assert_eq!(config.pairing, super::super::Pairing::default());
    }

    #[test]
    fn a_list_in_the_environment_may_have_commas_or_brackets() {
        let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        let (one, other) = (format!("/ip4/1.2.3.4/tcp/1/p2p/{peer}"), format!("/ip6/::1/tcp/1/p2p/{peer}"));
        for text in [format!("{one}, {other}"), format!("[\"{one}\", \"{other}\"]")] {
            let config = load_text("", &[("COVEY_NETWORK__BOOTSTRAP", &text)], &Overrides::new()).expect("valid");
            assert_eq!(config.network.bootstrap.len(), 2, "{text}");
            assert_eq!(config.network.bootstrap[1], other);
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_likely_one() {
        let text = error("[network]\nmdns = true\nlisen = []\n", &[]);
        assert!(text.contains("config.toml:3: unknown setting network.lisen; did you mean network.listen?"), "{text}");
        let text = error("[netwrok]\nmdns = true\n", &[]);
        assert!(text.contains(":1: unknown setting netwrok; did you mean network?"), "{text}");
        let text = error("", &[("COVEY_NETWORK__LISEN", "x")]);
        assert!(text.contains("did you mean COVEY_NETWORK__LISTEN?"), "{text}");
        let text = error("", &[("COVEY_NETWORK_LISTEN", "x")]);
        assert!(text.contains("did you mean COVEY_NETWORK__LISTEN?"), "{text}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_its_place() {
        let text = error("[network]\n\nmdns = \"perhaps\"\n", &[]);
        assert!(text.contains("config.toml:3: mdns = \"perhaps\": invalid type"), "{text}");
        let text = error("", &[("COVEY_NETWORK__MDNS", "perhaps")]);
        assert!(text.contains("environment variable COVEY_NETWORK__MDNS: network.mdns: "), "{text}");
        let text = error("[storage]\njournal_keep = \"soon\"\n", &[]);
        assert!(text.contains("no length of time"), "{text}");
        let text = error("network = 3\n", &[]);
        assert!(text.contains(":1: "), "{text}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_named_with_its_line() {
        let text = error("[network]\nmdns true\n", &[]);
        assert!(text.contains("config.toml:2: "), "{text}");
    }

    #[test]
    fn a_value_that_makes_no_sense_says_what_would() {
        for (text, part) in [
            ("[rpc]\nlisten = \"0.0.0.0:7420\"", "reached from other machines"),
            ("[rpc]\nlisten = \"7420\"", "127.0.0.1:7420"),
            ("[network]\nlisten = [\"0.0.0.0:1\"]", "/ip4/"),
            ("[network]\nbootstrap = [\"/ip4/1.2.3.4/tcp/1\"]", "/p2p/"),
            ("[storage]\ncache_mib = 0", "at least 1"),
        ] {
            let error = error(text, &[]);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_named_file_must_exist() {
        let path = PathBuf::from("/nonexistent/config.toml");
        let missing = load(&path, true, [], &Overrides::new()).expect_err("missing");
        assert!(matches!(missing, ConfigError::Missing { .. }));
    }

    #[test]
    fn the_example_file_is_what_the_code_says() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config.example.toml");
        let stored = fs::read_to_string(&file).expect("config.example.toml is in the root of the repository");
        assert!(stored == super::super::example(), "run `covey config example > config.example.toml`");
    }

    #[test]
    fn every_line_of_the_example_is_a_setting_with_its_default() {
        let example = super::super::example();
        let is_setting = |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase());
        let on = |line: &str| if is_setting(line) { line[1..].to_owned() } else { line.to_owned() };
        let text: Vec<_> = example.lines().map(on).collect();
        assert_eq!(
            text.iter().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(),
            names::all().count()
        );
        assert_eq!(load_text(&text.join("\n"), &[], &Overrides::new()).expect("valid"), Config::default());
    }
}
