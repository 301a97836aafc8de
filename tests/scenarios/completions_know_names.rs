//! What Tab offers: in a real bash, and in zsh and fish where there are any, with a daemon, without one and with one that hangs.

use std::process::{Command, Stdio};

use crate::harness::{Node, befriend, covey, invite, lake_of, make_group, run};

/// What is offered at the end of a line, as bash would put it there.
fn in_bash(node: &Node, line: &str) -> Vec<String> {
    let script = format!(
        "{}\nCOMP_LINE=$1; COMP_POINT=${{#1}}; read -ra COMP_WORDS <<<\"$1\"; COMP_CWORD=${{#COMP_WORDS[@]}}\n\
         _covey; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        node.run(&["completions", "bash"]).stdout
    );
    shell(node, "bash", &["--norc", "-c", &script, "bash", line])
}

/// The lines that a shell writes, which says nothing on stderr.
fn shell(node: &Node, shell: &str, args: &[&str]) -> Vec<String> {
    let mut command = Command::new(shell);
    command.args(args).env("COVEY_DATA_DIR", node.data()).env("HOME", node.home()).stdin(Stdio::null());
    let output = command.output().expect("the shell runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

fn there_is(shell: &str) -> bool {
    let found = Command::new(shell).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

#[test]
fn bash_offers_commands_flags_and_the_names_that_fit() {
    let (alice, bob, carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    befriend(&alice, &bob);
    invite(&carol, &alice);
    alice.until_contact(&carol.id, "pending");
    let group = make_group(&alice, "Choir on Tuesdays");
    make_group(&alice, "Lake");

    assert_eq!(in_bash(&alice, "covey shut"), ["shutdown"]);
    assert_eq!(in_bash(&alice, "covey pair acc"), ["accept"]);
    assert_eq!(in_bash(&alice, "covey send bob hi --wa"), ["--wait"]);
    assert_eq!(in_bash(&alice, "covey send bob hi --wait "), ["delivered", "read"]);
    assert_eq!(in_bash(&alice, "covey send "), ["Choir\\ on\\ Tuesdays", "Lake", "bob"]);
    assert_eq!(in_bash(&alice, "covey send 'Ch"), ["Choir on Tuesdays"]);
    assert_eq!(in_bash(&alice, "covey pair accept "), [&carol.id[..13]], "only who asks");
    assert_eq!(in_bash(&alice, "covey pair verify "), ["bob"]);
    assert_eq!(in_bash(&alice, "covey group invite Lake "), ["bob"]);
    assert_eq!(in_bash(&alice, "covey tail --channel=L"), ["Lake"], "bash has split the word at the sign");
    assert_eq!(in_bash(&alice, "covey config set log.l"), ["log.level"]);
    assert_eq!(in_bash(&alice, "covey tail --kind message.r"), ["message.received"]);
    // The flags of the line say which daemon is asked.
    let line = format!("covey --data-dir {} pair verify ", bob.data().display());
    assert_eq!(in_bash(&alice, &line), ["alice"]);

    // A name with everything in it comes back from the shell as it was.
    for name in ["o'neil & \"sons\"", "$(touch x); `id`", "50% \\ ~ *"] {
        alice.json(&["group", "rename", &group, name]);
        let offered = in_bash(&alice, "covey group leave ");
        let word = offered.iter().find(|word| *word != "Lake").expect("the group");
        assert_eq!(shell(&alice, "bash", &["-c", &format!("printf '%s\\n' {word}")]), [name], "{word}");
        for quote in ["'", "\""] {
            let begun = format!("covey group leave {quote}");
            let offered = in_bash(&alice, &begun);
            let word = offered.iter().find(|word| *word != "Lake").expect("the group");
            let whole = format!("printf '%s\\n' {quote}{word}{quote}");
            assert_eq!(shell(&alice, "bash", &["-c", &whole]), [name], "{whole}");
        }
    }
}

#[test]
fn without_a_daemon_and_with_one_that_hangs_nothing_is_said_and_no_name_is_offered() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let none = run(covey(&alice.home()), ["complete-line", "bash", "covey send "], "");
    assert_eq!((none.code, none.stdout.as_str(), none.stderr.as_str()), (0, "words\n", ""));
    assert!(!alice.home().join(".local").exists(), "no daemon was started and nothing was made");
    alice.signal("STOP");
    let hangs = alice.run(&["complete-line", "bash", "covey send "]);
    let offered = in_bash(&alice, "covey pair acc");
    alice.signal("CONT");
    assert_eq!((hangs.code, hangs.stdout.as_str(), hangs.stderr.as_str()), (0, "words\n", ""));
    assert_eq!(offered, ["accept"], "what is known without it is offered");
    for nonsense in
        ["", "covey", "covey nosuch ", "covey send bob hi 'x", "covey --", "covey --nosuch=", "covey -", "covey \\"]
    {
        let ran = alice.run(&["complete-line", "zsh", nonsense]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{nonsense:?}");
    }
}

#[test]
fn files_are_left_to_the_shell() {
    let alice = Node::start("alice");
    for line in ["covey --data-dir ", "covey --config=", "covey group report --verify "] {
        assert_eq!(alice.run(&["complete-line", "fish", line]).stdout, "files\n", "{line}");
    }
}

#[test]
fn members_and_those_who_ask_are_those_of_the_group_in_the_line() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    lake_of(&alice, &[&bob]);
    make_group(&alice, "Empty");
    assert_eq!(in_bash(&alice, "covey group remove Lake "), ["bob"]);
    assert_eq!(in_bash(&alice, "covey group remove Empty "), Vec::<String>::new());
    assert_eq!(in_bash(&alice, "covey group role Lake bob a"), ["admin"]);
}

#[test]
fn fish_and_zsh_offer_the_same() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    make_group(&alice, "Choir on Tuesdays");
    if there_is("fish") {
        let script = alice.run(&["completions", "fish"]).stdout;
        let asked = format!("{script}\ncomplete -C 'covey send '");
        let offered = shell(&alice, "fish", &["--no-config", "-c", &asked]);
        let words: Vec<&str> = offered.iter().filter_map(|line| line.split('\t').next()).collect();
        // Newer ones show them quoted.
        assert!(words.contains(&"bob") && words.iter().any(|word| word.starts_with("Choir")), "{words:?}");
    }
    if there_is("zsh") {
        let script = alice.run(&["completions", "zsh"]).stdout;
        let as_asked = "words=(covey send ''); CURRENT=3; PREFIX=''; compdef() { : }; \
                        _describe() { shift; print -rl -- ${(P)1} }; _files() { print files }";
        let offered = shell(&alice, "zsh", &["-f", "-c", &format!("{as_asked}\n{script}\n_covey")]);
        assert_eq!(offered, ["Choir on Tuesdays:joined group, 1 member", "bob:paired"]);
    }
}
