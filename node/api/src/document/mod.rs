//! The documents of the contract, from which clients are made: OpenRPC for the methods, AsyncAPI for the events.

mod asyncapi;
mod examples;
mod limits;
mod openrpc;
#[cfg(test)]
mod tests;

pub use asyncapi::asyncapi;
pub use openrpc::openrpc;
