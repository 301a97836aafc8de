//! Where a node's files are: all in one directory (`--data-dir`), or where the XDG base directory specification says.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The files of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
    config_is_explicit: bool,
    runtime: PathBuf,
}

/// There is no directory to keep files in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathsError {
    /// Neither a data directory nor a home directory is known.
    #[error("no home directory: set HOME, or name a directory with --data-dir")]
    NoHome,
    /// The given directory cannot be made absolute, because there is no current directory.
    #[error("cannot find the current directory; give --data-dir as an absolute path")]
    NoCurrentDir,
}

impl Paths {
    /// Resolves the places from `--data-dir` (or `COVEY_DATA_DIR`), `--config` and the environment, which is read
    /// through `env`. Nothing is created.
    ///
    /// # Errors
    /// [`PathsError`].
    pub fn resolve(
        data_dir: Option<&Path>,
        config: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, PathsError> {
        let explicit = data_dir.map(Path::to_path_buf);
        let explicit = explicit.or_else(|| env("COVEY_DATA_DIR").filter(|v| !v.is_empty()).map(PathBuf::from));
        let (data, default_config, runtime) = match explicit {
            Some(dir) => {
                let dir = std::path::absolute(dir).map_err(|_| PathsError::NoCurrentDir)?;
                (dir.clone(), dir.join("config.toml"), dir)
            }
            None => {
                let base = |name: &str, fallback: &str| {
                    xdg(&env, name).or_else(|| home(&env).map(|home| home.join(fallback))).ok_or(PathsError::NoHome)
                };
                let data = base("XDG_DATA_HOME", ".local/share")?.join("covey");
                let config = base("XDG_CONFIG_HOME", ".config")?.join("covey/config.toml");
                let runtime = xdg(&env, "XDG_RUNTIME_DIR").map_or_else(|| data.clone(), |dir| dir.join("covey"));
                (data, config, runtime)
            }
        };
        Ok(Self {
            data,
            config: config.map_or(default_config, Path::to_path_buf),
            config_is_explicit: config.is_some(),
            runtime,
        })
    }

    /// [`Paths::resolve`] with the environment of this process.
    ///
    /// # Errors
    /// [`PathsError`].
    pub fn from_process(data_dir: Option<&Path>, config: Option<&Path>) -> Result<Self, PathsError> {
        Self::resolve(data_dir, config, |name| std::env::var_os(name))
    }

    /// Everything durable of the node (0700).
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// The configuration file; it need not exist unless [`Paths::config_is_explicit`].
    pub fn config_file(&self) -> &Path {
        &self.config
    }

    /// True if the operator named the configuration file.
    pub fn config_is_explicit(&self) -> bool {
        self.config_is_explicit
    }

    /// The Unix socket of the RPC.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("rpc.sock")
    }

    /// What a client needs to reach the running daemon: see `crate::rpc::Endpoint`.
    pub fn endpoint(&self) -> PathBuf {
        self.data.join("rpc.json")
    }

    /// The operator's RPC token.
    pub fn cookie(&self) -> PathBuf {
        self.data.join("rpc.cookie")
    }

    /// The single-instance lock.
    pub fn lock_file(&self) -> PathBuf {
        self.data.join("lock")
    }

    /// Exists once the data directory has an account. Apart from the database, whose damage may look like emptiness.
    pub fn initialised_file(&self) -> PathBuf {
        self.data.join("initialised")
    }

    /// The directory of the database.
    pub fn database(&self) -> PathBuf {
        self.data.join("db")
    }

    /// High-water marks, kept and synced apart from the database.
    pub fn marks_file(&self) -> PathBuf {
        self.data.join("marks")
    }

    /// Peers that were reached, to come back by them.
    pub fn peers_file(&self) -> PathBuf {
        self.data.join("peers")
    }

    /// The newest signed seed list.
    pub fn seeds_file(&self) -> PathBuf {
        self.data.join("seeds")
    }

    /// The network key of a seed, which has no account.
    pub fn seed_key_file(&self) -> PathBuf {
        self.data.join("seed.key")
    }

    /// Second copies of the records that nobody else could give us back.
    pub fn kept_file(&self) -> PathBuf {
        self.data.join("kept")
    }
}

/// A base directory of the XDG specification, which says to ignore relative ones.
fn xdg(env: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    env(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn home(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    env("HOME").filter(|v| !v.is_empty()).map(PathBuf::from).or_else(std::env::home_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v))
    }

    #[test]
    fn a_data_directory_holds_everything() {
        let paths = Paths::resolve(Some(Path::new("/a")), None, env(&[("XDG_RUNTIME_DIR", "/run/1")])).expect("paths");
        assert_eq!(paths.socket(), Path::new("/a/rpc.sock"));
        assert_eq!(paths.config_file(), Path::new("/a/config.toml"));
        assert_eq!(paths.endpoint(), Path::new("/a/rpc.json"));
    }

    #[test]
    fn without_one_the_xdg_directories_are_used() {
        let env = env(&[("XDG_RUNTIME_DIR", "/run/1"), ("HOME", "/home/u"), ("XDG_DATA_HOME", "relative")]);
        let paths = Paths::resolve(None, None, env).expect("paths");
        assert_eq!(paths.data_dir(), Path::new("/home/u/.local/share/covey"));
        assert_eq!(paths.config_file(), Path::new("/home/u/.config/covey/config.toml"));
        assert_eq!(paths.socket(), Path::new("/run/1/covey/rpc.sock"));
    }

    #[test]
    fn the_flag_wins_over_the_environment() {
        let env = env(&[("COVEY_DATA_DIR", "/b")]);
        let flag = Paths::resolve(Some(Path::new("/a")), Some(Path::new("/c.toml")), &env).expect("paths");
        assert_eq!((flag.data_dir(), flag.config_file()), (Path::new("/a"), Path::new("/c.toml")));
        assert!(flag.config_is_explicit());
        assert_eq!(Paths::resolve(None, None, &env).expect("paths").data_dir(), Path::new("/b"));
    }
}
