//! What happens in `covey demo --devices`, act by act.

use std::time::Duration;

use covey_api::{
    AccountTicket, Contact, ContactState, Device, DeviceConfirm, DeviceLink, DeviceList, DeviceRename, DeviceRevoke,
    DeviceState, Message, MessageList, PairAccept, PairAcceptRenewals, PairDecline, PairList, PairShow,
};
use covey_cli::Failure;
use covey_node::runtime;
use tokio::time::timeout;

use super::{
    narrator::Narrator,
    node::{Launch, Node},
    stage::{Stage, refused},
    story::{invite, say, send, short, until_state},
};

/// How far Bob's clock is put ahead so that his node looks for a contact whom it has not met for a while.
const MISSED: Duration = Duration::from_secs(61);
/// How far, so that his node answers an account that was recovered.
const HELD: Duration = Duration::from_secs(61);
/// How long one search for a contact is waited for.
const SEARCH: Duration = Duration::from_secs(5);

/// What is known from the first act on.
struct Cast {
    /// The bootstrap node's address.
    bootstrap: String,
    /// Alice's account.
    alice: String,
    /// Bob's account.
    bob: String,
    /// The sheet of paper.
    words: String,
}

/// Plays all acts.
pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    let cast = write_words_down(stage, narrator).await?;
    link(stage, narrator, &cast).await?;
    agree(stage, narrator, &cast).await?;
    decline(stage, narrator, &cast).await?;
    revoke(stage, narrator, &cast).await?;
    burn(stage, narrator, &cast).await?;
    come_back(stage, narrator, &cast).await
}

async fn write_words_down(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<Cast, Failure> {
    narrator.act("Alice makes an account on her laptop and writes 24 words on paper")?;
    let bootstrap = stage.start("bootstrap", Launch::default()).await?.address()?;
    stage.run("laptop", &["init"], "").await?;
    let shown = stage.run("laptop", &["account", "phrase", "--yes"], "").await?;
    let words = shown["phrase"].as_str().ok_or_else(|| refused("no words were shown".into()))?.to_owned();
    let hidden: Vec<&str> = words.split(' ').take(2).collect();
    narrator.tell("laptop$ covey account phrase")?;
    narrator.tell(&format!("{} … and {} more", hidden.join(" "), words.split(' ').count() - hidden.len()))?;
    narrator.tell("Now only her paper has them: the node has erased them.")?;
    let alice = stage.start("laptop", Launch::through(&bootstrap)).await?.account()?.account.clone();
    let bob = stage.host("bob", Launch::through(&bootstrap)).await?.account()?.account.clone();
    narrator.tell(&format!("Her account is {}; Bob's is {}.", short(&alice), short(&bob)))?;
    Ok(Cast { bootstrap, alice, bob, words })
}

async fn link(stage: &mut Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("Her server becomes a device of the same account")?;
    let mut machine = stage.machine("server").await?;
    narrator.tell("server$ covey init --link")?;
    narrator.tell(&format!(
        "{}… ({} characters)",
        machine.link.get(..32).unwrap_or(&machine.link),
        machine.link.len()
    ))?;
    let laptop = stage.node("laptop")?;
    laptop.call(&DeviceRename { device: "this".into(), name: "laptop".into(), client_id: None }).await?;
    let link = DeviceLink { ticket: machine.link.clone(), holder: true, ..DeviceLink::default() };
    let linking = laptop.call(&link).await?;
    narrator.tell("laptop$ covey device link covey-link:… --holder")?;
    let digits = machine.digits().await?;
    if linking.digits != digits {
        return Err(refused("the two machines show different digits".into()));
    }
    narrator.tell(&format!("Both show {digits}: nobody stands between them. Nothing was given away yet."))?;
    laptop.call(&DeviceConfirm { digits, client_id: None }).await?;
    machine.linked().await?;
    narrator.tell("Alice confirms the digits on the laptop, and the server takes the account over.")?;
    let server = stage.start("server", Launch::through(&cast.bootstrap)).await?;
    if server.account()?.account != cast.alice {
        return Err(refused("the server has another account".into()));
    }
    for name in ["laptop", "server"] {
        let both = |devices: &Vec<Device>| (devices.len() == 2).then_some(());
        stage.node(name)?.ask_until("know both devices", &DeviceList {}, both).await?;
    }
    narrator.tell("No key of the laptop has travelled: the server made its own.")?;
    Ok(())
}

async fn agree(stage: &Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("What she does on one machine holds on the other")?;
    let (laptop, server, bob) = (stage.node("laptop")?, stage.node("server")?, stage.node("bob")?);
    let ticket = laptop.call(&AccountTicket::default()).await?.ticket;
    bob.call(&invite(&ticket, "alice", "It is Bob")).await?;
    until_listed(laptop, &cast.bob, ContactState::Pending).await?;
    let accept = PairAccept { contact: cast.bob.clone(), alias: Some("bob".into()), client_id: None };
    laptop.call(&accept).await?;
    narrator.tell("Bob asks. laptop$ covey pair accept cv1… --alias bob")?;
    until_state(bob, &cast.alice, ContactState::Paired, "hear that alice accepted").await?;
    until_listed(server, &cast.bob, ContactState::Paired).await?;
    let there = server.call(&PairShow { contact: cast.bob.clone() }).await?;
    if there.alias.as_deref() != Some("bob") {
        return Err(refused(format!("the server calls bob {:?}", there.alias)));
    }
    narrator.tell("server$ covey pair list")?;
    narrator.tell("bob  paired")?;

    let (question, answer) = ("Do you still have my ladder?", "In the shed. Come and get it.");
    say(bob, "alice", laptop, question).await?;
    narrator.tell(&format!("bob -> alice: {question}"))?;
    until_reads(server, &cast.bob, question).await?;
    server.call(&send(&cast.bob, answer)).await?;
    narrator.tell(&format!("Alice answers from the server: {answer}"))?;
    until_reads(bob, &cast.alice, answer).await?;
    until_reads(laptop, &cast.bob, answer).await?;
    let mine = messages(laptop, &cast.bob).await?.into_iter().find(|message| message.text == answer);
    if !mine.is_some_and(|message| message.own) {
        return Err(refused("what alice wrote on her server is not her own on the laptop".into()));
    }
    narrator.tell("Bob reads it, and it stands on the laptop as her own.")?;
    Ok(())
}

async fn decline(stage: &mut Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("Carol asks too; the laptop says no, for both")?;
    stage.start("carol", Launch::through(&cast.bootstrap)).await?;
    let (laptop, server, carol) = (stage.node("laptop")?, stage.node("server")?, stage.node("carol")?);
    let carol_id = carol.account()?.account.clone();
    let ticket = laptop.call(&AccountTicket::default()).await?.ticket;
    carol.call(&invite(&ticket, "alice", "You have won a prize")).await?;
    until_listed(laptop, &carol_id, ContactState::Pending).await?;
    laptop.call(&PairDecline { contact: carol_id.clone(), client_id: None }).await?;
    narrator.tell("laptop$ covey pair decline cv1…")?;
    until_listed(server, &carol_id, ContactState::Declined).await?;
    until_state(carol, &cast.alice, ContactState::Refused, "hear that alice declined").await?;
    match carol.call(&invite(&ticket, "alice", "But it is a big prize")).await {
        Ok(_) | Err(Failure::Refused(_)) => {}
        Err(other) => return Err(other),
    }
    // A round through both machines: what Carol sent before it has been dealt with.
    let bob = stage.node("bob")?;
    for (node, text) in [(laptop, "Is it the tall ladder?"), (server, "It is. I come on Sunday.")] {
        say(bob, "alice", node, text).await?;
    }
    for node in [laptop, server] {
        if !node.call(&PairList { state: Some(ContactState::Pending), renewal: None }).await?.is_empty() {
            return Err(refused("a declined account could ask again".into()));
        }
    }
    narrator.tell("She asks again. Neither machine asks Alice anything: for both Carol stays declined.")?;
    stage.stop("carol").await;
    Ok(())
}

async fn revoke(stage: &mut Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("The laptop is stolen")?;
    let laptop = stage.node("laptop")?.account()?.device.clone();
    stage.node("server")?.call(&DeviceRevoke { device: "laptop".into(), client_id: None }).await?;
    narrator.tell("server$ covey device revoke laptop")?;
    let code = stage.ended("laptop").await?;
    if code != Some(1) {
        return Err(refused(format!("the revoked laptop ended with {code:?}")));
    }
    narrator.tell("Its node is told, says so, and stops with exit code 1. It never starts again.")?;
    let (server, bob) = (stage.node("server")?, stage.node("bob")?);
    let gone = |devices: &Vec<Device>| {
        devices.iter().any(|device| device.device == laptop && device.state == DeviceState::Revoked).then_some(())
    };
    server.ask_until("list the laptop as revoked", &DeviceList {}, gone).await?;
    let text = "The spare key is under the blue pot.";
    say(bob, "alice", server, text).await?;
    narrator.tell(&format!("bob -> alice: {text}"))?;
    narrator.tell("The key of this message was wrapped for the server alone.")?;
    until_reads(server, &cast.bob, text).await
}

async fn burn(stage: &mut Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("The house burns, and the server with it; the paper was elsewhere")?;
    stage.burn("server").await?;
    narrator.tell("No device of Alice's is left, and no key.")?;
    let args = ["account", "recover", "--yes", "--peer", &cast.bootstrap];
    let back = stage.run("new", &args, &cast.words).await?;
    narrator.tell("new$ covey account recover")?;
    let same = back["account"].as_str() == Some(cast.alice.as_str());
    let new = stage.start("new", Launch::through(&cast.bootstrap)).await?;
    if !same || new.account()?.account != cast.alice {
        return Err(refused("the words brought another account back".into()));
    }
    narrator.tell(&format!(
        "24 words typed in, and {} is back, with one device. It knows nobody yet.",
        short(&cast.alice)
    ))?;
    Ok(())
}

async fn come_back(stage: &Stage, narrator: &mut Narrator<'_>, cast: &Cast) -> Result<(), Failure> {
    narrator.act("Bob's node notices, and asks to pair again")?;
    let (new, bob) = (stage.node("new")?, stage.node("bob")?);
    narrator.tell("His node misses Alice and looks for her card in the distributed hash table.")?;
    until_recovered(stage, bob, &cast.alice).await?;
    narrator.tell("bob$ covey pair list")?;
    narrator.tell("alice  paired  recovered just now")?;
    let waiting = PairList { state: Some(ContactState::Pending), renewal: Some(true) };
    if !new.call(&waiting).await?.is_empty() {
        return Err(refused("a recovered account was sent something at once".into()));
    }
    narrator.tell("For a minute he sends her nothing: if somebody stole the words, a device of before can object.")?;
    // His node runs inside this process, the others do not. It notices when it is asked something.
    runtime::advance(HELD);
    narrator.tell("(Nobody has to wait for it here: the clock of Bob's node is put ahead.)")?;
    let asks = |all: &Vec<Contact>| all.iter().any(|contact| contact.contact == cast.bob).then_some(());
    bob.call(&PairShow { contact: cast.alice.clone() }).await?;
    new.ask_until("be asked by bob to pair again", &waiting, asks).await?;
    narrator.tell("\"1 person says that you were paired before your account was recovered.\"")?;
    new.call(&PairAcceptRenewals { client_id: None }).await?;
    narrator.tell("new$ covey pair accept --renewals")?;
    until_confirmed(bob, &cast.alice).await?;
    until_confirmed(new, &cast.bob).await?;
    let (welcome, last) = ("Good to have you back. Are you all right?", "I am. But your ladder is gone.");
    bob.call(&send(&cast.alice, welcome)).await?;
    until_reads(new, &cast.bob, welcome).await?;
    narrator.tell(&format!("bob -> alice: {welcome}"))?;
    new.call(&send(&cast.bob, last)).await?;
    until_reads(bob, &cast.alice, last).await?;
    narrator.tell(&format!("alice -> bob: {last}"))?;
    narrator.tell("The same account, in the same conversation, on a machine that has never seen the old ones.")?;
    Ok(())
}

/// Lets Bob's clock run until his node has looked for Alice and found that she was away for good.
async fn until_recovered(stage: &Stage, bob: &Node, alice: &str) -> Result<(), Failure> {
    let show = PairShow { contact: alice.to_owned() };
    let looking = async {
        loop {
            runtime::advance(MISSED);
            let found = bob.ask_until("find alice", &show, |contact| contact.recovered_at.as_ref().map(drop));
            if let Ok(found) = timeout(SEARCH, found).await {
                return found;
            }
        }
    };
    let late = |_| refused("Bob's node did not find Alice's new card in time".into());
    timeout(stage.patience, looking).await.map_err(late)?
}

async fn until_listed(node: &Node, account: &str, state: ContactState) -> Result<(), Failure> {
    let what = format!("see a contact as {state:?}").to_lowercase();
    let listed = |all: &Vec<Contact>| all.iter().any(|contact| contact.contact == account).then_some(());
    node.ask_until(&what, &PairList { state: Some(state), renewal: None }, listed).await
}

async fn until_confirmed(node: &Node, account: &str) -> Result<(), Failure> {
    let sure =
        |all: &Vec<Contact>| all.iter().any(|contact| contact.contact == account && contact.confirmed).then_some(());
    let paired = PairList { state: Some(ContactState::Paired), renewal: None };
    node.ask_until("be paired anew", &paired, sure).await
}

async fn until_reads(node: &Node, with: &str, text: &str) -> Result<(), Failure> {
    let found = |messages: &Vec<Message>| messages.iter().any(|message| message.text == text).then_some(());
    node.ask_until("read a message", &list(with), found).await
}

async fn messages(node: &Node, with: &str) -> Result<Vec<Message>, Failure> {
    node.call(&list(with)).await
}

fn list(with: &str) -> MessageList {
    MessageList { channel: Some(with.into()), ..MessageList::default() }
}
