//! What members say to each other: our chain, the chains of others.

use covey_api::{ApiError, Reason};
use covey_pairing::crypto::secret::Secret;
use covey_pairing::group::cipher::{
    Change, DistributionWork, GroupCipher, OpenError, OwnChain, PastChains, ReceiverChains, RotationPolicy, SenderKeys,
    Speaker, key_id_of, report,
};
use covey_pairing::group::roster::Exit;
use covey_pairing::ids::DeviceId;
use tracing::{debug, warn};

use crate::engine::members::rosters;
use crate::engine::notices::Notice;
use crate::engine::records::channels::Channel;
use crate::engine::records::devices::DeviceRef;
use crate::engine::records::standing::State;
use crate::engine::shown::group;
use crate::engine::wire::payload::{Body, Unopened};
use crate::engine::{Cx, EngineError, tables};

fn speaker(cx: &Cx<'_, '_>, no: u64, device: DeviceId) -> Option<Speaker> {
    rosters::get(cx, no).map(|group| Speaker { group: group.id, device })
}

pub(in crate::engine) fn own(cx: &Cx<'_, '_>, no: u64) -> Result<Option<(OwnChain, DistributionWork)>, EngineError> {
    let Some(us) = speaker(cx, no, cx.me.device_id()) else { return Ok(None) };
    let chain = cx.tx.get(&tables::own_chain(no))?.unwrap_or_else(|| SenderKeys::own(us));
    let work = cx.tx.get(&tables::chain_work(no))?.unwrap_or_else(|| SenderKeys::work(us));
    Ok(Some((chain, work)))
}

fn save(cx: &mut Cx<'_, '_>, no: u64, chain: &OwnChain, work: &DistributionWork) -> Result<(), EngineError> {
    cx.tx.put(&tables::own_chain(no), chain)?;
    Ok(cx.tx.put(&tables::chain_work(no), work)?)
}

/// Seals a body for everyone on the roster: the content key, and the payload.
pub(in crate::engine) fn seal(
    cx: &mut Cx<'_, '_>,
    channel: &Channel,
    body: &[u8],
    aad: &[u8],
) -> Result<(Secret<32>, Vec<u8>), ApiError> {
    let no = channel.no;
    let Some((mut chain, mut work)) = own(cx, no)? else { return Err(group::closed(cx, channel)?) };
    let policy = RotationPolicy { delay_ms: cx.policy.rotation_delay, ..RotationPolicy::default() };
    let rotates = SenderKeys::rotation_due(&chain, &policy, cx.now);
    if rotates {
        let epoch = rosters::get(cx, no).map_or([0; 32], |group| group.roster.epoch());
        let epoch = epoch.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let mut past = cx.tx.get::<PastChains>(&tables::past_chains(no))?.unwrap_or_default();
        SenderKeys::rotate(&mut chain, &mut work, &mut past, epoch, cx.now, cx.rng);
        cx.tx.put(&tables::past_chains(no), &past)?;
    }
    let sealed =
        SenderKeys::seal(&mut chain, body, aad).map_err(|error| ApiError::new(Reason::TooLong, error.to_string()))?;
    cx.tx.put(&tables::own_chain(no), &chain)?;
    if rotates {
        cx.tx.put(&tables::chain_work(no), &work)?;
    }
    if !work.is_done() {
        cx.notices.push(Notice::HandOut(no));
    }
    Ok((sealed.content_key, sealed.payload))
}

/// Whether somebody still has to be given our chain, and when to go on.
pub(in crate::engine) fn resume(cx: &Cx<'_, '_>, no: u64) -> Result<Option<u64>, EngineError> {
    let open = own(cx, no)?.is_some_and(|(chain, work)| chain.chain().is_some() && !work.is_done());
    Ok(open.then_some(cx.now))
}

fn changed(cx: &mut Cx<'_, '_>, no: u64, changes: &[Change]) -> Result<(), EngineError> {
    let Some((mut chain, mut work)) = own(cx, no)? else { return Ok(()) };
    for change in changes {
        SenderKeys::changed(&mut chain, &mut work, change, cx.now);
    }
    save(cx, no, &chain, &work)
}

/// Devices may read from now on.
pub(in crate::engine) fn joined(cx: &mut Cx<'_, '_>, no: u64, devices: &[DeviceId]) -> Result<(), EngineError> {
    if devices.is_empty() {
        return Ok(());
    }
    let changes: Vec<Change> = devices.iter().copied().map(Change::Joined).collect();
    changed(cx, no, &changes)?;
    let now = cx.now;
    if let Some(group) = rosters::get_mut(cx, no) {
        group.hand_out_at = Some(now);
    }
    Ok(())
}

/// Devices may not read any more.
pub(in crate::engine) fn left(
    cx: &mut Cx<'_, '_>,
    no: u64,
    devices: &[DeviceId],
    exit: Option<Exit>,
) -> Result<(), EngineError> {
    let change = |device: DeviceId| match exit {
        Some(Exit::Left) => Change::Left(device),
        Some(Exit::Removed | Exit::Banned) | None => Change::Removed(device),
    };
    let changes: Vec<Change> = devices.iter().copied().map(change).collect();
    changed(cx, no, &changes)?;
    for device in devices {
        cx.tx.delete(&tables::group_session(no, device));
    }
    Ok(())
}

/// Devices of a member are no longer its own.
pub(in crate::engine) fn revoked(cx: &mut Cx<'_, '_>, no: u64, devices: &[DeviceId]) -> Result<(), EngineError> {
    let changes: Vec<Change> = devices.iter().copied().map(Change::Revoked).collect();
    changed(cx, no, &changes)
}

/// A session of the group was read by others, perhaps, and is not any more: what was handed out in it is replaced.
pub(in crate::engine) fn healed(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    changed(cx, no, &[Change::Healed])
}

/// Our state is an older copy: its keys may have been used already.
pub(in crate::engine) fn renewed(cx: &mut Cx<'_, '_>, channel: &Channel) -> Result<(), EngineError> {
    changed(cx, channel.no, &[Change::Restored])?;
    if let Some(group) = rosters::get_mut(cx, channel.no) {
        group.restored = true;
    }
    for (key, mut sessions) in cx.tx.scan::<covey_pairing::session::DeviceSessions>(
        &tables::group_sessions(channel.no),
        None,
        usize::MAX,
        false,
    )? {
        sessions.retire();
        cx.tx.put(&key, &sessions)?;
    }
    Ok(())
}

/// We are out: nothing is sealed or opened any more.
pub(in crate::engine) fn forget(cx: &mut Cx<'_, '_>, no: u64) -> Result<(), EngineError> {
    for key in [tables::own_chain(no), tables::chain_work(no), tables::past_chains(no)] {
        cx.tx.delete(&key);
    }
    for prefix in [tables::all_chains(no), tables::all_reads_after(no), tables::group_sessions(no)] {
        for key in cx.tx.keys(&prefix)? {
            cx.tx.delete(&key);
        }
    }
    if let Some(group) = rosters::get_mut(cx, no) {
        group.hand_out_at = None;
    }
    Ok(())
}

/// A member's device gave us its chain, in the session of the two. Whether it is taken, so that what waits for it can be opened.
pub(in crate::engine) fn learn(
    cx: &mut Cx<'_, '_>,
    no: u64,
    owner: DeviceRef,
    bytes: &[u8],
) -> Result<bool, EngineError> {
    // Who is not on the roster yet may be in a moment; who was removed is not heard.
    let Some(group) = rosters::get(cx, no).filter(|group| group.state == State::Joined) else { return Ok(false) };
    if group.roster.by_device(&owner.device).is_some_and(|(account, _)| *account != owner.account) {
        return Ok(false);
    }
    let Some(them) = speaker(cx, no, owner.device) else { return Ok(false) };
    let key = tables::chains_of(no, &owner.device);
    let mut chains = cx.tx.get::<ReceiverChains>(&key)?.unwrap_or_else(|| SenderKeys::theirs(them));
    match SenderKeys::learn(&mut chains, bytes) {
        Ok(_) => {
            cx.tx.put(&key, &chains)?;
            Ok(true)
        }
        Err(error) => {
            warn!(device = %owner.device.fmt_short(), %error, "a member's key is not taken");
            Ok(false)
        }
    }
}

/// What a device that asks for the key of an entry is given of our chains.
pub(in crate::engine) fn answer(
    cx: &mut Cx<'_, '_>,
    no: u64,
    to: &DeviceId,
    payload: &[u8],
) -> Result<Option<Vec<u8>>, EngineError> {
    let (Ok(key_id), Some((chain, work))) = (key_id_of(payload), own(cx, no)?) else { return Ok(None) };
    let on_roster = rosters::get(cx, no).is_some_and(|group| group.roster.by_device(to).is_some());
    let past = cx.tx.get::<PastChains>(&tables::past_chains(no))?.unwrap_or_default();
    Ok(on_roster.then(|| SenderKeys::answer(&chain, &work, &past, &key_id, to)).flatten())
}

/// What we sealed is deleted for everyone: the key it was sealed with is in none of our chains any more. Who is given one of
/// them from now on asks for the keys of what stands before it in that chain, message by message.
pub(in crate::engine) fn forget_key(cx: &mut Cx<'_, '_>, no: u64, payload: &[u8]) -> Result<(), EngineError> {
    let Some((mut chain, _)) = own(cx, no)? else { return Ok(()) };
    let mut past = cx.tx.get::<PastChains>(&tables::past_chains(no))?.unwrap_or_default();
    if SenderKeys::forget(&mut chain, &mut past, payload) {
        cx.tx.put(&tables::own_chain(no), &chain)?;
        cx.tx.put(&tables::past_chains(no), &past)?;
    }
    Ok(())
}

/// Opens entries of one author. Reads its chains once and writes them back once.
pub(in crate::engine) struct Reader {
    no: u64,
    device: DeviceId,
    chains: Option<ReceiverChains>,
    changed: bool,
}

impl Reader {
    pub(in crate::engine) fn new(cx: &Cx<'_, '_>, channel: &Channel, device: &DeviceId) -> Result<Self, EngineError> {
        let chains = cx.tx.get(&tables::chains_of(channel.no, device))?;
        Ok(Self { no: channel.no, device: *device, chains, changed: false })
    }

    /// The content key and body of an entry.
    pub(in crate::engine) fn open(&mut self, payload: &[u8], aad: &[u8]) -> Result<(Secret<32>, Body), Unopened> {
        let Some(chains) = &mut self.chains else { return Err(Unopened::NoKey) };
        let opened = match SenderKeys::open(chains, payload, aad) {
            Ok(opened) => opened,
            Err(error @ (OpenError::Forged | OpenError::Malformed | OpenError::Version)) => {
                warn!(device = %self.device.fmt_short(), %error, "a member's entry does not open");
                return Err(Unopened::Poison);
            }
            Err(error) => {
                debug!(device = %self.device.fmt_short(), %error, "the key of an entry is missing");
                return Err(Unopened::NoKey);
            }
        };
        self.changed = true;
        let body = Body::decode(&opened.body).ok().filter(Body::is_sound);
        body.map(|body| (opened.content_key, body)).ok_or(Unopened::Poison)
    }

    /// Writes back what opening changed.
    pub(in crate::engine) fn finish(self, cx: &mut Cx<'_, '_>) -> Result<(), EngineError> {
        match self.chains {
            Some(chains) if self.changed => Ok(cx.tx.put(&tables::chains_of(self.no, &self.device), &chains)?),
            _ => Ok(()),
        }
    }
}

/// The body of a payload, with its content key.
pub(in crate::engine) fn body(key: &Secret<32>, payload: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    report::open(key, payload, &covey_pairing::crypto::hash::blake3(payload), aad).ok()
}
