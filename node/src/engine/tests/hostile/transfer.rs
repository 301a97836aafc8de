//! Who lies about history: whoever is asked for it, whoever asks for it, and whoever was neither.

use covey_api::TransferPhase;
use covey_pairing::crypto::secret::Secret;

use crate::engine::Protocol;
use crate::engine::live::transfers::Progress;
use crate::engine::outbound::control;
use crate::engine::records::devices::{self, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{channels, feeds, messages, transfer};
use crate::engine::sealing::chunks;
use crate::engine::tests::transfer::{BOB, LAPTOP, PHONE, SERVER, phase, talked, wait, waiting};
use crate::engine::tests::world::World;
use crate::engine::transfer::{progress, take};
use crate::engine::wire::control::Control;
use crate::engine::wire::transfer::{Chunk, Given, Range, UNKNOWN, WITHHELD};

/// A server that has just been linked and waits for keys from a laptop that a test speaks for.
fn asking(seed: u64) -> World {
    let mut world = talked(seed, 20);
    world.link_with_history(LAPTOP, SERVER, 0);
    while waiting(&mut world, SERVER).0 == 0 || ranges(&world).is_empty() {
        assert_eq!(world.deliver(1), 1, "entries come");
    }
    world.puppet = Some(LAPTOP);
    world.settle();
    world
}

fn of(world: &World, node: usize) -> DeviceRef {
    DeviceRef { account: world.nodes[node].account(), device: world.nodes[node].me.device_id() }
}

/// What the server has asked for, and the key for the answer.
fn asked(world: &World) -> Option<(Vec<Range>, Secret<32>)> {
    let asked = world.nodes[SERVER].live.transfer.asked.as_ref()?;
    Some((asked.ranges.clone(), asked.key.clone()))
}

fn ranges(world: &World) -> Vec<Range> {
    asked(world).map(|(ranges, _)| ranges).unwrap_or_default()
}

fn wanted(world: &World) -> usize {
    ranges(world).iter().map(|(.., count)| usize::from(*count)).sum()
}

/// A chunk as the laptop would seal it.
fn sealed(world: &World, chunk: &Chunk) -> Vec<u8> {
    let (laptop, server) = (of(world, LAPTOP).device, of(world, SERVER).device);
    chunks::seal(&asked(world).unwrap().1, &laptop, &server, chunk).unwrap()
}

fn give(world: &mut World, from: DeviceRef, sealed: &[u8]) {
    world.call(SERVER, |cx| Ok(take::chunk(cx, from, sealed)?)).unwrap();
    world.settle();
}

fn key(world: &World) -> [u8; 32] {
    *asked(world).unwrap().1.expose()
}

/// [TRANSFER-3]
#[test]
fn a_chunk_with_a_flipped_bit_is_dropped_and_asked_for_again_under_another_key() {
    let mut world = asking(20);
    let (given, laptop) = (vec![(None, UNKNOWN); wanted(&world)], of(&world, LAPTOP));
    let good = sealed(&world, &Chunk::Keys(given));
    for bit in [0, good.len() * 4, good.len() * 8 - 1] {
        let before = key(&world);
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let left = waiting(&mut world, SERVER);
        give(&mut world, laptop, &bad);
        assert_eq!(waiting(&mut world, SERVER), left, "nothing of it is taken");
        assert_eq!(key(&world), before, "the answer may still come");
        world.pass(20_000, 1_000);
        if let Some((_, again)) = asked(&world) {
            assert_ne!(*again.expose(), before);
            let left = waiting(&mut world, SERVER);
            // What was sealed for the question before is worth nothing.
            give(&mut world, laptop, &good);
            assert_eq!(waiting(&mut world, SERVER), left);
        }
    }
    world.puppet = None;
    world.restart(LAPTOP);
    wait(&mut world);
    world.pass(120_000, 1_000);
    assert_eq!(world.texts(SERVER, BOB).len(), 40, "in the end it comes");
}

/// [TRANSFER-3]
#[test]
fn chunks_of_strangers_and_chunks_that_nobody_asked_for_change_nothing() {
    let mut world = asking(21);
    let count = wanted(&world);
    let good = sealed(&world, &Chunk::Keys(vec![(None, WITHHELD); count]));
    let left = waiting(&mut world, SERVER);
    let bob = of(&world, BOB);
    give(&mut world, bob, &good);
    let frame = crate::engine::wire::parcel::Frame::History(serde_bytes::ByteBuf::from(good));
    let frame = crate::engine::wire::parcel::encode(frame).unwrap();
    for stranger in [BOB, PHONE] {
        world.replay(stranger, SERVER, Protocol::Parcel, frame.clone());
        world.settle();
    }
    assert_eq!(waiting(&mut world, SERVER), left);
    assert!(asked(&world).is_some(), "the laptop's answer is still awaited");
    world.puppet = None;
    world.restart(LAPTOP);
    wait(&mut world);
    give(&mut world, bob, &[0; 64]);
    assert_eq!(world.texts(SERVER, BOB).len(), 40);
}

/// [TRANSFER-2]
#[test]
fn an_answer_to_another_question_is_none() {
    let mut world = asking(22);
    let (count, laptop) = (wanted(&world), of(&world, LAPTOP));
    let given = |n: usize| -> Vec<Given> { vec![(None, WITHHELD); n] };
    for chunk in [Chunk::Overview(Vec::new()), Chunk::Keys(given(count - 1)), Chunk::Keys(given(count + 1))] {
        let left = waiting(&mut world, SERVER);
        if asked(&world).is_none() {
            break;
        }
        let sealed = sealed(&world, &chunk);
        give(&mut world, laptop, &sealed);
        assert_eq!(waiting(&mut world, SERVER), left, "{chunk:?}");
    }
    // After three of them the laptop is left alone for a while; nobody else is there.
    assert!(asked(&world).is_none());
    world.pass(90_000, 1_000);
    assert!(asked(&world).is_some());
}

/// [TRANSFER-6] [CTRL-5]
#[test]
fn keys_that_open_nothing_are_not_believed_and_the_author_is_asked() {
    let mut world = asking(23);
    let (count, laptop, later) = (wanted(&world), of(&world, LAPTOP), world.now + 1_000_000_000);
    let lies = vec![(Some(Secret::new([7; 32])), later); count];
    let sealed = sealed(&world, &Chunk::Keys(lies));
    give(&mut world, laptop, &sealed);
    world.pass(180_000, 1_000);
    // Bob is there, and has the keys of what he wrote.
    let texts = world.texts(SERVER, BOB);
    assert!(!texts.is_empty() && texts.iter().all(|text| text.starts_with("bob")), "{texts:?}");
    assert!(world.verify(SERVER).ok);
}

/// What the laptop would give, received at another time.
fn good_keys(world: &mut World, at: u64) -> Vec<Given> {
    let ranges = ranges(world);
    world.look(LAPTOP, |cx| {
        let mut given = Vec::new();
        for (id, feed, first, count) in ranges {
            let no = channels::by_id(cx.tx, &id).unwrap().unwrap().no;
            let fid = feeds::load(cx.tx, no, &feed).unwrap().unwrap().fid;
            for seq in first..first + u64::from(count) {
                let entry = feeds::entry(cx.tx, fid, seq).unwrap().unwrap();
                let message = messages::at(cx.tx, no, &entry.order()).unwrap().unwrap();
                given.push((Some(message.content_key), at));
            }
        }
        given
    })
}

/// A stolen device says when something was received; it cannot be after now.
#[test]
fn what_is_said_to_have_been_received_later_than_now_was_received_now() {
    let mut world = asking(24);
    let (later, laptop) = (world.now + 1_000_000_000, of(&world, LAPTOP));
    let chunk = Chunk::Keys(good_keys(&mut world, later));
    let sealed = sealed(&world, &chunk);
    give(&mut world, laptop, &sealed);
    let (taken, now) = (world.messages(SERVER, BOB), covey_api::Time::from_unix_ms(world.now));
    assert!(!taken.is_empty() && taken.iter().all(|message| message.received_at <= now), "{taken:?}");
}

/// [TRANSFER-1]
#[test]
fn nobody_but_a_device_of_the_account_is_given_history() {
    let mut world = talked(25, 5);
    world.record = Some(Vec::new());
    let laptop = of(&world, LAPTOP);
    let channel = world.channel(LAPTOP, BOB);
    let feed = covey_feed::FeedKey { author: world.nodes[LAPTOP].me.author(), incarnation: 0 };
    for ranges in [Vec::new(), vec![(channel, feed, 1, 5)]] {
        world
            .call(BOB, |cx| {
                let device = devices::device(cx.tx, &laptop.account, &laptop.device)?.unwrap();
                let ask = Control::History(0, Secret::new([1; 32]), ranges.clone());
                Ok(control::tell(cx, Scope::Pair, &laptop.account, &device, &ask, false)?)
            })
            .unwrap();
        world.settle();
    }
    assert_eq!(chunks_to(&world, BOB), 0);
    // Nor does a contact say how far anybody is.
    let bob = of(&world, BOB);
    let lie = Progress { ended: false, done: 1, total: 2, bytes: 3 };
    world.call(LAPTOP, |cx| Ok(progress::told(cx, bob, lie)?)).unwrap();
    assert!(world.nodes[LAPTOP].live.transfer.others.is_empty());
}

fn chunks_to(world: &World, to: usize) -> usize {
    use crate::engine::wire::parcel::{Frame, Wire};
    let is = |frame: &[u8]| matches!(covey_codec::decode(frame, 1 << 20), Ok(Wire(_, Frame::History(_))));
    world.record.iter().flatten().filter(|(_, at, _, frame)| *at == to && is(frame)).count()
}

/// [TRANSFER-9]
#[test]
fn a_stolen_device_that_asks_without_end_is_answered_no_more_than_so_often() {
    let mut world = talked(28, 5);
    world.link_with_history(LAPTOP, SERVER, 0);
    wait(&mut world);
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Done));
    world.record = Some(Vec::new());
    let laptop = of(&world, LAPTOP);
    let ask = |world: &mut World, ranges: &[Range], times: usize| {
        for _ in 0..times {
            world
                .call(SERVER, |cx| {
                    let device = devices::device(cx.tx, &laptop.account, &laptop.device)?.unwrap();
                    let ask = Control::History(0, Secret::new([1; 32]), ranges.to_vec());
                    Ok(control::tell(cx, Scope::Own, &laptop.account, &device, &ask, false)?)
                })
                .unwrap();
            world.settle();
        }
    };
    ask(&mut world, &[], 50);
    let given = chunks_to(&world, SERVER);
    assert!((25..=32).contains(&given), "{given} of 50 overviews");
    // Time passes, and it is answered again: also what it asks for in good faith.
    world.pass(60_000, 1_000);
    let channel = world.channel(LAPTOP, BOB);
    let feed = covey_feed::FeedKey { author: world.nodes[LAPTOP].me.author(), incarnation: 0 };
    ask(&mut world, &[(channel, feed, 1, 5)], 3);
    assert_eq!(chunks_to(&world, SERVER), given + 3);
    // Nor is it cheaper to ask for what is not there.
    ask(&mut world, &[(channel, feed, 1_000_000, u16::MAX)], 600);
    assert!(chunks_to(&world, SERVER) - given < 560, "{}", chunks_to(&world, SERVER) - given);
}

#[test]
fn a_device_that_is_revoked_meanwhile_is_given_nothing_more() {
    let mut world = talked(26, 300);
    world.link_with_history(LAPTOP, SERVER, 0);
    while waiting(&mut world, SERVER).0 == 0 {
        assert_eq!(world.deliver(1), 1, "entries come");
    }
    world.revoke(LAPTOP, SERVER);
    world.record = Some(Vec::new());
    world.pass(120_000, 1_000);
    assert_eq!(chunks_to(&world, SERVER), 0);
    assert!(world.texts(SERVER, BOB).len() < 600);
    assert!(world.call(LAPTOP, crate::engine::rpc::device::list).unwrap()[1].transfer.is_none());
}

/// An overview is bounded, and may name what is not there.
#[test]
fn an_overview_of_conversations_that_do_not_exist_ends_with_what_does() {
    let mut world = talked(27, 5);
    world.link_with_history(LAPTOP, SERVER, 0);
    while asked(&world).is_none() {
        assert_eq!(world.deliver(1), 1, "it asks");
    }
    let invented = covey_feed::ChannelId::from_bytes([9; 32]);
    let chunk = Chunk::Overview(vec![(invented, u64::MAX), (invented, 7)]);
    let (sealed, laptop) = (sealed(&world, &chunk), of(&world, LAPTOP));
    give(&mut world, laptop, &sealed);
    wait(&mut world);
    assert_eq!(world.texts(SERVER, BOB).len(), 10);
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Running));
    world.pass(200_000, 1_000);
    assert_eq!(phase(&mut world, SERVER, SERVER), Some(TransferPhase::Done), "nothing more comes");
    assert!(world.look(SERVER, |cx| transfer::load(cx.tx).unwrap().unwrap().ended));
}
