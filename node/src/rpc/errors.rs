//! Why the RPC server could not start.

use std::{io, net::SocketAddr, path::PathBuf};

/// Every text says what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from other machines.
    #[error("{0} can be reached from other machines, which the RPC does not support; use 127.0.0.1 and an SSH tunnel")]
    NotLoopback(SocketAddr),
    /// Another program listens there.
    #[error("{0} is in use, perhaps by another covey; stop that one or choose another with --rpc-listen 127.0.0.1:0")]
    AddressInUse(SocketAddr),
    /// The operating system refused the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// A living process answers on the socket.
    #[error("another program answers on {}; stop it, or set rpc.socket to another path", .0.display())]
    SocketInUse(PathBuf),
    /// Something that is not a socket is in its place.
    #[error("{} exists and is no socket; move it away, or set rpc.socket to another path", .0.display())]
    NotASocket(PathBuf),
    /// Unix limits the length of socket paths.
    #[error("{} is too long for a Unix socket (107 bytes); set rpc.socket to a shorter path", .0.display())]
    SocketPathTooLong(PathBuf),
    /// The operating system refused a file.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
