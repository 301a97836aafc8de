//! Whoever is not paired gets one and the same answer to whatever they ask, and learns nothing from it.

use serde_json::json;

use crate::harness::{Mallory, Node, befriend, texts};

const GATED: [&str; 2] = ["/covey/sync/1", "/covey/parcel/1"];

/// Everything a node answers to a stranger, over both protocols.
async fn answers(mallory: &mut Mallory, frames: &[Vec<u8>]) -> Vec<(Vec<u8>, bool)> {
    let mut answers = Vec::new();
    for protocol in GATED {
        answers.push(mallory.says(protocol, frames).await.expect("every protocol is offered to everybody"));
    }
    answers
}

#[tokio::test]
async fn strangers_get_the_same_refusal_whatever_they_know() {
    let (alice, bob) = (Node::start("alice"), Node::start("bob"));
    befriend(&alice, &bob);
    let sent = alice.json(&["send", "bob", "between us"]);
    bob.until_received("between us");
    let channel = sent["channel"].as_str().expect("a channel");
    let entry = sent["id"].as_str().expect("an id");
    let raw = |hex: &str| -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex")).collect()
    };

    // Knows nothing and says nothing; says garbage; knows the channel and an entry of it, as one who read them somewhere.
    let stories: [Vec<Vec<u8>>; 4] = [
        vec![],
        vec![vec![0xff; 32]],
        vec![raw(channel), [raw(channel), raw(entry)].concat()],
        vec![serde_json::to_vec(&json!({"channel": channel})).expect("JSON"), vec![0; 60_000]],
    ];
    let address = alice.address();
    let mut heard = Vec::new();
    for (seed, frames) in (1_u8..).zip(&stories) {
        let mut mallory = Mallory::connect(seed, &address);
        heard.push(answers(&mut mallory, frames).await);
    }
    let first = heard[0].clone();
    for (protocol, (bytes, _)) in GATED.iter().zip(&first) {
        assert!(bytes.len() <= 1, "{protocol} says more than a refusal: {bytes:?}");
    }
    assert_eq!(first[0].0, first[1].0, "both protocols refuse alike");
    for other in &heard[1..] {
        let said = |answers: &[(Vec<u8>, bool)]| answers.iter().map(|(bytes, _)| bytes.clone()).collect::<Vec<_>>();
        assert_eq!(said(other), said(&first));
    }

    // And it has not hurt anybody.
    bob.json(&["send", "alice", "still here?"]);
    alice.until_received("still here?");
    assert_eq!(texts(&alice, "bob"), ["between us", "still here?"]);
    let counts = alice.json(&["status"])["counts"].clone();
    assert_eq!((&counts["paired"], &counts["pending"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn garbage_on_the_one_stream_that_strangers_may_use_changes_nothing() {
    let alice = Node::start("alice");
    let journal = || alice.run(&["tail", "--from", "0", "--json"]).stdout;
    let before = journal();
    let mut mallory = Mallory::connect(9, &alice.address());
    let frames = [vec![0xff; 1_000], vec![0x9f; 60_000], b"{}".to_vec(), vec![0x83, 0x01, 0x02]];
    for frame in frames {
        // Some of it may cost her the connection.
        let _ = mallory.says("/covey/pair/1", &[frame]).await;
    }
    assert_eq!(alice.json(&["pair", "list"]), json!([]));
    assert_eq!(journal(), before);
}
