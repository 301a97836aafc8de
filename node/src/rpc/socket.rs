//! Taking the loopback port and the Unix socket.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, UnixListener};

use super::ServeError;
use crate::files;

/// Binds a loopback address; port 0 takes any free port.
pub(crate) async fn bind_port(address: SocketAddr) -> Result<TcpListener, ServeError> {
    if !address.ip().is_loopback() {
        return Err(ServeError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::AddressInUse(address),
        _ => ServeError::Listen { address, source },
    })
}

/// Binds the Unix socket `path` (0600). What a daemon that was killed has left there is removed; a socket on which
/// somebody answers is not, nor anything that is no socket. The caller holds the instance lock.
pub(crate) fn bind_socket(path: &Path) -> Result<UnixListener, ServeError> {
    let io = |source| ServeError::Io { path: path.to_path_buf(), source };
    if std::os::unix::net::SocketAddr::from_pathname(path).is_err() {
        return Err(ServeError::SocketPathTooLong(path.to_path_buf()));
    }
    if let Some(dir) = path.parent().filter(|dir| !dir.exists()) {
        files::create_private_dir(dir).map_err(io)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(io)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), ServeError> {
    let io = |source| ServeError::Io { path: path.to_path_buf(), source };
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io(e)),
        Ok(meta) if !meta.file_type().is_socket() => return Err(ServeError::NotASocket(path.to_path_buf())),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(ServeError::SocketInUse(path.to_path_buf())),
    }
}

/// Removes its files when the server is gone.
#[derive(Debug)]
pub(crate) struct RemoveOnDrop(pub(crate) Vec<PathBuf>);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}
