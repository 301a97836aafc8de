//! `account.*`: who we are, and what we hand to others so that they can invite us.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Parameters of `account.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountShow {}

/// Parameters of `account.ticket`. With neither `uses` nor `expires_in` the ticket carries no token: it names us and
/// where we are, and lasts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountTicket {
    /// How many accounts may use its token.
    #[schemars(range(min = 1))]
    pub uses: Option<u32>,
    /// For how long its token is valid, seconds.
    #[schemars(range(min = 1, max = 31_622_400))]
    pub expires_in: Option<u64>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `account.tickets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountTickets {}

/// Parameters of `account.revoke_ticket`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountRevokeTicket {
    /// The ticket's id or a unique prefix of it.
    pub id: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `account.safety_number`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountSafetyNumber {
    /// Alias, id or unique id prefix of a contact.
    pub contact: String,
}

/// Parameters of `account.rename`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountRename {
    /// The display name that contacts and invited people see.
    pub name: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `account.status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountStatus {}

/// Parameters of `account.contest`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountContest {
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `account.accept`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountAccept {
    /// The 16 digits that `covey account recover` showed on the recovered machine; white space and hyphens are ignored.
    pub digits: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What a history of our account that we did not write is to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondHistoryKind {
    /// It goes on from ours: somebody with our operational key added or revoked devices.
    Longer,
    /// It contradicts ours: somebody with our operational key, or a copy of this node, wrote it.
    Other,
    /// Another device of the account put this one out.
    Revoked,
    /// The account was recovered with its words, and this device is to stay: its operator accepts that (`account.accept`) or
    /// objects (`account.contest`).
    Kept,
    /// The account was recovered with its words, without this device.
    Recovered,
}

/// A history of our account that this node did not write, as a contact showed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecondHistory {
    /// What it is to ours.
    pub what: SecondHistoryKind,
    /// When it was seen.
    pub at: Time,
    /// Who has it; our own account if it was found in the network.
    pub contact: String,
    /// Our name for them.
    pub alias: Option<String>,
}

/// How safe our account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountCondition {
    /// The account, `cv1…`.
    pub account: String,
    /// This device, `cvd1…`.
    pub device: String,
    /// How many devices the account has.
    pub devices: u32,
    /// How often the account was brought back with its words.
    pub recoveries: u32,
    /// Has its owner written down the words?
    pub backed_up: bool,
    /// Are the words erased here?
    pub sealed: bool,
    /// Have we objected to a recovery (`account.contest`)?
    pub objected: bool,
    /// Have we accepted a recovery that keeps this device (`account.accept`)? The account's new keys are still to come.
    #[serde(default)]
    pub accepted: bool,
    /// A history of the account that this node did not write; none was seen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_history: Option<SecondHistory>,
}

/// Our own account as seen from this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The account, `cv1…`.
    pub account: String,
    /// This device, `cvd1…`.
    pub device: String,
    /// Our network name.
    pub peer_id: String,
    /// Addresses at which others can reach us, multiaddr.
    pub addresses: Vec<String>,
    /// Our display name; empty if none was given.
    pub name: String,
}

/// A ticket to hand to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// `covey:…`
    pub ticket: String,
    /// The token's id, for `account.revoke_ticket`; absent without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many accounts may use it; absent without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Until when; absent if it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// What became of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Can be used.
    Active,
    /// All uses are gone.
    Used,
    /// Its time is over.
    Expired,
    /// We took it back.
    Revoked,
}

/// A ticket with a token that we made. The ticket itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketInfo {
    /// The token's id.
    pub id: String,
    /// What became of it.
    pub state: TicketState,
    /// How many accounts may use it.
    pub uses: u32,
    /// How many have.
    pub used: u32,
    /// When it was made.
    pub created_at: Time,
    /// Until when it is valid; none if it lasts.
    pub expires_at: Option<Time>,
}

/// A number that both sides compare by another way, to be sure that nobody is in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SafetyNumber {
    /// The contact, `cv1…`.
    pub contact: String,
    /// Our name for them.
    pub alias: Option<String>,
    /// 60 digits in 12 groups of five, separated by spaces.
    pub safety_number: String,
    /// Have we compared it already?
    pub verified: bool,
}

noun! {
    /// Who we are.
    AccountApi = "account" {
        /// Our own account as seen from this device.
        read show(AccountShow) -> Account, needs Read;
        /// Make a ticket that others can invite us with.
        write ticket(AccountTicket) -> Ticket, needs Pair,
            refuses LimitReached;
        /// The tickets with a token that we made.
        read tickets(AccountTickets) -> Vec<TicketInfo>, needs Read;
        /// Take a ticket's token back.
        write revoke_ticket(AccountRevokeTicket) -> TicketInfo, needs Pair,
            refuses NoSuchTicket;
        /// The number to compare with a contact.
        read safety_number(AccountSafetyNumber) -> SafetyNumber, needs Read,
            refuses NoSuchContact, AmbiguousContact;
        /// How safe our account is: words, recoveries, and what contacts know of it that we do not.
        read status(AccountStatus) -> AccountCondition, needs Read;
        /// Object to a recovery of the account that its owner did not make: contacts freeze it until safety numbers are compared.
        write contest(AccountContest) -> AccountCondition, needs Admin,
            refuses WrongState;
        /// Accept a recovery of the account that keeps this device: it is given the account's new keys.
        write accept(AccountAccept) -> AccountCondition, needs Admin,
            refuses WrongState, WrongDigits;
        /// Change the display name that others see.
        write rename(AccountRename) -> Account, needs Admin;
    }
}
