//! `token.*`: what other programs may do on the port. A token has scopes, perhaps an end, and perhaps channels that it is bound
//! to. The Unix socket and the token in `rpc.cookie` have all rights and are not listed here.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Most changing calls that one token may make in a second; acknowledgements of events do not count.
pub const TOKEN_WRITES_PER_SECOND: u32 = 30;

/// Longest life of a token: ten years, in seconds.
pub const MAX_TOKEN_LIFE: u64 = 10 * 365 * 86_400;

/// Most tokens that can be used at one time.
pub const MAX_TOKENS: usize = 256;

/// Most channels that a token can be bound to.
pub const MAX_TOKEN_CHANNELS: usize = 64;

/// What a token allows. Each method says which one it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything: contacts, groups, messages, events, the state of the node.
    Read,
    /// Write messages, mark them as read, mute and archive conversations.
    Send,
    /// Invite, accept, decline, block and remove contacts; make tickets.
    Pair,
    /// Make, join, leave and manage groups.
    Group,
    /// Run the node: stop it, change its settings and its name, make and revoke tokens.
    Admin,
    /// Read `/metrics`.
    Metrics,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [Self::Read, Self::Send, Self::Pair, Self::Group, Self::Admin, Self::Metrics];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Pair => "pair",
            Self::Group => "group",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| "the scopes are read, send, pair, group, admin and metrics".to_owned())
    }
}

/// Parameters of `token.create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for, 1 to 64 characters; no other token in use has this name.
    pub name: String,
    /// What it allows; at least one, and none that the caller does not have.
    pub scopes: Vec<Scope>,
    /// The channels that it is bound to (channel id, contact or group): it sees and sends nothing elsewhere. All unless told.
    pub channels: Option<Vec<String>>,
    /// For how many seconds it is valid, at most ten years; until it is revoked unless told.
    #[schemars(range(min = 1, max = 315360000))]
    pub expires_in: Option<u64>,
    /// Idempotency key. Repeated, the answer comes without the token itself, which is not stored.
    pub client_id: Option<String>,
}

/// Parameters of `token.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    /// Also those that have expired or were revoked in the last 90 days.
    #[serde(default)]
    pub all: bool,
}

/// Parameters of `token.revoke`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRevoke {
    /// The name of the token, its id, or a unique prefix of the id of at least 8 characters.
    pub token: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A program.
    Program,
    /// A browser that is signed in to the web page.
    Browser,
}

/// Whether a token can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It can.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A token, without the token itself: only its hash is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenInfo {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it is for: a program or a browser.
    pub kind: TokenKind,
    /// Whether it can be used.
    pub state: TokenState,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The ids of the channels that it is bound to; none if it is bound to none.
    pub channels: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Time,
    /// Until when it is valid; none if it is until it is revoked.
    pub expires_at: Option<Time>,
    /// When it was last used; none if never. After a crash of the node up to a minute early.
    pub last_used_at: Option<Time>,
}

/// A token that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenCreated {
    /// The token, `cvt_…`: for the header `Authorization: Bearer …`. It is shown this once; none in the answer to a repeated
    /// `client_id`.
    pub token: Option<String>,
    /// What `token.list` tells of it.
    #[serde(flatten)]
    pub info: TokenInfo,
}

noun! {
    /// Tokens of other programs.
    TokenApi = "token" {
        /// Make a token for another program. The answer holds it; it is not shown again.
        write create(TokenCreate) -> TokenCreated, needs Admin,
            refuses TokenNameTaken, NoSuchChannel, NoSuchContact, AmbiguousContact, NoSuchGroup, AmbiguousGroup,
                NotPaired, NotAMember;
        /// The tokens and signed-in browsers, newest first.
        read list(TokenList) -> Vec<TokenInfo>, needs Admin;
        /// Revoke a token, or sign a browser out: at once, on connections that are open too.
        write revoke(TokenRevoke) -> TokenInfo, needs Admin,
            refuses NoSuchToken;
    }
}
