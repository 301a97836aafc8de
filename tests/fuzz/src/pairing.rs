//! Identities and the consent handshake.

use std::sync::OnceLock;

use covey_pairing::{
    consent::{
        Effect, Input, InviteFrame, KeyFrame, Me, OpenedInvite, PairFrame, Pass, Relationship, Slot, State,
        acknowledge, open_invite,
    },
    crypto::{
        dh::DhSecret,
        noise::{Handshake, NoiseSecret},
        sign::Context,
    },
    identity::{
        self, AccountSecret, CardContent, CardDevice, ContactCard, Contest, DeviceSecret, KeyLog, KnownLog, SignedOp,
        Ticket, safety_number,
    },
    ids::AccountId,
    session::PrekeyStore,
};
use noise_protocol::patterns::noise_ik;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_bytes::{ByteArray, ByteBuf};

use super::sessions;

/// The time of everything here, Unix milliseconds.
pub const NOW: u64 = 1_800_000_000_000;
/// Ephemeral key of every handshake that the attacker begins.
pub const EPHEMERAL: [u8; 32] = [0x45; 32];

/// One side of a relationship.
#[derive(Clone)]
pub struct Side {
    pub account: AccountSecret,
    pub device: DeviceSecret,
    pub log: KeyLog,
    pub card: Vec<u8>,
    pub relationship: Relationship,
}

impl Side {
    /// An account with one device, and no relationship to `them` yet.
    pub fn new(seed: u8, them: u8) -> Self {
        let account = AccountSecret::from_seed([seed; 32]);
        let device = DeviceSecret::from_seed([seed + 100; 32]);
        let log = KeyLog::create(&account, NOW).add_device(&account, &device, NOW).expect("room");
        let local = sessions::local(&device);
        let bundle = PrekeyStore::new(&local, NOW, &mut rng()).bundle().to_bytes();
        let content = CardContent {
            sequence: 1,
            issued_at: NOW,
            expires_at: NOW + 21 * 24 * 3_600_000,
            name: format!("number {seed}"),
            log: log.clone(),
            devices: vec![CardDevice {
                device: device.id(),
                addresses: vec!["/ip4/192.0.2.1/tcp/4001".to_owned()],
                prekeys: ByteBuf::from(bundle),
                seq: 0,
            }],
            custodians: Vec::new(),
            kem: Some(account.kem_key().hash()),
        };
        let card = identity::sign(&content, &device).expect("a valid card");
        let relationship = Relationship::new(AccountSecret::from_seed([them; 32]).id());
        Self { account, device, log, card, relationship }
    }

    /// One step; what it refuses changes nothing.
    pub fn step(&mut self, input: Input) -> Option<Vec<Effect>> {
        let me = Me {
            account: &self.account,
            device: &self.device,
            card: &self.card,
            name: "somebody",
            decline_silently: false,
            answer_attachment: b"prekeys",
            work_bits: 0,
        };
        let outcome = self.relationship.handle(input, &me, NOW, &mut rng()).ok()?;
        self.relationship = outcome.next;
        Some(outcome.effects)
    }

    /// Whatever arrives.
    pub fn receive(&mut self, frame: PairFrame) -> bool {
        let input = match &frame {
            PairFrame::Invite(invite) => match open_invite(&self.account, invite, NOW) {
                Ok(opened) => Input::Invited(Box::new(opened)),
                Err(_) => return false,
            },
            _ => Input::Received(frame),
        };
        let Some(effects) = self.step(input) else { return false };
        for effect in effects {
            if let Effect::Reply(frame) | Effect::Send { frame, .. } = effect {
                assert!(PairFrame::decode(&frame).is_ok(), "what we send is a frame");
            }
        }
        let stored = covey_codec::encode(&self.relationship).expect("a relationship encodes");
        let again = covey_codec::decode::<Relationship>(&stored, 256 * 1024);
        assert!(again.is_ok_and(|again| again == self.relationship), "storage changes nothing");
        let r = &self.relationship;
        let _ = (r.next_deadline(), r.invite_ids(), r.outstanding(), r.state());
        true
    }

    fn outstanding(&self, slot: Slot) -> Option<PairFrame> {
        let waiting = self.relationship.outstanding().into_iter().find(|(of, _)| *of == slot);
        waiting.and_then(|(_, frame)| PairFrame::decode(&frame).ok())
    }

    fn pass(&self, slot: Slot, to: &mut Self) {
        if let Some(frame) = self.outstanding(slot) {
            to.receive(frame);
        }
    }
}

pub(crate) fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

/// Alice invites bob; both after each step, until they are paired.
pub fn stages() -> &'static [(Side, Side)] {
    static STAGES: OnceLock<Vec<(Side, Side)>> = OnceLock::new();
    STAGES.get_or_init(|| {
        let (mut alice, mut bob) = (Side::new(1, 2), Side::new(2, 1));
        let mut stages = vec![(alice.clone(), bob.clone())];
        let their_dh = bob.account.dh().public();
        let note = "it is me".to_owned();
        alice.step(Input::Invite { their_dh, their_kem: None, note, token: None }).expect("may invite");
        stages.push((alice.clone(), bob.clone()));
        alice.pass(Slot::Invite, &mut bob);
        stages.push((alice.clone(), bob.clone()));
        bob.step(Input::Accept).expect("may accept");
        stages.push((alice.clone(), bob.clone()));
        bob.pass(Slot::Answer, &mut alice);
        stages.push((alice.clone(), bob.clone()));
        alice.pass(Slot::Confirm, &mut bob);
        assert_eq!(bob.relationship.state(), State::Paired);
        stages.push((alice.clone(), bob.clone()));
        stages
    })
}

/// Frames that alice and bob have for each other, at every stage.
pub fn honest_frames() -> Vec<Vec<u8>> {
    let sides = stages().iter().flat_map(|(alice, bob)| [alice, bob]);
    let mut frames: Vec<Vec<u8>> =
        sides.flat_map(|side| side.relationship.outstanding().into_iter().map(|(_, frame)| frame)).collect();
    let (mut alice, mut bob) = stages().last().expect("there are some").clone();
    for side in [&mut alice, &mut bob] {
        let effects = side.step(Input::Remove).unwrap_or_default();
        frames.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { frame, .. } => Some(frame),
            _ => None,
        }));
    }
    let mut inviter = stages()[1].0.clone();
    inviter.step(Input::Cancel);
    frames.extend(inviter.relationship.outstanding().into_iter().map(|(_, frame)| frame));
    frames.push(sealed_invite(&stages()[0].0, &stages()[0].1.account));
    frames.sort();
    frames.dedup();
    frames
}

/// An invite of `from` that is sealed to the KEM key of `to`.
pub fn sealed_invite(from: &Side, to: &AccountSecret) -> Vec<u8> {
    let mut from = from.clone();
    from.relationship = Relationship::new(to.id());
    let (their_dh, their_kem) = (to.dh().public(), Some(to.kem_key().clone()));
    from.step(Input::Invite { their_dh, their_kem, note: "it is me".to_owned(), token: None }).expect("may invite");
    from.outstanding(Slot::Invite).expect("alice has invited").encode()
}

/// A frame from the wire, for both sides at every stage. First byte: whether it names the invite they know.
pub fn frame(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let Ok(frame) = PairFrame::decode(bytes) else { return key_frame(bytes) };
    assert_eq!(PairFrame::decode(&frame.encode()).as_ref(), Ok(&frame));
    let _ = (acknowledge(&frame), frame.kind());
    let mut any = false;
    for (alice, bob) in stages() {
        for side in [alice, bob] {
            let mut side = side.clone();
            let known = side.relationship.invite_ids().first().copied();
            let mut frame = frame.clone();
            if let (1, Some(known)) = (mode & 1, known) {
                rename(&mut frame, known);
            }
            any |= side.receive(frame);
        }
    }
    any
}

/// A frame about the KEM key of an account.
fn key_frame(bytes: &[u8]) -> bool {
    let Ok(frame) = KeyFrame::decode(bytes) else { return false };
    assert_eq!(KeyFrame::decode(&frame.encode()).as_ref(), Ok(&frame));
    let account = &stages()[0].0.account;
    let hash = account.kem_key().hash();
    let answer = frame.answer(account);
    assert!(answer.as_ref().is_none_or(|answer| answer.clone().key_of(&hash).as_ref() == Some(account.kem_key())));
    let key = frame.key_of(&hash);
    assert!(key.as_ref().is_none_or(|key| key == account.kem_key()));
    answer.is_some() || key.is_some()
}

fn rename(frame: &mut PairFrame, to: covey_pairing::ids::InviteId) {
    match frame {
        PairFrame::Invite(_) => {}
        PairFrame::Answer { id, .. }
        | PairFrame::Confirm { id, .. }
        | PairFrame::Confirmed { id, .. }
        | PairFrame::Cancel { id, .. }
        | PairFrame::Removed { id, .. }
        | PairFrame::Received { id, .. } => *id = to,
    }
}

fn prologue(inviter: &AccountId, invitee: &AccountId) -> Vec<u8> {
    [b"covey pair v1\0".as_slice(), inviter.as_bytes(), invitee.as_bytes()].concat()
}

/// The content of an offer, signed and sealed by a stranger with an account (alice's, to bob).
pub fn offer(bytes: &[u8]) -> bool {
    let (alice, bob) = &stages()[0];
    let signature = alice.device.signing().sign(Context::Offer, bytes);
    let wire = (1u8, ByteBuf::from(bytes), alice.device.id(), ByteArray::new(signature));
    let payload = covey_codec::encode(&wire).expect("plain data");
    let Some(frame) = invite_of(alice, bob, &payload) else { return false };
    let Ok(opened) = open_invite(&bob.account, &frame, NOW) else { return false };
    let _: (AccountId, _, &[u8]) = (opened.from(), OpenedInvite::request(&opened), opened.card());
    let mut any = false;
    for stage in [0, 1, 5] {
        let mut bob = stages()[stage].1.clone();
        any |= bob.receive(PairFrame::Invite(frame.clone()));
        // Whatever it was, the operator may say yes to it.
        if let Some(effects) = bob.step(Input::Accept) {
            assert!(!effects.is_empty());
        }
    }
    any
}

fn invite_of(from: &Side, to: &Side, payload: &[u8]) -> Option<InviteFrame> {
    if payload.len() > 60_000 {
        return None;
    }
    let (own, ephemeral) = (from.account.dh(), DhSecret::from_bytes(EPHEMERAL));
    let mut noise = Handshake::new(
        noise_ik(),
        true,
        prologue(&from.account.id(), &to.account.id()),
        Some(NoiseSecret::from(own)),
        Some(NoiseSecret::from(&ephemeral)),
        Some(*to.account.dh().public().as_bytes()),
        None,
    );
    let message = ByteBuf::from(noise.write_message_vec(payload).ok()?);
    let day = u32::try_from(NOW / 86_400_000).expect("a day of this age");
    let pass = Pass { day, nonce: 0, token: None };
    Some(InviteFrame { from: Some(from.account.id()), pass, message })
}

/// The payload of an answer by a hostile invitee (bob, to alice's invite).
pub fn answer(bytes: &[u8]) -> bool {
    let (alice, bob) = &stages()[1];
    let mut alice = alice.clone();
    let Some(PairFrame::Invite(invite)) = alice.outstanding(Slot::Invite) else { panic!("alice has invited") };
    if bytes.len() > 60_000 {
        return false;
    }
    let (own, ephemeral) = (NoiseSecret::from(bob.account.dh()), DhSecret::from_bytes(EPHEMERAL));
    let prologue = prologue(&alice.account.id(), &bob.account.id());
    let ephemeral = Some(NoiseSecret::from(&ephemeral));
    let mut noise = Handshake::new(noise_ik(), false, &prologue, Some(own), ephemeral, None, None);
    noise.read_message_vec(&invite.message).expect("alice's message");
    let message = ByteBuf::from(noise.write_message_vec(bytes).expect("there is room"));
    alice.receive(PairFrame::Answer { id: invite.id(), message })
}

/// A contact card. First byte: 0 as it comes, else its content is signed by a device of the account first.
pub fn card(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let signed = if mode & 1 == 0 { bytes.to_vec() } else { sign_card(&stages()[0].0.device, bytes) };
    let Ok(card) = ContactCard::open(&signed, NOW) else { return false };
    assert!(card.log().is_active(&card.signer()) && card.account() == card.log().account());
    assert!(card.content().expires_at > NOW);
    true
}

/// Any content under the signature of a device.
pub(crate) fn sign_card(device: &DeviceSecret, content: &[u8]) -> Vec<u8> {
    let signature = device.signing().sign(Context::ContactCard, content);
    let wire = (1u8, ByteBuf::from(content), device.id(), ByteArray::new(signature));
    covey_codec::encode(&wire).expect("plain data")
}

/// A key log. First byte: 0 as it comes, 1: every ordinary operation is signed by the account first, 2: a contest.
pub fn key_log(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let alice = &stages()[0].0;
    if mode & 2 != 0 {
        return contest(&alice.log, bytes);
    }
    let Ok(mut ops) = covey_codec::decode::<Vec<SignedOp>>(bytes, 64 * 1024) else { return false };
    if mode & 1 != 0 {
        let sign = |op: &SignedOp| {
            let signature = alice.account.signing().expect("a holder").sign(Context::KeyLogOp, op.bytes());
            if op.is_rotation() { op.clone() } else { SignedOp::from_parts(op.bytes().to_vec(), signature) }
        };
        ops = ops.iter().map(sign).collect();
    }
    let Ok(log) = KeyLog::verify(ops) else { return false };
    let _ = (log.head(), log.active().count(), log.dh(), log.extends(&alice.log), safety_number(&log, &alice.log));
    if log.account() != alice.account.id() {
        return true;
    }
    // Each has the higher rank, or neither has; and what one is shown second is news or has a reason.
    match (log.compare(&alice.log), alice.log.compare(&log)) {
        (Ok(ours), Ok(theirs)) => assert!(ours == theirs || ours.outranks() != theirs.outranks()),
        (Err(fork), Err(_)) => assert!(fork.is_proof_against(&alice.log) || fork.is_proof_against(&log)),
        (ours, theirs) => panic!("a fork on one side only: {ours:?} {theirs:?}"),
    }
    let mut known = KnownLog::new(&alice.log, NOW);
    if known.learn(&log, NOW).is_ok() {
        assert_eq!(known.in_force().map(|log| log.head()), Some(log.head()));
    }
    let _ = known.in_force();
    true
}

fn contest(log: &KeyLog, bytes: &[u8]) -> bool {
    let Ok(contest) = Contest::open(bytes) else { return false };
    assert!(contest.before().is_active(&contest.device()));
    let mut known = KnownLog::new(log, NOW);
    if known.contest(&contest, NOW).is_ok() {
        assert_eq!(known.in_force(), None);
    }
    true
}

/// A ticket. First byte: 0 as text, else its content, which is put into text first.
pub fn ticket(bytes: &[u8]) -> bool {
    let Some((mode, bytes)) = bytes.split_first() else { return false };
    let text = if mode & 1 == 0 {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        text.to_owned()
    } else {
        let sum = covey_pairing::crypto::hash::blake3(bytes);
        format!("covey:{}", data_encoding::BASE32_NOPAD.encode(&[bytes, &sum[..4]].concat()))
    };
    let _ = text.parse::<AccountId>();
    let Ok(ticket) = text.parse::<Ticket>() else { return false };
    // Another encoder may have taken fewer bytes for it than ours does.
    if let Ok(again) = ticket.to_text() {
        assert_eq!(again.parse::<Ticket>(), Ok(ticket));
    }
    true
}
