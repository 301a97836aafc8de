//! `covey demo`: real throw-away nodes on this machine that find each other, pair by consent and talk, narrated.

mod away;
mod capture;
mod devices;
mod disk;
mod group;
mod machine;
mod narrator;
mod node;
mod process;
mod stage;
mod story;

use clap::Args;
use covey_api::Exit;
use covey_cli::{Failure, Globals, Terminal};

use self::{narrator::Narrator, stage::Stage};
use crate::signals::Signals;

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(
    long_about = "Watch throw-away nodes meet, pair and talk on this machine\n\nFour nodes run on loopback with directories of their own. Two \
                  find each other through a third by account id alone, pair and talk; the fourth is declined. In the \
                  end the bytes on disk and on the wire are searched for what was said. Nothing is left behind.\n\n\
                  With --group four of them make a group: by invite and by ticket, with roles; two members who are never there \
                  at the same time talk; the node of one who is removed cannot open the next message.\n\n\
                  With --devices one of them has several machines: a server is linked to a laptop, both agree on what is decided on either, the laptop is \
                  stolen and revoked, the server burns, and 24 words bring the account back on a new machine.\n\n\
                  With --away two who are never there at the same time talk: what one writes waits at the other's keeper, a machine of their own or a \
                  friend's, which can read nothing of it.",
    after_help = "Examples:\n  covey demo\n  covey demo --group\n  covey demo --devices\n  covey demo --away"
)]
pub(crate) struct DemoArgs {
    /// Four who make a group: invites, a ticket, roles, two who never meet, and one who is removed
    #[arg(long)]
    group: bool,
    /// One account on several machines: linked, revoked, lost, and brought back with 24 words
    #[arg(long, conflicts_with = "group")]
    devices: bool,
    /// Two who are never there at the same time: mail that waits at keepers
    #[arg(long, conflicts_with_all = ["group", "devices"])]
    away: bool,
}

impl DemoArgs {
    pub(crate) async fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let mut signals = Signals::new()?;
        let mut stage = Stage::build(globals)?;
        let mut narrator = Narrator::new(terminal);
        let story = async {
            if self.away {
                Box::pin(away::play(&mut stage, &mut narrator)).await
            } else if self.devices {
                Box::pin(devices::play(&mut stage, &mut narrator)).await
            } else if self.group {
                Box::pin(group::play(&mut stage, &mut narrator)).await
            } else {
                Box::pin(story::play(&mut stage, &mut narrator)).await
            }
        };
        let played = tokio::select! {
            played = story => Some(played),
            () = signals.stop() => None,
        };
        // Whatever happened: no process and no file stays.
        let logs = if matches!(played, Some(Err(Failure::Ended { .. } | Failure::Refused(_)))) {
            stage.last_words()
        } else {
            String::new()
        };
        stage.strike().await;
        match played {
            Some(Ok(())) => Ok(narrator.end()?),
            None => {
                Err(Failure::Ended { exit: Exit::Refused, sentence: "interrupted; everything is cleaned up".into() })
            }
            Some(Err(failure)) => {
                narrator.note(&logs)?;
                Err(failure)
            }
        }
    }
}
