//! A member who does whatever comes to her mind: the honest members know the same and talk as ever afterwards.

use covey_api as api;

use super::den::{ALICE, BOB, CAROL, Den, MALLORY};
use crate::engine::{mischief, rpc};

/// Misdeeds of a run.
const DEEDS: usize = 150;

fn run(seed: u64, role: api::Role) {
    let mut den = Den::new(seed);
    let group = den.group.clone();
    let params =
        api::GroupRole { group: group.clone(), member: den.world.id(MALLORY), role, ..api::GroupRole::default() };
    if role != api::Role::Admin {
        den.world.call(ALICE, |cx| rpc::group::role(cx, &params)).unwrap();
        den.world.pass(5_000, 500);
    }
    for deed in 0..DEEDS {
        den.world.call(MALLORY, |cx| mischief::act(cx).map_err(Into::into)).unwrap();
        if deed % 3 == 0 {
            den.world.pass(1_000, 500);
        }
        if deed % 25 == 0 {
            let author = [ALICE, BOB, CAROL][deed / 25 % 3];
            den.world.say_in(author, &group, &format!("{deed} of {author}")).unwrap();
        }
        if deed % 60 == 30 {
            den.world.restart(BOB);
        }
    }
    den.world.pass(300_000, 2_000);
    den.assert_alike(&[ALICE, BOB, CAROL]);
    let shown = den.world.texts_in(ALICE, &group);
    for member in [BOB, CAROL] {
        assert_eq!(den.world.texts_in(member, &group), shown, "member {member} shows the same as alice");
    }
    if role == api::Role::Reader {
        let hers = shown.iter().filter(|text| ["whatever", "odd"].iter().any(|begin| text.starts_with(begin)));
        assert_eq!(hers.count(), 0, "{shown:?}");
    }
    for author in [ALICE, BOB, CAROL] {
        assert_eq!(den.world.group(author, &group).members, den.world.group(ALICE, &group).members);
    }
    den.world.puppet = Some(MALLORY);
    den.nobody_notices(&[ALICE, BOB, CAROL]);
}

#[test]
fn members_agree_whatever_a_member_does() {
    (0..4).for_each(|seed| run(9_000 + seed, api::Role::Member));
}

/// Readers write too if their client lets them.
#[test]
fn members_agree_whatever_a_reader_does_and_show_none_of_it() {
    (0..4).for_each(|seed| run(9_500 + seed, api::Role::Reader));
}
