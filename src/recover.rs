//! `covey account recover`: the words, on a new machine.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use covey_api::Exit;
use covey_cli::{Failure, Globals, RecoverArgs, Terminal};
use covey_node::{
    config::Overrides,
    daemon::{self, Found, Options, Plan, RecoverError},
    seed::Multiaddr,
};
use covey_pairing::identity::AccountSecret;
use serde_json::json;

use crate::{
    config::{self, start_failure},
    unlock::Unlock,
};

/// More than 24 words take.
const PHRASE_LIMIT: u64 = 1024;

/// Until the node runs, and its card stands in the network, nobody who looks for the account finds this recovery.
const START_FIRST: &str = "Start your node before you use the words anywhere else: covey daemon. Two recoveries that know nothing of each other freeze \
     the account.";

/// Brings an account back in a data directory that has none.
pub(crate) async fn recover(args: RecoverArgs, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
    let RecoverArgs { phrase_file, peer, keep, holder, new_phrase, yes, passphrase_file } = args;
    let plan = Plan { keep, holder, new_phrase };
    let (paths, config) = config::load(globals, &Overrides::new())?;
    let peers = peer.iter().map(|peer| addresses(peer)).collect::<Result<Vec<_>, _>>()?.concat();
    let passphrase = Unlock { passphrase_file }.given()?;
    let options = Options { paths, config, passphrase, flags: Overrides::new(), log: None };
    daemon::may_recover(&options).map_err(failure)?;
    let words = words(phrase_file.as_deref(), terminal)?;
    terminal.hint("Looking for your account in the network; this can take a minute and a half.")?;
    let found = daemon::find(&options, words, peers).await.map_err(failure)?;
    let kept = plan.keep.iter().map(|text| found.device(text)).collect::<Result<Vec<_>, _>>().map_err(failure)?;
    confirm(&found, kept.len(), yes, terminal)?;
    let done = daemon::recover(&options, &found, &plan).map_err(failure)?;
    let answer = json!({
        "account": done.account,
        "device": done.device,
        "recoveries": done.recoveries,
        "devices_out": found.devices_without(&kept),
        "devices_kept": done.kept,
        "digits": done.digits,
        "new_phrase": new_phrase,
        "data_dir": options.paths.data_dir(),
    });
    terminal.show(&answer, |t, _| {
        t.line(&format!("account  {}", done.account))?;
        t.line(&format!("device   {}", done.device))?;
        t.line(&format!("data     {}", options.paths.data_dir().display()))?;
        if !done.kept.is_empty() {
            t.line(&format!("digits   {}", done.digits))?;
            t.hint(START_FIRST)?;
            t.hint("On each device that stays, type these digits: covey account accept DIGITS. What it has comes to this machine then.")?;
            if new_phrase {
                t.hint("The words that you typed are void from now on. Write the new ones down: covey account phrase")?;
            }
            return Ok(());
        }
        if new_phrase {
            t.hint("Your account is back, with this device and no other. The words that you typed are void from now on.")?;
            t.hint("It has new words. Write them down before anything else: covey account phrase")?;
        } else {
            t.hint("Your account is back, with this device and no other. The same 24 words stay valid; they are not kept here.")?;
        }
        t.hint(START_FIRST)?;
        t.hint(
            "Your contacts' nodes see it by themselves, those that run within two hours, and ask to pair again: covey pair list --state renewal, then \
             covey pair accept --renewals",
        )?;
        t.hint("Had you a keeper? A new ticket (covey keeper serve, there) and covey keeper add, here, bring the list of your contacts back.")
    })?;
    Ok(())
}

fn confirm(found: &Found, kept: usize, yes: bool, terminal: &mut Terminal) -> Result<(), Failure> {
    let devices = found.devices().len();
    let what = match (kept, devices) {
        (0, 1) => "its device of before",
        (0, _) => "its devices of before",
        (_, _) => "all others than those to keep",
    };
    let sentence =
        format!("Found {} with {devices} of its devices. Recovering puts {what} out for good.", found.account());
    if yes {
        return Ok(terminal.hint(&sentence)?);
    }
    if !terminal.typing || terminal.json {
        let sentence = format!("{sentence} Nothing was done; with --yes it is.");
        return Err(Failure::Ended { exit: Exit::Usage, sentence });
    }
    if terminal.ask(&format!("{sentence} Go on? [y/N] "))? {
        Ok(())
    } else {
        Err(Failure::Ended { exit: Exit::Refused, sentence: "Nothing was done.".into() })
    }
}

fn words(file: Option<&Path>, terminal: &mut Terminal) -> Result<AccountSecret, Failure> {
    let usage = |sentence: String| Failure::Ended { exit: Exit::Usage, sentence };
    let text = match file {
        Some(path) if path != Path::new("-") => {
            let mut text = String::new();
            let read = fs::File::open(path).and_then(|file| file.take(PHRASE_LIMIT).read_to_string(&mut text));
            read.map_err(|error| usage(format!("cannot read the recovery phrase from {}: {error}", path.display())))?;
            text
        }
        _ => {
            if terminal.typing {
                terminal.hint("Enter the 24 words of your account, then press Ctrl-D.")?;
            }
            let read = terminal.read_stdin(PHRASE_LIMIT);
            read.map_err(|error| usage(format!("cannot read the recovery phrase from stdin: {error}")))?
        }
    };
    AccountSecret::from_phrase(&text).map_err(|error| usage(format!("this is no recovery phrase: {error}")))
}

/// Where a node is that was named by its address or by a ticket.
fn addresses(text: &str) -> Result<Vec<Multiaddr>, Failure> {
    daemon::named(text).filter(|addresses| !addresses.is_empty()).ok_or_else(|| Failure::Ended {
        exit: Exit::Usage,
        sentence: format!(
            "--peer: \"{text}\" is neither the address of a node (`covey account show` prints them there) nor a ticket that names one"
        ),
    })
}

fn failure(error: RecoverError) -> Failure {
    match error {
        RecoverError::Start(error) => start_failure(&error),
        other => Failure::Ended { exit: other.exit(), sentence: other.to_string() },
    }
}
