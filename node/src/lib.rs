//! A covey node: engine, storage, runtime and the local RPC server.

pub mod access;
pub mod addressing;
pub mod config;
pub mod daemon;
pub mod db;
pub mod engine;
pub mod files;
pub mod hardening;
pub mod health;
pub mod lock;
pub mod metrics;
pub mod network_key;
pub mod paths;
pub mod rpc;
pub mod runtime;
pub mod seed;
pub mod seed_lists;
pub mod service;
pub mod settings;
pub mod slot;
pub mod store;
pub mod vault;
