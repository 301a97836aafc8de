//! A covey node: engine, storage, runtime and the local RPC server.

pub mod store;
pub mod vault;
