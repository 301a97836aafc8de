//! What happens in the demo, act by act.

use covey_api::{
    Contact, ContactState, Event, Message, MessageList, MessageSend, MessageState, PairAccept, PairDecline, PairInvite,
    PairList, PairShow, Reason, kind,
};
use covey_cli::Failure;

use super::{
    capture::Capture,
    disk::{self, contains, hex},
    narrator::Narrator,
    node::{Launch, Node},
    stage::{Stage, refused},
};

const HELLO: &str = "Hello Bob! Shall we meet at the lighthouse?";
const ANSWER: &str = "Hello Alice. The lighthouse at eight, gladly.";
const LATER: &str = "Bring the red umbrella, it will rain.";
const WORDS: [&str; 3] = ["lighthouse", "red umbrella", "gladly"];

/// Plays all acts.
pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    meet(stage, narrator).await?;
    pair(stage, narrator).await?;
    talk(stage, narrator).await?;
    decline(stage, narrator).await?;
    wire(stage, narrator).await?;
    at_rest(stage, narrator).await
}

async fn meet(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Three nodes that know nobody, and one that everybody knows")?;
    let bootstrap = stage.start("bootstrap", Launch::default()).await?.address()?;
    narrator.tell(&format!("The bootstrap node listens at {}", without_peer(&bootstrap)))?;
    for name in ["alice", "bob", "carol"] {
        let launch = Launch::through(&bootstrap);
        let node = stage.start(name, launch).await?;
        narrator.tell(&format!("{name} is {} and knows only the bootstrap node", short(&node.account()?.account)))?;
    }
    Ok(())
}

async fn pair(stage: &Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Alice invites Bob: by his account id alone")?;
    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    let to = bob.account()?.account.clone();
    alice.call(&invite(&to, "bob", "Alice, from the lake")).await?;
    narrator.tell("alice$ covey pair invite cv1… --alias bob --note 'Alice, from the lake'")?;
    narrator.tell("Her node finds his, encrypted and blinded, in the distributed hash table.")?;
    let alice_id = alice.account()?.account.clone();
    until_state(bob, &alice_id, ContactState::Pending, "be asked by alice").await?;
    let asked = bob.call(&PairShow { contact: alice_id.clone() }).await?;
    narrator.tell(&format!("Bob is asked: \"{}\" Nothing else can reach him yet.", asked.note.unwrap_or_default()))?;

    match alice.call(&send("bob", HELLO)).await {
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::NotPaired => {
            narrator.tell(&format!("Alice writes too early and is told: {refusal}"))?;
        }
        Err(other) => return Err(other),
        Ok(_) => return Err(refused("a message was accepted before there was consent".into())),
    }

    let accept = PairAccept { contact: alice.account()?.account.clone(), alias: Some("alice".into()), client_id: None };
    bob.call(&accept).await?;
    narrator.tell("bob$ covey pair accept cv1… --alias alice")?;
    until_state(alice, &to, ContactState::Paired, "hear that bob accepted").await?;
    narrator.tell("Both are paired now, and both know it.")?;
    Ok(())
}

async fn talk(stage: &Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("They talk")?;
    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    say(alice, "bob", bob, HELLO).await?;
    narrator.tell(&format!("alice -> bob: {HELLO}"))?;
    say(bob, "alice", alice, ANSWER).await?;
    narrator.tell(&format!("bob -> alice: {ANSWER}"))?;
    for (node, other) in [(alice, "bob"), (bob, "alice")] {
        let list = MessageList { channel: Some(other.into()), ..MessageList::default() };
        let texts: Vec<String> = node.call(&list).await?.into_iter().map(|message| message.text).collect();
        if texts != [HELLO, ANSWER] {
            return Err(refused(format!("the conversation with {other} reads {texts:?}")));
        }
    }
    narrator.tell("Both see the same two messages in the same order, once each.")?;
    Ok(())
}

async fn decline(stage: &Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Carol asks too, and Bob says no")?;
    let (alice, bob, carol) = (stage.node("alice")?, stage.node("bob")?, stage.node("carol")?);
    let (bob_id, carol_id) = (bob.account()?.account.clone(), carol.account()?.account.clone());
    carol.call(&invite(&bob_id, "bob", "You have won a prize")).await?;
    until_state(bob, &carol_id, ContactState::Pending, "be asked by carol").await?;
    bob.call(&PairDecline { contact: carol_id.clone(), client_id: None }).await?;
    narrator.tell("bob$ covey pair decline cv1…")?;
    until_state(carol, &bob_id, ContactState::Refused, "hear that bob declined").await?;
    narrator.tell("Carol is told once.")?;

    match carol.call(&invite(&bob_id, "bob", "But it is a big prize")).await {
        Ok(_) => narrator.tell("She asks again; her invite leaves, and Bob's node drops it without a word.")?,
        Err(Failure::Refused(refusal)) => narrator.tell(&format!("She asks again: {refusal}"))?,
        Err(other) => return Err(other),
    }
    // A round through Bob's node: whatever Carol sent before it has been dealt with by its end, or never will be.
    say(alice, "bob", bob, "Still there?").await?;
    say(bob, "alice", alice, "Still here.").await?;
    let pending = bob.call(&PairList { state: Some(ContactState::Pending), renewal: None }).await?;
    let now = bob.call(&PairShow { contact: carol_id }).await?;
    if !pending.is_empty() || now.state != ContactState::Declined {
        return Err(refused("a declined account could ask again".into()));
    }
    narrator.tell("Bob is asked nothing; for him Carol stays declined until he forgets it.")?;
    Ok(())
}

async fn wire(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Everybody moves, and somebody listens on the wire")?;
    let bob_peer = stage.node("bob")?.account()?.peer_id.clone();
    for name in ["bob", "carol", "bootstrap"] {
        stage.stop(name).await;
    }
    narrator.tell("Bob, Carol and the bootstrap node are off. Alice writes to Bob all the same:")?;
    let sent = stage.node("alice")?.call(&send("bob", LATER)).await?;
    narrator.tell(&format!("alice -> bob: {LATER}  ({})", describe(sent.state)))?;
    stage.stop("alice").await;

    let address = stage.start("bob", Launch::default()).await?.address()?;
    let port = port_of(&address).ok_or_else(|| refused(format!("{address} has no port")))?;
    let capture = Capture::to(port).await.map_err(|error| refused(format!("cannot listen: {error}")))?;
    let through = format!("/ip4/127.0.0.1/tcp/{}/p2p/{bob_peer}", capture.address.port());
    stage.start("alice", Launch::through(&through)).await?;
    narrator.tell("Both are back at new addresses. The only way between them leads through a recorder.")?;

    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    bob.until("get the message that waited", |event| received(event, LATER)).await?;
    alice.until("hear that it was delivered", |event| delivered(event, &sent.id)).await?;
    narrator.tell("The message that waited has arrived, and Alice knows.")?;

    let recorded = capture.recorded();
    if !contains(&recorded, b"/multistream/1.0.0") {
        return Err(refused("the recorder recorded nothing that looks like a connection".into()));
    }
    if WORDS.iter().any(|word| contains(&recorded, word.as_bytes())) {
        return Err(refused("what was said can be read on the wire".into()));
    }
    let tail = &recorded[recorded.len().saturating_sub(24)..];
    narrator.tell(&format!("The recorder has {} bytes. They end like this:", recorded.len()))?;
    narrator.tell(&format!("  {}", hex(tail)))?;
    narrator.tell("None of the words that were said is among them.")?;
    Ok(())
}

async fn at_rest(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Somebody takes Alice's disk")?;
    let alice = stage.node("alice")?;
    let list = MessageList { channel: Some("bob".into()), ..MessageList::default() };
    let read = alice.call(&list).await?;
    if !read.iter().any(|message| message.text == LATER) {
        return Err(refused("Alice cannot read her own messages".into()));
    }
    let dir = alice.dir.clone();
    stage.stop("alice").await;
    let found = disk::search(&dir, &WORDS).map_err(|error| refused(format!("cannot read Alice's files: {error}")))?;
    if found.files == 0 || found.hits > 0 {
        return Err(refused(format!("what was said can be read in {} of Alice's files", found.hits)));
    }
    narrator.tell(&format!("Alice reads {} messages through her node.", read.len()))?;
    narrator
        .tell(&format!("In her {} files ({} bytes) none of their words can be found.", found.files, found.bytes))?;
    narrator.tell(
        "(The key lies beside them, for starts without questions; a passphrase takes it away: `covey init --help`.)",
    )?;
    Ok(())
}

/// Sends a text and waits until the other node shows it.
pub(super) async fn say(from: &Node, alias: &str, to: &Node, text: &str) -> Result<(), Failure> {
    let sent = from.call(&send(alias, text)).await?;
    to.until("get a message", |event| received(event, text)).await?;
    from.until("hear that it was delivered", |event| delivered(event, &sent.id)).await
}

pub(super) async fn until_state(node: &Node, contact: &str, state: ContactState, what: &str) -> Result<(), Failure> {
    let found = |event: &Event| {
        let seen: Contact = shape(event, kind::CONTACT)?;
        (seen.contact == contact && seen.state == state).then_some(())
    };
    node.until(what, found).await
}

fn received(event: &Event, text: &str) -> Option<()> {
    let message: Message = shape(event, kind::MESSAGE_RECEIVED)?;
    (message.text == text).then_some(())
}

fn delivered(event: &Event, id: &str) -> Option<()> {
    let message: Message = shape(event, kind::MESSAGE_CHANGED)?;
    let there = matches!(message.state, MessageState::Delivered | MessageState::Read);
    (message.id == id && there).then_some(())
}

fn shape<T: serde::de::DeserializeOwned>(event: &Event, kind: &str) -> Option<T> {
    if event.kind == kind { T::deserialize(&event.data).ok() } else { None }
}

pub(super) fn invite(to: &str, alias: &str, note: &str) -> PairInvite {
    PairInvite { to: to.into(), alias: Some(alias.into()), note: Some(note.into()), client_id: None }
}

pub(super) fn send(to: &str, text: &str) -> MessageSend {
    MessageSend { to: to.into(), text: text.into(), ..MessageSend::default() }
}

fn describe(state: MessageState) -> &'static str {
    if state == MessageState::Queued { "kept, and delivered when he is back" } else { "on its way" }
}

pub(super) fn short(account: &str) -> &str {
    account.get(..8).unwrap_or(account)
}

fn port_of(address: &str) -> Option<u16> {
    without_peer(address).rsplit('/').next()?.parse().ok()
}

pub(super) fn without_peer(address: &str) -> &str {
    address.split("/p2p/").next().unwrap_or(address)
}
