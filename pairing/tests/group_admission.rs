//! Tickets, join statements, invites, the welcome; and Mallory, who was not invited. `pairing/SPEC.md`, section Groups.

use covey_pairing::{
    crypto::{
        hash::blake3,
        secret::Secret,
        sign::{Context, SigningSecret},
    },
    group::{
        admission::{
            AdmissionPoint, GroupInvite, GroupTicket, GroupTicketError, JoinStatement, STATEMENT_MAX, StatementError,
            TicketToken, WELCOME_CARDS, WELCOME_MAX, Welcome, devices, session_psk, vouch,
        },
        roster::{Grant, Ground, OpId, Role},
    },
    identity::{AccountSecret, CARD_MAX, CardContent, CardDevice, CardError, ContactCard, DeviceSecret, KeyLog, sign},
    ids::{AccountId, GroupId},
};
use data_encoding::BASE32_NOPAD;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// 2026-01-01.
const NOW: u64 = 1_767_225_600_000;
const DAY: u64 = 24 * 3_600_000;
const GROUP: GroupId = GroupId::from_bytes([0x61; 32]);
const INVITE: OpId = OpId::from_bytes([0x4f; 32]);

/// The wire form once more, with nothing checked.
#[derive(Clone, Serialize, Deserialize)]
struct Wire(u8, ByteBuf, ByteArray<32>, ByteArray<64>);

/// An account with one device.
struct Person {
    account: AccountSecret,
    device: DeviceSecret,
    log: KeyLog,
}

impl Person {
    fn new(seed: u8) -> Self {
        let account = AccountSecret::from_seed([seed; 32]);
        let device = DeviceSecret::from_seed([seed + 100; 32]);
        let log = KeyLog::create(&account, NOW).add_device(&account, &device, NOW).expect("room");
        Self { account, device, log }
    }

    fn id(&self) -> AccountId {
        self.account.id()
    }

    fn card(&self) -> Vec<u8> {
        let device = CardDevice {
            device: self.device.id(),
            addresses: Vec::new(),
            prekeys: ByteBuf::from(vec![7; 1_400]),
            seq: 0,
        };
        let content = CardContent {
            sequence: 1,
            issued_at: NOW,
            expires_at: NOW + 40 * DAY,
            name: "Ada".into(),
            log: self.log.clone(),
            devices: vec![device],
            custodians: Vec::new(),
            kem: None,
        };
        sign(&content, &self.device).expect("a good card")
    }

    fn point(&self, addresses: usize) -> AdmissionPoint {
        let keys = self.device.keys();
        let addresses = (0..addresses).map(|n| format!("/ip4/192.168.1.{n}/udp/4001/quic-v1")).collect();
        AdmissionPoint { account: self.id(), device: keys.id, dh: keys.dh, network: keys.network, addresses }
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn ticket(points: u8) -> GroupTicket {
    GroupTicket {
        group: GROUP,
        name: "Sunday walks".into(),
        token: TicketToken::generate(&mut rng()),
        expires_at: Some(NOW + DAY),
        points: (1..=points).map(|n| Person::new(n).point(2)).collect(),
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    covey_codec::encode(value).expect("encodes")
}

/// [ADMIT-1]
#[test]
fn a_group_ticket_survives_its_text_form_in_either_case_and_wrapped() {
    for points in 1..=4 {
        let ticket = ticket(points);
        let text = ticket.to_text().expect("within limits");
        assert!(text.starts_with("covey-group:") && text == ticket.to_string());
        assert_eq!(text.parse(), Ok(ticket.clone()));
        assert_eq!(text.to_uppercase().parse(), Ok(ticket.clone()));
        let (a, b) = text.split_at(50);
        assert_eq!(format!(" {a}\r\n  {b}\n").parse(), Ok(ticket.clone()));
        assert!(!format!("{ticket:?}").contains("Secret([") && !format!("{ticket:?}").contains("seed"));
    }
    assert!(ticket(1).to_text().expect("short").len() < 550);
}

/// [ADMIT-1]
#[test]
fn every_mistyped_character_of_a_group_ticket_is_noticed() {
    let text = ticket(1).to_text().expect("within limits");
    let prefix = "covey-group:".len();
    for at in prefix..text.len() {
        let other = if &text[at..=at] == "a" { "b" } else { "a" };
        let mistyped = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert_eq!(mistyped.parse::<GroupTicket>(), Err(GroupTicketError::Mistyped));
    }
    for (bad, error) in [
        ("", GroupTicketError::NotATicket),
        ("covey:aaaa", GroupTicketError::NotATicket),
        ("covey-group:", GroupTicketError::Mistyped),
        ("covey-group:!!", GroupTicketError::Mistyped),
        (&format!("covey-group:{}", "a".repeat(9_000)), GroupTicketError::TooLong),
    ] {
        assert_eq!(bad.parse::<GroupTicket>(), Err(error));
    }
}

/// [ADMIT-2]
#[test]
fn a_group_ticket_beyond_its_limits_is_neither_made_nor_taken() {
    let limit = Err(GroupTicketError::Limit);
    let changed = |change: fn(&mut GroupTicket)| {
        let mut ticket = ticket(2);
        change(&mut ticket);
        ticket.to_text()
    };
    assert_eq!(changed(|t| t.points.clear()), limit);
    assert_eq!(changed(|t| t.points = (1..=5).map(|n| Person::new(n).point(0)).collect()), limit);
    assert_eq!(changed(|t| t.points[0].addresses = vec!["/ip4/10.0.0.1".into(); 5]), limit);
    assert_eq!(changed(|t| t.points[0].addresses = vec!["x".repeat(257)]), limit);
    assert_eq!(changed(|t| t.name = "\u{1b}[2J".into()), limit);
    assert_eq!(
        changed(|t| t.points.iter_mut().for_each(|p| p.addresses = vec!["x".repeat(250); 4])),
        Err(GroupTicketError::TooLong)
    );

    let text_of = |content: &dyn Fn() -> Vec<u8>| {
        let mut bytes = content();
        bytes.extend(&blake3(&bytes)[..4]);
        format!("covey-group:{}", BASE32_NOPAD.encode(&bytes))
    };
    let no_points: [u8; 0] = [];
    let seed = ByteArray::new([5u8; 32]);
    let wire = |v: u8| encode(&(v, GROUP, "name", seed, None::<u64>, &no_points[..]));
    assert_eq!(text_of(&|| wire(2)).parse::<GroupTicket>(), Err(GroupTicketError::Unknown));
    assert_eq!(text_of(&|| wire(1)).parse::<GroupTicket>(), Err(GroupTicketError::Limit));
}

/// [ADMIT-3]
#[test]
fn a_statement_with_the_joiners_card_is_vouched_for_by_every_member() {
    let dora = Person::new(4);
    let token = TicketToken::generate(&mut rng());
    let statements = [
        (JoinStatement::by_invite(GROUP, dora.id(), &dora.device, INVITE, NOW), Ground::Invite(INVITE)),
        (JoinStatement::by_ticket(GROUP, dora.id(), &dora.device, &token, NOW), Ground::Ticket(token.id())),
        (JoinStatement::by_request(GROUP, dora.id(), &dora.device, NOW), Ground::Request),
    ];
    for (bytes, ground) in &statements {
        assert!(bytes.len() < STATEMENT_MAX, "{}", bytes.len());
        let join = vouch(&GROUP, bytes, &dora.card()).expect("a good one");
        assert_eq!((join.account, join.ground, join.at), (dora.id(), *ground, NOW));
        assert_eq!((join.devices.devices, join.devices.log), (vec![dora.device.id()], 2));
        let statement = JoinStatement::open(bytes).expect("a good one");
        assert_eq!((statement.group, statement.device), (GROUP, dora.device.id()));
        let card = statement.verify(&dora.card()).expect("her card");
        assert_eq!(devices(&card).devices, vec![dora.device.id()]);
    }
    let ids = statements.map(|(bytes, _)| JoinStatement::open(&bytes).expect("a good one").id());
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    assert_eq!(
        JoinStatement::open(&JoinStatement::by_request(GROUP, dora.id(), &dora.device, NOW)).expect("good").id(),
        ids[2]
    );
}

/// [ADMIT-3] Whenever somebody looks: the card counts as of the time of the statement.
#[test]
fn a_statement_does_not_age_but_is_carried_only_while_it_is_fresh() {
    let dora = Person::new(4);
    let at = |now: u64| JoinStatement::by_invite(GROUP, dora.id(), &dora.device, INVITE, now);
    let statement = JoinStatement::open(&at(NOW)).expect("a good one");
    for (now, fresh) in [
        (NOW, true),
        (NOW - DAY, true),
        (NOW - DAY - 1, false),
        (NOW + 30 * DAY, true),
        (NOW + 30 * DAY + 1, false),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(statement.is_fresh(now), fresh, "{now}");
    }
    let late = vouch(&GROUP, &at(NOW + 40 * DAY), &dora.card());
    assert_eq!(late, Err(StatementError::Card(CardError::Expired)));
}

/// [ADMIT-4]
#[test]
fn nobody_joins_in_the_name_of_another() {
    let (dora, mallory) = (Person::new(4), Person::new(6));
    let honest = JoinStatement::by_invite(GROUP, dora.id(), &dora.device, INVITE, NOW);

    // Mallory's device for Dora's account, with either card.
    let claim = JoinStatement::by_invite(GROUP, dora.id(), &mallory.device, INVITE, NOW);
    for card in [dora.card(), mallory.card()] {
        assert_eq!(vouch(&GROUP, &claim, &card), Err(StatementError::Device));
    }
    // Dora's statement with Mallory's card.
    assert_eq!(vouch(&GROUP, &honest, &mallory.card()), Err(StatementError::Device));
    // Dora's words, Mallory's signature: named as signer, or not.
    let wire: Wire = covey_codec::decode(&honest, STATEMENT_MAX).expect("our own bytes");
    let mut resigned = wire.clone();
    resigned.3 = ByteArray::new(mallory.device.signing().sign(Context::GroupJoin, &wire.1));
    assert_eq!(JoinStatement::open(&encode(&resigned)), Err(StatementError::Signature));
    resigned.2 = ByteArray::new(*mallory.device.id().as_bytes());
    assert_eq!(JoinStatement::open(&encode(&resigned)), Err(StatementError::Signature));
    // Signed as something else.
    let mut other_context = wire.clone();
    other_context.3 = ByteArray::new(dora.device.signing().sign(Context::Offer, &wire.1));
    assert_eq!(JoinStatement::open(&encode(&other_context)), Err(StatementError::Signature));
    // For another group.
    let elsewhere = GroupId::from_bytes([0x62; 32]);
    assert_eq!(vouch(&elsewhere, &honest, &dora.card()), Err(StatementError::Group));
    // A device that was revoked.
    let revoked = Person {
        log: dora
            .log
            .add_device(&dora.account, &DeviceSecret::from_seed([9; 32]), NOW)
            .and_then(|log| log.revoke_device(&dora.account, dora.device.id(), Vec::new(), NOW))
            .expect("valid"),
        account: dora.account.clone(),
        device: DeviceSecret::from_seed([9; 32]),
    };
    assert_eq!(vouch(&GROUP, &honest, &revoked.card()), Err(StatementError::Device));
}

/// [ADMIT-4]
#[test]
fn every_flipped_bit_of_a_statement_is_noticed() {
    let dora = Person::new(4);
    let token = TicketToken::generate(&mut rng());
    let bytes = JoinStatement::by_ticket(GROUP, dora.id(), &dora.device, &token, NOW);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(JoinStatement::open(&flipped).is_err(), "byte {at}, bit {bit}");
        }
        assert!(JoinStatement::open(&bytes[..at]).is_err());
    }
    assert_eq!(JoinStatement::open(&vec![0; STATEMENT_MAX + 1]), Err(StatementError::Malformed));
}

/// [ADMIT-5]
#[test]
fn only_who_holds_a_ticket_can_show_it() {
    let (dora, mallory) = (Person::new(4), Person::new(6));
    let token = TicketToken::generate(&mut rng());
    let shown = JoinStatement::by_ticket(GROUP, dora.id(), &dora.device, &token, NOW);
    // Mallory saw Dora's statement and puts its proof into her own: another account, device, group or time.
    let wire: Wire = covey_codec::decode(&shown, STATEMENT_MAX).expect("our own bytes");
    type Content = (u8, ByteBuf, ByteBuf, ByteBuf, std::collections::BTreeMap<String, (ByteBuf, ByteBuf)>, u64);
    let content: Content = covey_codec::decode(&wire.1, STATEMENT_MAX).expect("our own bytes");
    let forge = |change: &dyn Fn(&mut Content)| {
        let mut content = content.clone();
        content.2 = ByteBuf::from(*mallory.id().as_bytes());
        content.3 = ByteBuf::from(*mallory.device.id().as_bytes());
        change(&mut content);
        let content = encode(&content);
        let signature = ByteArray::new(mallory.device.signing().sign(Context::GroupJoin, &content));
        let signer = ByteArray::new(*mallory.device.id().as_bytes());
        JoinStatement::open(&encode(&Wire(1, ByteBuf::from(content), signer, signature)))
    };
    assert_eq!(forge(&|_| ()), Err(StatementError::Ticket));
    assert_eq!(forge(&|content| content.2 = ByteBuf::from(*dora.id().as_bytes())), Err(StatementError::Ticket));
    assert_eq!(forge(&|content| content.5 += 1), Err(StatementError::Ticket));
    // She makes up a token: it proves itself, under another name than the one in the roster.
    let made_up = TicketToken::generate(&mut ChaCha20Rng::seed_from_u64(2));
    let statement = JoinStatement::by_ticket(GROUP, mallory.id(), &mallory.device, &made_up, NOW);
    let join = vouch(&GROUP, &statement, &mallory.card()).expect("well made");
    assert_ne!(join.ground, Ground::Ticket(token.id()));
    // A token's signature of a message of another kind.
    let key = SigningSecret::from_seed([5; 32]);
    assert!(key.public().verify(Context::GroupTicket, b"x", &key.sign(Context::GroupJoin, b"x")).is_err());
}

/// [ADMIT-6]
#[test]
fn a_welcome_carries_as_many_cards_as_fit() {
    let secret = Secret::random(&mut rng());
    let card = Person::new(1).card();
    let welcome = |cards: Vec<Vec<u8>>| Welcome::new(GROUP, "Sunday walks".into(), secret.clone(), cards);
    for (cards, fit) in
        [(vec![], 0), (vec![card.clone(); 3], 3), (vec![card; 20], WELCOME_CARDS), (vec![vec![1; CARD_MAX]; 20], 4)]
    {
        let made = welcome(cards);
        let bytes = made.to_bytes();
        assert!(bytes.len() <= WELCOME_MAX);
        let taken = Welcome::from_bytes(&bytes).expect("within the limits");
        assert_eq!((&taken, taken.members().count()), (&made, fit));
        assert_eq!((taken.group(), taken.name(), taken.secret()), (GROUP, "Sunday walks", &secret));
    }
    assert!(format!("{:?}", welcome(vec![])).contains("Secret(…)"));
    let card = ContactCard::open(&Person::new(1).card(), NOW);
    assert!(card.is_ok());
}

/// [ADMIT-6]
#[test]
fn a_welcome_beyond_its_limits_is_refused() {
    #[derive(Serialize, Clone)]
    struct Wild {
        v: u8,
        g: GroupId,
        n: String,
        s: ByteArray<32>,
        m: Vec<ByteBuf>,
    }
    let good = Wild { v: 1, g: GROUP, n: "ok".into(), s: ByteArray::new([1; 32]), m: vec![ByteBuf::from([1; 9])] };
    let taken = |change: fn(&mut Wild)| {
        let mut wild = good.clone();
        change(&mut wild);
        Welcome::from_bytes(&encode(&wild)).is_some()
    };
    assert!(taken(|_| ()));
    assert!(!taken(|w| w.v = 2));
    assert!(!taken(|w| w.n = "a\u{202e}b".into()));
    assert!(!taken(|w| w.m = vec![ByteBuf::new(); WELCOME_CARDS + 1]));
    assert!(!taken(|w| w.m = vec![ByteBuf::from(vec![0; CARD_MAX + 1])]));
    assert!(!taken(|w| w.m = vec![ByteBuf::from(vec![0; CARD_MAX]); 5]));
}

/// [ADMIT-7]
#[test]
fn an_invite_shows_what_it_was_made_of_or_nothing() {
    let invite = GroupInvite {
        group: GROUP,
        name: "Sunday walks".into(),
        inviter: Person::new(1).id(),
        operation: INVITE,
        grant: Grant::visible(Role::Member),
        members: 10_000,
        note: "come with us\n".repeat(20),
    };
    let bytes = invite.to_bytes().expect("within the limits");
    assert_eq!(GroupInvite::from_bytes(&bytes), Some(invite.clone()));
    for at in 0..bytes.len() {
        assert_eq!(GroupInvite::from_bytes(&bytes[..at]), None);
    }
    let longest = GroupInvite { name: "🐑".repeat(32), note: "🐑".repeat(280), ..invite.clone() };
    assert_eq!(GroupInvite::from_bytes(&longest.to_bytes().expect("within the limits")), Some(longest));
    for bad in [
        GroupInvite { name: "\u{7}".into(), ..invite.clone() },
        GroupInvite { note: "x".repeat(281), ..invite.clone() },
    ] {
        assert_eq!(bad.to_bytes(), None);
    }
    let escape = String::from_utf8_lossy(&bytes).find("Sunday").expect("in clear");
    let mut forged = bytes;
    forged[escape] = 0x1b;
    assert_eq!(GroupInvite::from_bytes(&forged), None);
}

/// [ADMIT-8]
#[test]
fn the_key_of_sessions_inside_a_group_is_of_that_group_alone() {
    let secret = Secret::new([1; 32]);
    let key = session_psk(&secret, &GROUP);
    assert_eq!(key, session_psk(&secret, &GROUP));
    assert_ne!(key, session_psk(&secret, &GroupId::from_bytes([2; 32])));
    assert_ne!(key, session_psk(&Secret::new([2; 32]), &GROUP));
    assert_ne!(key, secret);
}
