//! What holds once the network is whole again: HOME-1 to HOME-10.

use std::collections::{BTreeMap, BTreeSet};

use covey_api::{self as api, ContactState, GroupState};
use covey_feed::{ChannelId, OrderKey};
use covey_pairing::ids::GroupId;
use data_encoding::HEXLOWER;

use super::super::super::converging;
use super::people::{numbers, said};
use super::{CONTACTS, FIRST, Household, Said};
use crate::engine::members::rosters;
use crate::engine::names::{self, pick::Purpose};
use crate::engine::records::messages::{self, Page};
use crate::engine::records::parked::{MAX_PARKED, Parked};
use crate::engine::records::{channels, own_records, standing};
use crate::engine::tables;
use crate::engine::wire::own_record::Key;

/// A contact as it is compared.
type Seen = Option<(ContactState, bool, Option<String>, Option<String>)>;

fn seen(contact: Option<&api::Contact>) -> Seen {
    contact.map(|it| (it.state, it.confirmed, it.alias.clone(), it.channel.clone()))
}

/// Whether they are paired: confirmed or not, and on which channel.
fn pact(contact: Option<&api::Contact>) -> Option<(bool, Option<String>)> {
    contact.filter(|it| it.state == ContactState::Paired).map(|it| (it.confirmed, it.channel.clone()))
}

impl converging::World for Household {
    fn name(&self) -> String {
        self.sim.name.clone()
    }

    fn now(&self) -> u64 {
        self.sim.now
    }

    fn pass(&mut self, millis: u64) {
        self.tend();
        self.sim.run_for(millis);
    }

    fn problems(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        self.same_log(&mut problems);
        self.same_records(&mut problems);
        CONTACTS.into_iter().for_each(|contact| self.alike(contact, &mut problems));
        (0..self.groups.len()).for_each(|at| self.group(at, &mut problems));
        self.ended(&mut problems);
        self.cut_off(&mut problems);
        problems
    }
}

impl Household {
    /// HOME-6
    fn same_log(&self, problems: &mut Vec<String>) {
        let newest = self.sim.nodes[self.devices[0]].me.key_log.head();
        let at = |node: &usize| &self.sim.nodes[*node].me;
        let differs =
            |node: &&usize| at(node).key_log.head() != newest || !at(node).key_log.is_active(&at(node).device_id());
        let others: Vec<_> = self.devices.iter().filter(differs).collect();
        if !others.is_empty() {
            problems.push(format!("HOME-6 {others:?} have another key log than {}", self.devices[0]));
        }
    }

    /// HOME-5
    fn same_records(&self, problems: &mut Vec<String>) {
        if self.devices.len() < 2 {
            return;
        }
        let mut records: BTreeMap<Vec<_>, Vec<usize>> = BTreeMap::new();
        for device in &self.devices {
            let held = self.sim.nodes[*device].read(self.sim.now, |cx| own_records::all(cx.tx).unwrap());
            let held: BTreeMap<_, _> = held.into_iter().map(|winner| (winner.key, winner.at)).collect();
            records.entry(held.into_iter().collect()).or_default().push(*device);
        }
        if records.len() != 1 {
            let first: BTreeSet<_> = records.keys().next().into_iter().flatten().collect();
            let differ = records.keys().skip(1).flat_map(|held| held.iter().filter(|record| !first.contains(record)));
            let kinds: Vec<_> = differ.map(|(key, at)| (key.0, at.author.fmt_short(), at.seq)).collect();
            let own = HEXLOWER.encode(&self.words.own_channel_id());
            let waits: Vec<_> = records.values().flatten().map(|device| (device, self.waits(*device, &own))).collect();
            problems.push(format!("HOME-5 {:?}: {kinds:?}; {waits:?}", records.values().collect::<Vec<_>>()));
        }
    }

    /// HOME-1 and HOME-2, and the conversation of those who are paired.
    fn alike(&self, with: usize, problems: &mut Vec<String>) {
        let held: Vec<_> = self.devices.iter().map(|device| self.contact(*device, with)).collect();
        let theirs = self.contact(with, FIRST);
        if held.iter().any(|one| seen(one.as_ref()) != seen(held[0].as_ref())) {
            let held: Vec<_> = held.iter().map(|one| seen(one.as_ref())).collect();
            problems.push(format!("HOME-1 with {with}: {held:?}"));
            return;
        }
        let (ours, theirs) = (held[0].as_ref(), theirs.as_ref());
        if pact(ours) != pact(theirs) {
            // Of a block nobody is told: the pact is kept where it was blocked, and what was not confirmed before lapses on the other side.
            let is_blocked = [ours, theirs].iter().flatten().any(|it| it.state == ContactState::Blocked);
            if !is_blocked && !self.unsettled.contains(&with) {
                problems.push(format!("HOME-2 with {with}: {:?}, they: {:?}", seen(ours), seen(theirs)));
            }
            return;
        }
        let Some((_, Some(channel))) = pact(ours) else { return };
        let readers: Vec<usize> = self.devices.iter().copied().chain([with]).collect();
        self.conversation(&readers, &channel, &|_| true, problems);
        self.reading(&channel, problems);
    }

    /// HOME-3, HOME-9 and the texts of HOME-7.
    fn conversation(
        &self,
        readers: &[usize],
        channel: &str,
        is_for: &dyn Fn((usize, &Said)) -> bool,
        problems: &mut Vec<String>,
    ) {
        let lists: Vec<Vec<api::Message>> = readers.iter().map(|reader| self.messages(*reader, channel)).collect();
        let lost = self.lost(readers, &lists);
        for (reader, list) in readers.iter().zip(&lists) {
            let mut times: BTreeMap<usize, usize> = BTreeMap::new();
            list.iter()
                .filter_map(|message| numbers(&message.text))
                .for_each(|(number, _)| *times.entry(number).or_default() += 1);
            for (number, said) in self.said.iter().filter(|(_, said)| said.channel == channel) {
                let times = times.get(number).copied().unwrap_or(0);
                let must = self.sim.answered.contains(&said.ticket)
                    && !said.gone
                    && is_for((*reader, said))
                    && !lost.contains(number);
                if times > 1 || (must && times == 0) {
                    let waits = self.waits(*reader, channel);
                    problems.push(format!("HOME-3 {reader} has {times} times number {number}: {said:?}; {waits}"));
                }
                let is_undone = !said.taken || self.is_cut(said);
                if said.stolen && said.membership.is_none() && is_undone && times > 0 {
                    problems.push(format!("HOME-9 {reader} has number {number}: {said:?}"));
                }
            }
        }
        // Of what is not for all of them, each has what it has.
        let common = |list: &[api::Message], with: usize| -> Vec<(String, String)> {
            // Of a feed whose end the account did not say, its devices have what one of them has, a contact what had come to it (CUT-1).
            let is_uncertain = |said: &Said| {
                let is_contact = said.membership.is_none() && !self.devices.contains(&with);
                is_contact && self.out.contains(&said.author) && !self.is_cut(said)
            };
            let is_common = |message: &&api::Message| {
                let number = numbers(&message.text).map(|(number, _)| number).filter(|number| !lost.contains(number));
                let said = number.and_then(|number| self.said.get(&number)).filter(|said| !said.stolen);
                said.is_some_and(|said| readers.iter().all(|reader| is_for((*reader, said))) && !is_uncertain(said))
            };
            list.iter()
                .filter(is_common)
                .map(|message| (message.id.clone(), self.known_text(message, readers, &lists)))
                .collect()
        };
        for (reader, list) in readers.iter().zip(&lists).skip(1) {
            let (first, other) = (common(&lists[0], *reader), common(list, *reader));
            if other != first {
                let brief = |list: &[(String, String)]| {
                    list.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>().join(" | ")
                };
                problems.push(format!(
                    "HOME-3 {} and {reader} differ:\n  {}\n  {}",
                    readers[0],
                    brief(&first),
                    brief(&other)
                ));
            }
        }
    }

    /// What a message says, but for the edit of a machine of before that the account's devices have not heard of.
    fn known_text(&self, message: &api::Message, readers: &[usize], lists: &[Vec<api::Message>]) -> String {
        let edit = numbers(&message.text).and_then(|(_, edit)| edit);
        let is_of_before = edit.and_then(|edit| self.edits.get(&edit)).is_some_and(|edit| self.out.contains(&edit.by));
        let own = readers.iter().zip(lists).filter(|(reader, _)| self.devices.contains(reader));
        let is_known = own.flat_map(|(_, list)| list).any(|other| other.text == message.text);
        if is_of_before && !is_known { said(&message.text).to_owned() } else { message.text.clone() }
    }

    /// Whom a node asks for the keys of what it cannot open, for whoever looks into a failure.
    fn waits(&self, node: usize, channel: &str) -> String {
        self.sim.nodes[node].read(self.sim.now, |cx| {
            let id = ChannelId::from_bytes(HEXLOWER.decode(channel.as_bytes()).unwrap().try_into().unwrap());
            let Some(channel) = channels::by_id(cx.tx, &id).unwrap() else { return "it has no such channel".into() };
            let all = cx.tx.scan::<Parked>(&tables::all_parked(), None, MAX_PARKED, false).unwrap();
            let here = all.iter().filter(|(_, parked)| parked.channel == channel.id);
            let brief = here.map(|(_, it)| {
                let asked = it.of.map_or_else(|| "nobody".to_owned(), |of| of.fmt_short().to_string());
                format!(
                    "{} of {} asked of {asked}, {} tried, {} rounds",
                    it.seq,
                    it.feed.author.fmt_short(),
                    it.tried.len(),
                    it.rounds
                )
            });
            format!("it lacks keys of {:?}", brief.collect::<Vec<_>>())
        })
    }

    /// What machines of before wrote and no device of the account reads now: nobody can give its keys any more, and who was given them before reads
    /// it.
    fn lost(&self, readers: &[usize], lists: &[Vec<api::Message>]) -> BTreeSet<usize> {
        let own = readers.iter().zip(lists).filter(|(reader, _)| self.devices.contains(reader));
        let read: BTreeSet<usize> =
            own.flat_map(|(_, list)| list.iter().filter_map(|message| numbers(&message.text))).map(|it| it.0).collect();
        let of_before = self.said.iter().filter(|(_, said)| self.out.contains(&said.author));
        of_before.map(|(number, _)| *number).filter(|number| !read.contains(number)).collect()
    }

    /// Whether the account said where the feed ends in which a machine of before wrote a text.
    fn is_cut(&self, said: &Said) -> bool {
        let log = &self.sim.nodes[self.devices[0]].me.key_log;
        let end = log.revocation(&self.sim.nodes[said.author].me.device_id());
        end.is_some_and(|end| end.cutoffs.iter().any(|cut| HEXLOWER.encode(&cut.channel) == said.channel))
    }

    /// HOME-10
    fn ended(&self, problems: &mut Vec<String>) {
        let listed = |device: &usize| -> BTreeMap<String, Vec<(String, String)>> {
            let ended = self.channels(*device).into_iter().filter(|it| it.group.is_none() && !it.open);
            let texts = |channel: &api::Channel| -> Vec<(String, String)> {
                self.messages(*device, &channel.channel).into_iter().map(|message| (message.id, message.text)).collect()
            };
            ended.map(|channel| (channel.channel.clone(), texts(&channel))).collect()
        };
        let first = listed(&self.devices[0]);
        for device in &self.devices[1..] {
            let other = listed(device);
            if other != first {
                problems.push(format!("HOME-10 {} has {first:?}\n  {device} has {other:?}", self.devices[0]));
            }
        }
    }

    /// HOME-4
    fn reading(&self, channel: &str, problems: &mut Vec<String>) {
        let at = |node: &usize| {
            self.sim.nodes[*node].read_awake(self.sim.now, |cx| {
                let channel = names::channel(cx, channel, Purpose::Read).ok()?;
                let all = messages::list(cx.tx, channel.no, Page { limit: 1_000, ..Page::default() }).unwrap();
                let unread: BTreeSet<_> =
                    all.iter().filter(|it| messages::is_unread(&channel, it)).map(|it| it.place).collect();
                let shown: BTreeSet<_> = all.iter().filter(|it| it.is_shown()).map(|it| it.place).collect();
                Some((channel.unread, channel.muted, shown, unread))
            })
        };
        let all: Vec<_> = self.devices.iter().map(at).collect();
        // Who was no device yet when the account was a member before has nothing of that time.
        let is_common = |place: &&OrderKey| all.iter().flatten().all(|(.., shown, _)| shown.contains(place));
        let compared = all.iter().map(|one| {
            one.as_ref().map(|(_, muted, _, unread)| (muted, unread.iter().filter(is_common).collect::<Vec<_>>()))
        });
        let compared: Vec<_> = compared.collect();
        let miscounts = all.iter().flatten().any(|(count, _, _, unread)| *count as usize != unread.len());
        if miscounts || compared.iter().any(|one| *one != compared[0]) {
            let counts: Vec<_> = all.iter().map(|one| one.as_ref().map(|it| (it.0, it.1))).collect();
            let marks: Vec<_> = self.devices.iter().map(|node| self.marks_of(*node, channel)).collect();
            problems.push(format!("HOME-4 unread and muted in {channel}: {counts:?}\n  {}", marks.join("\n  ")));
        }
    }

    /// How far a node has read a channel, and what stands there, for people.
    fn marks_of(&self, node: usize, channel: &str) -> String {
        self.sim.nodes[node].read_awake(self.sim.now, |cx| {
            let Ok(channel) = names::channel(cx, channel, Purpose::Read) else { return format!("{node}: none") };
            let all = messages::list(cx.tx, channel.no, Page { limit: 1_000, ..Page::default() }).unwrap();
            let shown = all.iter().map(|it| {
                let at = (it.place.lamport, it.place.author.as_bytes()[0], it.place.incarnation, it.place.seq);
                let text = it.text().and_then(numbers).map(|it| it.0);
                format!("{text:?} {at:?} own {} late {} unseen {} hidden {}", it.own, it.late, it.unseen, it.hidden)
            });
            let shown: Vec<_> = shown.collect();
            let said = own_records::winner(cx.tx, &Key::reading(&channel.id)).unwrap().map(|winner| winner.at);
            let elsewhere = own_records::read_elsewhere(cx.tx, channel.no).unwrap();
            let [marks, unseen] = [elsewhere.marks, elsewhere.unseen]
                .map(|all| all.iter().map(|mark| (mark.0[0], mark.1, mark.2)).collect::<Vec<_>>());
            format!(
                "{node}: read {:?}, elsewhere {marks:?} but for {unseen:?}, said at {said:?}, {shown:#?}",
                channel.read
            )
        })
    }

    /// HOME-7
    fn group(&self, at: usize, problems: &mut Vec<String>) {
        let circle = &self.groups[at];
        let states: Vec<_> = self.devices.iter().map(|device| self.state_in(*device, &circle.id)).collect();
        if states.iter().any(|state| *state != states[0]) {
            problems.push(format!("HOME-7 {:?} stand otherwise in {}: {states:?}", self.devices, circle.id));
            return;
        }
        let is_in = states[0] == Some(GroupState::Joined);
        let members = if is_in { self.devices.as_slice() } else { &[] };
        let readers: Vec<usize> = circle.members.iter().chain(members).copied().collect();
        let wanted: BTreeSet<_> = self.devices.iter().map(|device| self.sim.nodes[*device].me.device_id()).collect();
        let mut joined = BTreeSet::new();
        for reader in &readers {
            let membership = self.membership(*reader, &circle.id);
            joined.insert(membership.as_ref().map(|member| member.joined));
            let listed: BTreeSet<_> = membership.into_iter().flat_map(|member| member.devices).collect();
            if is_in && listed != wanted {
                problems.push(format!("HOME-7 {reader} lists {} devices in {}", listed.len(), circle.id));
            }
        }
        if joined.len() != 1 || (!is_in && self.is_paired_with(circle.members[0])) {
            problems.push(format!(
                "HOME-7 {} in {}: {joined:?}, {:?}",
                states[0].map_or("out".to_owned(), |state| format!("{state:?}")),
                circle.id,
                self.devices
                    .iter()
                    .chain(&circle.members)
                    .map(|node| self.standing(*node, &circle.id))
                    .collect::<Vec<_>>()
            ));
            return;
        }
        let since = joined.pop_first().flatten();
        // Whoever ended a membership said up to where its texts count: of what came later, all members show none.
        let texts = readers.iter().flat_map(|reader| self.messages(*reader, &circle.id));
        let shown: BTreeSet<usize> = texts.filter_map(|message| numbers(&message.text)).map(|it| it.0).collect();
        let shown: BTreeSet<_> = shown.iter().filter_map(|number| self.said.get(number)).map(|it| it.ticket).collect();
        let is_for = |(reader, said): (usize, &Said)| {
            let is_of_now = said.membership.is_some_and(|of| Some(of) == since);
            let counts = CONTACTS.contains(&said.author) || shown.contains(&said.ticket);
            is_of_now || (CONTACTS.contains(&reader) && counts)
        };
        self.conversation(&readers, &circle.id, &is_for, problems);
        if is_in {
            self.reading(&circle.id, problems);
        }
    }

    /// Where a node is with a group, for people.
    fn standing(&self, node: usize, group: &str) -> String {
        let id = HEXLOWER.decode(group.as_bytes()).unwrap().try_into().map(GroupId::from_bytes).unwrap();
        let account = self.words.id();
        self.sim.nodes[node].read_awake(self.sim.now, |cx| {
            let known = standing::load(cx.tx, &id).unwrap();
            let group = known.as_ref().and_then(|known| known.no).and_then(|no| rosters::get(cx, no));
            let invited =
                group.and_then(|group| group.roster.invited().find(|(one, _)| **one == account)).map(|it| it.1.op);
            let known = known.map(|it| {
                let asks =
                    it.request.as_ref().map(|request| request.points.iter().map(|at| at.device).collect::<Vec<_>>());
                (it.state, it.since, it.secret.is_some(), it.by, it.invite.map(|invite| invite.op), asks)
            });
            format!("{node}: {known:?} invited {invited:?}")
        })
    }

    fn is_paired_with(&self, contact: usize) -> bool {
        let paired = |node, of| pact(self.contact(node, of).as_ref()).is_some_and(|(confirmed, _)| confirmed);
        paired(self.devices[0], contact) && paired(contact, FIRST)
    }

    /// HOME-8
    fn cut_off(&self, problems: &mut Vec<String>) {
        for machine in &self.out {
            for channel in self.channels(*machine) {
                for message in self.messages(*machine, &channel.channel) {
                    let Some((number, edit)) = numbers(&message.text) else { continue };
                    let said = self.said.get(&number).is_some_and(|said| said.known_out.contains(machine));
                    let edited = edit
                        .and_then(|edit| self.edits.get(&edit))
                        .is_some_and(|edit| edit.known_out.contains(machine));
                    if said || edited {
                        problems.push(format!("HOME-8 {machine} is none of the account's and has {}", message.text));
                    }
                }
            }
        }
    }
}
