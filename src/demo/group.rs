//! What happens in `covey demo --group`, act by act.

use covey_api::{
    AccountRename, AccountTicket, ContactState, Group, GroupAccept, GroupApprove, GroupCreate, GroupDoctor,
    GroupHealth, GroupInvite, GroupJoin, GroupList, GroupMembers, GroupRemove, GroupRename, GroupReport, GroupRequests,
    GroupRole, GroupShow, GroupState, GroupTicket, GroupVerifyReport, Message, MessageList, MessageShow, PairAccept,
    Reason, Role,
};
use covey_cli::Failure;

use super::{
    narrator::Narrator,
    node::{Launch, Node},
    stage::{Stage, refused},
    story::{invite, say, send, short, until_state, without_peer},
};

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const LAKE: &str = "Lake";
const RENAMED: &str = "By the lake";
const SECRET: &str = "The boat leaves at six, not at eight.";

/// The group's id, and the bootstrap node's address for those who come back.
struct Lake {
    id: String,
    bootstrap: String,
}

/// Plays all acts.
pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<(), Failure> {
    let bootstrap = gather(stage, narrator).await?;
    let id = found(stage, narrator).await?;
    let lake = Lake { id, bootstrap };
    join_by_ticket(stage, narrator, &lake).await?;
    talk(stage, narrator, &lake).await?;
    roles(stage, narrator, &lake).await?;
    never_together(stage, narrator, &lake).await?;
    remove(stage, narrator, &lake).await?;
    prove(stage, narrator, &lake).await
}

async fn gather(stage: &mut Stage, narrator: &mut Narrator<'_>) -> Result<String, Failure> {
    narrator.act("Four nodes; Alice knows Bob and Carol, nobody knows Dave")?;
    let bootstrap = stage.start("bootstrap", Launch::default()).await?.address()?;
    narrator.tell(&format!("The bootstrap node listens at {}", without_peer(&bootstrap)))?;
    for name in PEOPLE {
        let node = stage.start(name, Launch::through(&bootstrap)).await?;
        node.call(&AccountRename { name: name.into(), client_id: None }).await?;
        narrator.tell(&format!("{name} is {}", short(&node.account()?.account)))?;
    }
    for name in ["bob", "carol"] {
        befriend(stage.node("alice")?, stage.node(name)?, name).await?;
        narrator.tell(&format!("alice and {name} are paired"))?;
    }
    Ok(bootstrap)
}

async fn found(stage: &Stage, narrator: &mut Narrator<'_>) -> Result<String, Failure> {
    narrator.act("Alice makes a group and invites Bob and Carol")?;
    let alice = stage.node("alice")?;
    let made = alice.call(&GroupCreate { name: LAKE.into(), ..GroupCreate::default() }).await?;
    narrator.tell(&format!("alice$ covey group create {LAKE}"))?;
    for name in ["bob", "carol"] {
        let invite = GroupInvite { group: made.group.clone(), contact: name.into(), ..GroupInvite::default() };
        alice.call(&invite).await?;
        narrator.tell(&format!("alice$ covey group invite {LAKE} {name}"))?;
    }
    for name in ["bob", "carol"] {
        let node = stage.node(name)?;
        until_standing(node, &made.group, GroupState::Invited).await?;
        if node.call(&send(&made.group, "May I already?")).await.is_ok() {
            return Err(refused(format!("{name} could write before saying yes")));
        }
        node.call(&GroupAccept { group: made.group.clone(), client_id: None }).await?;
        narrator.tell(&format!("{name}$ covey group accept {LAKE}"))?;
        until_standing(node, &made.group, GroupState::Joined).await?;
    }
    narrator.tell("Each of them was asked, said yes, and is in. Before that neither could write there.")?;
    Ok(made.group)
}

async fn join_by_ticket(stage: &Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("Dave comes with a ticket, and Alice lets him in")?;
    let (alice, dave) = (stage.node("alice")?, stage.node("dave")?);
    let ticket = GroupTicket { group: lake.id.clone(), uses: Some(1), approve: Some(true), ..GroupTicket::default() };
    let ticket = alice.call(&ticket).await?.ticket;
    narrator.tell(&format!("alice$ covey group ticket {LAKE} --uses 1 --approve"))?;
    narrator.tell(&format!("{}… ({} characters)", ticket.get(..32).unwrap_or(&ticket), ticket.len()))?;
    dave.call(&GroupJoin { ticket, note: Some("Dave, with the boat".into()), client_id: None }).await?;
    narrator.tell("dave$ covey group join covey-group:… --note 'Dave, with the boat'")?;

    let dave_id = dave.account()?.account.clone();
    let requests = GroupRequests { group: Some(lake.id.clone()) };
    let asking = alice
        .ask_until("be asked by dave", &requests, |all| all.iter().find(|request| request.account == dave_id).cloned())
        .await?;
    narrator.tell(&format!("Alice is asked: \"{}\"", asking.note.unwrap_or_default()))?;
    alice.call(&GroupApprove { group: lake.id.clone(), account: dave_id, client_id: None }).await?;
    narrator.tell(&format!("alice$ covey group approve {LAKE} dave"))?;
    until_standing(dave, &lake.id, GroupState::Joined).await?;
    for name in PEOPLE {
        until_members(stage.node(name)?, &lake.id, PEOPLE.len()).await?;
    }
    narrator.tell("All four nodes have the same four members.")?;

    let alice_id = alice.account()?.account.clone();
    match dave.call(&send(&alice_id, "A word in private?")).await {
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::NoSuchContact => {
            narrator.tell(
                "Dave tries to write to Alice alone and cannot: to be in a group with her is not to be paired.",
            )?;
        }
        Err(other) => return Err(other),
        Ok(_) => return Err(refused("a member who is no contact could write to alice alone".into())),
    }
    Ok(())
}

async fn talk(stage: &Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("All four talk")?;
    for (name, text) in [
        ("alice", "Who comes to the lake on Sunday?"),
        ("bob", "I do, with bread."),
        ("carol", "I do, with a guitar."),
        ("dave", "I bring the boat."),
    ] {
        stage.node(name)?.call(&send(&lake.id, text)).await?;
        narrator.tell(&format!("{name} -> {LAKE}: {text}"))?;
        for reader in PEOPLE {
            until_reads(stage.node(reader)?, &lake.id, text).await?;
        }
    }
    let mut seen = Vec::new();
    for name in PEOPLE {
        seen.push(texts(stage.node(name)?, &lake.id).await?);
    }
    if seen.iter().any(|texts| texts.len() != 4 || texts != &seen[0]) {
        return Err(refused(format!("the four read different conversations: {seen:?}")));
    }
    narrator.tell("All four read the same four messages in the same order, once each.")?;
    Ok(())
}

async fn roles(stage: &Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("Bob becomes an admin")?;
    let (alice, bob) = (stage.node("alice")?, stage.node("bob")?);
    let rename = GroupRename { group: lake.id.clone(), name: RENAMED.into(), client_id: None };
    match bob.call(&rename).await {
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::NotAllowed => {
            narrator.tell(&format!("bob$ covey group rename {LAKE} '{RENAMED}'"))?;
            narrator.tell(&format!("He is told: {refusal}"))?;
        }
        Err(other) => return Err(other),
        Ok(_) => return Err(refused("a member could rename the group".into())),
    }
    let role =
        GroupRole { group: lake.id.clone(), member: "bob".into(), role: Role::Admin, invisible: None, client_id: None };
    alice.call(&role).await?;
    narrator.tell(&format!("alice$ covey group role {LAKE} bob admin"))?;
    let show = GroupShow { group: lake.id.clone() };
    bob.ask_until("become an admin", &show, |group| (group.role == Some(Role::Admin)).then_some(())).await?;
    bob.call(&rename).await?;
    narrator.tell(&format!("bob$ covey group rename {LAKE} '{RENAMED}'"))?;
    for name in PEOPLE {
        let node = stage.node(name)?;
        node.ask_until("see the new name", &show, |group| (group.name == RENAMED).then_some(())).await?;
    }
    narrator.tell(&format!("On all four nodes it is called \"{RENAMED}\" now."))?;
    Ok(())
}

async fn never_together(stage: &mut Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("Bob and Dave are never there at the same time")?;
    let (question, answer) = ("Bob, where is the key to the boathouse?", "Under the third stone, Dave.");
    stage.stop("bob").await;
    narrator.tell("Bob's node is off.")?;
    stage.node("dave")?.call(&send(&lake.id, question)).await?;
    narrator.tell(&format!("dave -> {RENAMED}: {question}"))?;
    for name in ["alice", "carol"] {
        until_reads(stage.node(name)?, &lake.id, question).await?;
    }
    stage.stop("dave").await;
    stage.start("bob", Launch::through(&lake.bootstrap)).await?;
    narrator.tell("Dave's node is off, and Bob's is back.")?;
    let bob = stage.node("bob")?;
    until_reads(bob, &lake.id, question).await?;
    narrator.tell("Bob's node has Dave's message, and the key to it, from those who were there in between.")?;
    bob.call(&send(&lake.id, answer)).await?;
    narrator.tell(&format!("bob -> {RENAMED}: {answer}"))?;
    for name in ["alice", "carol"] {
        until_reads(stage.node(name)?, &lake.id, answer).await?;
    }
    stage.stop("bob").await;
    let dave = stage.start("dave", Launch::through(&lake.bootstrap)).await?;
    until_reads(dave, &lake.id, answer).await?;
    narrator.tell("Bob's node is off, Dave's is back, and Dave reads the answer.")?;
    stage.start("bob", Launch::through(&lake.bootstrap)).await?;
    Ok(())
}

async fn remove(stage: &Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("Alice removes Carol")?;
    let (alice, carol) = (stage.node("alice")?, stage.node("carol")?);
    alice.call(&GroupRemove { group: lake.id.clone(), member: "carol".into(), client_id: None }).await?;
    narrator.tell(&format!("alice$ covey group remove '{RENAMED}' carol"))?;
    until_standing(carol, &lake.id, GroupState::Removed).await?;
    for name in ["alice", "bob", "dave"] {
        until_members(stage.node(name)?, &lake.id, 3).await?;
    }
    narrator.tell("All four nodes know. Before the next word the others' nodes change the keys they write with.")?;
    let before = texts(carol, &lake.id).await?;

    let sent = alice.call(&send(&lake.id, SECRET)).await?;
    narrator.tell(&format!("alice -> {RENAMED}: {SECRET}"))?;
    for name in ["bob", "dave"] {
        until_reads(stage.node(name)?, &lake.id, SECRET).await?;
        narrator.tell(&format!("{name} reads it."))?;
    }
    // A round through Carol's node: it is there and connected, and has had the time to get what it can get.
    say(alice, "carol", carol, "No hard feelings?").await?;
    say(carol, "alice", alice, "None. But I still sing better.").await?;
    match carol.call(&MessageShow { id: short(&sent.id).to_owned() }).await {
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::NoSuchMessage => {
            narrator.tell(&format!("carol$ covey message show {}", short(&sent.id)))?;
            narrator.tell(&format!("Carol's node, connected to Alice's all the while, cannot open it: {refusal}"))?;
        }
        Err(other) => return Err(other),
        Ok(_) => return Err(refused("the removed member's node has the next message".into())),
    }
    let after = texts(carol, &lake.id).await?;
    if after != before || after.iter().any(|text| text == SECRET) {
        return Err(refused(format!("the removed member reads on: {after:?}")));
    }
    narrator.tell(&format!("What was written before she keeps: {} messages.", after.len()))?;
    match carol.call(&send(&lake.id, "Can you hear me?")).await {
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::GroupLeft => {
            narrator.tell(&format!("She writes and is told: {refusal}"))?;
        }
        Err(other) => return Err(other),
        Ok(_) => return Err(refused("the removed member could write".into())),
    }
    Ok(())
}

async fn prove(stage: &Stage, narrator: &mut Narrator<'_>, lake: &Lake) -> Result<(), Failure> {
    narrator.act("Who wrote what, and does everybody know the same?")?;
    let (bob, dave) = (stage.node("bob")?, stage.node("dave")?);
    let newest = messages(dave, &lake.id).await?.into_iter().find(|message| message.text == SECRET);
    let newest = newest.ok_or_else(|| refused("dave does not have the message any more".into()))?;
    let report = GroupReport { group: lake.id.clone(), message: newest.id.clone() };
    let proof = dave.call(&report).await?.proof;
    narrator.tell(&format!("dave$ covey group report '{RENAMED}' {} --out proof.txt", short(&newest.id)))?;
    let verdict = bob.call(&GroupVerifyReport { proof: proof.clone() }).await?;
    let alice_id = &stage.node("alice")?.account()?.account;
    if !verdict.valid || verdict.author.as_ref() != Some(alice_id) || verdict.text.as_deref() != Some(SECRET) {
        return Err(refused(format!("bob's node does not believe dave's proof: {verdict:?}")));
    }
    narrator.tell("bob$ covey group report --verify proof.txt")?;
    narrator.tell(&format!("Valid: {} wrote \"{SECRET}\"", verdict.author_name.unwrap_or_default()))?;
    let forged = proof.chars().rev().collect::<String>();
    if bob.call(&GroupVerifyReport { proof: forged }).await?.valid {
        return Err(refused("something that is no proof was believed".into()));
    }
    let three = |health: &GroupHealth| {
        (health.converged && health.reached == 2).then(|| (health.roster_hash.clone(), health.heads_hash.clone()))
    };
    let doctor = GroupDoctor { group: lake.id.clone() };
    let (roster, heads) = stage.node("alice")?.ask_until("know the same as the others", &doctor, three).await?;
    narrator.tell(&format!("alice$ covey group doctor '{RENAMED}'"))?;
    narrator.tell(&format!(
        "Converged: alice, bob and dave have the same roster ({}) and the same messages ({}).",
        short(&roster),
        short(&heads)
    ))?;
    Ok(())
}

/// Pairs two nodes by a ticket; each calls the other by its name.
async fn befriend(alice: &Node, other: &Node, name: &str) -> Result<(), Failure> {
    let ticket = other.call(&AccountTicket::default()).await?.ticket;
    let (alice_id, other_id) = (alice.account()?.account.clone(), other.account()?.account.clone());
    alice.call(&invite(&ticket, name, "It is Alice")).await?;
    until_state(other, &alice_id, ContactState::Pending, "be asked by alice").await?;
    let accept = PairAccept { contact: alice_id, alias: Some("alice".into()), client_id: None };
    other.call(&accept).await?;
    until_state(alice, &other_id, ContactState::Paired, "hear the answer").await
}

async fn until_standing(node: &Node, group: &str, state: GroupState) -> Result<(), Failure> {
    let what = format!("see the group as {state:?}").to_lowercase();
    let listed = |groups: &Vec<Group>| groups.iter().any(|known| known.group == group).then_some(());
    node.ask_until(&what, &GroupList { state: Some(state) }, listed).await
}

async fn until_members(node: &Node, group: &str, count: usize) -> Result<(), Failure> {
    let members = GroupMembers { group: group.into(), ..GroupMembers::default() };
    node.ask_until("see the same members", &members, |members| (members.len() == count).then_some(())).await
}

async fn until_reads(node: &Node, group: &str, text: &str) -> Result<(), Failure> {
    let found = |messages: &Vec<Message>| messages.iter().any(|message| message.text == text).then_some(());
    node.ask_until("read a message", &list(group), found).await
}

async fn messages(node: &Node, group: &str) -> Result<Vec<Message>, Failure> {
    node.call(&list(group)).await
}

async fn texts(node: &Node, group: &str) -> Result<Vec<String>, Failure> {
    Ok(messages(node, group).await?.into_iter().map(|message| message.text).collect())
}

fn list(group: &str) -> MessageList {
    MessageList { channel: Some(group.into()), ..MessageList::default() }
}
