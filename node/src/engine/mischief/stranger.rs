//! A stranger that leaves in invite slots what nobody may: invites for which no work was done, or whose proof is of another invite, the same again
//! and again, too long, in slots that are nobody's, and answers and withdrawals of invites that are not its own.

use covey_pairing::consent::{InviteFrame, PairFrame, Pass};
use covey_pairing::crypto::dh::DhPublic;
use covey_pairing::crypto::kem::{KemHash, KemPublic};
use covey_pairing::identity::InvitePlace;
use covey_pairing::ids::{AccountId, DeviceId, InviteId};
use covey_pairing::keeper::{INVITE_PARCEL_MAX, KeeperFrame, OVERHEAD, PARCEL_MAX, SlotId, SlotToken, seal_left};
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::consent::keys;
use crate::engine::mischief::random::bytes;
use crate::engine::records::{left_frames, people};
use crate::engine::{Cx, EngineError};

const DAY: u64 = 24 * 3_600_000;

/// Somebody who can be left invites.
#[derive(Clone)]
pub(in crate::engine) struct Victim {
    pub(in crate::engine) place: InvitePlace,
    account: AccountId,
    hash: KemHash,
    /// What can be sealed to it, if that is known.
    keys: Option<(DhPublic, KemPublic)>,
    /// Invites between us: some that were, some that are.
    invites: Vec<InviteId>,
}

/// One of those whose card or ticket names keepers.
pub(in crate::engine) fn victim(cx: &mut Cx<'_, '_>) -> Result<Option<Victim>, EngineError> {
    let mut victims = Vec::new();
    for contact in people::all(cx.tx)? {
        let known = keys::of(cx, &contact)?;
        let Some(hash) = known.kem else { continue };
        let keys = known.dh.zip(keys::at_hand(&contact, &hash));
        for place in left_frames::places(cx.tx, &contact)? {
            let invites = contact.relationship.invite_ids();
            victims.push(Victim { place, account: contact.account, hash, keys: keys.clone(), invites });
        }
    }
    Ok(victims.choose(cx.rng).cloned())
}

/// Some frames, of which the keeper may take few.
pub(in crate::engine) fn frames(cx: &mut Cx<'_, '_>, victim: &Victim) -> Vec<KeeperFrame> {
    let (slot, token) = slot_of(&victim.account, &victim.hash);
    let deposit = |parcel: Vec<u8>| KeeperFrame::Deposit(slot, token.clone(), ByteBuf::from(parcel));
    match cx.rng.random_range(0..16) {
        0 => vec![deposit(bytes(cx, OVERHEAD, INVITE_PARCEL_MAX))],
        1 => vec![deposit(bytes(cx, INVITE_PARCEL_MAX, PARCEL_MAX))],
        2 => vec![deposit(bytes(cx, 0, OVERHEAD))],
        3 => {
            let (wrong, parcel) = (SlotToken::random(cx.rng), bytes(cx, OVERHEAD, 4_000));
            vec![KeeperFrame::Deposit(slot, wrong, ByteBuf::from(parcel))]
        }
        4 => {
            // Of an account whose mail this keeper does not keep, or that does not exist.
            let nobody = AccountId::from_bytes(cx.rng.random());
            let account = if cx.rng.random() { cx.me.account_id() } else { nobody };
            let (slot, token) = slot_of(&account, &victim.hash);
            vec![KeeperFrame::Deposit(slot, token, ByteBuf::from(bytes(cx, OVERHEAD, 4_000)))]
        }
        5 => vec![KeeperFrame::AskKey(victim.hash), KeeperFrame::AskKey(KemHash::from_bytes(cx.rng.random()))],
        6 => vec![KeeperFrame::Check(slot, token, vec![ByteArray::new(cx.rng.random())])],
        // As if we were an owner, or a keeper.
        7 => vec![KeeperFrame::Invites(Some(cx.me.account.kem_key().clone()).filter(|_| cx.rng.random()))],
        8 => vec![KeeperFrame::InvitesOpen(victim.hash), KeeperFrame::Key(cx.me.account.kem_key().clone())],
        _ => {
            let Some((dh, kem)) = &victim.keys else { return vec![KeeperFrame::AskKey(victim.hash)] };
            let frame = pair_frame(cx, victim);
            // The same frame is another parcel each time that it is sealed.
            let mut parcels: Vec<Vec<u8>> = Vec::new();
            for _ in 0..cx.rng.random_range(1..4) {
                let sealed = seal_left(&victim.account, (dh, kem), &frame, cx.rng);
                let again = parcels.last().cloned().filter(|_| cx.rng.random());
                parcels.extend(again.or(sealed.ok()));
            }
            parcels.into_iter().map(deposit).collect()
        }
    }
}

fn slot_of(account: &AccountId, hash: &KemHash) -> (SlotId, SlotToken) {
    (SlotId::of_invites(account, hash), SlotToken::of_invites(account, hash))
}

/// What opens at the owner, and says nothing that counts.
fn pair_frame(cx: &mut Cx<'_, '_>, victim: &Victim) -> Vec<u8> {
    let some = InviteId::from_bytes(cx.rng.random());
    let id = victim.invites.choose(cx.rng).copied().filter(|_| cx.rng.random()).unwrap_or(some);
    let frame = match cx.rng.random_range(0..9) {
        0..=3 => {
            let day = u32::try_from(cx.now / DAY).unwrap_or(0);
            let nonce = if cx.rng.random() { 0 } else { cx.rng.random() };
            let from = Some(cx.me.account_id()).filter(|_| cx.rng.random());
            let message = ByteBuf::from(bytes(cx, 0, 8_000));
            PairFrame::Invite(InviteFrame { from, pass: Pass { day, nonce, token: None }, message })
        }
        4 => PairFrame::Answer { id, message: ByteBuf::from(bytes(cx, 0, 4_000)) },
        5 => PairFrame::Confirm { id, message: ByteBuf::from(bytes(cx, 0, 4_000)) },
        6 => {
            let device = DeviceId::from_bytes(cx.rng.random());
            PairFrame::Cancel { id, device, signature: ByteArray::new([cx.rng.random(); 64]) }
        }
        7 => PairFrame::Removed { id, notice: ByteBuf::from(bytes(cx, 0, 400)) },
        _ => return bytes(cx, 0, 8_000),
    };
    frame.encode()
}
