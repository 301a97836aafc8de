//! The local RPC server: JSON-RPC over HTTP and WebSocket, on a Unix socket and on a loopback port.
//!
//! Who may call: on the Unix socket, processes of the same user (and root); on the port, whoever presents the token
//! in `rpc.cookie` (0600, new at each start) or one that was made for a program (see [`crate::access`]), as
//! `Authorization: Bearer …` or, for browsers, which cannot set that header on a WebSocket, as the subprotocol `bearer.…`
//! beside `covey`. Host and Origin must be this server's own, so that neither a web page nor a name that was rebound to
//! 127.0.0.1 gets anywhere.
//!
//! A browser is signed in once, by the code in an address that the daemon or `covey web` prints,
//! `http://127.0.0.1:7420/#code=…`: the part after `#` is never sent to a server; the page takes it out of the address and
//! exchanges it at `/session` for a cookie and a key. A request with these counts only if its Origin is named and ours.
//!
//! This half knows no methods; they come as a jsonrpsee module.

mod accept;
mod cookie;
mod dispatch;
mod errors;
mod guard;
mod http;
mod server;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod web;
mod websocket;

pub use cookie::{Cookie, Endpoint};
pub use errors::ServeError;
pub use http::Probes;
pub use server::{Server, ServerOptions, serve};
