//! `covey completions | man`: made from the argument tree, which belongs to the binary.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use clap_complete::Shell;

use crate::complete::{self, Speaks};

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write a page for every command to this directory instead of the main page to stdout
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl CompletionsArgs {
    /// Writes the completion script.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, mut tree: clap::Command, out: &mut dyn Write) -> io::Result<()> {
        let speaks = match self.shell {
            Shell::Bash => Some(Speaks::Bash),
            Shell::Zsh => Some(Speaks::Zsh),
            Shell::Fish => Some(Speaks::Fish),
            _ => None,
        };
        if let Some(speaks) = speaks {
            let this = env::current_exe()?;
            return out.write_all(complete::script(speaks, &this.to_string_lossy()).as_bytes());
        }
        // The others complete commands and flags.
        let mut script = Vec::new();
        let name = tree.get_name().to_owned();
        clap_complete::generate(self.shell, &mut tree, name, &mut script);
        out.write_all(&script)
    }
}

impl ManArgs {
    /// Writes the manual page or pages.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self, tree: clap::Command, out: &mut dyn Write) -> io::Result<()> {
        match &self.dir {
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                let mut tree = tree.disable_help_subcommand(true);
                tree.build();
                pages(&tree, dir)
            }
            None => out.write_all(&page(&clap_mangen::Man::new(tree))?),
        }
    }
}

/// A page for a command, and for all below it.
fn pages(command: &clap::Command, dir: &Path) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    std::fs::write(dir.join(man.get_filename()), page(&man)?)?;
    command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| pages(below, dir))
}

/// A page on which the examples stand under that name, as in other manuals.
fn page(man: &clap_mangen::Man) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).replace(".SH EXTRA", ".SH EXAMPLES").into_bytes())
}
