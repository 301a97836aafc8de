//! A daemon made of a few vectors: enough behaviour for the commands to show theirs.

pub mod groups;
mod serve;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use covey_api::*;
use futures::StreamExt as _;
use jsonrpsee::server::ServerHandle;
use serde_json::json;
use tokio::sync::watch;

use groups::Groups;
pub use serve::{Daemon, TOKEN, Tree, run_at};

pub const ME: &str = "cv1me00000000000";
pub const ALICE: &str = "cv1alice0000000";
pub const ALAN: &str = "cv1alan00000000";
pub const BOB: &str = "cv1bob000000000";

pub struct Mock {
    state: Mutex<State>,
    journal: Mutex<watch::Sender<Vec<Event>>>,
}

struct State {
    contacts: Vec<Contact>,
    messages: Vec<Message>,
    /// What becomes of the next message sent.
    fate: Fate,
    acked: Vec<(String, String)>,
    healthy: bool,
    locked: bool,
    claims: Vec<(String, String)>,
    groups: Groups,
    data_dir: String,
    stop: Option<ServerHandle>,
}

#[derive(Clone, Copy)]
pub enum Fate {
    Delivered,
    Failed,
    Stuck,
}

pub fn at(second: u64) -> Time {
    Time::from_unix_ms(second * 1000)
}

pub fn contact(id: &str, alias: Option<&str>, state: ContactState) -> Contact {
    Contact {
        contact: id.into(),
        alias: alias.map(Into::into),
        name: Some("Evil \x1b[2J name".into()),
        state,
        since: at(0),
        direction: Some(Direction::Incoming),
        note: Some("from the lake".into()),
        expires_at: None,
        verified: false,
        confirmed: true,
        recovered_at: None,
        keepers: 0,
        keepers_reached: None,
        kept_until: None,
        verified_before: false,
        remembered: false,
        contested: false,
        renewal: false,
        online: false,
        alerts: Vec::new(),
        refused_before: false,
        ended_by: None,
        channel: (state == ContactState::Paired).then(|| format!("ch-{id}")),
    }
}

pub fn message(id: &str, author: &str, text: &str, state: MessageState) -> Message {
    Message {
        id: id.into(),
        channel: format!("ch-{ALICE}"),
        author: author.into(),
        author_name: Some(if author == ME { "me" } else { "alice" }.into()),
        author_alias: (author != ME).then(|| "alice".into()),
        own: author == ME,
        text: text.into(),
        sent_at: at(60),
        received_at: at(61),
        clock_suspect: false,
        late: false,
        order_key: format!("00-{id}"),
        state,
        reply_to: None,
        edited: false,
        edited_at: None,
        expires_at: None,
        deleted: false,
        deliveries: vec![],
        delivery_summary: None,
    }
}

impl Mock {
    pub fn new() -> Arc<Self> {
        let contacts = vec![
            contact(ALICE, Some("alice"), ContactState::Paired),
            contact(ALAN, Some("alan"), ContactState::Declined),
            contact(BOB, None, ContactState::Pending),
        ];
        let messages = vec![message("aaaaaaaa1111", ALICE, "hello\x1b[31m you", MessageState::Received)];
        let state = State {
            contacts,
            messages,
            fate: Fate::Delivered,
            acked: vec![],
            healthy: true,
            locked: false,
            claims: vec![],
            groups: Groups::default(),
            data_dir: "/data".into(),
            stop: None,
        };
        Arc::new(Self { state: Mutex::new(state), journal: Mutex::new(watch::Sender::new(vec![])) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn journal(&self) -> MutexGuard<'_, watch::Sender<Vec<Event>>> {
        self.journal.lock().unwrap()
    }

    pub fn subscribers(&self) -> usize {
        self.journal().receiver_count()
    }

    /// As if the daemon stopped.
    pub fn end_subscriptions(&self) {
        let mut journal = self.journal();
        let events = journal.borrow().clone();
        *journal = watch::Sender::new(events);
    }

    /// One more contact.
    pub fn add(&self, contact: Contact) {
        self.state().contacts.push(contact);
    }

    /// Somebody calls themselves so; nobody else is called that.
    pub fn claim(&self, name: &str, id: &str) {
        self.state().claims.push((name.to_owned(), id.to_owned()));
    }

    pub fn set_fate(&self, fate: Fate) {
        self.state().fate = fate;
    }

    /// Lets `shutdown` close all connections.
    pub fn allow_stop(&self, data_dir: &Path, stop: ServerHandle) {
        let mut state = self.state();
        state.data_dir = data_dir.display().to_string();
        state.stop = Some(stop);
    }

    pub fn make_ill(&self) {
        self.state().healthy = false;
    }

    /// Looks at what the groups are made of, or changes it.
    pub fn groups<T>(&self, look: impl FnOnce(&mut Groups) -> T) -> T {
        look(&mut self.state().groups)
    }

    pub fn acked(&self) -> Vec<(String, String)> {
        self.state().acked.clone()
    }

    pub fn happen(&self, kind: &str, data: impl serde::Serialize) {
        self.journal().send_modify(|journal| {
            let cursor = Some((journal.len() + 1).to_string());
            let data = serde_json::to_value(data).unwrap();
            journal.push(Event { cursor, kind: kind.into(), at: at(0), data });
        });
    }

    fn find(&self, name: &str) -> Result<Contact, ApiError> {
        let state = self.state();
        let found: Vec<_> = state
            .contacts
            .iter()
            .filter(|contact| contact.alias.as_deref() == Some(name) || contact.contact.starts_with(name))
            .collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => {
                let claiming = state.claims.iter().filter(|(claim, _)| claim == name);
                let candidates: Vec<_> = claiming
                    .map(|(claim, id)| {
                        json!({"contact": id, "alias": null, "name": claim, "state": "pending", "note": "from the lake"})
                    })
                    .collect();
                let sentence = format!("Nobody is called \"{name}\". `covey pair list` shows your contacts.");
                Err(ApiError::new(Reason::NoSuchContact, sentence).with_data(json!({ "candidates": candidates })))
            }
            _ => {
                let candidates: Vec<_> =
                    found.iter().map(|c| json!({"contact": c.contact, "alias": c.alias})).collect();
                Err(ApiError::new(Reason::AmbiguousContact, format!("\"{name}\" may be several people."))
                    .with_data(json!({ "candidates": candidates })))
            }
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Contact)) -> Result<Contact, ApiError> {
        let mut contact = self.find(name)?;
        change(&mut contact);
        let mut state = self.state();
        let place = state.contacts.iter_mut().find(|known| known.contact == contact.contact).unwrap();
        place.clone_from(&contact);
        drop(state);
        self.happen(kind::CONTACT, &contact);
        Ok(contact)
    }

    fn move_to(&self, name: &str, to: ContactState) -> Result<Contact, ApiError> {
        self.change(name, |contact| contact.state = to)
    }

    fn accept_message(&self, to: &str, text: &str, reply_to: Option<String>) -> Result<Sent, ApiError> {
        let group = groups::find_group(to).ok();
        if group.is_none() && self.find(to)?.state != ContactState::Paired {
            return Err(ApiError::new(Reason::NotPaired, "You are not paired. Invite them first: covey pair invite"));
        }
        let id = format!("bbbbbbbb{}", self.state().messages.len());
        let mut sent = Message { reply_to, ..message(&id, ME, text, MessageState::Queued) };
        if let Some(group) = group {
            sent.channel = group.channel;
            sent.delivery_summary = Some(groups::summary());
        }
        self.state().messages.push(sent.clone());
        self.happen(kind::MESSAGE_SENT, &sent);
        let fate = self.state().fate;
        let (state, why) = match fate {
            Fate::Delivered => (MessageState::Delivered, None),
            Fate::Failed => (MessageState::Failed, Some("Alice ended the pairing.".to_owned())),
            Fate::Stuck => return Ok(Sent { id, channel: sent.channel, state: MessageState::Queued }),
        };
        sent.state = state;
        sent.deliveries = vec![Delivery {
            recipient: ALICE.into(),
            alias: Some("alice".into()),
            state,
            at: at(62),
            why,
            kept: None,
            devices: Vec::new(),
        }];
        *self.state().messages.last_mut().unwrap() = sent.clone();
        self.happen(kind::MESSAGE_CHANGED, &sent);
        Ok(Sent { id, channel: sent.channel, state: MessageState::Queued })
    }

    fn channel(&self, name: &str) -> Result<Channel, ApiError> {
        let group = groups::find_group(name).ok();
        let (channel, kind, name, contact, alias) = match &group {
            Some(group) => (group.channel.clone(), ChannelKind::Group, group.name.clone(), None, None),
            None => {
                let contact = self.find(name.trim_start_matches("ch-"))?;
                let channel = format!("ch-{}", contact.contact);
                let name = contact.alias.clone().unwrap_or_default();
                (channel, ChannelKind::Direct, name, Some(contact.contact), contact.alias)
            }
        };
        Ok(Channel {
            channel,
            kind,
            name,
            alias,
            contact,
            group: group.as_ref().map(|group| group.group.clone()),
            members: group.as_ref().map(|group| group.members),
            role: group.and_then(|group| group.role),
            open: true,
            unread: 1,
            read_up_to: None,
            last_message: self.state().messages.last().cloned(),
            since: at(0),
            muted: false,
            archived: false,
            request: false,
        })
    }
}

impl NodeApi for Mock {
    async fn status(&self, _: NodeStatus) -> Result<Status, ApiError> {
        let (locked, data_dir) = {
            let state = self.state();
            (state.locked, state.data_dir.clone())
        };
        Ok(Status {
            version: "0.1.0".into(),
            account: ME.into(),
            device: "cvd1me".into(),
            peer_id: "12D3me".into(),
            name: "Me".into(),
            locked,
            ready: true,
            backed_up: true,
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            trouble: None,
            reachability: Reachability::Private,
            network: "behind NAT, punchable, through 12D3KooWAbcd (45.1.0.2)".into(),
            offline: None,
            peers: 2,
            discoverable: true,
            counts: Counts { paired: 1, pending: 1, ..Counts::default() },
            data_dir,
            started_at: at(0),
        })
    }

    async fn peers(&self, _: NodePeers) -> Result<Vec<Peer>, ApiError> {
        Ok(vec![Peer {
            peer_id: "12D3alice".into(),
            contact: Some(ALICE.into()),
            alias: Some("alice".into()),
            address: "/ip4/10.0.0.1/tcp/2".into(),
            relayed: true,
            connected_since: Some(at(0)),
            connected: true,
        }])
    }

    async fn doctor(&self, _: NodeDoctor) -> Result<Report, ApiError> {
        let ok = self.state().healthy;
        let state = if ok { CheckState::Ok } else { CheckState::Fail };
        let advice = (!ok).then(|| "Free some space.".to_owned());
        let disk = Check { name: "disk".into(), state, message: "3 MiB free".into(), advice };
        let message = "public: reachable from the internet".into();
        let reachability = Check { name: "reachability".into(), state: CheckState::Ok, message, advice: None };
        Ok(Report { ok, checks: vec![disk, reachability] })
    }

    async fn shutdown(&self, _: NodeShutdown) -> Result<Done, ApiError> {
        let stop = self.state().stop.take();
        let stop = stop.ok_or_else(|| ApiError::new(Reason::NotAllowed, "The mock does not stop."))?;
        tokio::spawn(async move { stop.stop() });
        Ok(Done::OK)
    }

    async fn lock(&self, _: NodeLock) -> Result<Done, ApiError> {
        self.state().locked = true;
        Ok(Done::OK)
    }

    async fn unlock(&self, params: NodeUnlock) -> Result<Done, ApiError> {
        if params.passphrase.expose() != "correct horse" {
            return Err(ApiError::new(Reason::WrongPassphrase, "This passphrase is wrong. The node stays locked."));
        }
        self.state().locked = false;
        Ok(Done::OK)
    }
}

impl AccountApi for Mock {
    async fn status(&self, _: AccountStatus) -> Result<AccountCondition, ApiError> {
        Ok(AccountCondition {
            account: ME.into(),
            device: "cvd1me".into(),
            devices: 1,
            recoveries: 0,
            backed_up: true,
            sealed: true,
            objected: false,
            accepted: false,
            second_history: None,
        })
    }

    async fn accept(&self, _: AccountAccept) -> Result<AccountCondition, ApiError> {
        Err(ApiError::new(Reason::WrongState, "There is nothing to accept."))
    }

    async fn contest(&self, _: AccountContest) -> Result<AccountCondition, ApiError> {
        Err(ApiError::new(Reason::WrongState, "There is nothing to object to."))
    }

    async fn show(&self, _: AccountShow) -> Result<Account, ApiError> {
        Ok(Account {
            account: ME.into(),
            device: "cvd1me".into(),
            peer_id: "12D3me".into(),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            name: "Me".into(),
        })
    }

    async fn ticket(&self, params: AccountTicket) -> Result<Ticket, ApiError> {
        let token = params.uses.is_some() || params.expires_in.is_some();
        Ok(Ticket {
            ticket: "covey:me".into(),
            id: token.then(|| "t1".into()),
            uses: params.uses,
            expires_at: params.expires_in.map(at),
        })
    }

    async fn tickets(&self, _: AccountTickets) -> Result<Vec<TicketInfo>, ApiError> {
        Ok(vec![TicketInfo {
            id: "5f1c2a90aa".into(),
            state: TicketState::Active,
            uses: 5,
            used: 2,
            created_at: at(0),
            expires_at: None,
        }])
    }

    async fn revoke_ticket(&self, params: AccountRevokeTicket) -> Result<TicketInfo, ApiError> {
        Err(ApiError::new(Reason::NoSuchTicket, format!("There is no ticket {}.", params.id)))
    }

    async fn safety_number(&self, params: AccountSafetyNumber) -> Result<SafetyNumber, ApiError> {
        let contact = self.find(&params.contact)?;
        let safety_number = ["12345"; 12].join(" ");
        Ok(SafetyNumber { contact: contact.contact, alias: contact.alias, safety_number, verified: false })
    }

    async fn rename(&self, params: AccountRename) -> Result<Account, ApiError> {
        let account = AccountApi::show(self, AccountShow {}).await?;
        Ok(Account { name: params.name, ..account })
    }
}

impl PairApi for Mock {
    async fn accept_renewals(&self, _params: PairAcceptRenewals) -> Result<Vec<Contact>, ApiError> {
        let mut state = self.state();
        let renewals = state.contacts.iter_mut().filter(|contact| contact.renewal);
        Ok(renewals
            .map(|contact| {
                (contact.renewal, contact.state) = (false, ContactState::Paired);
                contact.clone()
            })
            .collect())
    }

    async fn invite(&self, params: PairInvite) -> Result<Contact, ApiError> {
        if !params.to.starts_with("cv1") && params.to != "covey:carol" {
            return Err(ApiError::new(Reason::InvalidTicket, "That is no ticket. Ask them for a new one."));
        }
        let mut carol = contact("cv1carol0000000", params.alias.as_deref(), ContactState::Invited);
        carol.note = params.note;
        self.state().contacts.push(carol.clone());
        self.happen(kind::CONTACT, &carol);
        Ok(carol)
    }

    async fn list(&self, params: PairList) -> Result<Vec<Contact>, ApiError> {
        let contacts = self.state().contacts.clone();
        Ok(contacts
            .into_iter()
            .filter(|contact| params.state.is_none_or(|state| contact.state == state))
            .filter(|contact| params.renewal.is_none_or(|renewal| contact.renewal == renewal))
            .collect())
    }

    async fn show(&self, params: PairShow) -> Result<Contact, ApiError> {
        self.find(&params.contact)
    }

    async fn accept(&self, params: PairAccept) -> Result<Contact, ApiError> {
        self.change(&params.contact, |contact| {
            contact.state = ContactState::Paired;
            contact.alias = params.alias.or(contact.alias.take());
        })
    }

    async fn decline(&self, params: PairDecline) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Declined)
    }

    async fn cancel(&self, params: PairCancel) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Cancelled)
    }

    async fn forget(&self, params: PairForget) -> Result<Contact, ApiError> {
        self.find(&params.contact)
    }

    async fn remove(&self, params: PairRemove) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Removed)
    }

    async fn block(&self, params: PairBlock) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Blocked)
    }

    async fn unblock(&self, params: PairUnblock) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Declined)
    }

    async fn verify(&self, params: PairVerify) -> Result<Contact, ApiError> {
        if params.safety_number.replace(' ', "") != "12345".repeat(12) {
            return Err(ApiError::new(
                Reason::SafetyNumberMismatch,
                "The numbers differ: do not trust this connection.",
            ));
        }
        self.change(&params.contact, |contact| contact.verified = true)
    }

    async fn rename(&self, params: PairRename) -> Result<Contact, ApiError> {
        self.change(&params.contact, |contact| contact.alias = Some(params.alias))
    }

    async fn send(&self, params: PairSend) -> Result<Sent, ApiError> {
        self.accept_message(&params.contact, &params.text, None)
    }
}

impl ChannelApi for Mock {
    async fn list(&self, _: ChannelList) -> Result<Vec<Channel>, ApiError> {
        Ok(vec![self.channel("alice")?, self.channel("Lake")?])
    }

    async fn show(&self, params: ChannelShow) -> Result<Channel, ApiError> {
        self.channel(&params.channel)
    }

    async fn archive(&self, params: ChannelArchive) -> Result<Channel, ApiError> {
        Ok(Channel { archived: params.archived.unwrap_or(true), ..self.channel(&params.channel)? })
    }

    async fn mute(&self, params: ChannelMute) -> Result<Channel, ApiError> {
        Ok(Channel { muted: params.muted.unwrap_or(true), ..self.channel(&params.channel)? })
    }

    async fn mark_read(&self, params: ChannelMarkRead) -> Result<Channel, ApiError> {
        Ok(Channel { unread: 0, ..self.channel(&params.channel)? })
    }
}

impl MessageApi for Mock {
    async fn send(&self, params: MessageSend) -> Result<Sent, ApiError> {
        self.accept_message(&params.to, &params.text, params.reply_to)
    }

    async fn edit(&self, params: MessageEdit) -> Result<Message, ApiError> {
        let mut state = self.state();
        let found = state.messages.iter_mut().find(|message| message.id.starts_with(&params.id));
        let found = found.ok_or_else(|| ApiError::new(Reason::NoSuchMessage, "There is no such message."))?;
        (found.text, found.edited) = (params.text, true);
        Ok(found.clone())
    }

    async fn list(&self, params: MessageList) -> Result<Vec<Message>, ApiError> {
        if let Some(channel) = params.channel {
            self.channel(&channel)?;
        }
        Ok(self.state().messages.clone())
    }

    async fn show(&self, params: MessageShow) -> Result<Message, ApiError> {
        let state = self.state();
        let found = state.messages.iter().find(|message| message.id.starts_with(&params.id));
        found.cloned().ok_or_else(|| ApiError::new(Reason::NoSuchMessage, "There is no such message."))
    }
}

impl EventsApi for Mock {
    async fn fetch(&self, params: EventsFetch) -> Result<EventPage, ApiError> {
        let journal = self.journal().borrow().clone();
        let from = match (&params.from, params.last) {
            (Some(cursor), _) => cursor.parse().unwrap(),
            (None, Some(last)) => journal.len().saturating_sub(last as usize),
            (None, None) => 0,
        };
        // Pages of two, so that every longer story takes several.
        let events: Vec<Event> = journal[from..].iter().take(2).cloned().collect();
        let end = from + events.len();
        Ok(EventPage { events, cursor: end.to_string(), more: end < journal.len() })
    }

    async fn ack(&self, params: EventsAck) -> Result<Done, ApiError> {
        self.state().acked.push((params.consumer, params.cursor));
        Ok(Done::OK)
    }
}

impl EventSource for Mock {
    async fn subscribe(&self, params: EventsSubscribe) -> Result<EventStream, ApiError> {
        let journal = self.journal().subscribe();
        let from = match params.from {
            Some(cursor) => cursor.parse::<usize>().map_err(|_| {
                ApiError::new(Reason::InvalidCursor, "That cursor is not of this journal. Start without one.")
            })?,
            None => journal.borrow().len(),
        };
        Ok(futures::stream::unfold((journal, from), |(mut journal, next)| async move {
            let event = journal.wait_for(|events| events.len() > next).await.ok()?[next].clone();
            Some((Ok(EventText::from(&event)), (journal, next + 1)))
        })
        .boxed())
    }
}

impl ConfigApi for Mock {
    async fn show(&self, _: ConfigShow) -> Result<Vec<Setting>, ApiError> {
        Ok(Vec::new())
    }

    async fn set(&self, _: ConfigSet) -> Result<Setting, ApiError> {
        Ok(Setting::default())
    }

    async fn reload(&self, _: ConfigReload) -> Result<ConfigReloaded, ApiError> {
        Ok(ConfigReloaded::default())
    }
}

impl TokenApi for Mock {
    async fn create(&self, params: TokenCreate) -> Result<TokenCreated, ApiError> {
        Ok(TokenCreated { token: Some("cvt_secret".into()), info: token(&params.name, params.scopes) })
    }

    async fn list(&self, _: TokenList) -> Result<Vec<TokenInfo>, ApiError> {
        Ok(vec![token("weather", vec![Scope::Read, Scope::Send])])
    }

    async fn revoke(&self, params: TokenRevoke) -> Result<TokenInfo, ApiError> {
        if params.token == "weather" {
            return Ok(token("weather", vec![Scope::Read]));
        }
        Err(ApiError::new(Reason::NoSuchToken, "No token is called that."))
    }
}

impl WebApi for Mock {
    async fn open(&self, _: WebOpen) -> Result<WebAddress, ApiError> {
        Ok(WebAddress { url: "http://127.0.0.1:7420/#code=c0de".into(), expires_at: at(600) })
    }
}

impl DeviceApi for Mock {
    async fn list(&self, _: DeviceList) -> Result<Vec<Device>, ApiError> {
        Ok(vec![device("laptop"), Device { this: false, role: DeviceRole::Plain, seen: None, ..device("server") }])
    }

    async fn show(&self, params: DeviceShow) -> Result<Device, ApiError> {
        if params.device == "nobody" {
            return Err(ApiError::new(Reason::NoSuchDevice, "No device of yours is called \"nobody\"."));
        }
        Ok(device(&params.device))
    }

    async fn link(&self, params: DeviceLink) -> Result<Linking, ApiError> {
        let name = params.name.unwrap_or_else(|| "server".into());
        Ok(Linking { device: "cvd1new".into(), name, digits: "042137".into(), expires_at: at(600) })
    }

    async fn confirm(&self, params: DeviceConfirm) -> Result<Device, ApiError> {
        if params.digits == "042137" {
            return Ok(Device { this: false, ..device("server") });
        }
        Err(ApiError::new(Reason::WrongDigits, "These are not the digits."))
    }

    async fn rename(&self, params: DeviceRename) -> Result<Device, ApiError> {
        Ok(device(&params.name))
    }

    async fn revoke(&self, params: DeviceRevoke) -> Result<Device, ApiError> {
        Ok(Device { state: DeviceState::Revoked, ..device(&params.device) })
    }
}

fn device(name: &str) -> Device {
    Device {
        device: "cvd1qqqq".into(),
        name: name.into(),
        role: DeviceRole::Holder,
        since: at(0),
        seen: Some(at(0)),
        state: DeviceState::Active,
        this: true,
        transfer: None,
    }
}

impl KeeperApi for Mock {
    async fn serve(&self, _: KeeperServe) -> Result<KeeperTicket, ApiError> {
        Ok(KeeperTicket { ticket: "covey-keeper:afmca".into(), expires_at: at(600) })
    }

    async fn add(&self, params: KeeperAdd) -> Result<Keeper, ApiError> {
        let state = if params.ticket == "covey-keeper:used" { KeeperState::Refused } else { KeeperState::Keeps };
        Ok(Keeper { state, ..keeper(KeeperRole::Mine) })
    }

    async fn list(&self, _: KeeperList) -> Result<Vec<Keeper>, ApiError> {
        Ok(vec![keeper(KeeperRole::Mine), Keeper { refused: true, ..keeper(KeeperRole::Held) }])
    }

    async fn ask(&self, _: KeeperAsk) -> Result<Keeper, ApiError> {
        Ok(Keeper { state: KeeperState::Asked, ..keeper(KeeperRole::Mine) })
    }

    async fn accept(&self, _: KeeperAccept) -> Result<Keeper, ApiError> {
        Ok(Keeper { state: KeeperState::Asked, ..keeper(KeeperRole::Held) })
    }

    async fn status(&self, _: KeeperStatus) -> Result<KeeperReport, ApiError> {
        let (found_parcels, found_used) = (6, 2 << 20);
        Ok(KeeperReport {
            mine: 2,
            unreached: 1,
            accounts: 1,
            requests: 1,
            parcels: 7,
            used: 3 << 20,
            found_parcels,
            found_used,
            agrees: false,
            group_parcels: 2,
            group_used: 5_000,
        })
    }

    async fn remove(&self, params: KeeperRemove) -> Result<Keeper, ApiError> {
        if params.keeper == "nobody" {
            return Err(ApiError::new(Reason::NoSuchKeeper, "No keeper is called \"nobody\"."));
        }
        Ok(keeper(KeeperRole::Mine))
    }
}

fn keeper(role: KeeperRole) -> Keeper {
    Keeper {
        keeper: "cvd1keeper00".into(),
        name: Some("attic".into()),
        role,
        reached: Some(at(0)),
        used: 3 << 20,
        limit: 64 << 20,
        parcels: 7,
        refused: false,
        state: KeeperState::Keeps,
        clock_off: None,
    }
}

impl AuditApi for Mock {
    async fn list(&self, _: AuditList) -> Result<Vec<AuditEntry>, ApiError> {
        let entry = |id: &str, caller, reason, count| AuditEntry {
            id: id.into(),
            at: at(0),
            caller,
            token: None,
            token_name: (caller == AuditCaller::Token).then(|| "weather".into()),
            method: "message.send".into(),
            reason,
            count,
        };
        Ok(vec![entry("2", AuditCaller::Token, Some(Reason::NotAllowed), 3), entry("1", AuditCaller::Socket, None, 1)])
    }
}

fn token(name: &str, scopes: Vec<Scope>) -> TokenInfo {
    TokenInfo {
        id: "5f1c2a905f1c2a90".into(),
        name: name.into(),
        kind: TokenKind::Program,
        state: TokenState::Active,
        scopes,
        channels: None,
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
    }
}

impl Api for Mock {}
