//! Which argument of which command stands at the end of a line.

use std::ffi::OsStr;

use clap::{Arg, Command, ValueHint};

use super::{
    Candidate,
    names::{self, What},
};
use crate::Globals;

/// What can stand there.
#[derive(Debug)]
pub(super) enum Wanted {
    Files,
    Words(Vec<Candidate>),
    Named(What),
}

/// The end of a line.
#[derive(Debug)]
pub(super) struct Place {
    /// Where the daemon is, by the flags that stand in the line and the environment.
    pub(super) globals: Globals,
    pub(super) wanted: Wanted,
    /// What of the word at the cursor stands before the value: `--channel=`
    pub(super) before: String,
    /// What of the value was typed.
    pub(super) begun: String,
}

/// A line that is read from left to right.
struct Reader<'c> {
    command: &'c Command,
    /// `pair accept`
    path: Vec<&'c str>,
    positions: Vec<String>,
    globals: Globals,
    /// The flag whose value comes next.
    awaited: Option<&'c Arg>,
    /// After `--` nothing is a flag.
    plain: bool,
}

impl Place {
    pub(super) fn find(tree: &Command, words: &[String], last: &str) -> Self {
        let mut reader = Reader {
            command: tree,
            path: Vec::new(),
            positions: Vec::new(),
            globals: from_environment(),
            awaited: None,
            plain: false,
        };
        words.iter().for_each(|word| reader.word(word));
        reader.end(last)
    }
}

fn from_environment() -> Globals {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    Globals {
        data_dir: set("COVEY_DATA_DIR").map(Into::into),
        rpc: set("COVEY_RPC").and_then(|url| url.into_string().ok()),
        ..Globals::default()
    }
}

impl<'c> Reader<'c> {
    fn word(&mut self, word: &str) {
        if let Some(flag) = self.awaited.take() {
            self.value(flag, word);
            return;
        }
        match word.strip_prefix("--").filter(|_| !self.plain) {
            Some("") => self.plain = true,
            Some(long) => {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                match (self.long(name), value) {
                    (Some(flag), Some(value)) => self.value(flag, value),
                    (flag, None) => self.awaited = flag.filter(|flag| takes_values(flag)),
                    (None, Some(_)) => {}
                }
            }
            None if word.len() > 1 && word.starts_with('-') && !self.plain => {
                let flag = word.chars().last().and_then(|letter| self.short(letter));
                self.awaited = flag.filter(|flag| takes_values(flag));
            }
            None => match self.command.find_subcommand(OsStr::new(word)).filter(|_| self.positions.is_empty()) {
                Some(command) => {
                    self.command = command;
                    self.path.push(command.get_name());
                }
                None => self.positions.push(word.to_owned()),
            },
        }
    }

    fn long(&self, name: &str) -> Option<&'c Arg> {
        self.command.get_arguments().find(|known| {
            known.get_long() == Some(name) || known.get_all_aliases().is_some_and(|others| others.contains(&name))
        })
    }

    fn short(&self, letter: char) -> Option<&'c Arg> {
        self.command.get_arguments().find(|known| known.get_short() == Some(letter))
    }

    fn value(&mut self, flag: &Arg, value: &str) {
        match flag.get_id().as_str() {
            // A shell would have put the home directory there.
            "data_dir" => {
                let home = value.strip_prefix("~/").zip(std::env::home_dir());
                self.globals.data_dir = Some(home.map_or_else(|| value.into(), |(rest, home)| home.join(rest)));
            }
            "rpc" => self.globals.rpc = Some(value.to_owned()),
            _ => {}
        }
    }

    fn end(mut self, last: &str) -> Place {
        if let Some(flag) = self.awaited.take() {
            let wanted = self.of(flag);
            return self.place(wanted, "", last);
        }
        if last.starts_with('-') && !self.plain {
            let flag = last.split_once('=').and_then(|(name, value)| {
                Some((self.long(name.strip_prefix("--")?).filter(|flag| takes_values(flag))?, name, value))
            });
            return match flag {
                Some((flag, name, value)) => {
                    let wanted = self.of(flag);
                    self.place(wanted, &format!("{name}="), value)
                }
                None => {
                    let flags = self.flags();
                    self.place(Wanted::Words(flags), "", last)
                }
            };
        }
        let wanted = if self.command.has_subcommands() {
            Wanted::Words(self.commands())
        } else {
            let mut positionals: Vec<&Arg> = self.command.get_positionals().collect();
            positionals.sort_by_key(|known| known.get_index());
            match positionals.get(self.positions.len()) {
                Some(known) => self.of(known),
                None => Wanted::Words(Vec::new()),
            }
        };
        self.place(wanted, "", last)
    }

    fn place(self, wanted: Wanted, before: &str, begun: &str) -> Place {
        Place { globals: self.globals, wanted, before: before.to_owned(), begun: begun.to_owned() }
    }

    fn of(&self, arg: &Arg) -> Wanted {
        let possible: Vec<Candidate> = arg
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| Candidate {
                word: value.get_name().to_owned(),
                about: value.get_help().map(ToString::to_string).unwrap_or_default(),
            })
            .collect();
        if !possible.is_empty() {
            return Wanted::Words(possible);
        }
        if matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath) {
            return Wanted::Files;
        }
        names::of(&self.path, arg.get_id().as_str(), &self.positions)
    }

    fn flags(&self) -> Vec<Candidate> {
        let shown = self.command.get_arguments().filter(|known| !known.is_hide_set());
        let long = shown.filter_map(|known| {
            Some(Candidate { word: format!("--{}", known.get_long()?), about: first_line(known.get_help()) })
        });
        long.collect()
    }

    fn commands(&self) -> Vec<Candidate> {
        let shown = self.command.get_subcommands().filter(|command| !command.is_hide_set());
        let named = shown
            .map(|command| Candidate { word: command.get_name().to_owned(), about: first_line(command.get_about()) });
        named.collect()
    }
}

fn takes_values(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).and_then(|text| text.lines().next().map(ToOwned::to_owned)).unwrap_or_default()
}
