//! [LIMIT-*] of `pairing/SPEC.md`.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_bytes::ByteBuf;

use super::*;
use crate::consent::{Pass, time::DAY_MS};

const ME: AccountId = AccountId::from_bytes([1; 32]);
const NOW: u64 = 20_000 * DAY_MS;

fn limits() -> StrangerLimits {
    StrangerLimits::new(StrangerLimitsConfig { work_bits: 4, ..StrangerLimitsConfig::default() })
}

fn invite(n: u32) -> InviteFrame {
    let message = ByteBuf::from(n.to_le_bytes());
    InviteFrame { from: Some(AccountId::from_bytes([2; 32])), pass: work::mine(&ME, 20_000, &message, 4), message }
}

fn from<'a>(source: &str, tokens: &'a TokenBook) -> Arrival<'a> {
    Arrival { invitee: ME, source: Source::of(source.parse().ok()), pending: 0, expected: false, tokens }
}

/// [LIMIT-4]
#[test]
fn three_invites_an_hour_from_one_network() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    for (n, last) in (0..).zip(["1", "77", "255"]) {
        let arrival = from(&format!("192.0.2.{last}"), &tokens);
        assert_eq!(limits.admit(&invite(n), &arrival, NOW), Ok(Admission::Work));
    }
    assert_eq!(limits.admit(&invite(4), &from("192.0.2.9", &tokens), NOW + 1), Err(Refusal::Source));
    assert_eq!(limits.admit(&invite(4), &from("::ffff:192.0.2.9", &tokens), NOW + 1), Err(Refusal::Source));
    assert_eq!(limits.admit(&invite(4), &from("192.0.3.9", &tokens), NOW + 1), Ok(Admission::Work));
    assert_eq!(limits.admit(&invite(4), &from("192.0.2.9", &tokens), NOW + HOUR_MS), Ok(Admission::Work));
}

/// [LIMIT-4]
#[test]
fn networks_of_ipv6_are_48_bits_and_relays_share_one_allowance() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    for n in 0..3 {
        assert!(limits.admit(&invite(n), &from(&format!("2001:db8:1:{n}::1"), &tokens), NOW).is_ok());
        assert!(limits.admit(&invite(n), &from("relayed", &tokens), NOW).is_ok());
    }
    assert_eq!(limits.admit(&invite(9), &from("2001:db8:1:ffff::1", &tokens), NOW), Err(Refusal::Source));
    assert!(limits.admit(&invite(9), &from("2001:db8:2::1", &tokens), NOW).is_ok());
    assert_eq!(limits.admit(&invite(9), &from("relayed", &tokens), NOW), Err(Refusal::Source));
}

/// [LIMIT-4]
#[test]
fn what_lay_at_keepers_shares_one_allowance_of_its_own() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    let kept = Arrival { source: Source::Keeper, ..from("relayed", &tokens) };
    for n in 0..3 {
        assert!(limits.admit(&invite(n), &kept, NOW).is_ok());
    }
    assert_eq!(limits.admit(&invite(9), &kept, NOW), Err(Refusal::Source));
    assert!(limits.admit(&invite(9), &from("relayed", &tokens), NOW).is_ok());
}

/// [LIMIT-5]
#[test]
fn no_more_than_64_wait_for_the_operator() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    let full = Arrival { pending: 64, ..from("192.0.2.1", &tokens) };
    assert_eq!(limits.admit(&invite(1), &full, NOW), Err(Refusal::Pending));
    let expected = Arrival { expected: true, ..full };
    assert_eq!(limits.admit(&invite(1), &expected, NOW), Ok(Admission::Work));
}

/// [LIMIT-2]
#[test]
fn a_token_passes_every_limit_and_a_used_one_none() {
    let (mut limits, mut tokens) = (limits(), TokenBook::default());
    let token = tokens.issue(1, NOW + 1000, NOW, &mut ChaCha20Rng::seed_from_u64(1)).expect("room");
    let mut with_token = invite(1);
    with_token.pass.token = Some(token.tag(&ME, &with_token.message));
    let full = Arrival { pending: 64, ..from("192.0.2.1", &tokens) };
    assert_eq!(limits.admit(&with_token, &full, NOW), Ok(Admission::Token(token.id())));
    let moved = InviteFrame { message: ByteBuf::from([9; 9]), ..with_token.clone() };
    assert_eq!(limits.admit(&moved, &full, NOW), Err(Refusal::Pass));
    tokens.spend(&token.id());
    let full = Arrival { pending: 64, ..from("192.0.2.1", &tokens) };
    assert_eq!(limits.admit(&with_token, &full, NOW), Err(Refusal::Pending));
}

/// [LIMIT-2]
#[test]
fn a_token_that_is_used_up_leaves_the_work() {
    let (mut limits, mut tokens) = (limits(), TokenBook::default());
    let token = tokens.issue(1, NOW + 1000, NOW, &mut ChaCha20Rng::seed_from_u64(1)).expect("room");
    let mut with_token = invite(1);
    with_token.pass.token = Some(token.tag(&ME, &with_token.message));
    tokens.spend(&token.id());
    assert_eq!(limits.admit(&with_token, &from("192.0.2.1", &tokens), NOW), Ok(Admission::Work));
}

/// [LIMIT-1]
#[test]
fn without_work_nothing_is_counted_or_opened() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    let lazy = InviteFrame { pass: Pass { day: 19_000, nonce: 0, token: None }, ..invite(1) };
    for _ in 0..10 {
        assert_eq!(limits.admit(&lazy, &from("192.0.2.1", &tokens), NOW), Err(Refusal::Pass));
    }
    assert!(limits.admit(&invite(1), &from("192.0.2.1", &tokens), NOW).is_ok());
}

/// [LIMIT-4]
#[test]
fn memory_is_bounded_however_many_networks_try() {
    let (mut limits, tokens) = (limits(), TokenBook::default());
    for n in 0..5000u32 {
        let source = format!("10.{}.{}.1", n >> 8, n & 0xff);
        let admitted = limits.admit(&invite(n), &from(&source, &tokens), NOW);
        assert_eq!(admitted.is_ok(), n < 4096);
    }
    assert_eq!(limits.sources.0.len(), MAX_SOURCES);
    assert!(limits.admit(&invite(1), &from("192.0.2.1", &tokens), NOW + HOUR_MS).is_ok());
    assert_eq!(limits.sources.0.len(), 1);
}
