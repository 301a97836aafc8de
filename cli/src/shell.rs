//! `covey completions | man`: made from the argument tree, which belongs to the binary.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use clap_complete::Shell;

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
                clap_mangen::generate_to(tree, dir)
            }
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(tree).render(&mut page)?;
                out.write_all(&page)
            }
        }
    }
}
