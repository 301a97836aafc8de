//! What a node keeps of its company in plain files, apart from the database: peers that it reached (`peers`) and the newest
//! signed seed list (`seeds`). Losing them costs a node nothing but a way back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use covey_overlay::{Handle, Multiaddr, seeds};
use tracing::debug;

use crate::files;
use crate::paths::Paths;

/// How often what changed is written.
const KEEP: Duration = Duration::from_secs(300);
/// A longer file is none of ours.
const MOST_BYTES: u64 = 64 << 10;

/// The two files.
#[derive(Debug, Clone)]
pub(crate) struct Company {
    peers: PathBuf,
    seeds: PathBuf,
}

impl Company {
    pub(crate) fn new(paths: &Paths) -> Self {
        Self { peers: paths.peers_file(), seeds: paths.seeds_file() }
    }

    /// The peers of last time; what is no address is left out.
    pub(crate) fn peers(&self) -> Vec<Multiaddr> {
        let written = read(&self.peers).unwrap_or_default();
        let lines = written.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.filter_map(|line| line.parse().ok()).collect()
    }

    /// The seed list of last time, not yet verified.
    pub(crate) fn seeds(&self) -> Option<Vec<u8>> {
        seeds::from_text(&read(&self.seeds)?)
    }

    /// Keeps a signed list for the next start.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn add_seeds(&self, list: &[u8]) -> std::io::Result<()> {
        files::write_private(&self.seeds, (seeds::to_text(list) + "\n").as_bytes())
    }

    /// Writes what has changed, now and then, until the overlay ends.
    pub(crate) async fn keep(self, overlay: Handle) {
        loop {
            tokio::time::sleep(KEEP).await;
            if !self.write(&overlay).await {
                return;
            }
        }
    }

    /// Writes what has changed. False if the overlay has ended.
    pub(crate) async fn write(&self, overlay: &Handle) -> bool {
        let Ok(status) = overlay.status().await else { return false };
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut text: String = status.book.iter().map(|address| format!("{address}\n")).collect();
            text.truncate(usize::try_from(MOST_BYTES).unwrap_or(usize::MAX));
            // A node that met nobody this time keeps the peers of last time.
            if !text.is_empty() && read(&this.peers).as_ref() != Some(&text) {
                files::write_private(&this.peers, text.as_bytes())?;
            }
            match status.seeds {
                Some(list) if this.seeds().as_ref() != Some(&list) => this.add_seeds(&list),
                _ => Ok(()),
            }
        });
        if let Ok(Err(error)) = written.await {
            debug!(%error, "peers and seeds cannot be written down");
        }
        true
    }
}

fn read(file: &Path) -> Option<String> {
    let size = std::fs::metadata(file).ok()?.len();
    if size > MOST_BYTES { None } else { std::fs::read_to_string(file).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_peer_in_the_file_is_left_out_and_a_huge_file_is_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let company = Company { peers: dir.path().join("peers"), seeds: dir.path().join("seeds") };
        assert!(company.peers().is_empty() && company.seeds().is_none());
        std::fs::write(&company.peers, "/ip4/45.1.0.2/tcp/1\nnonsense\n\n/ip4/45.1.0.3/tcp/1\n").expect("writes");
        assert_eq!(company.peers().len(), 2);
        std::fs::write(&company.peers, "/ip4/45.1.0.2/tcp/1\n".repeat(10_000)).expect("writes");
        assert!(company.peers().is_empty());
        company.add_seeds(&[1, 2, 3]).expect("writes");
        assert_eq!(company.seeds(), Some(vec![1, 2, 3]));
    }
}
