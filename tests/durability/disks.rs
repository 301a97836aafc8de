//! Disks of our own: mounted for a test, gone after it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Runs a command quietly. Whether it succeeded.
pub(crate) fn does(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Something mounted.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// Mounts; nothing if this process may not, which is said.
    pub(crate) fn on(place: &Path, args: &[&str]) -> Option<Self> {
        fs::create_dir_all(place).expect("a directory");
        let place_text = place.to_str().expect("UTF-8");
        if does("mount", &[args, &[place_text]].concat()) {
            return Some(Self(place.to_owned()));
        }
        println!("SKIPPED: this process may not mount {args:?} (it takes root)");
        None
    }

    pub(crate) fn place(&self) -> &Path {
        &self.0
    }

    /// Mounts it again in another way.
    pub(crate) fn remount(&self, how: &str) -> bool {
        does("mount", &["-o", &format!("remount,{how}"), self.0.to_str().expect("UTF-8")])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let place = self.0.to_str().expect("UTF-8");
        // A process that is just ending may still be in it.
        let _ = does("umount", &[place]) || does("umount", &["-l", place]);
    }
}
