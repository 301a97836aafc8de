//! Publishing card records and looking them up.

use std::{collections::HashMap, time::Duration};

use libp2p::{
    PeerId,
    kad::{QueryId, Quorum, Record, RecordKey, store::RecordStore as _},
};
use tokio::time::Instant;

use super::{Worker, commands::answer, queries::Purpose};
use crate::{
    Clock, LookupError, PublishError, Reply,
    record::{self, Opened, Sealed},
    swarm::REPLICATION,
};

/// Lookups, and publications, in progress. `[NET-QUERY-LIMIT]`
const AT_ONCE: usize = 64;
/// Records in one publication: the current period and its neighbours.
const PER_PUBLICATION: usize = 3;
/// After the first valid record others get so long to turn up with a newer one.
const SETTLE: Duration = Duration::from_secs(2);
/// A lookup or publication ends after this.
const DEADLINE: Duration = Duration::from_secs(28);
/// A node that has just started looks for company before it says that it found nothing.
const COMPANY: Duration = Duration::from_secs(6);
/// New neighbours are collected for so long before own records are offered to them.
const OFFER: Duration = Duration::from_secs(2);
/// Offers follow each other no faster, however many newcomers there are. `[NET-QUERY-LIMIT]`
const OFFER_AGAIN: Duration = Duration::from_secs(30);
/// Different records that a lookup gives, of at most 80 storers. `[NET-RECORD-ALL]`
const MOST_FOUND: usize = 32;
/// Own records are stored again so often, as nodes come and go.
const REFRESH: Duration = Duration::from_secs(3_600);

pub(super) struct Records {
    clock: Clock,
    pub(super) queries: HashMap<QueryId, Purpose>,
    publications: HashMap<u64, Publication>,
    lookups: HashMap<u64, Lookup>,
    id: u64,
    own: Vec<Sealed>,
    offer: Option<Instant>,
    /// When the own records were last stored by somebody.
    stored: Option<Instant>,
}

struct Publication {
    pending: usize,
    stored: usize,
    deadline: Instant,
    /// `None` when the overlay refreshes by itself.
    respond_to: Option<Reply<Result<usize, PublishError>>>,
}

struct Lookup {
    account: [u8; 32],
    /// Set while the node is still alone: when to ask anyway.
    wait: Option<Instant>,
    pending: usize,
    /// The newest first.
    found: Vec<Opened>,
    deadline: Instant,
    respond_to: Reply<Result<Vec<Opened>, LookupError>>,
}

impl Lookup {
    /// `[NET-RECORD-ALL]`
    fn add(&mut self, new: Opened) {
        let rank = |o: &Opened| (o.sequence, o.period);
        match self.found.iter_mut().find(|known| known.payload == new.payload) {
            Some(known) if rank(known) < rank(&new) => *known = new,
            Some(_) => {}
            None => self.found.push(new),
        }
        self.found.sort_by_key(|o| std::cmp::Reverse(rank(o)));
        self.found.truncate(MOST_FOUND);
    }
}

impl Records {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            queries: HashMap::new(),
            publications: HashMap::new(),
            lookups: HashMap::new(),
            id: 0,
            own: Vec::new(),
            offer: None,
            stored: None,
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let publications = self.publications.values().map(|p| p.deadline);
        let lookups = self.lookups.values().map(|l| l.wait.unwrap_or(l.deadline));
        publications.chain(lookups).chain(self.offer).min()
    }

    /// Somebody new may be among those who should hold our records.
    pub(super) fn new_neighbour(&mut self, now: Instant) {
        if !self.own.is_empty() {
            let again = self.stored.map(|at| at + OFFER_AGAIN);
            let soon = (now + OFFER).max(again.unwrap_or(now));
            self.offer = Some(self.offer.map_or(soon, |at| at.min(soon)));
        }
        self.stop_waiting(now + Duration::from_millis(500));
    }

    /// The overlay has been joined.
    pub(super) fn joined(&mut self) {
        self.stop_waiting(Instant::now());
    }

    fn stop_waiting(&mut self, at: Instant) {
        self.lookups.values_mut().filter_map(|l| l.wait.as_mut()).for_each(|wait| *wait = at.min(*wait));
    }

    fn id(&mut self) -> u64 {
        self.id += 1;
        self.id
    }
}

impl Worker {
    pub(super) fn publish(&mut self, records: Vec<Sealed>, respond_to: Reply<Result<usize, PublishError>>) {
        let now = self.records.clock.now();
        if let Some(error) = records.iter().find_map(|r| record::validate(&r.key, &r.value, now).err()) {
            return answer(respond_to, Err(error.into()));
        }
        if self.records.publications.len() >= AT_ONCE || records.len() > PER_PUBLICATION {
            return answer(respond_to, Err(PublishError::Busy));
        }
        self.records.own = records;
        self.offer(Some(respond_to));
    }

    /// Offers own records to the nodes that should hold them.
    fn offer(&mut self, respond_to: Option<Reply<Result<usize, PublishError>>>) {
        let (now, time) = (Instant::now(), self.records.clock.now());
        self.records.own.retain(|r| record::validate(&r.key, &r.value, time).is_ok());
        self.records.offer = (!self.records.own.is_empty()).then_some(now + REFRESH);
        let records: Vec<Sealed> = self.records.own.iter().flat_map(Sealed::at_both_places).collect();
        let kad = &mut self.swarm.behaviour_mut().kad;
        for record in &records {
            // So that a node which is alone with its neighbours can be asked itself.
            let _ = kad.store_mut().put(Record::new(record.key.to_vec(), record.value.clone()));
        }
        if kad.kbuckets().next().is_none() || records.is_empty() {
            respond_to.into_iter().for_each(|r| answer(r, Err(PublishError::NoPeers)));
            return;
        }
        let publication = self.records.id();
        for record in &records {
            // Not `put_record`: that would tell the storers who publishes.
            let query = self.swarm.behaviour_mut().kad.get_closest_peers(record.key.to_vec());
            self.records.queries.insert(query, Purpose::FindStorers { publication, record: record.clone() });
        }
        let state = Publication { pending: records.len(), stored: 0, deadline: now + DEADLINE, respond_to };
        self.records.publications.insert(publication, state);
    }

    pub(super) fn store_at(&mut self, publication: u64, record: &Sealed, mut peers: Vec<PeerId>) {
        peers.retain(|peer| peer != self.swarm.local_peer_id());
        peers.truncate(REPLICATION.get());
        if peers.is_empty() {
            return self.stored(publication, false);
        }
        let record = Record::new(record.key.to_vec(), record.value.clone());
        let query = self.swarm.behaviour_mut().kad.put_record_to(record, peers.into_iter(), Quorum::All);
        self.records.queries.insert(query, Purpose::Store { publication });
    }

    pub(super) fn stored(&mut self, publication: u64, stored: bool) {
        if let Some(state) = self.records.publications.get_mut(&publication) {
            state.pending -= 1;
            state.stored += usize::from(stored);
            if stored {
                self.records.stored = Some(Instant::now());
            }
            if state.pending == 0 {
                self.end_publication(publication);
            }
        }
    }

    fn end_publication(&mut self, publication: u64) {
        if let Some(Publication { stored, respond_to: Some(respond_to), .. }) =
            self.records.publications.remove(&publication)
        {
            // Each has two places.
            answer(respond_to, if stored > 0 { Ok(stored.div_ceil(2)) } else { Err(PublishError::NotStored) });
        }
    }

    pub(super) fn look_up(&mut self, account: [u8; 32], respond_to: Reply<Result<Vec<Opened>, LookupError>>) {
        if record::lookup_keys(&account, self.records.clock.now()).is_err() {
            return answer(respond_to, Err(LookupError::Key));
        }
        if self.records.lookups.len() >= AT_ONCE {
            return answer(respond_to, Err(LookupError::Busy));
        }
        let now = Instant::now();
        let alone = self.swarm.behaviour_mut().kad.kbuckets().next().is_none();
        let wait = alone.then_some(now + COMPANY);
        let lookup = Lookup { account, wait, pending: 0, found: Vec::new(), deadline: now + DEADLINE, respond_to };
        let id = self.records.id();
        self.records.lookups.insert(id, lookup);
        if !alone {
            self.fetch(id);
        }
    }

    fn fetch(&mut self, id: u64) {
        let Some(lookup) = self.records.lookups.get_mut(&id) else { return };
        lookup.wait = None;
        let keys = record::lookup_keys(&lookup.account, self.records.clock.now()).unwrap_or_default();
        lookup.pending = keys.len();
        for (period, key) in keys {
            let query = self.swarm.behaviour_mut().kad.get_record(RecordKey::from(key.to_vec()));
            self.records.queries.insert(query, Purpose::Fetch { lookup: id, period });
        }
    }

    /// A storer has one record. Which of several counts is for whoever can read them: a thief of the key can have signed the newest.
    pub(super) fn fetched(&mut self, id: u64, period: u64, value: &[u8]) {
        let now = self.records.clock.now();
        let Some(lookup) = self.records.lookups.get_mut(&id) else { return };
        match record::open(&lookup.account, period, value, now) {
            Ok(found) => {
                lookup.add(found);
                lookup.deadline = lookup.deadline.min(Instant::now() + SETTLE);
            }
            Err(error) => tracing::debug!(%error, "record of a lookup refused"),
        }
    }

    pub(super) fn fetch_ended(&mut self, id: u64) {
        if let Some(lookup) = self.records.lookups.get_mut(&id) {
            lookup.pending -= 1;
            if lookup.pending == 0 {
                self.end_lookup(id);
            }
        }
    }

    fn end_lookup(&mut self, id: u64) {
        if let Some(Lookup { found, respond_to, .. }) = self.records.lookups.remove(&id) {
            answer(respond_to, if found.is_empty() { Err(LookupError::NotFound) } else { Ok(found) });
        }
        let of_lookup = |purpose: &Purpose| matches!(purpose, Purpose::Fetch { lookup, .. } if *lookup == id);
        let queries: Vec<QueryId> =
            self.records.queries.iter().filter(|(_, purpose)| of_lookup(purpose)).map(|(query, _)| *query).collect();
        for query in queries {
            self.records.queries.remove(&query);
            if let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&query) {
                query.finish();
            }
        }
    }

    pub(super) fn tend_records(&mut self, now: Instant) {
        if self.records.offer.is_some_and(|at| at <= now) {
            self.offer(None);
        }
        let due = |l: &Lookup| l.wait.unwrap_or(l.deadline) <= now;
        let lookups: Vec<(u64, bool)> =
            self.records.lookups.iter().filter(|(_, l)| due(l)).map(|(id, l)| (*id, l.wait.is_some())).collect();
        for (id, waiting) in lookups {
            if waiting { self.fetch(id) } else { self.end_lookup(id) }
        }
        let late: Vec<u64> =
            self.records.publications.iter().filter(|(_, p)| p.deadline <= now).map(|(id, _)| *id).collect();
        late.into_iter().for_each(|id| self.end_publication(id));
    }
}
