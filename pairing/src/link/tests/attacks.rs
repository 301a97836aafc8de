//! Who stands between the two, or comes instead of one of them.

use super::*;
use crate::{
    crypto::{dh::DhSecret, secret::Secret},
    link::{
        digits::commitment,
        handshake,
        joiner::Committed,
        sealed::{FromHost, Side},
    },
};
use serde_bytes::ByteBuf;

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at / 8] ^= 1 << (at % 8);
    changed
}

/// [LINK-3]
#[test]
fn somebody_without_the_random_bytes_is_not_answered_by_the_joiner() {
    let mut pair = Pair::new();
    let ticket = pair.joiner.ticket().clone();
    let guessed = LinkTicket { secret: Secret::new([0; 16]), ..ticket.clone() };
    let mut mallory = Host::begin(guessed, pair.account.id(), NOW, &mut pair.rng).expect("in time");
    let hello = mallory.outgoing(|| None, &mut pair.rng).expect("a hello");
    assert_eq!(pair.at_joiner(&hello), (None, JoinerEvent::Nothing), "another link");
    let LinkFrame::Hello(_, message) = LinkFrame::decode(&hello).expect("a frame") else { unreachable!("hello") };
    let relabelled = LinkFrame::Hello(ticket.id(), message).encode();
    assert_eq!(pair.at_joiner(&relabelled), (None, JoinerEvent::Nothing));
    pair.add();
    assert!(matches!(mallory.stage(), Stage::Greeting) && !mallory.is_over(NOW));
}

/// [LINK-3]
#[test]
fn somebody_with_the_random_bytes_cannot_answer_in_the_place_of_the_joiner() {
    let mut pair = Pair::new();
    let ticket = pair.joiner.ticket().clone();
    let hello = pair.outgoing();
    let LinkFrame::Hello(_, message) = LinkFrame::decode(&hello).expect("a frame") else { unreachable!("hello") };
    let guess = DhSecret::random(&mut pair.rng);
    let opened = handshake::open(&ticket, &guess, &message);
    assert!(opened.is_err(), "message 1 is for the key of the ticket");
    let ephemeral = DhSecret::random(&mut pair.rng);
    assert!(handshake::answer(&ticket, (&guess, &ephemeral), &message, b"x").is_err());
    let forged = LinkFrame::Answer(ticket.id(), ByteBuf::from(vec![7; 100])).encode();
    assert_eq!(pair.at_host(&forged), HostEvent::Nothing);
    pair.add();
}

/// Somebody replaced the ticket on its way, and stands between a handshake with each side: the digits differ, whatever they choose.
/// [LINK-5]
#[test]
fn whoever_replaces_the_ticket_shows_other_digits_and_cannot_choose_them() {
    let mut pair = Pair::new();
    let real = pair.joiner.ticket().clone();
    let mut fake = joiner(66, &mut pair.rng);
    let mut host = Host::begin(fake.ticket().clone(), pair.account.id(), NOW, &mut pair.rng).expect("in time");
    let mut towards = Host::begin(real, pair.account.id(), NOW, &mut pair.rng).expect("in time");
    let frame = |bytes: Option<Vec<u8>>| LinkFrame::decode(&bytes.expect("a frame")).expect("a frame");
    let (answer, _) = fake.frame(&frame(host.outgoing(|| None, &mut pair.rng)), NOW, &mut pair.rng);
    let HostEvent::Digits(at_host) = host.frame(&frame(answer), NOW) else { unreachable!("digits") };
    let (answer, _) = pair.joiner.frame(&frame(towards.outgoing(|| None, &mut pair.rng)), NOW, &mut pair.rng);
    towards.frame(&frame(answer), NOW);
    let reveal = frame(towards.outgoing(|| None, &mut pair.rng));
    let (_, event) = pair.joiner.frame(&reveal, NOW, &mut pair.rng);
    let JoinerEvent::Digits(at_joiner) = event else { unreachable!("digits") };
    assert_ne!(at_host, at_joiner);
    assert_eq!(host.confirm(at_joiner, NOW), Err(HostError::WrongDigits { left: 2 }));
}

/// [LINK-5]
#[test]
fn random_bytes_that_were_not_committed_to_give_no_digits() {
    let mut pair = Pair::new();
    let ticket = pair.joiner.ticket().clone();
    let (ephemeral, nonce) = (DhSecret::random(&mut pair.rng), Secret::new([5; 16]));
    let payload = Committed::of(commitment(&nonce)).encode();
    let hello = handshake::hello(&ticket, &ephemeral, &payload).expect("short");
    let hello = LinkFrame::Hello(ticket.id(), ByteBuf::from(hello)).encode();
    let (answer, _) = pair.at_joiner(&hello);
    let LinkFrame::Answer(_, answer) = LinkFrame::decode(&answer.expect("an answer")).expect("a frame") else {
        unreachable!("answer")
    };
    let (_, keys) = handshake::finish(&ticket, &ephemeral, &payload, &answer).expect("its own");
    let host = (Side::Host, ticket.id());
    let other = keys.seal(host, &FromHost::Reveal(Secret::new([6; 16])), &mut pair.rng);
    assert_eq!(pair.at_joiner(&other), (None, JoinerEvent::Nothing));
    // Without digits, no agreement; with another account, none either.
    let ask = keys.seal(host, &FromHost::Ask(pair.account.id()), &mut pair.rng);
    assert_eq!(pair.at_joiner(&ask), (None, JoinerEvent::Nothing));
    let right = keys.seal(host, &FromHost::Reveal(nonce), &mut pair.rng);
    assert!(matches!(pair.at_joiner(&right), (None, JoinerEvent::Digits(_))));
    assert!(matches!(pair.at_joiner(&ask), (Some(_), JoinerEvent::Confirmed)));
    let another = keys.seal(host, &FromHost::Ask(AccountSecret::from_seed([9; 32]).id()), &mut pair.rng);
    assert_eq!(pair.at_joiner(&another), (None, JoinerEvent::Nothing));
}

/// [LINK-11]
#[test]
fn a_flipped_bit_anywhere_in_a_frame_changes_nothing() {
    let mut pair = Pair::new();
    let both = |pair: &mut Pair, bytes: Vec<u8>, to_joiner: bool| {
        let sent = LinkFrame::decode(&bytes).expect("a frame");
        for at in 0..bytes.len() * 8 {
            let Ok(frame) = LinkFrame::decode(&flipped(&bytes, at)) else { continue };
            // CBOR has several forms of some things.
            if frame == sent {
                continue;
            }
            if to_joiner {
                let mut joiner = pair.joiner.clone();
                let (answer, event) = joiner.frame(&frame, NOW, &mut pair.rng);
                assert_eq!((answer, event), (None, JoinerEvent::Nothing), "bit {at}");
            } else {
                let mut host = pair.host.clone();
                assert_eq!(host.frame(&frame, NOW), HostEvent::Nothing, "bit {at}");
            }
        }
        bytes
    };
    let hello = pair.outgoing();
    let hello = both(&mut pair, hello, true);
    let answer = pair.at_joiner(&hello).0.expect("an answer");
    let answer = both(&mut pair, answer, false);
    let HostEvent::Digits(digits) = pair.at_host(&answer) else { unreachable!("digits") };
    let reveal = pair.outgoing();
    let reveal = both(&mut pair, reveal, true);
    pair.at_joiner(&reveal);
    pair.host.confirm(digits, NOW).expect("the same digits");
    let ask = pair.outgoing();
    let ask = both(&mut pair, ask, true);
    let join = pair.at_joiner(&ask).0.expect("an agreement");
    both(&mut pair, join, false);
}

/// [LINK-11]
#[test]
fn frames_of_before_of_the_other_side_and_of_another_link_change_nothing() {
    let mut pair = Pair::new();
    let hello = pair.outgoing();
    let answer = pair.at_joiner(&hello).0.expect("an answer");
    let HostEvent::Digits(digits) = pair.at_host(&answer) else { unreachable!("digits") };
    let reveal = pair.outgoing();
    assert_eq!(pair.at_host(&reveal), HostEvent::Nothing, "its own words");
    pair.at_joiner(&reveal);
    pair.host.confirm(digits, NOW).expect("the same digits");
    let ask = pair.outgoing();
    let join = pair.at_joiner(&ask).0.expect("an agreement");
    assert!(matches!(pair.at_host(&join), HostEvent::Joins(_)));
    pair.host.added();
    for old in [&hello, &reveal, &ask] {
        let (_, event) = pair.at_joiner(old);
        assert_eq!(event, JoinerEvent::Nothing);
    }
    for old in [&answer, &join] {
        assert_eq!(pair.at_host(old), HostEvent::Nothing);
    }
    assert_eq!(pair.host.stage(), Stage::Added);
    let LinkFrame::Sealed(_, sealed) = LinkFrame::decode(&ask).expect("a frame") else { unreachable!("sealed") };
    let other = joiner(9, &mut pair.rng).id();
    assert_eq!(pair.at_joiner(&LinkFrame::Sealed(other, sealed).encode()), (None, JoinerEvent::Nothing));
}

/// [LINK-9]
#[test]
fn an_agreement_that_another_device_signed_is_none() {
    let mut pair = Pair::new();
    let digits = pair.compare();
    pair.host.confirm(digits, NOW).expect("the same digits");
    // A joiner that shows the keys of a device that is not its own.
    pair.joiner.device = DeviceSecret::from_seed([99; 32]);
    let (event, host) = pair.step();
    assert_eq!((event, host), (JoinerEvent::Confirmed, Some(HostEvent::Nothing)));
    assert_eq!(pair.host.stage(), Stage::Confirmed);
}
