//! A person at a terminal types the passphrase, which is not shown, and three of the 24 words; nobody is asked where there is nobody.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::harness::{PATIENCE, covey, run};

/// How long an answer may go unnoticed before it is typed again: what is typed before the echo is off is thrown away.
const TYPE_AGAIN: Duration = Duration::from_secs(3);

/// A command on a terminal of its own, by `script` of util-linux.
struct OnTerminal {
    child: Child,
    screen: Receiver<u8>,
    shown: String,
    answer: Option<String>,
}

impl OnTerminal {
    fn start(home: &Path, args: &str) -> Self {
        let line = format!("{} --data-dir {} {args}", covey(home).get_program().display(), home.join("data").display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(home);
        script.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = script.expect("script of util-linux");
        let (sender, screen) = mpsc::channel();
        let out = child.stdout.take().expect("a pipe");
        thread::spawn(move || {
            std::io::BufReader::new(out).bytes().map_while(Result::ok).try_for_each(|byte| sender.send(byte))
        });
        Self { child, screen, shown: String::new(), answer: None }
    }

    /// Reads a character. While nothing comes, the last answer is typed again.
    fn read(&mut self) -> bool {
        for _ in 0..PATIENCE.as_secs() / TYPE_AGAIN.as_secs() {
            match self.screen.recv_timeout(TYPE_AGAIN) {
                Ok(byte) => {
                    self.shown.push(char::from(byte));
                    return true;
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => self.type_it(),
            }
        }
        panic!("nothing more came after: {}", self.shown)
    }

    fn type_it(&mut self) {
        if let Some(answer) = &self.answer {
            // It may have ended.
            let _ = writeln!(self.child.stdin.as_mut().expect("a pipe"), "{answer}");
        }
    }

    /// Waits for a question and answers it.
    fn answer(&mut self, question: &str, answer: &str) {
        while !self.shown.contains(question) {
            assert!(self.read(), "no \"{question}\" in: {}", self.shown);
        }
        self.shown.clear();
        self.answer = Some(answer.to_owned());
        self.type_it();
    }

    /// Waits for the question after a word and gives its number, and all that was shown before.
    fn asked_word(&mut self) -> (usize, String) {
        loop {
            let line = self.shown.rsplit(['\r', '\n']).next().unwrap_or_default();
            let number = line.strip_prefix("Word ").and_then(|rest| rest.strip_suffix(": "));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                return (number, self.shown.clone());
            }
            assert!(self.read(), "no question after a word in: {}", self.shown);
        }
    }

    /// Exit code, and all that was shown after the last answer.
    fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        let code = self.child.wait().expect("a child").code();
        (code, self.shown)
    }
}

#[test]
fn a_new_passphrase_is_typed_twice_and_opens_the_vault_later() {
    let home = tempfile::Builder::new().prefix("covey-").tempdir().expect("a temporary directory");
    let home = home.path();
    let mut wrong = OnTerminal::start(home, "init --passphrase");
    wrong.answer("New passphrase: ", "correct horse");
    wrong.answer("The same again: ", "correct house");
    let (code, shown) = wrong.end();
    assert!(code == Some(2) && shown.contains("differ"), "{code:?} {shown}");
    assert!(!home.join("data/vault.json").exists(), "nothing was made");

    let mut init = OnTerminal::start(home, "init --passphrase");
    init.answer("New passphrase: ", "correct horse");
    init.answer("The same again: ", "correct horse");
    let (code, shown) = init.end();
    assert!(code == Some(0) && shown.contains("account  cv1"), "{code:?} {shown}");

    // Who types a wrong word has not written them down: nothing happens.
    let mut phrase = OnTerminal::start(home, "account phrase");
    phrase.answer("data: ", "correct horse");
    let (number, shown) = phrase.asked_word();
    let words: Vec<&str> =
        shown.lines().filter(|line| line.starts_with("  ")).flat_map(str::split_whitespace).collect();
    assert_eq!(words.len(), 24, "{shown}");
    phrase.answer(": ", "abandonment");
    let (code, shown) = phrase.end();
    assert!(code == Some(1) && shown.contains(&format!("That is not word {number}.")), "{code:?} {shown}");

    let mut phrase = OnTerminal::start(home, "account phrase");
    phrase.answer("data: ", "correct horse");
    for _ in 0..3 {
        let (number, _) = phrase.asked_word();
        phrase.answer(": ", words[number - 1]);
    }
    let (code, shown) = phrase.end();
    assert!(code == Some(0) && shown.contains("Sealed"), "{code:?} {shown}");
    let mut gone = OnTerminal::start(home, "account phrase");
    gone.answer("data: ", "correct horse");
    let (code, shown) = gone.end();
    assert!(code == Some(1) && shown.contains("is sealed"), "{code:?} {shown}");

    let mut again = OnTerminal::start(home, "account phrase");
    again.answer("data: ", "wrong");
    let (code, shown) = again.end();
    assert!(code == Some(1) && shown.contains("does not open"), "{code:?} {shown}");

    // A person is offered one without asking for it, and may do without.
    for (other, typed) in [("with", "battery staple"), ("without", "")] {
        let other = home.join(other);
        fs::create_dir(&other).expect("a directory");
        let mut init = OnTerminal::start(&other, "init");
        init.answer("nothing for none: ", typed);
        if !typed.is_empty() {
            init.answer("The same again: ", typed);
        }
        let (code, shown) = init.end();
        assert!(code == Some(0) && shown.contains("account  cv1"), "{code:?} {shown}");
        assert_eq!(other.join("data/vault.key").exists(), typed.is_empty());
    }

    // Without a terminal nobody is asked.
    let mut command = covey(home);
    command.arg("--data-dir").arg(home.join("data"));
    let sentence = run(command, ["account", "phrase"], "correct horse\n").sentence(1);
    assert!(sentence.contains("--passphrase-file"), "{sentence}");
}
