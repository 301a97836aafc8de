//! The settings. The comments are what `config.example.toml` shows, so they speak to the operator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::values::{List, LogFormat, Offer, Period, RelayUse};

/// A setting's name and explanation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
}

/// A group of settings: a table of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static [&'static str],
    pub(crate) fields: &'static [Field],
}

/// Declares the sections: structs, defaults, and their description from the same comments.
macro_rules! settings {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $type:ident {
            $( $(#[doc = $doc:literal])* $field:ident: $kind:ty = $default:expr, )*
        }
    )*) => {
        /// The configuration of a node.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $( $(#[doc = $section_doc])* pub $section: $type, )*
        }

        /// Every section, in the order of the file.
        pub(crate) const SECTIONS: &[Section] = &[$(
            Section {
                name: stringify!($section),
                doc: &[$($section_doc),*],
                fields: &[$( Field { name: stringify!($field), doc: &[$($doc),*] }, )*],
            },
        )*];

        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            pub struct $type {
                $( $(#[doc = $doc])* pub $field: $kind, )*
            }

            impl Default for $type {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }
        )*
    };
}

/// In `network.bootstrap`: the nodes of the signed seed list.
const DEFAULT_SEEDS: &str = "default";

settings! {
    /// How this node meets others.
    network: Network {
        /// Addresses to listen on. Port 0 takes any free port; give a fixed one if you forward it in a router.
        /// IPv6 is left out where the machine has none.
        listen: List = List::of(&[
            "/ip4/0.0.0.0/tcp/0",
            "/ip4/0.0.0.0/udp/0/quic-v1",
            "/ip6/::/tcp/0",
            "/ip6/::/udp/0/quic-v1",
        ]),
        /// Addresses under which others reach this node, if you know them (a forwarded port, a DNS name),
        /// for example "/dns4/home.example.org/tcp/7421".
        external: List = List::default(),
        /// Peers through which to join the network, each ending in /p2p/ and a peer id; "default" stands for those of the
        /// signed seed list. Nodes on one local network need none.
        bootstrap: List = List::of(&[DEFAULT_SEEDS]),
        /// Whose signed seed lists are believed: a public key of 64 hexadecimal characters (see `covey seeds`). Nobody
        /// runs public seeds yet, so there is none by default.
        seeds_key: String = String::new(),
        /// File with the key of a private network, 64 hexadecimal characters: only nodes with the same key are spoken to,
        /// by TCP only. Empty for the open network.
        key_file: String = String::new(),
        /// Find other nodes on the local network by multicast DNS.
        mdns: bool = true,
        /// Ask the router to forward the listening ports.
        upnp: bool = true,
        /// Publish this node's addresses, encrypted, so that people who know your account id can find it. Without,
        /// they need a ticket or an address. What was published before can be found for two days more.
        discoverable: bool = true,
        /// Carry connections of other nodes that cannot reach each other.
        relay_server: bool = false,
        /// When to be reachable through relays: "never", "when-private" or "always".
        relay_use: RelayUse = RelayUse::WhenPrivate,
        /// Most connections at a time. Contacts are let in beyond it. 800 with relay_server, unless set.
        max_connections: u32 = 256,
        /// Most inbound connections of strangers at a time. 640 with relay_server, unless set.
        max_strangers: u32 = 96,
        /// Most connections of strangers from one neighbourhood of addresses (IPv4 /24, IPv6 /48). 64 with relay_server,
        /// unless set.
        max_strangers_per_prefix: u32 = 8,
        /// No new connections while the process uses more memory than this, in MiB.
        max_memory_mib: u32 = 1_024,
    }
    /// Who may write to you.
    pairing: Pairing {
        /// Nobody can write to you before you accepted their invite. If false, the first message of a stranger
        /// arrives in the list of requests (never in the inbox).
        required: bool = true,
        /// Do not tell an inviter that you declined: to them it looks as if nobody answered.
        decline_silently: bool = false,
        /// Most invites of strangers that wait for your answer at a time.
        max_pending: u32 = 64,
        /// Most invites per hour from one neighbourhood of addresses (IPv4 /24, IPv6 /48).
        max_invites_per_hour: u32 = 3,
    }
    /// Mail that waits while its recipient is away.
    keepers: Keepers {
        /// Who may ask that this node keeps their mail: "contacts" or "nobody". Nothing is kept before you said yes to
        /// them (`covey keeper accept`).
        offer: Offer = Offer::Contacts,
    }
    /// What you tell others about their messages.
    receipts: Receipts {
        /// Tell the sender that you have read a message.
        read: bool = true,
    }
    /// Conversations of many.
    groups: Groups {
        /// How long after somebody left by themselves (or one of their devices was taken away) the keys change, so that
        /// many who leave at once cost one change; what is written meanwhile may still be readable for them. Removals
        /// and bans never wait.
        rotation_delay: Period = Period::seconds(30),
        /// Most members of a group that this node lets people into; 10000 at most.
        max_members: u32 = 10_000,
    }
    /// The local interface for the command line, frontends and the browser.
    rpc: Rpc {
        /// Loopback address and port; port 0 takes any free one (see rpc.json in the data directory), "off" leaves
        /// only the Unix socket.
        listen: String = "127.0.0.1:7420".to_owned(),
        /// Path of the Unix socket; empty for the usual place.
        socket: String = String::new(),
        /// Most connections of clients at a time, on the port and on the socket each.
        max_connections: u32 = 128,
    }
    /// What is kept, and how.
    storage: Storage {
        /// Memory for caching the database, in MiB.
        cache_mib: u32 = 8,
        /// How long the event journal is kept for clients that were away.
        journal_keep: Period = Period::days(30),
        /// Most space the event journal takes, in MiB.
        journal_max_mib: u32 = 1_024,
        /// How much of what one person writes to you, or in a group, is kept at once, in MiB. What they write beyond
        /// it comes more slowly; nothing is lost.
        author_burst_mib: u32 = 256,
        /// How much of it is kept every second after that, in KiB.
        author_kib_per_second: u32 = 24,
        /// How much this node keeps for others in all, in MiB: mail of other accounts, and what waits for members of groups;
        /// never more than a tenth of what is free on the disk. What does not fit is refused and stays with its authors.
        mail_max_mib: u32 = 2_048,
        /// For how many accounts it keeps mail; 64 at most.
        mail_max_accounts: u32 = 64,
    }
    /// What the daemon reports on standard error.
    log: Log {
        /// "error", "warn", "info", "debug" or "trace", or a list of such filters as in "info,covey_overlay=debug".
        /// COVEY_LOG in the environment wins over it.
        level: String = "info".to_owned(),
        /// "text" or "json" (a line of JSON per event).
        format: LogFormat = LogFormat::Text,
    }
}

impl Network {
    /// The bootstrap peers that the operator names.
    pub(crate) fn named_bootstrap(&self) -> Vec<String> {
        self.bootstrap.iter().filter(|named| *named != DEFAULT_SEEDS).cloned().collect()
    }

    /// Whether those of the signed seed list are wanted.
    pub(crate) fn uses_seed_list(&self) -> bool {
        self.bootstrap.iter().any(|named| named == DEFAULT_SEEDS)
    }
}

impl Storage {
    /// Memory for caching the database, in bytes.
    pub fn cache_bytes(&self) -> u64 {
        u64::from(self.cache_mib) << 20
    }

    /// How long journal events are kept.
    pub fn journal_keep(&self) -> Duration {
        self.journal_keep.0
    }
}
