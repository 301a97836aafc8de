//! Files that only their owner may read, and that are still there after a power cut.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Creates `dir` with mode 0700, its parents too, and syncs the directory that it is in. A directory that exists is
/// narrowed to 0700.
///
/// # Errors
/// What the operating system says.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    match fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => {
            if meta.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
            }
            return Ok(());
        }
        Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is a file", dir.display()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Makes the names in `dir` survive a power cut.
///
/// # Errors
/// What the operating system says.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces `path` by a file of mode 0600 with `content`, atomically and durably.
///
/// # Errors
/// What the operating system says; the old file is then still there.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temporary = private_beside(path)?;
    temporary.write_all(content)?;
    put_in_place(temporary, path)
}

/// A file of mode 0600 in the directory of `path`, to be put in its place when it is complete. Gone if it is not.
///
/// # Errors
/// What the operating system says.
pub fn private_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mode = fs::Permissions::from_mode(0o600);
    let made = tempfile::Builder::new().prefix(".covey-").permissions(mode).tempfile_in(directory_of(path));
    made.map_err(|error| without_path(&error))
}

/// Replaces `path` by a complete file, atomically and durably.
///
/// # Errors
/// What the operating system says; the old file is then still there.
pub fn put_in_place(complete: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    complete.as_file().sync_all()?;
    complete.persist(path)?;
    sync_dir(directory_of(path))
}

/// As [`put_in_place`], but never replaces a file.
///
/// # Errors
/// What the operating system says; `AlreadyExists` if there is such a file.
pub fn put_in_new_place(complete: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    complete.as_file().sync_all()?;
    complete.persist_noclobber(path)?;
    sync_dir(directory_of(path))
}

/// An error of `tempfile`, which names a path that nobody has heard of, as the operating system said it.
fn without_path(error: &io::Error) -> io::Error {
    let text = error.to_string();
    io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates `path` with mode 0600 and `content`, durably; fails if it exists.
///
/// # Errors
/// What the operating system says; `AlreadyExists` if there is such a file.
pub fn create_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    sync_dir(directory_of(path))
}

/// The permission bits of `path` if others than its owner have any, or if another user owns it.
///
/// # Errors
/// What the operating system says.
pub fn exposed(path: &Path) -> io::Result<Option<Exposed>> {
    let meta = fs::metadata(path)?;
    if meta.uid() != effective_uid() && meta.uid() != 0 {
        return Ok(Some(Exposed::ForeignOwner(meta.uid())));
    }
    let mode = meta.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(Exposed::Mode(mode)))
}

/// How a file that should be private is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposed {
    /// Others have some of these permissions.
    Mode(u32),
    /// This other user owns it.
    ForeignOwner(u32),
}

/// The user this process acts as.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Copies a directory with all that is in it.
#[cfg(test)]
pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists").map_while(Result::ok) {
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copies");
        }
    }
}
