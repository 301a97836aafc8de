//! Cheap counters for the status.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Status;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    frames_sent: AtomicU64,
    bytes_sent: AtomicU64,
    writes: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
    refused: AtomicU64,
    punched: AtomicU64,
    punches_failed: AtomicU64,
    places_given: AtomicU64,
    circuits: AtomicU64,
    incoming_failed: AtomicU64,
    outgoing_failed: AtomicU64,
}

impl Counters {
    pub(crate) fn sent(&self, frames: usize, bytes: usize) {
        self.frames_sent.fetch_add(frames as u64, Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Relaxed);
        self.writes.fetch_add(1, Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.frames_received.fetch_add(1, Relaxed);
        self.bytes_received.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn hole_punched(&self, succeeded: bool) {
        if succeeded { &self.punched } else { &self.punches_failed }.fetch_add(1, Relaxed);
    }

    pub(crate) fn place_given(&self) {
        self.places_given.fetch_add(1, Relaxed);
    }

    pub(crate) fn circuit(&self) {
        self.circuits.fetch_add(1, Relaxed);
    }

    pub(crate) fn incoming_failed(&self) {
        self.incoming_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn outgoing_failed(&self) {
        self.outgoing_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn fill(&self, status: &mut Status) {
        status.frames_sent = self.frames_sent.load(Relaxed);
        status.bytes_sent = self.bytes_sent.load(Relaxed);
        status.writes = self.writes.load(Relaxed);
        status.frames_received = self.frames_received.load(Relaxed);
        status.bytes_received = self.bytes_received.load(Relaxed);
        status.refused = self.refused.load(Relaxed);
        status.punched = self.punched.load(Relaxed);
        status.punches_failed = self.punches_failed.load(Relaxed);
        status.places_given = self.places_given.load(Relaxed);
        status.circuits = self.circuits.load(Relaxed);
        status.incoming_failed = self.incoming_failed.load(Relaxed);
        status.outgoing_failed = self.outgoing_failed.load(Relaxed);
    }
}
