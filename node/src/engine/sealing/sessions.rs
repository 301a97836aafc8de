//! Sessions with the devices of contacts, of members of our groups, and with our own other devices: wrapping keys for them, opening what they wrapped
//! for us.

use std::collections::BTreeMap;

use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::KemSecret;
use covey_pairing::crypto::secret::Secret;
use covey_pairing::ids::{AccountId, DeviceId};
use covey_pairing::parcel::{self, ParcelError};
use covey_pairing::session::{DeviceSessions, LocalDevice, PrekeyBundle, PrekeyStore, SessionError, SessionParties};
use tracing::{debug, warn};

use crate::engine::members::dormant;
use crate::engine::members::rosters;
use crate::engine::records::devices::{self, ContactDevice};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{feeds, people};
use crate::engine::sealing::chains;
use crate::engine::wire::payload::Sealed;
use crate::engine::{Cx, EngineError, Me, tables};
use crate::store::{Key, Table};

/// Our device as the session layer sees it.
pub(in crate::engine) fn local(me: &Me) -> LocalDevice {
    LocalDevice { dh: me.device.dh().clone(), signing: me.device.signing().clone() }
}

/// Our prekeys, made on first use and rotated when it is time. The flag says whether the public bundle changed.
pub(in crate::engine) fn prekeys(cx: &mut Cx<'_, '_>) -> Result<(PrekeyStore, bool), EngineError> {
    let key = tables::prekeys();
    let local = local(&cx.me);
    match cx.tx.load::<PrekeyStore>(&key)? {
        Some(mut store) => {
            let changed = store.rotate(&local, cx.now, cx.rng);
            if changed {
                cx.tx.put(&key, &store)?;
            }
            Ok((store, changed))
        }
        None => {
            let store = PrekeyStore::new(&local, cx.now, cx.rng);
            cx.tx.put(&key, &store)?;
            Ok((store, true))
        }
    }
}

/// A bundle with a one-time pair for a contact, and the prekeys to store if it is handed out.
pub(in crate::engine) fn prepare_bundle(
    cx: &mut Cx<'_, '_>,
    account: &AccountId,
) -> Result<(Vec<u8>, PrekeyStore), EngineError> {
    let (mut store, _) = prekeys(cx)?;
    let bundle = store.one_time_bundle(&local(&cx.me), account.as_bytes(), cx.rng);
    Ok((bundle.to_bytes(), store))
}

/// Forgets the one-time pairs that a contact was given and has not used.
pub(in crate::engine) fn forget_bundles(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    let (mut store, _) = prekeys(cx)?;
    store.forget_holder(account.as_bytes());
    Ok(cx.tx.put(&tables::prekeys(), &store)?)
}

impl Scope {
    /// The key that every session of this scope with an account starts from; none if there is to be no session.
    fn psk(self, cx: &Cx<'_, '_>, account: &AccountId) -> Result<Option<Secret<32>>, EngineError> {
        match self {
            Self::Pair => people::psk(cx.tx, account),
            Self::Group(no) => rosters::session_psk(cx, no, account),
            Self::Own => Ok(cx.me.is_ours(account).then(|| cx.me.account.own_session_psk())),
        }
    }

    /// Prekey bundles for a device, best first. One-time ones were given to a contact, so they serve the pairing.
    fn bundles(
        self,
        cx: &mut Cx<'_, '_>,
        account: &AccountId,
        device: &ContactDevice,
    ) -> Result<Vec<Vec<u8>>, EngineError> {
        match self {
            Self::Pair => people::take_bundles(cx.tx, account, &device.id, cx.now),
            Self::Group(_) | Self::Own => Ok(vec![device.bundle.to_vec()]),
        }
    }
}

/// The sessions with a device, if there may be any.
fn with(
    cx: &Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
) -> Result<Option<DeviceSessions>, EngineError> {
    let Some(psk) = scope.psk(cx, account)? else { return Ok(None) };
    if let Some(sessions) = cx.tx.load(&scope.key(&device.id))? {
        return Ok(Some(sessions));
    }
    let parties = SessionParties {
        our_account: *cx.me.account_id().as_bytes(),
        our_device: *cx.me.device_id().as_bytes(),
        their_account: *account.as_bytes(),
        their_device: *device.id.as_bytes(),
    };
    Ok(Some(DeviceSessions::new(parties, device.dh, psk)))
}

fn save(cx: &mut Cx<'_, '_>, scope: Scope, device: &DeviceId, sessions: &DeviceSessions) -> Result<(), EngineError> {
    cx.tx.save(&scope.key(device), sessions);
    Ok(())
}

/// Starts a new session from the freshest bundle of theirs that we hold.
fn initiate(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    sessions: &mut DeviceSessions,
) -> Result<(), EngineError> {
    for bytes in scope.bundles(cx, account, device)? {
        let bundle = match PrekeyBundle::from_bytes(&bytes) {
            Ok(bundle) => bundle,
            Err(error) => {
                debug!(device = %device.id.fmt_short(), %error, "a prekey bundle is not usable");
                continue;
            }
        };
        match sessions.initiate(&local(&cx.me), &bundle, cx.now, cx.rng) {
            Ok(()) => return Ok(()),
            Err(error) => debug!(device = %device.id.fmt_short(), %error, "a prekey bundle is not usable"),
        }
    }
    Ok(())
}

/// Seals `plaintext` for one device of an account, over a `fresh` session if asked to. `None` if that is not possible
/// now: there is no consent for a session of this scope, or no usable prekey bundle is known.
pub(in crate::engine) fn seal(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    account: &AccountId,
    device: &ContactDevice,
    plaintext: &[u8],
    aad: &[u8],
    fresh: bool,
) -> Result<Option<Vec<u8>>, EngineError> {
    let Some(mut sessions) = with(cx, scope, account, device)? else { return Ok(None) };
    // A session of an older suite ends here. Without a usable bundle it goes on: nothing that is said is lost.
    if fresh || !sessions.can_send() || sessions.is_outdated() {
        initiate(cx, scope, account, device, &mut sessions)?;
        cx.live.tally.sessions_repaired += u64::from(fresh);
    }
    match sessions.encrypt(plaintext, aad, cx.now, cx.rng) {
        Ok(envelope) => {
            let healed = sessions.take_healed();
            save(cx, scope, &device.id, &sessions)?;
            if let (Scope::Group(no), true) = (scope, healed) {
                chains::healed(cx, no)?;
            }
            Ok(Some(envelope))
        }
        Err(SessionError::NoSession) => Ok(None),
        Err(error) => Err(EngineError::bug(error)),
    }
}

/// A device of a contact durably keeps our entry at `seq`: what it needs to begin the session need not be repeated.
pub(in crate::engine) fn arrived(
    cx: &mut Cx<'_, '_>,
    device: &DeviceId,
    fid: u64,
    seq: u64,
) -> Result<(), EngineError> {
    let key = Scope::Pair.key(device);
    let Some(mut sessions) = cx.tx.load::<DeviceSessions>(&key)? else { return Ok(()) };
    if !sessions.repeats_handshake() {
        return Ok(());
    }
    let Some(entry) = feeds::entry(cx.tx, fid, seq)? else { return Ok(()) };
    let sealed = entry.payload().map(Sealed::decode).and_then(Result::ok);
    if sealed.is_some_and(|sealed| sealed.wraps.get(device).is_some_and(|wrap| sessions.arrived(wrap))) {
        save(cx, Scope::Pair, device, &sessions)?;
    }
    Ok(())
}

/// What the sessions with a device rest on may be known to others: they make a post-quantum step as soon as they can. Whether
/// there are any.
pub(in crate::engine) fn renew(cx: &mut Cx<'_, '_>, scope: Scope, device: &DeviceId) -> Result<bool, EngineError> {
    let Some(mut sessions) = cx.tx.load::<DeviceSessions>(&scope.key(device))? else { return Ok(false) };
    sessions.renew();
    save(cx, scope, device, &sessions)?;
    Ok(true)
}

/// Sessions looked at in one go.
const EXPIRE_BATCH: usize = 64;

/// Erases what sessions keep for a month at most, also where nothing is said any more: a part of them. Whether there are more.
pub(in crate::engine) fn expire(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let Some((table, after)) = cx.live.expiring.take() else { return Ok(false) };
    let mut keys = cx.tx.keys_after(&Key::table(table), &after, EXPIRE_BATCH)?;
    for key in &keys {
        let mut sessions = match cx.tx.get::<DeviceSessions>(key) {
            Ok(Some(sessions)) => sessions,
            Err(error) if error.is_transient() => return Err(error.into()),
            // What is damaged is told of by whoever needs it.
            Ok(None) | Err(_) => continue,
        };
        if sessions.expire(cx.now) {
            cx.tx.put(key, &sessions)?;
        }
    }
    cx.live.expiring = match (table, keys.pop()) {
        (table, Some(last)) if keys.len() + 1 == EXPIRE_BATCH => Some((table, last)),
        (Table::Session, _) => Some((Table::GroupSession, Key::table(Table::GroupSession))),
        _ => None,
    };
    Ok(cx.live.expiring.is_some())
}

/// The KEM key of ours that a parcel is sealed to, if it is to one that we still have.
fn parcel_key(cx: &Cx<'_, '_>, sealed: &[u8]) -> Result<Option<KemSecret>, EngineError> {
    let Some(id) = parcel::kem_id(sealed) else { return Ok(None) };
    let store = cx.tx.load::<PrekeyStore>(&tables::prekeys())?;
    Ok(store.and_then(|store| store.last_resort(id).cloned()))
}

/// Seals a parcel for a device, to its KEM key as well if its prekey bundle is good.
pub(in crate::engine) fn seal_parcel(
    cx: &mut Cx<'_, '_>,
    to: &ContactDevice,
    prologue: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, EngineError> {
    let bundle = PrekeyBundle::from_bytes(&to.bundle).ok();
    let bundle = bundle.filter(|bundle| bundle.verify(to.id.as_bytes(), cx.now).is_ok());
    let kem = bundle.as_ref().and_then(PrekeyBundle::last_resort);
    parcel::seal(cx.me.device.dh(), &to.dh, kem, prologue, payload, cx.rng).map_err(EngineError::bug)
}

/// Opens a parcel for this device: the DH key of the device that sealed it, and the payload.
pub(in crate::engine) fn open_parcel(
    cx: &Cx<'_, '_>,
    prologue: &[u8],
    sealed: &[u8],
) -> Result<Result<(DhPublic, Vec<u8>), ParcelError>, EngineError> {
    let kem = parcel_key(cx, sealed)?;
    Ok(parcel::open(cx.me.device.dh(), kem.as_ref(), prologue, sealed))
}

/// [FAN-1] Wraps a content key for every device of a contact and every other device of our own: 15 at most. A device that cannot be
/// reached by a session now is left out: it will ask for the key (`[NODE-REWRAP]`).
pub(in crate::engine) fn wrap_for_contact(
    cx: &mut Cx<'_, '_>,
    contact: &AccountId,
    key: &[u8; 32],
    aad: &[u8],
) -> Result<BTreeMap<DeviceId, Vec<u8>>, EngineError> {
    let mut wraps = BTreeMap::new();
    for (scope, account) in [(Scope::Pair, *contact), (Scope::Own, cx.me.account_id())] {
        for device in dormant::awake(cx, &account)? {
            match seal(cx, scope, &account, &device, key, aad, false)? {
                Some(envelope) => drop(wraps.insert(device.id, envelope)),
                None => {
                    warn!(device = %device.id.fmt_short(), "no session with this device yet; it will ask for the key");
                }
            }
        }
    }
    Ok(wraps)
}

/// Wraps a content key for every other device of ours.
pub(in crate::engine) fn wrap_for_own(
    cx: &mut Cx<'_, '_>,
    key: &[u8; 32],
    aad: &[u8],
) -> Result<BTreeMap<DeviceId, Vec<u8>>, EngineError> {
    let (account, mut wraps) = (cx.me.account_id(), BTreeMap::new());
    for device in dormant::awake(cx, &account)? {
        if let Some(envelope) = seal(cx, Scope::Own, &account, &device, key, aad, false)? {
            wraps.insert(device.id, envelope);
        }
    }
    Ok(wraps)
}

/// Opens envelopes of one device. Reads its sessions once and writes them back once, however many envelopes there are.
pub(in crate::engine) struct Opener {
    scope: Scope,
    device: DeviceId,
    sessions: Option<DeviceSessions>,
    changed: bool,
}

impl Opener {
    /// Begins with a device of an account.
    pub(in crate::engine) fn new(
        cx: &Cx<'_, '_>,
        scope: Scope,
        account: &AccountId,
        device: &DeviceId,
    ) -> Result<Self, EngineError> {
        let known = devices::device(cx.tx, account, device)?;
        let sessions = match known {
            Some(known) => with(cx, scope, account, &known)?,
            None => None,
        };
        Ok(Self { scope, device: *device, sessions, changed: false })
    }

    /// Opens one envelope. Nothing changed if it does not open.
    pub(in crate::engine) fn open(
        &mut self,
        cx: &mut Cx<'_, '_>,
        envelope: &[u8],
        aad: &[u8],
    ) -> Result<Result<Vec<u8>, SessionError>, EngineError> {
        let Some(sessions) = &mut self.sessions else { return Ok(Err(SessionError::NoSession)) };
        let mut opened = sessions.decrypt_established(envelope, aad, cx.now);
        if matches!(opened, Err(SessionError::NeedsPrekeys)) {
            let (mut store, _) = prekeys(cx)?;
            opened = sessions.decrypt(&local(&cx.me), &mut store, envelope, aad, cx.now);
            if opened.is_ok() {
                cx.tx.put(&tables::prekeys(), &store)?;
            }
        }
        self.changed |= opened.is_ok();
        cx.live.tally.undecryptable += u64::from(opened.is_err());
        Ok(opened)
    }

    /// Writes back what opening changed.
    pub(in crate::engine) fn finish(self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        match self.sessions {
            Some(sessions) if self.changed => save(cx, self.scope, &self.device, &sessions),
            _ => Ok(()),
        }
    }
}

/// Erases all sessions with a contact's devices.
pub(in crate::engine) fn erase(cx: &mut Cx<'_, '_>, account: &AccountId) -> Result<(), EngineError> {
    for device in devices::devices(cx.tx, account)? {
        cx.tx.delete(&tables::session(&device.id));
    }
    Ok(())
}
