//! What an inviter hears back says nothing of what became of the invite, whatever frames it sends: a silent decline and a
//! block stay silent.

use covey_api as api;
use covey_api::ContactState;
use covey_pairing::consent::{FrameKind, PairFrame, Slot};
use covey_pairing::ids::{DeviceId, InviteId};
use serde_bytes::{ByteArray, ByteBuf};

use super::world::{Sent, World, quick};
use crate::engine::{Policy, Protocol, rpc};

const DAY: u64 = 86_400_000;

/// What became of the invite at node 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pending,
    SilentlyDeclined,
    Declined,
    Blocked,
    BlockedBefore,
    DroppedByALimit,
    Forgotten,
    Unblocked,
    Expired,
    Withdrawn,
    Accepted,
    AcceptedUnheard,
    AcceptedAndBlocked,
    Removed,
    Crossed,
}

impl Fate {
    const ALL: [Self; 15] = [
        Self::Pending,
        Self::SilentlyDeclined,
        Self::Declined,
        Self::Blocked,
        Self::BlockedBefore,
        Self::DroppedByALimit,
        Self::Forgotten,
        Self::Unblocked,
        Self::Expired,
        Self::Withdrawn,
        Self::Accepted,
        Self::AcceptedUnheard,
        Self::AcceptedAndBlocked,
        Self::Removed,
        Self::Crossed,
    ];

    /// The inviter was told nothing but that the invite arrived.
    fn is_untold(self) -> bool {
        use Fate::{Blocked, BlockedBefore, DroppedByALimit, Expired, Forgotten, Pending, SilentlyDeclined, Unblocked};
        matches!(
            self,
            Pending | SilentlyDeclined | Blocked | BlockedBefore | DroppedByALimit | Forgotten | Unblocked | Expired
        )
    }
}

fn policy(fate: Fate) -> Policy {
    let mut policy = quick();
    policy.decline_silently = matches!(fate, Fate::SilentlyDeclined | Fate::Forgotten);
    if fate == Fate::DroppedByALimit {
        policy.strangers.pending = 0;
    }
    policy
}

fn verb(world: &mut World, what: &str) {
    let contact = world.id(0);
    let done = match what {
        "decline" => world.call(1, |cx| rpc::pair::decline(cx, &api::PairDecline { contact, ..Default::default() })),
        "block" => world.call(1, |cx| rpc::pair::block(cx, &api::PairBlock { contact, ..Default::default() })),
        "unblock" => world.call(1, |cx| rpc::pair::unblock(cx, &api::PairUnblock { contact, ..Default::default() })),
        "forget" => world.call(1, |cx| rpc::pair::forget(cx, &api::PairForget { contact, ..Default::default() })),
        "remove" => world.call(1, |cx| rpc::pair::remove(cx, &api::PairRemove { contact, ..Default::default() })),
        _ => panic!("{what}?"),
    };
    done.unwrap();
}

/// A network in which the invite of 0 met its fate at 1, with the invite and its genuine withdrawal as bytes.
fn after(fate: Fate) -> (World, Vec<u8>, Vec<u8>) {
    let mut world = World::with_policies(&[quick(), policy(fate)], 77);
    if fate == Fate::BlockedBefore {
        verb(&mut world, "block");
    }
    world.record = Some(Vec::new());
    world.invite(0, 1).unwrap();
    if fate == Fate::Crossed {
        world.invite(1, 0).unwrap();
    }
    world.settle();
    let invite = first(&mut world, FrameKind::Invite);
    match fate {
        Fate::Pending | Fate::BlockedBefore | Fate::DroppedByALimit | Fate::Crossed => {}
        Fate::SilentlyDeclined | Fate::Declined => verb(&mut world, "decline"),
        Fate::Blocked => verb(&mut world, "block"),
        Fate::Forgotten => ["decline", "forget"].iter().for_each(|what| verb(&mut world, what)),
        Fate::Unblocked => ["block", "unblock"].iter().for_each(|what| verb(&mut world, what)),
        Fate::Expired => world.pass(15 * DAY, DAY),
        Fate::Withdrawn => {
            let params = api::PairCancel { contact: world.id(1), ..Default::default() };
            world.call(0, |cx| rpc::pair::cancel(cx, &params)).unwrap();
        }
        Fate::Accepted | Fate::AcceptedAndBlocked | Fate::Removed => drop(world.accept(1, 0).unwrap()),
        Fate::AcceptedUnheard => {
            world.drop.insert(Protocol::Pair);
            world.accept(1, 0).unwrap();
        }
    }
    world.settle();
    match fate {
        Fate::AcceptedAndBlocked => verb(&mut world, "block"),
        Fate::Removed => verb(&mut world, "remove"),
        _ => {}
    }
    world.settle();
    world.drop.clear();
    // The genuine withdrawal, from a twin of 0 to whom nothing else happened.
    let mut twin = World::with_policies(&[quick(), quick()], 77);
    twin.record = Some(Vec::new());
    twin.invite(0, 1).unwrap();
    twin.settle();
    let params = api::PairCancel { contact: twin.id(1), ..Default::default() };
    twin.call(0, |cx| rpc::pair::cancel(cx, &params)).unwrap();
    let withdrawal = first(&mut twin, FrameKind::Cancel);
    world.puppet = Some(0);
    (world, invite, withdrawal)
}

/// The first frame of a kind that node 0 sent.
fn first(world: &mut World, kind: FrameKind) -> Vec<u8> {
    world.settle();
    let of_kind = |bytes: &Vec<u8>| PairFrame::decode(bytes).is_ok_and(|frame| frame.kind() == kind);
    sent(world, 0).into_iter().find(of_kind).expect("was sent")
}

/// The pairing frames that a node sent since the last look.
fn sent(world: &mut World, by: usize) -> Vec<Vec<u8>> {
    let record = world.record.replace(Vec::new()).unwrap_or_default();
    let pair = |(from, _, protocol, _): &Sent| *from == by && *protocol == Protocol::Pair;
    record.into_iter().filter(pair).map(|(.., frame)| frame).collect()
}

/// Every kind of frame about the invite, none of which anybody could have made for it.
fn malformed(id: InviteId, invite: &[u8]) -> Vec<PairFrame> {
    let PairFrame::Invite(mut forged) = PairFrame::decode(invite).unwrap() else { panic!("an invite") };
    *forged.message.last_mut().unwrap() ^= 1;
    let mut frames = vec![PairFrame::Invite(forged)];
    for bytes in [Vec::new(), vec![7; 40], vec![9; 3_000]] {
        let message = ByteBuf::from(bytes);
        frames.push(PairFrame::Answer { id, message: message.clone() });
        frames.push(PairFrame::Removed { id, notice: message });
    }
    for device in [[0; 32], [5; 32]] {
        let device = DeviceId::from_bytes(device);
        frames.push(PairFrame::Cancel { id, device, signature: ByteArray::new([3; 64]) });
    }
    frames.push(PairFrame::Confirmed { id, tag: ByteArray::new([1; 32]) });
    for of in [Slot::Invite, Slot::Answer, Slot::Confirm, Slot::Cancel, Slot::Removed] {
        frames.push(PairFrame::Received { id: InviteId::from_bytes([8; 16]), of });
    }
    frames
}

/// What 1 sends back for each of these frames.
fn replies(world: &mut World, frames: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut heard = Vec::new();
    for frame in frames {
        sent(world, 1);
        world.replay(0, 1, Protocol::Pair, frame.clone());
        world.settle();
        heard.push(sent(world, 1));
    }
    heard
}

/// [PAIR-2] Once frames of ours that wait have been acknowledged, a frame that nobody could have made is answered by its
/// kind alone, whatever state it meets.
#[test]
fn a_malformed_frame_is_answered_alike_in_every_state() {
    let mut first = None;
    for fate in Fate::ALL {
        let (mut world, invite, _) = after(fate);
        let id = PairFrame::decode(&invite).unwrap().invite_id();
        let frames: Vec<Vec<u8>> = malformed(id, &invite).iter().map(PairFrame::encode).collect();
        let heard = replies(&mut world, &frames);
        for (frame, heard) in frames.iter().zip(&heard) {
            let frame = PairFrame::decode(frame).unwrap();
            let uniform: Vec<_> = covey_pairing::consent::acknowledge(&frame).into_iter().collect();
            // An acceptance or a no that waits is said again whenever they come: they were told, or will be.
            let news = heard.iter().filter(|bytes| !matches!(PairFrame::decode(bytes), Ok(PairFrame::Answer { .. })));
            let news: Vec<_> = news.cloned().collect();
            assert_eq!(news, uniform, "{fate:?}: {:?}", frame.kind());
        }
        if fate.is_untold() {
            assert_eq!(first.get_or_insert_with(|| heard.clone()), &heard, "{fate:?}");
        }
    }
}

/// [PAIR-2] [PAIR-32] [PAIR-34]
#[test]
fn what_an_inviter_can_send_asks_nothing_of_what_was_not_told() {
    let mut first = None;
    for fate in Fate::ALL.into_iter().filter(|fate| fate.is_untold()) {
        let (mut world, invite, withdrawal) = after(fate);
        let id = PairFrame::decode(&invite).unwrap().invite_id();
        let confirm = PairFrame::Confirm { id, message: ByteBuf::from([4; 80]) };
        let received = PairFrame::Received { id, of: Slot::Answer };
        let mut frames = vec![invite.clone(), confirm.encode(), received.encode()];
        frames.extend(malformed(id, &invite).iter().map(PairFrame::encode));
        // The withdrawal comes last: it changes what is held.
        frames.extend([withdrawal.clone(), withdrawal, invite]);
        let heard = replies(&mut world, &frames);
        assert_eq!(first.get_or_insert_with(|| heard.clone()), &heard, "{fate:?}");
    }
}

#[test]
fn the_fates_are_what_they_are_called() {
    let state = |fate| {
        let (mut world, ..) = after(fate);
        world.puppet = None;
        world.state(1, 0)
    };
    assert_eq!(state(Fate::Pending), Some(ContactState::Pending));
    assert_eq!(state(Fate::SilentlyDeclined), Some(ContactState::Declined));
    assert_eq!(state(Fate::Blocked), Some(ContactState::Blocked));
    assert_eq!(state(Fate::DroppedByALimit), None);
    assert_eq!(state(Fate::Expired), Some(ContactState::Expired));
    assert_eq!(state(Fate::AcceptedAndBlocked), Some(ContactState::Blocked));
    assert_eq!(state(Fate::Removed), Some(ContactState::Removed));
    assert_eq!(state(Fate::Crossed), Some(ContactState::Paired));
}
