//! `/metrics`: what an operator watches, in Prometheus' text format. Numbers of nobody in particular: no name, no id, no
//! address stands in it.
//!
//! Counters of the engine and the overlay begin anew at each start, as Prometheus expects it.

mod page;
mod process;

use std::time::Duration;

use covey_overlay::Status;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tokio::time::timeout;

use crate::engine::rpc::metrics::{Numbers, numbers};
use crate::runtime::{Commits, now};
use crate::service::Service;
use page::Page;

/// A part that does not answer for so long is left out.
const PATIENCE: Duration = Duration::from_secs(5);

type Labels = Vec<(&'static str, String)>;

/// What is counted all the time; the rest is asked for. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: Family<Labels, Counter>,
    delay: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        // 10 ms to 3 days.
        Self { requests: Family::default(), delay: Histogram::new(exponential_buckets(0.01, 4.0, 13)) }
    }
}

impl Metrics {
    /// A request was answered: with `ok`, or with the reason of its refusal.
    pub(crate) fn request(&self, method: &'static str, result: String) {
        self.requests.get_or_create(&vec![("method", method.to_owned()), ("result", result)]).inc();
    }
}

/// Everything, as `/metrics` shows it.
pub(crate) async fn scrape(service: &Service) -> String {
    let overlay = async { service.body.get().ok()?.overlay.status().await.ok() };
    let (condition, numbers, overlay, disk) = tokio::join!(
        service.condition(),
        timeout(PATIENCE, service.engine.call(numbers)),
        timeout(PATIENCE, overlay),
        process::disk(service.data_dir.clone().into()),
    );
    let mut page = Page::default();
    page.gauge("covey_ready", "Whether the node does all of its work, as /readyz says", condition.ready().is_ok());
    page.gauge("covey_locked", "Whether the node waits for its passphrase", service.engine.is_locked());
    process::fill(&mut page, service.started_at);
    if let Some(disk) = disk {
        page.gauge("covey_storage_bytes", "Bytes of the files of the database", disk.used);
        page.gauge("covey_storage_free_bytes", "Bytes free on the disk that holds it", disk.free);
    }
    if let Ok(engine) = service.engine.get() {
        commits(&mut page, engine.commits());
    }
    if let Ok(Ok(numbers)) = numbers {
        numbers.tally.delays.iter().for_each(|delay| service.metrics.delay.observe(seconds(*delay)));
        messages(&mut page, &numbers);
        failures(&mut page, &numbers);
    }
    page.add(
        "covey_sync_lag_seconds",
        "Time from writing to arrival of messages of others, by the clocks of both",
        service.metrics.delay.clone(),
    );
    if let Ok(Some(status)) = overlay {
        network(&mut page, &status);
    }
    page.add("covey_rpc_requests", "Requests of clients by method and result", service.metrics.requests.clone());
    page.text()
}

/// A page with nothing but the network, for a seed.
pub(crate) fn of_overlay(status: &Status, started_at: u64) -> String {
    let mut page = Page::default();
    process::fill(&mut page, started_at);
    network(&mut page, status);
    page.text()
}

fn commits(page: &mut Page, commits: &Commits) {
    page.add("covey_fsync_seconds", "Duration of the fsync of a group commit", commits.sync_seconds.clone());
    page.add("covey_commit_inputs", "Inputs per group commit", commits.inputs.clone());
    page.add("covey_inputs_failed", "Inputs whose transaction failed", commits.failed.clone());
}

fn messages(page: &mut Page, numbers: &Numbers) {
    let Numbers { tally, counts, .. } = numbers;
    let states = ["sent", "received", "delivered", "read", "expired", "failed"];
    let reached = states.map(|state| (state, tally.messages.get(state).copied().unwrap_or(0)));
    page.counters("covey_messages", "Messages that reached a state", "state", &reached);
    page.gauge("covey_queue_messages", "Entries of direct conversations that are not delivered yet", numbers.queued);
    let age = numbers.oldest.map_or(0, |at| now().saturating_sub(at));
    page.seconds("covey_queue_age_seconds", "Age of the oldest message that is not delivered yet", seconds(age));
    page.gauge("covey_unread_messages", "Messages not read", counts.unread);
    let contacts = [("paired", counts.paired), ("pending", counts.pending), ("invited", counts.invited)];
    page.gauges("covey_contacts", "Contacts by state", "state", &contacts);
    page.gauge("covey_outbox", "Invites and answers that wait for delivery", counts.outbox);
    let [direct, groups] = numbers.channels;
    page.gauges("covey_channels", "Conversations by kind", "kind", &[("direct", direct), ("group", groups)]);
    page.gauge("covey_parcels_waiting", "Parcels that were not acknowledged", numbers.parcels);
    page.gauge("covey_parcels_kept", "Parcels kept for members of groups who are away", numbers.kept.0);
    page.gauge("covey_parcels_kept_bytes", "Bytes of these parcels", numbers.kept.1);
    let [keeps, silent, other] = numbers.keepers;
    let keepers = [("keeps", keeps), ("unreached", silent), ("other", other)];
    page.gauges("covey_keepers", "Keepers of this account by state", "state", &keepers);
    page.gauge("covey_keeper_accounts", "Accounts whose mail this node keeps", numbers.owners);
    page.gauge("covey_keeper_parcels", "Parcels of mail that this node keeps", numbers.held.0);
    page.gauge("covey_keeper_bytes", "Bytes of these parcels", numbers.held.1);
    page.gauge("covey_parked_entries", "Entries that wait for their key", numbers.parked);
    page.gauge("covey_journal_events", "Events in the journal", numbers.journal.0);
    page.gauge("covey_journal_bytes", "Bytes of the journal as stored", numbers.journal.1);
}

fn failures(page: &mut Page, Numbers { tally, .. }: &Numbers) {
    page.counter("covey_sessions_repaired", "Sessions begun anew because the old one failed", tally.sessions_repaired);
    page.counter("covey_decrypt_failures", "Envelopes that no session opened", tally.undecryptable);
    page.counter("covey_entries_parked", "Entries that had to wait for their key", tally.parked);
    let parcels =
        [("sent", tally.parcels_sent), ("received", tally.parcels_received), ("broken", tally.parcels_broken)];
    page.counters("covey_parcels", "Parcels by result", "result", &parcels);
    let invites = [("limit", tally.invites_refused), ("handshake", tally.invites_broken)];
    page.counters("covey_invites_refused", "Incoming invites refused, by reason", "reason", &invites);
}

fn network(page: &mut Page, status: &Status) {
    let kinds = [("direct", status.connections.saturating_sub(status.relayed)), ("relayed", status.relayed)];
    page.gauges("covey_connections", "Connections by kind", "kind", &kinds);
    page.gauge("covey_peers", "Peers connected", status.peers);
    page.gauge("covey_contacts_connected", "Devices of contacts and members connected", status.allowed_online.len());
    page.gauge("covey_routing_peers", "Peers in the routing table", status.routing_table);
    page.gauge("covey_listen_addresses", "Addresses listened on", status.listen.len());
    page.gauge("covey_relays_known", "Relays known", status.relays);
    page.gauge("covey_relay_reservations", "Relay reservations held by this node", status.reservations.len());
    page.counter("covey_relayed_reservations", "Reservations granted to others", status.places_given);
    page.counter("covey_relayed_circuits", "Circuits relayed for others", status.circuits);
    let punches = [("success", status.punched), ("failure", status.punches_failed)];
    page.counters("covey_hole_punches", "Hole punching attempts by result", "result", &punches);
    let handshakes = [("incoming", status.incoming_failed), ("outgoing", status.outgoing_failed)];
    page.counters("covey_handshake_failures", "Connections that were not established", "direction", &handshakes);
    page.counter("covey_streams_refused", "Streams refused by the gate or a limit", status.refused);
    let frames = [("sent", status.frames_sent), ("received", status.frames_received)];
    page.counters("covey_frames", "Frames of peers", "direction", &frames);
    let bytes = [("sent", status.bytes_sent), ("received", status.bytes_received)];
    page.counters("covey_frame_bytes", "Bytes of these frames", "direction", &bytes);
}

#[allow(clippy::cast_precision_loss)] // Times below 2^53 ms.
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
