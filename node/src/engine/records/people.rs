//! Contacts as stored: other accounts, with what we know of each.

use std::collections::BTreeSet;

use covey_pairing::consent::{PairSecret, Relationship, State};
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::identity::{InvitePlace, Token};
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::session::PrekeyBundle;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::engine::records::devices;
use crate::engine::{EngineError, PeerKey, tables};
use crate::store::Tx;

/// Nothing is sent to a recovered account for this long after its recovery was first seen, in milliseconds.
const HOLD: u64 = 60_000;

/// Another account as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Contact {
    pub(in crate::engine) account: AccountId,
    /// Our name for them.
    pub(in crate::engine) alias: Option<String>,
    /// Consent, and the handshakes behind it.
    pub(in crate::engine) relationship: Relationship,
    /// Who asked last.
    pub(in crate::engine) outgoing: Option<bool>,
    /// What the inviter said.
    pub(in crate::engine) note: Option<String>,
    /// An invite that waits until their card is found, or the KEM key that it is to be sealed to.
    pub(in crate::engine) wanted: Option<Wanted>,
    /// Their account's KEM key, as one of their devices gave it: good as long as it is the one that a ticket or their card
    /// names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) kem: Option<KemPublic>,
    /// Where a pairing frame may be left: peers and addresses of their ticket.
    pub(in crate::engine) hints: Vec<Hint>,
    /// Keepers of theirs that their ticket named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) keepers: Vec<InvitePlace>,
    /// Local number of the direct channel.
    pub(in crate::engine) channel: Option<u64>,
    /// One-time prekey bundles they gave us.
    pub(in crate::engine) bundles: Vec<ByteBuf>,
    /// We compared safety numbers.
    pub(in crate::engine) verified: bool,
    /// A stranger let in by the open mode: shown among the requests only.
    pub(in crate::engine) request: bool,
    /// When what clients see of it last changed.
    pub(in crate::engine) changed_at: u64,
    /// What the operator ought to look at before trusting them further; each kind once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::engine) alerts: Vec<Alert>,
    /// They declined an invite of ours, and nothing was agreed since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) refused: bool,
    /// When we learned that their account was recovered with its words, last; Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) recovered_at: Option<u64>,
    /// We had compared safety numbers before their account was recovered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) verified_before: bool,
    /// Their account was recovered while they were blocked, and has the pact no more: they are asked for another one once the block is lifted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) renew: bool,
    /// It stood on the list of contacts that came back with this account, and nobody asked or decided since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) remembered: bool,
    /// Whether we ended the pairing, while it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) ended_by_us: Option<bool>,
}

/// An invite of ours to an account of which we do not know all keys yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Wanted {
    pub(in crate::engine) note: String,
    pub(in crate::engine) token: Option<Token>,
    pub(in crate::engine) since: u64,
    /// The account's X25519 key, if a ticket named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) dh: Option<DhPublic>,
    /// Hash of its KEM key, if a ticket named it: there is no invite but one that is sealed to this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) kem: Option<KemHash>,
    /// We are paired, and their account was recovered: they are asked for another pact.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::engine) renewal: bool,
    /// The device of ours on which it was asked for; none if all of them came to it by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) of: Option<DeviceId>,
}

/// Where a pairing frame may be left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Hint {
    pub(in crate::engine) peer: PeerKey,
    pub(in crate::engine) addresses: Vec<String>,
}

impl Contact {
    pub(in crate::engine) fn new(account: AccountId, now: u64) -> Self {
        Self {
            account,
            alias: None,
            relationship: Relationship::new(account),
            outgoing: None,
            note: None,
            wanted: None,
            kem: None,
            hints: Vec::new(),
            keepers: Vec::new(),
            channel: None,
            bundles: Vec::new(),
            verified: false,
            request: false,
            changed_at: now,
            alerts: Vec::new(),
            refused: false,
            recovered_at: None,
            verified_before: false,
            renew: false,
            remembered: false,
            ended_by_us: None,
        }
    }

    /// Adds an alert, or its newer occasion. What was verified is so no more.
    pub(in crate::engine) fn alert(&mut self, what: AlertKind, at: u64, proof: Option<Vec<u8>>) {
        self.verified = false;
        let kept = self.alerts.extract_if(.., |alert| alert.what == what).next().and_then(|alert| alert.proof);
        self.alerts.push(Alert { what, at, proof: kept.or(proof.map(ByteBuf::from)) });
    }

    /// Takes over what a card of theirs changed in the record as it is `stored`.
    pub(in crate::engine) fn adopt(&mut self, stored: Self) {
        let Self { alerts, verified, verified_before, recovered_at, renew, wanted, .. } = stored;
        (self.alerts, self.verified, self.verified_before, self.renew) = (alerts, verified, verified_before, renew);
        if recovered_at != self.recovered_at {
            (self.recovered_at, self.wanted) = (recovered_at, wanted);
        }
    }

    /// Whether the operator was told of this already and has not verified them since.
    pub(in crate::engine) fn is_alerted(&self, what: AlertKind) -> bool {
        self.alerts.iter().any(|alert| alert.what == what)
    }

    /// From when on a recovered account is sent anything, Unix milliseconds: an objection of one of its devices of before arrives
    /// first.
    pub(in crate::engine) fn held_until(&self) -> u64 {
        self.recovered_at.map_or(0, |at| at.saturating_add(HOLD))
    }

    /// Let in by the open mode and waiting for the operator's word. (What such a stranger wrote stays out of the inbox
    /// whatever that word is, unless it is yes.)
    pub(in crate::engine) fn is_request(&self) -> bool {
        self.request && self.is_paired()
    }

    /// It is known from the list of contacts that came back with this account, and from nothing else.
    pub(in crate::engine) fn is_remembered(&self) -> bool {
        self.remembered && self.relationship.state() == State::Stranger
    }

    pub(in crate::engine) fn is_paired(&self) -> bool {
        self.relationship.state() == State::Paired
    }

    /// Paired, or blocked while paired: what belongs to the pact is kept.
    pub(in crate::engine) fn has_pact(&self) -> bool {
        self.relationship.pair_secret().is_some()
    }

    /// Whether the channel with this number is that of the pact that stands.
    pub(in crate::engine) fn keeps(&self, channel: u64) -> bool {
        self.has_pact() && self.channel == Some(channel)
    }

    pub(in crate::engine) fn save(&self, tx: &mut Tx<'_>) -> Result<(), EngineError> {
        tx.save(&tables::contact(&self.account), self);
        Ok(())
    }
}

/// The contact of an account.
pub(in crate::engine) fn load(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Contact>, EngineError> {
    Ok(tx.load(&tables::contact(account))?)
}

/// The contacts of these accounts.
pub(in crate::engine) fn of(tx: &Tx<'_>, accounts: &BTreeSet<AccountId>) -> Result<Vec<Contact>, EngineError> {
    accounts.iter().filter_map(|account| load(tx, account).transpose()).collect()
}

/// The contact of an account, or a blank one.
pub(in crate::engine) fn load_or_new(tx: &Tx<'_>, account: &AccountId, now: u64) -> Result<Contact, EngineError> {
    Ok(load(tx, account)?.unwrap_or_else(|| Contact::new(*account, now)))
}

/// All of them.
pub(in crate::engine) fn all(tx: &Tx<'_>) -> Result<Vec<Contact>, EngineError> {
    Ok(tx.scan_intact(&tables::contacts(), usize::MAX)?.into_iter().map(|(_, contact)| contact).collect())
}

/// The key that every session with a paired account starts from. None while it is blocked: nothing is sealed or opened.
pub(in crate::engine) fn psk(tx: &Tx<'_>, account: &AccountId) -> Result<Option<Secret<32>>, EngineError> {
    let contact = load(tx, account)?.filter(Contact::is_paired);
    Ok(contact.and_then(|contact| contact.relationship.pair_secret().map(PairSecret::session_psk)))
}

/// Prekey bundles for a device, best first: its one-time ones are taken out, the card's stays. Those of its account's other devices
/// stay for them.
pub(in crate::engine) fn take_bundles(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &DeviceId,
    now: u64,
) -> Result<Vec<Vec<u8>>, EngineError> {
    let mut bundles = Vec::new();
    if let Some(mut contact) = load(tx, account)?
        && !contact.bundles.is_empty()
    {
        let of_device = |bytes: &mut ByteBuf| {
            PrekeyBundle::from_bytes(bytes).is_ok_and(|bundle| bundle.verify(id.as_bytes(), now).is_ok())
        };
        bundles.extend(contact.bundles.extract_if(.., of_device).map(ByteBuf::into_vec));
        if !bundles.is_empty() {
            contact.save(tx)?;
        }
    }
    bundles.extend(devices::device(tx, account, id)?.map(|device| device.bundle.into_vec()));
    Ok(bundles)
}

/// Whether we want to hear nothing of an account.
pub(in crate::engine) fn is_blocked(tx: &Tx<'_>, account: &AccountId) -> Result<bool, EngineError> {
    Ok(load(tx, account)?.is_some_and(|contact| contact.relationship.state() == State::Blocked))
}

/// The name we show to others.
pub(in crate::engine) fn own_name(tx: &Tx<'_>) -> Result<Option<String>, EngineError> {
    Ok(tx.load::<String>(&tables::own_name())?.filter(|name| !name.is_empty()))
}

/// What to call an account: our alias, else the name it gives itself.
pub(in crate::engine) fn name_of(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(called(tx, account)?.0)
}

/// What to call an account, and whether that is our alias for it.
pub(in crate::engine) fn called(
    tx: &Tx<'_>,
    account: &AccountId,
) -> Result<(Option<String>, Option<String>), EngineError> {
    match alias_of(tx, account)? {
        Some(alias) => Ok((Some(alias.clone()), Some(alias))),
        None => Ok((claimed_name(tx, account)?, None)),
    }
}

/// The name that an account gives itself.
pub(in crate::engine) fn claimed_name(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(tx.look(&tables::card(account), |card: &devices::Card| card.name.clone())?.flatten())
}

/// Our name for an account.
pub(in crate::engine) fn alias_of(tx: &Tx<'_>, account: &AccountId) -> Result<Option<String>, EngineError> {
    Ok(tx.look(&tables::contact(account), |contact: &Contact| contact.alias.clone())?.flatten())
}

/// Whether there is anything to say about a contact.
pub(in crate::engine) fn is_known(contact: &Contact) -> bool {
    contact.relationship.state() != State::Stranger || contact.wanted.is_some() || contact.remembered
}

/// Something that a thief of the contact's keys would do, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Alert {
    pub(in crate::engine) what: AlertKind,
    /// When it last happened, Unix milliseconds.
    pub(in crate::engine) at: u64,
    /// What shows it: two operations of a key log that contradict each other, or the card that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::engine) proof: Option<ByteBuf>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) enum AlertKind {
    /// Their invite alone made a new pact.
    Renewed,
    /// Their account has other devices than before.
    Devices,
    /// A card of theirs with a list of devices that contradicts the one known, or an older one in an invite: refused.
    Contradiction,
    /// Two rotations of their account, or one that a device of before objects to: nothing of it counts until people have compared.
    Contested,
}
