//! Who may use the local API, and how often: tokens with scopes, browsers that are signed in, their revocation, and what is
//! written down about it.
//!
//! Knows no sockets and no methods. [`Access`] is asked by the server who a token is, by the service whether a caller may do
//! something; it keeps in memory what the engine has stored.

mod bucket;
mod caller;
mod codes;
mod grant;
mod refusals;
mod registry;
mod signin;
#[cfg(test)]
mod tests;

pub use caller::Caller;
pub use grant::Grant;
pub use registry::Access;
pub(crate) use registry::finished;
pub use signin::SignedIn;
