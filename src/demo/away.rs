//! What happens in `covey demo --away`, act by act: two who are never there at the same time.

use covey_api::{
    AccountTicket, ContactState, KeeperAccept, KeeperAdd, KeeperAsk, KeeperList, KeeperRole, KeeperServe, KeeperState,
    Message, MessageList, MessageShow, MessageState, PairAccept, PairShow,
};
use covey_cli::Failure;

use super::{
    disk,
    narrator::Narrator,
    node::{Launch, Node},
    stage::{Stage, refused},
    story::{invite, say, send, short, until_state},
};

const BEFORE: &str = "I go to the mountains tomorrow.";
const WRITTEN: [&str; 3] = ["The cat has eaten.", "The heating makes a strange noise.", "I gave it a kick: silence."];
const ANSWER: &str = "Thank you! Kick it again on Friday.";
const WORDS: [&str; 3] = ["heating", "kick", "mountains"];

/// Plays all acts.
pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    let bootstrap = meet(stage, narrator).await?;
    serve(stage, narrator, &bootstrap).await?;
    ask(stage, narrator).await?;
    write(stage, narrator).await?;
    read(stage, narrator, &bootstrap).await?;
    answer(stage, narrator, &bootstrap).await?;
    look(stage, narrator).await
}

async fn meet(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<String, Failure> {
    narrator.act("Alice and Bob are paired, and seldom there at the same time")?;
    let bootstrap = stage.start("bootstrap", Launch::default()).await?.address()?;
    for name in ["alice", "bob", "carol"] {
        stage.start(name, Launch::through(&bootstrap)).await?;
    }
    befriend(stage, "alice", "bob").await?;
    befriend(stage, "alice", "carol").await?;
    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    say(bob, "alice", alice, BEFORE).await?;
    narrator.tell(&format!("bob -> alice: {BEFORE}"))?;
    Ok(bootstrap)
}

/// `asker` invites `other`, who accepts.
async fn befriend(stage: &Stage, asker: &'static str, other: &'static str) -> Result<(), Failure> {
    let (node, friend) = (stage.node(asker)?, stage.node(other)?);
    let ticket = friend.call(&AccountTicket::default()).await?.ticket;
    node.call(&invite(&ticket, other, &format!("It is {asker}"))).await?;
    let (id, theirs) = (node.account()?.account.clone(), friend.account()?.account.clone());
    until_state(friend, &id, ContactState::Pending, "be asked").await?;
    friend.call(&PairAccept { contact: id, alias: Some(asker.into()), client_id: None }).await?;
    until_state(node, &theirs, ContactState::Paired, "hear that they are paired").await
}

async fn serve(stage: &mut Stage, narrator: &mut Narrator<'_>, bootstrap: &str) -> Result<(), Failure> {
    narrator.act("Bob rents a small machine: a node that keeps his mail")?;
    let machine = stage.start("keeper", Launch::through(bootstrap)).await?;
    let ticket = machine.call(&KeeperServe::default()).await?.ticket;
    narrator.tell("keeper$ covey keeper serve")?;
    narrator.tell(&format!("{}… ({} characters)", ticket.get(..32).unwrap_or(&ticket), ticket.len()))?;
    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    let added = bob.call(&KeeperAdd { ticket, client_id: None }).await?;
    if added.state != KeeperState::Keeps {
        return Err(refused("the keeper does not answer".into()));
    }
    narrator.tell("bob$ covey keeper add covey-keeper:…")?;
    until_told(alice, "bob").await?;
    narrator.tell("Alice's node is told where his mail waits, inside their session. No other account knows.")?;
    Ok(())
}

/// Waits until a node knows where mail for a contact can be left.
async fn until_told(node: &Node, contact: &str) -> Result<(), Failure> {
    let show = PairShow { contact: contact.into() };
    node.ask_until("know where mail waits", &show, |contact| (contact.keepers > 0).then_some(())).await
}

async fn ask(stage: &Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Alice has no such machine, and asks her friend Carol")?;
    let (alice, bob, carol) = (stage.node("alice")?, stage.node("bob")?, stage.node("carol")?);
    alice.call(&KeeperAsk { contact: "carol".into(), client_id: None }).await?;
    narrator.tell("alice$ covey keeper ask carol")?;
    until_kept(carol, KeeperRole::Held, KeeperState::Requested).await?;
    carol.call(&KeeperAccept { contact: "alice".into(), ..KeeperAccept::default() }).await?;
    narrator.tell("carol$ covey keeper accept alice")?;
    until_kept(alice, KeeperRole::Mine, KeeperState::Keeps).await?;
    until_told(bob, "alice").await?;
    narrator
        .tell("Carol's node keeps Alice's mail from now on. Nobody keeps anything who was not asked and said yes.")?;
    Ok(())
}

async fn until_kept(node: &Node, role: KeeperRole, state: KeeperState) -> Result<(), Failure> {
    let found = |list: &Vec<covey_api::Keeper>| {
        list.iter().any(|keeper| (keeper.role, keeper.state) == (role, state)).then_some(())
    };
    node.ask_until("agree about the mail", &KeeperList {}, found).await
}

async fn write(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Bob is away. Alice writes, and is gone before he is back")?;
    stage.stop("bob").await;
    let alice = stage.node("alice")?;
    let mut last = String::new();
    for text in WRITTEN {
        last = alice.call(&send("bob", text)).await?.id;
        narrator.tell(&format!("alice -> bob: {text}"))?;
    }
    narrator.tell("Bob does not answer. After some seconds her node leaves it with his keeper, sealed:")?;
    let kept = until_state_of(alice, &last, MessageState::Kept).await?;
    let kept = kept.deliveries.into_iter().find_map(|delivery| delivery.kept);
    let kept = kept.ok_or_else(|| refused("nobody says how it is kept".into()))?;
    narrator.tell("alice$ covey message show …")?;
    narrator.tell(&format!("kept by {} keeper until {}", kept.keepers, kept.until))?;
    stage.stop("alice").await;
    narrator.tell("Alice's node is switched off.")?;
    Ok(())
}

async fn until_state_of(node: &Node, id: &str, state: MessageState) -> Result<Message, Failure> {
    let show = MessageShow { id: id.to_owned() };
    node.ask_until("see the message get further", &show, |shown| (shown.state == state).then(|| shown.clone())).await
}

async fn read(stage: &mut Stage, narrator: &mut Narrator<'_>, bootstrap: &str) -> Result<(), Failure> {
    narrator.act("Bob is back, and Alice is not there")?;
    let bob = stage.start("bob", Launch::through(bootstrap)).await?;
    until_reads(bob, "alice", &[&[BEFORE], WRITTEN.as_slice()].concat()).await?;
    for text in WRITTEN {
        narrator.tell(&format!("bob reads: {text}"))?;
    }
    let machine = stage.node("keeper")?;
    let empty = |list: &Vec<covey_api::Keeper>| list.iter().all(|keeper| keeper.parcels == 0).then_some(());
    machine.ask_until("have nothing left", &KeeperList {}, empty).await?;
    narrator.tell("All of it, in order, once. The keeper has deleted what he has.")?;
    Ok(())
}

async fn until_reads(node: &Node, contact: &str, texts: &[&str]) -> Result<(), Failure> {
    let list = MessageList { channel: Some(contact.into()), ..MessageList::default() };
    let read = |messages: &Vec<Message>| messages.iter().map(|message| message.text.as_str()).eq(texts.iter().copied());
    node.ask_until("read what waited", &list, |messages| read(messages).then_some(())).await
}

async fn answer(stage: &mut Stage, narrator: &mut Narrator<'_>, bootstrap: &str) -> Result<(), Failure> {
    narrator.act("His answer waits for her at Carol's")?;
    let bob = stage.node("bob")?;
    let sent = bob.call(&send("alice", ANSWER)).await?;
    narrator.tell(&format!("bob -> alice: {ANSWER}"))?;
    until_state_of(bob, &sent.id, MessageState::Kept).await?;
    stage.stop("bob").await;
    narrator.tell("Kept. Bob goes to bed.")?;
    let alice = stage.start("alice", Launch::through(bootstrap)).await?;
    until_reads(alice, "bob", &[&[BEFORE], WRITTEN.as_slice(), &[ANSWER]].concat()).await?;
    narrator.tell("Alice is back and reads it. The two were not there at the same time once.")?;
    Ok(())
}

async fn look(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    narrator.act("Somebody takes the disk of Bob's keeper")?;
    let (machine, alice) = (stage.node("keeper")?.dir.clone(), stage.node("alice")?.account()?.account.clone());
    stage.stop("keeper").await;
    let words = [WORDS.as_slice(), &[alice.as_str()]].concat();
    let found = disk::search(&machine, &words).map_err(|error| refused(format!("cannot read its files: {error}")))?;
    if found.files == 0 || found.hits > 0 {
        return Err(refused(format!("what was said, or who said it, can be read in {} files", found.hits)));
    }
    narrator.tell(&format!(
        "In its {} files ({} bytes) there is none of their words, and no {}.",
        found.files,
        found.bytes,
        short(&alice)
    ))?;
    Ok(())
}
