//! Many nodes in one process join one seed, as from an office: `crowd SEED NUMBER SECONDS`.
//!
//! For `scripts/nat-lab.sh`. Prints `N joined, M with a place` once all have joined or the seconds are over, then stays until
//! its standard input ends.

#![allow(clippy::print_stdout)] // the counts are what it is run for
#![allow(clippy::expect_used)] // a program of the lab may end with a panic

use std::{env, time::Duration};

use covey_overlay::{Config, Handle, Multiaddr, RelayUse, spawn};
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep},
};

#[tokio::main]
async fn main() {
    let mut args = env::args().skip(1);
    let usage = "crowd SEED NUMBER SECONDS";
    let seed: Multiaddr = args.next().and_then(|text| text.parse().ok()).expect(usage);
    let number: usize = args.next().and_then(|text| text.parse().ok()).expect(usage);
    let seconds: u64 = args.next().and_then(|text| text.parse().ok()).expect(usage);
    let mut nodes: Vec<Handle> = Vec::new();
    for n in 0..number {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(n as u64 + 1).to_be_bytes());
        let mut config = Config::new(key);
        config.listen = vec!["/ip4/0.0.0.0/tcp/0".parse().expect("an address")];
        config.bootstrap = vec![seed.clone()];
        (config.mdns, config.upnp, config.relay_use) = (false, false, RelayUse::Always);
        let (handle, mut events) = spawn(config).await.expect("starts");
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        nodes.push(handle);
        // As people switch their machines on.
        sleep(Duration::from_millis(20)).await;
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let (mut joined, mut placed) = (0, 0);
        for node in &nodes {
            let status = node.status().await.expect("runs");
            joined += usize::from(status.bootstrap.iter().any(|seed| seed.connected));
            placed += usize::from(!status.reservations.is_empty());
        }
        if joined.min(placed) == number || Instant::now() >= end {
            println!("{joined} joined, {placed} with a place");
            break;
        }
        sleep(Duration::from_millis(500)).await;
    }
    let mut nothing = Vec::new();
    // Err: nobody holds the other end any more.
    let _ = tokio::io::stdin().read_to_end(&mut nothing).await;
}
