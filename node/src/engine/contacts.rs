//! Contacts: other accounts, with what we know of each.

use covey_api::{self as api, ApiError, ContactState, Direction, Reason, Time, names::shell_word};
use covey_pairing::consent::{PairSecret, Relationship, State};
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::{SignedOp, Token};
use covey_pairing::ids::{AccountId, DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::alerts::{Alert, AlertKind};
use super::channels::{self, Channel};
use super::{Cx, EngineError, PeerKey, names, tables};
use crate::store::Tx;

/// Another account as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contact {
    pub(super) account: AccountId,
    /// Our name for them.
    pub(super) alias: Option<String>,
    /// Consent, and the handshakes behind it.
    pub(super) relationship: Relationship,
    /// Who asked last.
    pub(super) outgoing: Option<bool>,
    /// What the inviter said.
    pub(super) note: Option<String>,
    /// An invite that waits until their card is found.
    pub(super) wanted: Option<Wanted>,
    /// Where a pairing frame may be left: peers and addresses of their ticket.
    pub(super) hints: Vec<Hint>,
    /// Local number of the direct channel.
    pub(super) channel: Option<u64>,
    /// One-time prekey bundles they gave us.
    pub(super) bundles: Vec<ByteBuf>,
    /// We compared safety numbers.
    pub(super) verified: bool,
    /// A stranger let in by the open mode: shown among the requests only.
    pub(super) request: bool,
    /// When what clients see of it last changed.
    pub(super) changed_at: u64,
    /// BLAKE3 of our card as they last got it.
    pub(super) card_sent: Option<ByteBuf>,
    /// What the operator ought to look at before trusting them further; each kind once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) alerts: Vec<Alert>,
    /// They declined an invite of ours, and nothing was agreed since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) refused: bool,
    /// Whether we ended the pairing, while it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_by_us: Option<bool>,
}

/// An invite of ours to an account of which we know nothing but the id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) note: String,
    pub(super) token: Option<Token>,
    pub(super) since: u64,
}

/// Where a pairing frame may be left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hint {
    pub(super) peer: PeerKey,
    pub(super) addresses: Vec<String>,
}

/// A device of a contact, from its verified card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ContactDevice {
    pub(super) id: DeviceId,
    pub(super) dh: DhPublic,
    pub(super) peer: PeerKey,
    pub(super) addresses: Vec<String>,
    /// Its prekey bundle, opaque.
    pub(super) bundle: ByteBuf,
}

/// The newest verified card of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) signed: ByteBuf,
    pub(super) sequence: u64,
    pub(super) name: Option<String>,
    pub(super) devices: Vec<ContactDevice>,
    /// The account's key log: only extensions of it are taken.
    pub(super) log: Vec<SignedOp>,
}

/// Whose device a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    pub(super) device: DeviceId,
}

impl Contact {
    pub(super) fn new(account: AccountId, now: u64) -> Self {
        Self {
            account,
            alias: None,
            relationship: Relationship::new(account),
            outgoing: None,
            note: None,
            wanted: None,
            hints: Vec::new(),
            channel: None,
            bundles: Vec::new(),
            verified: false,
            request: false,
            changed_at: now,
            card_sent: None,
            alerts: Vec::new(),
            refused: false,
            ended_by_us: None,
        }
    }

    /// Adds an alert, or its newer occasion. What was verified is so no more.
    pub(super) fn alert(&mut self, what: AlertKind, at: u64, proof: Option<Vec<u8>>) {
        self.verified = false;
        let kept = self.alerts.extract_if(.., |alert| alert.what == what).next().and_then(|alert| alert.proof);
        self.alerts.push(Alert { what, at, proof: kept.or(proof.map(ByteBuf::from)) });
    }

    /// Whether the operator was told of this already and has not verified them since.
    pub(super) fn is_alerted(&self, what: AlertKind) -> bool {
        self.alerts.iter().any(|alert| alert.what == what)
    }

    /// Let in by the open mode and waiting for the operator's word. (What such a stranger wrote stays out of the inbox
    /// whatever that word is, unless it is yes.)
    pub(super) fn is_request(&self) -> bool {
        self.request && self.is_paired()
    }

    pub(super) fn is_paired(&self) -> bool {
        self.relationship.state() == State::Paired
    }

    /// Paired, or blocked while paired: what belongs to the pact is kept.
    pub(super) fn has_pact(&self) -> bool {
        self.relationship.pair_secret().is_some()
    }

    /// Whether the channel with this number is that of the pact that stands.
    pub(super) fn keeps(&self, channel: u64) -> bool {
        self.has_pact() && self.channel == Some(channel)
    }

    pub(super) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::contact(&self.account), self);
        Ok(())
    }
}

/// The contact of an account.
pub(super) fn load(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Contact>, EngineError> {
    Ok(tx.load(&tables::contact(account))?)
}

/// The contact of an account, or a blank one.
pub(super) fn load_or_new(tx: &Tx<'_>, account: &AccountId, now: u64) -> Result<Contact, EngineError> {
    Ok(load(tx, account)?.unwrap_or_else(|| Contact::new(*account, now)))
}

/// All of them.
pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Contact>, EngineError> {
    Ok(tx.scan_intact(&tables::contacts(), usize::MAX)?.into_iter().map(|(_, contact)| contact).collect())
}

/// The newest card of an account.
pub(super) fn card(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Card>, EngineError> {
    Ok(tx.load(&tables::card(account))?)
}

/// Its devices.
pub(super) fn devices(tx: &Tx<'_>, account: &AccountId) -> Result<Vec<ContactDevice>, EngineError> {
    Ok(card(tx, account)?.map(|card| card.devices).unwrap_or_default())
}

/// One of its devices.
pub(super) fn device(tx: &Tx<'_>, account: &AccountId, id: &DeviceId) -> Result<Option<ContactDevice>, EngineError> {
    Ok(devices(tx, account)?.into_iter().find(|device| device.id == *id))
}

/// The key that every session with a paired account starts from. None while it is blocked: nothing is sealed or opened.
pub(super) fn psk(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Secret<32>>, EngineError> {
    let contact = load(tx, account)?.filter(Contact::is_paired);
    Ok(contact.and_then(|contact| contact.relationship.pair_secret().map(PairSecret::session_psk)))
}

/// Prekey bundles for a device, best first: one-time ones are taken out, the card's stays.
pub(super) fn take_bundles(tx: &mut Tx<'_>, account: &AccountId, id: &DeviceId) -> Result<Vec<Vec<u8>>, EngineError> {
    let mut bundles = Vec::new();
    if let Some(mut contact) = load(tx, account)?
        && !contact.bundles.is_empty()
    {
        bundles.extend(contact.bundles.drain(..).map(ByteBuf::into_vec));
        contact.save(tx)?;
    }
    bundles.extend(device(tx, account, id)?.map(|device| device.bundle.into_vec()));
    Ok(bundles)
}

/// Whose device `peer` is, whatever our relationship.
pub(super) fn owner(tx: &Tx<'_>, peer: PeerKey) -> Result<Option<Owner>, EngineError> {
    Ok(tx.load(&tables::peer(peer))?)
}

/// Whether we want to hear nothing of an account.
pub(super) fn is_blocked(tx: &Tx<'_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(load(tx, account)?.is_some_and(|contact| contact.relationship.state() == State::Blocked))
}

/// Whether the channel is with an account that was only let in by the open mode.
pub(super) fn is_request(tx: &Tx<'_>, channel: &Channel) -> Result<bool, EngineError> {
    match &channel.contact {
        Some(account) => Ok(load(tx, account)?.is_some_and(|contact| contact.request)),
        None => Ok(false),
    }
}

/// The name we show to others.
pub(super) fn own_name(tx: &Tx<'_>) -> Result<Option<String>, EngineError> {
    Ok(tx.load::<String>(&tables::own_name())?.filter(|name| !name.is_empty()))
}

/// What to call an account: our alias, else the name it gives itself.
pub(super) fn name_of(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(called(tx, account)?.0)
}

/// What to call an account, and whether that is our alias for it.
pub(super) fn called(tx: &Tx<'_>, account: &AccountId) -> Result<(Option<String>, Option<String>), EngineError> {
    match alias_of(tx, account)? {
        Some(alias) => Ok((Some(alias.clone()), Some(alias))),
        None => Ok((claimed_name(tx, account)?, None)),
    }
}

/// The name that an account gives itself.
pub(super) fn claimed_name(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(card(tx, account)?.and_then(|card| card.name))
}

/// Our name for an account.
pub(super) fn alias_of(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(load(tx, account)?.and_then(|contact| contact.alias))
}

/// Whether there is anything to say about a contact.
pub(super) fn is_known(contact: &Contact) -> bool {
    contact.relationship.state() != State::Stranger || contact.wanted.is_some()
}

/// Nobody is called that.
pub(super) fn no_such(text: &str) -> ApiError {
    ApiError::new(
        Reason::NoSuchContact,
        format!(
            "No contact is called \"{text}\". `covey pair list` shows them, `covey pair invite` asks somebody new."
        ),
    )
}

/// Why nothing can be sent to this contact, and what to do.
pub(super) fn not_paired(contact: &Contact) -> ApiError {
    let name = contact.alias.clone().unwrap_or_else(|| names::short(&contact.account.to_string()));
    let word = shell_word(&name);
    let state = contact.relationship.state();
    let (reason, advice) = match state {
        State::Invited => (Reason::NotPaired, "They have not answered your invite yet.".to_owned()),
        State::Pending => (Reason::NotPaired, format!("Accept their invite first: `covey pair accept {word}`.")),
        State::Declined => (Reason::Declined, format!("You declined them; `covey pair forget {word}` lifts it.")),
        State::Refused => (Reason::RefusedByThem, "They declined your invite.".to_owned()),
        // The pairing is kept.
        State::Blocked => {
            let sentence = format!("You blocked {name}. `covey pair unblock {word}` lifts it.");
            return ApiError::new(Reason::Blocked, sentence).with_data(serde_json::json!({ "state": state.as_str() }));
        }
        _ => (Reason::NotPaired, format!("Invite them first: `covey pair invite {}`.", contact.account)),
    };
    ApiError::new(reason, format!("You are not paired with {name}. {advice}"))
        .with_data(serde_json::json!({ "state": state.as_str() }))
}

/// Gives a contact an alias.
///
/// # Errors
/// [`Reason::InvalidAlias`], [`Reason::AliasTaken`].
pub(super) fn set_alias(cx: &mut Cx<'_, '_>, contact: &mut Contact, alias: &str) -> Result<(), ApiError> {
    let alias = covey_api::names::name(alias)
        .map_err(|why| ApiError::new(Reason::InvalidAlias, format!("{why} Choose another alias.")))?;
    if let Some(account) = cx.tx.get::<AccountId>(&tables::alias(alias))?
        && account != contact.account
        && let Some(mut other) = load(cx.tx, &account)?
    {
        if is_known(&other) {
            return Err(ApiError::new(
                Reason::AliasTaken,
                format!("Another contact is called \"{alias}\". Choose another alias, or rename that contact first."),
            ));
        }
        other.alias = None;
        other.save(cx.tx)?;
    }
    names::no_group_has(cx, alias)?;
    if let Some(old) = contact.alias.take() {
        cx.tx.delete(&tables::alias(&old));
    }
    cx.tx.put(&tables::alias(alias), &contact.account)?;
    contact.alias = Some(alias.to_owned());
    Ok(())
}

/// As clients see it.
pub(super) fn show(cx: &Cx<'_, '_>, contact: &Contact) -> Result<api::Contact, ApiError> {
    let relationship = &contact.relationship;
    let state = shown_state(contact);
    let theirs = relationship.request().map(|request| request.expires_at);
    let expires_at = theirs.or_else(|| relationship.own_invite_expires_at());
    let channel = match contact.channel {
        Some(no) => channels::by_no(cx.tx, no)?.map(|channel| channel.text_id()),
        None => None,
    };
    Ok(api::Contact {
        contact: contact.account.to_string(),
        alias: contact.alias.clone(),
        name: card(cx.tx, &contact.account)?.and_then(|card| card.name),
        state,
        since: Time::from_unix_ms(contact.wanted.as_ref().map_or(relationship.since(), |wanted| wanted.since)),
        direction: contact.outgoing.map(|out| if out { Direction::Outgoing } else { Direction::Incoming }),
        note: contact.note.clone(),
        expires_at: expires_at.map(Time::from_unix_ms),
        verified: contact.verified,
        confirmed: relationship.confirmed(),
        alerts: contact.alerts.iter().map(Alert::show).collect(),
        refused_before: contact.refused,
        ended_by: contact.ended_by_us.map(|us| if us { api::Party::Us } else { api::Party::Them }),
        online: contact.is_paired() && is_online(cx, &contact.account)?,
        channel,
    })
}

/// The state as clients see it: somebody let in by the open mode is still pending until the operator says yes.
pub(super) fn shown_state(contact: &Contact) -> ContactState {
    match contact.relationship.state() {
        State::Paired if contact.request => ContactState::Pending,
        State::Invited => ContactState::Invited,
        State::Pending => ContactState::Pending,
        State::Paired => ContactState::Paired,
        State::Declined => ContactState::Declined,
        State::Refused => ContactState::Refused,
        State::Expired => ContactState::Expired,
        State::Blocked => ContactState::Blocked,
        State::Removed => ContactState::Removed,
        State::Stranger if contact.wanted.is_some() => ContactState::Invited,
        State::Cancelled => ContactState::Cancelled,
        State::Stranger => ContactState::Stranger,
    }
}

/// Whether one of their devices talks to us. A connection alone does not tell: they may have removed or blocked us.
fn is_online(cx: &Cx<'_, '_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(devices(cx.tx, account)?.iter().any(|device| cx.live.opened.contains(&device.peer)))
}
