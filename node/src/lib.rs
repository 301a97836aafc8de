//! A covey node: engine, storage, runtime and the local RPC server.

pub mod config;
pub mod files;
pub mod lock;
pub mod paths;
pub mod rpc;
pub mod store;
pub mod vault;
