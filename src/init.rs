//! `covey init`: an account without a running node.

use clap::Args;
use covey_cli::{Failure, Globals, Terminal};
use covey_node::{
    config::Overrides,
    daemon::{self, Options},
    paths::Paths,
    vault::{Passphrase, VaultFiles},
};
use serde_json::json;
use tokio::runtime::Builder;

use crate::{
    config::{self, start_failure},
    link, phrase,
    unlock::{self, Unlock},
};

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(
    long_about = "Make an account without starting a node\n\nThe daemon does this by itself on its first start. Use init to see \
                  your recovery phrase at once or to protect the data with a passphrase. `covey account recover` brings an account back. On a terminal it offers \
                  a passphrase.\n\nWith --link this machine becomes a device of an account that another one has: it shows a link, \
                  which `covey device link` takes there, and waits for up to 10 minutes. Started again within that time it goes on with the same link.",
    after_help = "Examples:\n  covey init\n  covey init --passphrase\n  covey init --passphrase-file ./passphrase\n  covey init --link\n  covey init --link --name server --json"
)]
pub(crate) struct InitArgs {
    /// Protect the data with a passphrase that you are asked for, here and at every start
    #[arg(long, conflicts_with = "passphrase_file")]
    passphrase: bool,
    /// Become a device of an account that another machine has
    #[arg(long)]
    link: bool,
    /// What this machine is called among your devices [default: its host name]
    #[arg(long, requires = "link")]
    name: Option<String>,
    /// With --link: listen here for the other device (repeatable) [default: any port, TCP and QUIC]
    #[arg(long, value_name = "MULTIADDR", requires = "link")]
    listen: Vec<String>,
    /// With --link: join the network through this node (repeatable); it ends in /p2p/ and a peer id
    #[arg(long, value_name = "MULTIADDR", requires = "link")]
    bootstrap: Vec<String>,
    #[command(flatten)]
    unlock: Unlock,
}

impl InitArgs {
    pub(crate) fn run(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        if self.link {
            return self.become_device(globals, terminal);
        }
        let (paths, config) = config::load(globals, &Overrides::new())?;
        let passphrase = self.new_passphrase(&paths, terminal)?;
        let options = Options { paths, config, passphrase, flags: Overrides::new(), log: None };
        let made = daemon::init(&options).map_err(|error| start_failure(&error))?;
        let data_dir = options.paths.data_dir();
        let answer =
            json!({"account": made.account, "device": made.device, "data_dir": data_dir, "phrase": *made.phrase});
        terminal.show(&answer, |t, _| {
            t.line(&format!("account  {}", made.account))?;
            t.line(&format!("device   {}", made.device))?;
            t.line(&format!("data     {}", data_dir.display()))?;
            t.line("")?;
            phrase::words(t, &made.phrase)?;
            t.hint("These 24 words bring your account back. Write them on paper; whoever has them is you.")?;
            t.hint("Once you have them, `covey account phrase` erases them from this node.")?;
            t.hint("Start your node: covey daemon")
        })?;
        Ok(())
    }
}

impl InitArgs {
    /// `--link`.
    fn become_device(self, globals: &Globals, terminal: &mut Terminal) -> Result<(), Failure> {
        let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let flags = Overrides::new()
            .set_some("network.listen", given(&self.listen))
            .set_some("network.bootstrap", given(&self.bootstrap));
        let (paths, config) = config::load(globals, &flags)?;
        // A link that was begun before is gone on with, in the same data.
        let passphrase = match self.unlock.typed(paths.data_dir())? {
            Some(typed) => Some(typed),
            None => self.new_passphrase(&paths, terminal)?,
        };
        let options = Options { paths, config, passphrase, flags, log: None };
        crate::runtime(Builder::new_multi_thread())?.block_on(link::run(&options, self.name, terminal))
    }

    /// The passphrase of the new data. A person at a terminal is asked whether they want one; nobody else is.
    fn new_passphrase(&self, paths: &Paths, terminal: &mut Terminal) -> Result<Option<Passphrase>, Failure> {
        if self.passphrase {
            return unlock::ask_for_new("--passphrase-file").map(Some);
        }
        if let Some(given) = self.unlock.given()? {
            return Ok(Some(given));
        }
        let asks = terminal.typing && terminal.interactive && unlock::is_terminal() && !terminal.json;
        // What has an account already is refused without a question.
        if !asks || VaultFiles::new(paths.data_dir()).exist() {
            return Ok(None);
        }
        terminal.hint(
            "A passphrase protects your keys and messages from a thief of this machine. You type it at every start of the node; it cannot \
             start unattended then, unless the service manager or a file has the passphrase. Without one, the key lies beside the data.",
        )?;
        unlock::offer_new()
    }
}
