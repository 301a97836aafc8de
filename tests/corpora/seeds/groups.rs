//! Valid objects of groups, and a few that must be refused.

use covey_pairing::{
    crypto::secret::Secret,
    group::{
        admission::{AdmissionPoint, GroupInvite, GroupTicket, JoinStatement, TicketToken, Welcome},
        roster::{Grant, Op, OpId, Operation, Policy, Role},
    },
    identity::DeviceSecret,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_bytes::ByteBuf;

use super::{Seeds, mode, named};
use crate::targets::{
    groups::{GROUP, joiner, stage},
    pairing::NOW,
};

/// What is made for a target.
pub(crate) fn of(target: &str) -> Seeds {
    match target {
        "group_distribution" => distributions(),
        "group_payload" => payloads(),
        "group_statement" => statements(),
        "group_ticket" => tickets(),
        "group_welcome" => welcomes(),
        "group_operation" => operations(),
        _ => Vec::new(),
    }
}

fn operations() -> Seeds {
    let (account, _, card) = joiner();
    let account = account.id();
    let dep = OpId::from_bytes([9; 32]);
    let ops = [
        Op::Create {
            nonce: [1; 32],
            name: "lake".into(),
            policy: Policy::default(),
            card: ByteBuf::from(card.clone()),
        },
        Op::Rename { name: "pond".into() },
        Op::Leave,
        Op::Join { statement: ByteBuf::from(vec![1; 64]), card: ByteBuf::from(card) },
    ];
    let encoded = |op: Op, deps: Vec<OpId>| Operation { account, at: NOW, deps, op }.encode().unwrap();
    let mut seeds = named("operation", ops.into_iter().map(|op| encoded(op, Vec::new())));
    seeds.extend(named("late", [encoded(Op::Rename { name: "sea".into() }, vec![dep])]));
    let mut cut = encoded(Op::Rename { name: "sea".into() }, vec![dep]);
    cut.pop();
    seeds.push(("bad-cut".to_owned(), cut));
    seeds
}

fn distributions() -> Seeds {
    let chain = &stage().chain;
    let mut seeds = named("distribution", (0..4).map(|index| chain.distribution_from(index).to_bytes()));
    let mut changed = chain.distribution().to_bytes();
    *changed.last_mut().unwrap() ^= 1;
    // Readers who know the chain refuse it, the one who was given nothing cannot know.
    seeds.push(("changed".to_owned(), changed));
    let mut elsewhere = chain.distribution().to_bytes();
    let group = elsewhere.windows(32).position(|bytes| bytes == GROUP.as_bytes()).unwrap();
    elsewhere[group] ^= 1;
    seeds.push(("bad-group".to_owned(), elsewhere));
    seeds
}

fn payloads() -> Seeds {
    let sealed = &stage().sealed;
    let mut seeds = named("payload", sealed.iter().map(|sealed| mode(0, &sealed.payload)));
    let padded = [&b"hello\x80"[..], &[0; 122]].concat();
    seeds.extend(named("padded", [mode(1, &padded)]));
    seeds.extend(named("body", [mode(2, b""), mode(2, &[7; 5_000])]));
    seeds.push(("bad-padding".to_owned(), mode(1, &padded[..100])));
    let mut forged = sealed[0].payload.clone();
    *forged.last_mut().unwrap() ^= 1;
    seeds.push(("bad-forged".to_owned(), mode(0, &forged)));
    seeds
}

fn statements() -> Seeds {
    let (account, device, _) = joiner();
    let token = TicketToken::generate(&mut ChaCha20Rng::seed_from_u64(5));
    let made = [
        JoinStatement::by_invite(GROUP, account.id(), &device, OpId::from_bytes([9; 32]), NOW),
        JoinStatement::by_ticket(GROUP, account.id(), &device, &token, NOW),
        JoinStatement::by_request(GROUP, account.id(), &device, NOW),
    ];
    let content = |bytes: &Vec<u8>| {
        let wire: (u8, ByteBuf, ByteBuf, ByteBuf) = covey_codec::decode(bytes, 1 << 16).unwrap();
        mode(1, &wire.1)
    };
    let mut seeds = named("statement", made.iter().map(|bytes| mode(0, bytes)));
    seeds.extend(named("content", made.iter().map(content)));
    let mut forged = made[1].clone();
    *forged.last_mut().unwrap() ^= 1;
    seeds.push(("bad-forged".to_owned(), mode(0, &forged)));
    seeds
}

fn tickets() -> Seeds {
    let point = |n: u8, addresses: Vec<String>| {
        let keys = DeviceSecret::from_seed([n; 32]).keys();
        AdmissionPoint { account: joiner().0.id(), device: keys.id, dh: keys.dh, network: keys.network, addresses }
    };
    let plain = GroupTicket {
        group: GROUP,
        name: "Sunday walks".to_owned(),
        token: TicketToken::generate(&mut ChaCha20Rng::seed_from_u64(5)),
        expires_at: None,
        points: vec![point(1, Vec::new())],
    };
    let mut full = plain.clone();
    full.expires_at = Some(NOW);
    full.points.push(point(2, vec!["/ip4/192.0.2.1/udp/4001/quic-v1".to_owned(); 4]));
    let texts = [plain.to_text().unwrap(), full.to_text().unwrap()];
    let content = |text: &String| {
        let base32 = text["covey-group:".len()..].to_uppercase();
        let bytes = data_encoding::BASE32_NOPAD.decode(base32.as_bytes()).unwrap();
        mode(1, &bytes[..bytes.len() - 4])
    };
    let contents = texts.iter().map(content);
    let mut seeds = named("text", texts.iter().map(|text| mode(0, text.as_bytes())));
    seeds.extend(named("content", contents));
    seeds.push(("bad-cut".to_owned(), mode(0, &texts[0].as_bytes()[..90])));
    seeds
}

fn welcomes() -> Seeds {
    let welcome = |cards: Vec<Vec<u8>>| Welcome::new(GROUP, "Sunday walks".to_owned(), Secret::new([5; 32]), cards);
    let made = [welcome(Vec::new()), welcome(vec![joiner().2])];
    let invite = GroupInvite {
        group: GROUP,
        name: "Sunday walks".to_owned(),
        inviter: joiner().0.id(),
        operation: OpId::from_bytes([9; 32]),
        grant: Grant::visible(Role::Member),
        members: 3,
        note: "come with us".to_owned(),
    };
    let mut seeds = named("welcome", made.iter().map(|welcome| mode(0, &welcome.to_bytes())));
    seeds.extend(named("invite", [mode(1, &invite.to_bytes().unwrap())]));
    seeds.push(("bad-kind".to_owned(), mode(1, &made[0].to_bytes())));
    seeds
}
