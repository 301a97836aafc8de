//! What a keeper and whoever listens can read: every frame that goes to it or comes from it, and every row that it stores.

use std::collections::BTreeSet;

use covey_pairing::keeper::KeeperFrame;

use super::{ALICE, BOB, KEEPER, add, kept, lying, serve, wait};
use crate::engine::Protocol;
use crate::engine::tests::world::World;

/// Texts that nobody writes by chance.
const TEXTS: [&str; 2] = ["the lighthouse at midnight", "bring the red umbrella"];

/// Everything that says who Alice is and what was written, in every form in which it might stand somewhere.
fn secrets(world: &mut World, of_bob: bool) -> Vec<(String, Vec<u8>)> {
    let channel = world.channel(ALICE, BOB);
    let mut plain = vec![("the channel".to_owned(), channel.as_bytes().to_vec())];
    let nodes: &[(&str, usize)] = if of_bob { &[("Alice", ALICE), ("Bob", BOB)] } else { &[("Alice", ALICE)] };
    for (name, node) in nodes {
        let me = &world.nodes[*node].me;
        let keys = me.device.keys();
        plain.push((format!("the account of {name}"), me.account_id().as_bytes().to_vec()));
        plain.push((format!("the account of {name} as text"), me.account_id().to_string().into_bytes()));
        plain.push((format!("the device of {name}"), keys.id.as_bytes().to_vec()));
        plain.push((format!("the key of the device of {name}"), keys.dh.as_bytes().to_vec()));
        plain.push((format!("the peer of {name}"), keys.network.to_vec()));
    }
    plain.extend(TEXTS.map(|text| (text.to_owned(), text.as_bytes().to_vec())));
    plain.into_iter().flat_map(|(what, bytes)| forms(&what, &bytes)).collect()
}

/// Raw, as numbers and letters, and half of it: what is there in pieces is there as well.
fn forms(what: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (half, _) = bytes.split_at(bytes.len() / 2);
    let mut forms = vec![("raw", bytes.to_vec()), ("raw, the first half", half.to_vec())];
    let mut reversed = bytes.to_vec();
    reversed.reverse();
    forms.push(("backwards", reversed));
    let texts = [
        ("hex", data_encoding::HEXLOWER.encode(half)),
        ("HEX", data_encoding::HEXUPPER.encode(half)),
        ("base 32", data_encoding::BASE32_NOPAD.encode(&half[..half.len() / 5 * 5])),
        ("base 64", data_encoding::BASE64_NOPAD.encode(&half[..half.len() / 3 * 3])),
        ("base 64 for URLs", data_encoding::BASE64URL_NOPAD.encode(&half[..half.len() / 3 * 3])),
    ];
    for (form, text) in texts {
        forms.push((form, text.to_lowercase().into_bytes()));
        forms.push((form, text.into_bytes()));
    }
    forms.into_iter().map(|(form, bytes)| (format!("{what}, {form}"), bytes)).collect()
}

fn found<'a>(bytes: &[u8], secrets: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
    let is_in = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    secrets.iter().filter(|(_, secret)| is_in(secret)).map(|(what, _)| what.as_str()).collect()
}

/// Two letters to somebody who is away, which lie there while `look` looks.
fn letters(seed: u64, look: impl FnOnce(&mut World)) -> World {
    let mut world = kept(seed);
    world.stop(BOB);
    world.record = Some(Vec::new());
    for text in TEXTS {
        world.write(ALICE, BOB, text).unwrap();
        wait(&mut world);
    }
    assert_eq!(lying(&mut world).len(), 2);
    look(&mut world);
    world.stop(ALICE);
    world.restart(BOB);
    world.settle();
    assert_eq!(world.texts(BOB, ALICE), TEXTS);
    world
}

#[test]
fn no_frame_between_a_keeper_and_others_says_who_wrote_or_what() {
    let mut world = letters(41, |_| {});
    let frames = world.record.take().unwrap();
    let (of_alice, of_both) = (secrets(&mut world, false), secrets(&mut world, true));
    let mut kinds = BTreeSet::new();
    for (from, to, protocol, frame) in frames {
        if from != KEEPER && to != KEEPER {
            continue;
        }
        assert_eq!(protocol, Protocol::Keeper, "from {from} to {to}");
        let kind = KeeperFrame::decode(&frame).unwrap();
        // With its owner a keeper speaks about the owner, and about nobody else. With others, about nobody.
        let secrets = if from == ALICE || to == ALICE { &of_both } else { &of_alice };
        assert_eq!(found(&frame, secrets), Vec::<&str>::new(), "from {from} to {to}");
        kinds.insert(format!("{kind:?}").split(['(', ' ']).next().unwrap_or_default().to_owned());
    }
    let of_mail = ["Batch", "Deposit", "Fetch", "Got", "Hello", "Kept", "Open", "Parcel", "Slots", "Welcome"];
    let of_invites = ["Invites", "InvitesOpen"];
    let expected = of_mail.into_iter().chain(of_invites).map(str::to_owned).collect();
    assert_eq!(kinds, expected, "all that is said of mail was recorded");
}

#[test]
fn no_row_of_a_keeper_says_who_wrote_or_what() {
    let look = |world: &mut World| {
        let secrets = secrets(world, false);
        let keeper = &world.nodes[KEEPER];
        let mut parcels = 0;
        for (key, sealed) in keeper.store.rows() {
            let plain = keeper.vault.open(key, sealed).unwrap();
            parcels += usize::from(plain.len() > covey_pairing::keeper::OVERHEAD);
            for bytes in [key.as_slice(), sealed, &plain] {
                assert_eq!(found(bytes, &secrets), Vec::<&str>::new(), "in a row of table {}", key[0]);
            }
        }
        assert!(parcels >= 2, "the parcels are among them");
    };
    letters(42, look);
}

/// The search itself: it would find them.
#[test]
fn what_is_readable_is_found() {
    let mut world = kept(43);
    let (id, text) = (world.nodes[ALICE].account(), world.id(ALICE));
    let secrets = secrets(&mut world, false);
    for hidden in [
        id.as_bytes().to_vec(),
        text.into_bytes(),
        data_encoding::HEXUPPER.encode(id.as_bytes()).into_bytes(),
        data_encoding::BASE32_NOPAD.encode(id.as_bytes()).to_lowercase().into_bytes(),
        data_encoding::BASE64URL_NOPAD.encode(id.as_bytes()).into_bytes(),
    ] {
        let bytes = [b"before ".as_slice(), &hidden, b" after"].concat();
        assert!(!found(&bytes, &secrets).is_empty(), "{}", String::from_utf8_lossy(&hidden));
    }
    let ticket = serve(&mut world, &covey_api::KeeperServe::default());
    add(&mut world, ALICE, &ticket);
    let card = world.card(ALICE);
    assert!(!found(&card, &secrets).is_empty(), "as a keeper has it of somebody whose mail it keeps");
}
