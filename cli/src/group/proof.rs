//! `covey group report`: proofs in files.

use std::{fs, io, io::Read as _, path::Path};

use covey_api::{Exit, GroupReport, GroupVerifyReport, MessageProof, MessageShow, ProofVerdict, Reason};

use super::args::ReportArgs;
use crate::{
    Failure, Session, Terminal, display,
    text::{clean, clean_line, short_id},
    when,
};

/// A proof holds one entry (64 KiB) and what it says (16 KiB), in text; more than that is not one.
const PROOF_LIMIT: u64 = 512 * 1024;
/// How a proof begins.
const PREFIX: &str = "covey-proof:";

impl ReportArgs {
    pub(super) async fn run(self, session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
        if let Some(file) = self.verify {
            let proof = read(&file, terminal)?;
            let verdict = session.call(&GroupVerifyReport { proof }).await?;
            terminal.show(&verdict, show)?;
            return if verdict.valid { Ok(()) } else { Err(Failure::Told(Exit::Refused)) };
        }
        let (group, message) = (self.group.unwrap_or_default(), self.message.unwrap_or_default());
        let proof = session.call(&GroupReport { group, message }).await?;
        let Some(out) = self.out else {
            return Ok(terminal.show(&proof, |t, proof| t.line(&clean_line(&proof.proof)))?);
        };
        let shown = session.call(&MessageShow { id: proof.message.clone() }).await;
        let author = shown.map_or_else(|_| short_id(&proof.author), |message| display::author(&message));
        fs::write(&out, format!("{}\n", proof.proof)).map_err(|error| file_failure("write", &out, &error))?;
        Ok(terminal.show(&proof, |t, _: &MessageProof| {
            t.line(&format!("The proof that {author} wrote it is in {}.", out.display()))?;
            t.hint("Another member checks it with: covey group report --verify FILE")
        })?)
    }
}

/// The proof in a file: alone, among other words, or in what `--json` printed.
fn read(file: &Path, terminal: &mut Terminal) -> Result<String, Failure> {
    let text = if file == Path::new("-") { terminal.read_stdin(PROOF_LIMIT) } else { read_file(file) }
        .map_err(|error| file_failure("read", file, &error))?;
    let word = text.split(|c: char| c.is_whitespace() || c == '"').find(|word| word.starts_with(PREFIX));
    word.map(ToOwned::to_owned).ok_or_else(|| {
        Failure::new(
            Reason::InvalidParams,
            format!("There is no proof in {}; it begins with {PREFIX}.", file.display()),
        )
    })
}

fn read_file(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(file)?.take(PROOF_LIMIT + 1).read_to_string(&mut text)?;
    if read as u64 > PROOF_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {PROOF_LIMIT} bytes")));
    }
    Ok(text)
}

fn file_failure(what: &str, file: &Path, error: &io::Error) -> Failure {
    Failure::new(Reason::InvalidParams, format!("Cannot {what} {}: {error}.", file.display()))
}

fn show(t: &mut Terminal, verdict: &ProofVerdict) -> io::Result<()> {
    if !verdict.valid {
        let why = verdict.why.as_deref().unwrap_or("It proves nothing.");
        let label = t.paint.red("not valid:");
        return t.line(&format!("{label} {}", clean_line(why)));
    }
    let author = verdict.author.as_deref().unwrap_or_default();
    let name = verdict.author_name.as_deref().filter(|name| !name.is_empty());
    let who = name.map_or_else(|| short_id(author), |name| format!("{} ({author})", clean_line(name)));
    let group = verdict.group_name.clone().or_else(|| verdict.group.as_deref().map(short_id)).unwrap_or_default();
    let at = verdict.sent_at.map(|at| format!(", {} {}", when::date(at, &t.zone), when::clock(at, &t.zone)));
    let label = t.paint.green("valid:");
    t.line(&format!("{label} {who} wrote in {}{}:", clean_line(&group), at.unwrap_or_default()))?;
    t.line(&format!("\n{}", clean(verdict.text.as_deref().unwrap_or_default())))?;
    if verdict.member == Some(false) {
        t.hint("They were not a member then, as far as your node knows.")?;
    }
    Ok(())
}
