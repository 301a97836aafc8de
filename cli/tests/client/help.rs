//! The help of every command: there is some, with an example, and it says nothing about other places.

use crate::mock::Tree;
use clap::CommandFactory as _;

fn every(command: &clap::Command, check: &mut impl FnMut(&clap::Command)) {
    check(command);
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        every(sub, check);
    }
}

#[test]
fn the_argument_tree_is_sound() {
    Tree::command().debug_assert();
}

#[test]
fn every_command_says_what_it_does_and_every_leaf_has_an_example() {
    let mut tree = Tree::command();
    tree.build();
    for top in tree.get_subcommands().filter(|sub| sub.get_name() != "help") {
        every(top, &mut |command| {
            let name = command.get_name();
            assert!(command.get_about().is_some_and(|about| about.to_string().len() > 8), "{name} says nothing");
            if !command.has_subcommands() {
                let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(examples.contains("covey "), "{name} has no example");
            }
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name}: {} says nothing", argument.get_id());
            }
        });
    }
}

#[test]
fn every_method_of_the_contract_has_a_command() {
    let mut tree = Tree::command();
    tree.build();
    let spelled = |method: &str| -> Vec<String> {
        let (noun, verb) = method.split_once('.').unwrap();
        let verb = verb.replace('_', "-");
        match (noun, verb.as_str()) {
            ("node", verb) => vec![verb.to_owned()],
            ("message", "edit") => vec!["edit".to_owned()],
            ("message", "send") => vec!["send".to_owned()],
            ("message", "list") => vec!["messages".to_owned()],
            ("web", _) => vec!["web".to_owned()],
            ("audit", _) => vec!["audit".to_owned()],
            ("pair", "accept-renewals") => vec!["pair".to_owned(), "accept".to_owned()],
            ("rpc", "discover") => vec!["rpc".to_owned(), "spec".to_owned()],
            ("events", _) => vec!["tail".to_owned()],
            ("group", "verify-report") => vec!["group".to_owned(), "report".to_owned()],
            (noun, verb) => vec![noun.to_owned(), verb.to_owned()],
        }
    };
    // `covey config` belongs to the binary, which reads the files as well.
    for method in covey_api::methods().iter().filter(|method| !method.name.starts_with("config.")) {
        let mut command = &tree;
        for word in spelled(method.name) {
            command = command.find_subcommand(&word).unwrap_or_else(|| panic!("{} has no command", method.name));
        }
    }
}
