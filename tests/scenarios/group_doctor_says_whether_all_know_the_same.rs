//! `covey group doctor`: 0 when all that can be reached know the same, 1 when not or when nobody can be reached.

use crate::harness::{Node, lake_of, make_group, say_to_all, until_converged};

#[test]
fn the_doctor_ends_with_0_when_all_know_the_same_and_with_1_when_nobody_is_there() {
    let (alice, mut bob, mut carol) = (Node::start("alice"), Node::start("bob"), Node::start("carol"));
    let group = lake_of(&alice, &[&bob, &carol]);
    say_to_all(&carol, &group, "hello", &[&alice, &bob]);
    until_converged(&[&alice, &bob, &carol], &group);
    let ran = alice.run(&["group", "doctor", "Lake"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stdout.contains("the same"), "{ran:?}");
    let health = alice.json(&["group", "doctor", "Lake"]);
    assert_eq!((&health["converged"], &health["reached"]), (&true.into(), &2.into()), "{health}");
    for member in health["members"].as_array().expect("a list") {
        assert_eq!(member["roster_hash"], health["roster_hash"]);
        assert_eq!(member["heads_hash"], health["heads_hash"]);
    }

    carol.stop();
    let two = crate::harness::eventually("carol to be missed", || {
        let health = alice.json(&["group", "doctor", "Lake"]);
        (health["reached"] == 1).then_some(health)
    });
    assert_eq!(two["converged"], true, "those that can be reached know the same: {two}");
    let away = two["members"].as_array().expect("a list").iter().find(|member| member["account"] == carol.id);
    assert_eq!(away.expect("is told")["reached"], false);
    bob.stop();
    let alone = crate::harness::eventually("nobody to be there", || {
        let ran = alice.run(&["--json", "group", "doctor", "Lake"]);
        (ran.code == 1).then_some(ran)
    });
    let health: serde_json::Value = serde_json::from_str(&alone.stdout).expect("one value");
    assert_eq!((&health["converged"], &health["reached"]), (&false.into(), &0.into()), "{health}");
}

#[test]
fn one_who_is_alone_in_a_group_is_converged() {
    let alice = Node::start("alice");
    make_group(&alice, "Empty");
    let ran = alice.run(&["group", "doctor", "Empty"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
