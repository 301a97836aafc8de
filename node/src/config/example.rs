//! The commented example file.

use std::fmt::Write;

use super::{Config, live::is_live, settings::SECTIONS};

const HEAD: &str = "\
# Settings of a covey node, with their defaults. covey needs none of them: copy the lines that you want to change to
# config.toml in the data directory (with --data-dir) or to ~/.config/covey/config.toml, without the leading #.
# A flag of the command line wins over an environment variable (COVEY_NETWORK__LISTEN for listen in [network]),
# which wins over the file. A running daemon reads the file again at SIGHUP or `covey config reload`.
# This file is printed by `covey config example`.
";

/// The content of `config.example.toml`.
pub fn example() -> String {
    let defaults = toml::Table::try_from(Config::default()).expect("the defaults are TOML");
    let mut out = HEAD.to_owned();
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, section.doc);
        let _ = writeln!(out, "[{}]", section.name);
        for field in section.fields {
            out.push('\n');
            comment(&mut out, field.doc);
            if is_live(&format!("{}.{}", section.name, field.name)) {
                comment(&mut out, &[" Takes effect without a restart."]);
            }
            let value = &defaults[section.name][field.name];
            let _ = writeln!(out, "#{} = {value}", field.name);
        }
    }
    out
}

/// Doc comments begin with the space that follows their slashes.
fn comment(out: &mut String, doc: &[&str]) {
    for line in doc {
        let _ = writeln!(out, "#{}", line.trim_end());
    }
}
