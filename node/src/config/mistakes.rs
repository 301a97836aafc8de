//! Everything that is wrong with a configuration, for whoever is about to mend it. A start needs only the first mistake; it
//! reads the same layers in `load`.

use std::{fmt::Write as _, ops::Range, path::Path};

use figment::{Figment, providers::Serialized};
use toml::{Spanned, de::DeTable};

use super::{
    Config, ConfigError, check,
    errors::Place,
    load::{line_of, read, variables},
    names,
    settings::SECTIONS,
};

/// All mistakes in `file` (which must exist if `must_exist`) and in `environment`: names, types, and values that make no sense.
pub fn mistakes(
    file: &Path,
    must_exist: bool,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Vec<ConfigError> {
    let mut found = Vec::new();
    let mut config = Config::default();
    match read(file, must_exist) {
        Ok(Some(text)) => config = in_file(file, &text, &mut found),
        Ok(None) => {}
        Err(error) => found.push(error),
    }
    let mut figment = Figment::from(Serialized::defaults(config));
    for variable in environment {
        in_variable(variable, &mut figment, &mut found);
    }
    if let Ok(config) = figment.extract::<Config>() {
        found.extend(check::all(&config));
    }
    found
}

/// The configuration that what is right in a file makes.
fn in_file(path: &Path, text: &str, found: &mut Vec<ConfigError>) -> Config {
    let place = |at: Option<Range<usize>>| Place::File(path.to_path_buf(), line_of(text, at.as_ref()));
    let (table, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        // What follows it may only be read wrongly because of it.
        found.push(ConfigError::Syntax { place: place(error.span()), message: error.message().to_owned() });
        return Config::default();
    }
    let mut right = String::new();
    for (section, value) in table.get_ref() {
        let name = section.get_ref();
        let Some(known) = SECTIONS.iter().find(|known| known.name == name) else {
            found.push(unknown(place(Some(Spanned::span(section))), name.to_string()));
            continue;
        };
        let Some(keys) = value.get_ref().as_table() else {
            let message = format!("{name} is a section: write [{name}]");
            found.push(ConfigError::Type { place: place(Some(value.span())), key: line(text, &value.span()), message });
            continue;
        };
        let _ = writeln!(right, "[{name}]");
        for (key, value) in keys {
            if !known.fields.iter().any(|field| field.name == key.get_ref()) {
                found.push(unknown(place(Some(Spanned::span(key))), format!("{name}.{}", key.get_ref())));
                continue;
            }
            let setting = format!("{} = {}\n", key.get_ref(), text.get(value.span()).unwrap_or_default());
            match toml::from_str::<Config>(&format!("[{name}]\n{setting}")) {
                Ok(_) => right.push_str(&setting),
                Err(error) => found.push(ConfigError::Type {
                    place: place(Some(value.span())),
                    key: line(text, &value.span()),
                    message: error.message().to_owned(),
                }),
            }
        }
    }
    found.sort_by_key(|error| match error {
        ConfigError::UnknownKey { place: Place::File(_, line), .. }
        | ConfigError::Type { place: Place::File(_, line), .. } => *line,
        _ => 0,
    });
    toml::from_str(&right).unwrap_or_default()
}

fn in_variable(variable: (String, String), figment: &mut Figment, found: &mut Vec<ConfigError>) {
    match variables([variable]) {
        Ok(read) => {
            for (key, (name, value)) in &read {
                let with = figment.clone().merge(Serialized::default(key, value));
                match with.extract::<Config>() {
                    Ok(_) => *figment = with,
                    Err(error) => found.push(ConfigError::Type {
                        place: Place::Environment(name.clone()),
                        message: error.kind.to_string(),
                        key: key.clone(),
                    }),
                }
            }
        }
        Err(error) => found.push(error),
    }
}

fn unknown(place: Place, key: String) -> ConfigError {
    ConfigError::UnknownKey { place, nearest: names::nearest(&key), key }
}

/// The line in which a range begins.
fn line(text: &str, at: &Range<usize>) -> String {
    text.lines().nth(line_of(text, Some(at)) - 1).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).expect("write");
        let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let cut = |error: ConfigError| error.to_string().replace(&format!("{}/", dir.path().display()), "");
        mistakes(&file, true, environment).into_iter().map(cut).collect()
    }

    #[test]
    fn every_mistake_is_found_and_named_with_its_place() {
        let text = "[netwrok]\nmdns = true\n[network]\nlisen = []\nupnp = \"perhaps\"\nmdns = 3\nlisten = [\n\"x\",\n]\n\
                    [storage]\ncache_mib = 0\n";
        let found = of(text, &[("COVEY_RPC__LISEN", "x"), ("COVEY_PAIRING__REQUIRED", "perhaps")]);
        for says in [
            "config.toml:1: unknown setting netwrok; did you mean network?",
            "config.toml:4: unknown setting network.lisen; did you mean network.listen?",
            "config.toml:5: upnp = \"perhaps\": invalid type",
            "config.toml:6: mdns = 3: invalid type",
            "network.listen: \"x\" is not a multiaddress",
            "storage.cache_mib: must be at least 1",
            "COVEY_RPC__LISEN",
            "COVEY_PAIRING__REQUIRED: pairing.required: ",
        ] {
            assert!(found.iter().any(|mistake| mistake.contains(says)), "{says}: {found:#?}");
        }
        assert_eq!(found.len(), 8, "{found:#?}");
    }

    #[test]
    fn what_is_right_has_no_mistakes_and_what_cannot_be_read_has_one() {
        assert!(of(&crate::config::example(), &[("COVEY_LOG", "debug")]).is_empty());
        assert!(of("", &[]).is_empty());
        assert_eq!(of("[network\n", &[]).len(), 1);
        assert_eq!(mistakes(Path::new("/nonexistent/config.toml"), true, []).len(), 1);
    }
}
