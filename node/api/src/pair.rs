//! `pair.*`: consent. Who may talk to us, who asked, whom we asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sent, Time, contract::noun};

/// Parameters of `pair.invite`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairInvite {
    /// A ticket (`covey:…`) or an account id (`cv1…`).
    pub to: String,
    /// What we say about ourselves, at most 280 characters; they read it before they answer.
    pub note: Option<String>,
    /// Our name for them.
    pub alias: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairList {
    /// Only contacts in this state.
    pub state: Option<ContactState>,
    /// Only invites that say we were paired before our account was recovered; `false`: only others.
    pub renewal: Option<bool>,
}

/// Parameters of `pair.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairShow {
    /// Alias, id or unique id prefix.
    pub contact: String,
}

/// Parameters of `pair.accept`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairAccept {
    /// Alias, id or unique id prefix of who invited us.
    pub contact: String,
    /// Our name for them.
    pub alias: Option<String>,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.accept_renewals`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairAcceptRenewals {
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.decline`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairDecline {
    /// Alias, id or unique id prefix of who invited us.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairCancel {
    /// Alias, id or unique id prefix of whom we invited.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.forget`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairForget {
    /// Alias, id or unique id prefix.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.remove`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairRemove {
    /// Alias, id or unique id prefix of a paired contact.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.block`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairBlock {
    /// Alias, id or unique id prefix; a full account id may also be unknown so far.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.unblock`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairUnblock {
    /// Alias, id or unique id prefix.
    pub contact: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairVerify {
    /// Alias, id or unique id prefix.
    pub contact: String,
    /// The number that they read to us; spaces do not matter.
    pub safety_number: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.rename`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairRename {
    /// Alias, id or unique id prefix.
    pub contact: String,
    /// Our new name for them.
    pub alias: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `pair.send`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairSend {
    /// Alias, id or unique id prefix of a paired contact.
    pub contact: String,
    /// At most 16 KiB of UTF-8.
    pub text: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Where consent stands between us and another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// We asked; no answer yet.
    Invited,
    /// They asked; it is our turn.
    Pending,
    /// Both said yes.
    Paired,
    /// We said no.
    Declined,
    /// They said no.
    Refused,
    /// Nobody answered in time.
    Expired,
    /// We took our invite back.
    Cancelled,
    /// We want to hear nothing of them.
    Blocked,
    /// Was paired; one side ended it.
    Removed,
    /// Nothing: forgotten, unblocked, or never asked.
    Stranger,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// They did.
    Incoming,
    /// We did.
    Outgoing,
}

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// We.
    Us,
    /// The other account.
    Them,
}

/// What may be the work of somebody who has a contact's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactAlertKind {
    /// They paired anew by themselves, as after losing their data: a new conversation began.
    Renewed,
    /// Their account has other devices than before.
    DevicesChanged,
    /// A list of devices that contradicts the one known was refused: somebody else has the account's keys.
    Contradiction,
    /// The account was recovered twice from the same place, or a device of before objects to its recovery. Nothing is sent to it and
    /// nothing taken from it until the safety number was compared again.
    Contested,
}

/// Something to look at before trusting a contact further; comparing safety numbers (`pair.verify`) clears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactAlert {
    /// What happened.
    pub what: ContactAlertKind,
    /// When, the last time.
    pub at: Time,
}

/// Another account and where consent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// The account, `cv1…`.
    pub contact: String,
    /// Our name for them.
    pub alias: Option<String>,
    /// The name they gave themselves; not verified, not unique.
    pub name: Option<String>,
    /// Where consent stands.
    pub state: ContactState,
    /// Since when.
    pub since: Time,
    /// Who asked; none if nobody did (blocked out of the blue).
    pub direction: Option<Direction>,
    /// What the inviter said.
    pub note: Option<String>,
    /// When the invite expires; none unless it is open.
    pub expires_at: Option<Time>,
    /// Have we compared safety numbers?
    pub verified: bool,
    /// When we learned that they brought their account back with its words; none if they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Time>,
    /// Had we compared safety numbers before that? (`verified` tells of the time since.)
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verified_before: bool,
    /// Is it on the list of contacts that came back with this account? As long as it is a `stranger` nobody has asked since: their node asks to pair
    /// again by itself, or `pair.invite` asks them; `pair.forget` forgets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remembered: bool,
    /// At how many keepers their mail can be left while they are away; of somebody with whom we are not paired: at how many an invite can.
    #[serde(default)]
    pub keepers: u32,
    /// When one of these last answered us; none if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepers_reached: Option<Time>,
    /// Until when a keeper of theirs keeps our invite, our answer or whatever else they have to hear of the pairing, by its word; none if none does,
    /// or once they have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Time>,
    /// Is their account frozen, because its recovery is in doubt? Nothing is sent or taken until `pair.verify`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contested: bool,
    /// Does their invite say that we were paired before our account was recovered? They may say so of themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renewal: bool,
    /// Do we know that they know that we are paired?
    pub confirmed: bool,
    /// Does a device of theirs talk to us now? (Not if they have removed or blocked us.)
    pub online: bool,
    /// What to look at before trusting them further.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<ContactAlert>,
    /// Have they declined an invite of ours? A further one reaches them only if they have forgotten that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused_before: bool,
    /// Who ended the pairing; none unless `removed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Party>,
    /// The direct channel; none unless we are or were paired.
    pub channel: Option<String>,
}

noun! {
    /// Consent.
    PairApi = "pair" {
        /// Ask somebody. They decide; until then nothing else can be sent.
        write invite(PairInvite) -> Contact, needs Pair,
            refuses InvalidTicket, TicketExpired, OwnAccount, InvalidAlias, AliasTaken, TooLong, WrongState, Declined,
                Blocked, RefusedByThem, LimitReached;
        /// Contacts and open invites, newest change first.
        read list(PairList) -> Vec<Contact>, needs Read;
        /// One of them.
        read show(PairShow) -> Contact, needs Read,
            refuses NoSuchContact, AmbiguousContact;
        /// Say yes to an invite.
        write accept(PairAccept) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState, InvalidAlias, AliasTaken;
        /// Say yes to everybody whose invite says that we were paired before our account was recovered (`renewal`).
        write accept_renewals(PairAcceptRenewals) -> Vec<Contact>, needs Pair;
        /// Say no to an invite. They cannot ask again until `pair.forget`.
        write decline(PairDecline) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState;
        /// Take our invite back.
        write cancel(PairCancel) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState;
        /// Forget how it ended, so that both can ask again.
        write forget(PairForget) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState;
        /// End it on both sides: sessions and keys are erased, the history stays until it is deleted.
        write remove(PairRemove) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState;
        /// Take and send nothing until `pair.unblock`; they are not told, and the pairing is kept. `pair.remove` ends it.
        write block(PairBlock) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState, OwnAccount;
        /// Lift a block. What a contact wrote meanwhile arrives if it is still kept there.
        write unblock(PairUnblock) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, WrongState;
        /// Mark as verified if the number they read to us is the right one.
        write verify(PairVerify) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, NotPaired, SafetyNumberMismatch;
        /// Change our name for them.
        write rename(PairRename) -> Contact, needs Pair,
            refuses NoSuchContact, AmbiguousContact, InvalidAlias, AliasTaken;
        /// Write to a paired contact: `message.send` that takes nothing but contacts.
        write send(PairSend) -> Sent, needs Send,
            refuses NoSuchContact, AmbiguousContact, NotPaired, Blocked, EmptyText, TooLong;
    }
}
