//! What somebody sees who reads all frames of the keeper protocol: what was left where, and what keepers have put their names to.

use std::collections::{BTreeMap, HashMap};

use covey_pairing::crypto::hash::blake3;
use covey_pairing::keeper::{KeeperFrame, SlotId};

use super::super::node::SimNode;
use crate::engine::records::{mailboxes, people};

/// A parcel that somebody sent to a keeper.
#[derive(Debug, Clone, Copy)]
struct Deposited {
    from: usize,
    slot: SlotId,
    /// The number that the depositor's store has for its feed, and which entries of it are in the parcel.
    fid: u64,
    first: u64,
    last: u64,
}

/// A keeper says that it has some entries.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Promise {
    pub(in super::super) keeper: usize,
    pub(in super::super) slot: SlotId,
    /// By its clock, Unix milliseconds.
    pub(in super::super) until: u64,
}

/// Everything seen so far.
#[derive(Default)]
pub(in super::super) struct Witness {
    /// By the hash of the parcel.
    deposits: BTreeMap<[u8; 32], Deposited>,
    promises: BTreeMap<[u8; 32], Vec<Promise>>,
    /// What a deposit must not hold.
    pub(super) secrets: Secrets,
    /// What must not be.
    pub(super) problems: Vec<String>,
    /// How often that happened.
    pub(super) deposited: usize,
    pub(super) promised: usize,
}

impl Witness {
    /// A frame leaves a node.
    pub(in super::super) fn see(&mut self, node: &SimNode, (from, to): (usize, usize), now: u64, frame: &[u8]) {
        let decoded = KeeperFrame::decode(frame);
        // WAIT-7
        if let Ok(KeeperFrame::Deposit(..) | KeeperFrame::Check(..) | KeeperFrame::AskKey(_)) = &decoded
            && let Some(secret) = self.secrets.found_in(frame)
        {
            self.problems.push(format!("WAIT-7 what {from} says to {to} holds {secret}"));
        }
        match decoded {
            Ok(KeeperFrame::Deposit(slot, _, parcel)) => {
                self.deposited += 1;
                let hash = blake3(&parcel);
                let pending = node.read(now, |cx| {
                    let contacts = people::all(cx.tx).unwrap().into_iter();
                    let mut pending = contacts.filter_map(|it| mailboxes::pending(cx.tx, &it.account, &slot).unwrap());
                    pending.find(|pending| *pending.hash == hash)
                });
                if let Some(it) = pending {
                    let left = Deposited { from, slot, fid: it.fid, first: it.first, last: it.last };
                    self.deposits.insert(hash, left);
                }
            }
            Ok(KeeperFrame::Kept(receipt)) if receipt.verify(&node.me.device_id()).is_ok() => {
                self.promised += 1;
                let promise = Promise { keeper: from, slot: receipt.slot, until: receipt.until };
                self.promises.entry(*receipt.parcel).or_default().push(promise);
            }
            _ => {}
        }
    }

    /// What keepers put their names to about an entry of a feed of a node, in the slots into which it was left.
    pub(super) fn promises(&self, from: usize, fid: u64, seq: u64) -> impl Iterator<Item = Promise> {
        let about =
            move |left: &Deposited| left.from == from && left.fid == fid && (left.first..=left.last).contains(&seq);
        self.deposits.iter().filter(move |(_, left)| about(left)).flat_map(|(hash, left)| {
            let given = self.promises.get(hash).into_iter().flatten();
            given.filter(|promise| promise.slot == left.slot).copied()
        })
    }
}

/// Ids and words, each with what it is, by the bytes that they begin with.
#[derive(Default)]
pub(super) struct Secrets(HashMap<[u8; 8], Vec<(Vec<u8>, String)>>);

impl Secrets {
    /// One more, of at least eight bytes.
    pub(super) fn add(&mut self, secret: &[u8], what: String) {
        let start = *secret.first_chunk().expect("long enough");
        self.0.entry(start).or_default().push((secret.to_vec(), what));
    }

    /// What is somewhere among these bytes.
    pub(super) fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        let mut first = [false; 256];
        self.0.keys().for_each(|start| first[usize::from(start[0])] = true);
        let likely = (0..bytes.len()).filter(|at| first[usize::from(bytes[*at])]);
        let mut found = likely.filter_map(|at| {
            let start = bytes[at..].first_chunk::<8>()?;
            self.0.get(start)?.iter().find(|(secret, _)| bytes[at..].starts_with(secret))
        });
        found.next().map(|(_, what)| what.as_str())
    }
}
