//! Looks for the newest list of what happened to an account, with its words.

use std::collections::BTreeSet;
use std::time::Duration;

use covey_overlay::{Handle, LookupError};
use covey_pairing::crypto::sign::SigningSecret;
use covey_pairing::identity::{AccountSecret, ContactCard, KeyLog, LogOrder, MAX_ROTATIONS};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::RecoverError;
use crate::engine::account;

/// How long the first node of the network is waited for.
const TO_CONNECT: Duration = Duration::from_secs(30);
/// How long the account's card is looked for.
const TO_FIND: Duration = Duration::from_secs(90);
/// Pause before a place where nothing was found is looked at again: routes to it may be found meanwhile.
const AGAIN: Duration = Duration::from_secs(3);
/// Places that are looked at beyond the newest rotation that was found: records of the ones between may have run out.
const BEYOND: u32 = 2;

/// The newest card that was found of an account: it says where its devices are.
#[derive(Default)]
pub(super) struct Newest {
    pub(super) sequence: u64,
    pub(super) card: Option<Vec<u8>>,
}

/// What was found so far.
#[derive(Default)]
struct Traces {
    log: Option<KeyLog>,
    at: Newest,
}

impl Traces {
    /// What somebody told who was asked. What does not verify tells nothing.
    fn told(&mut self, (ops, card): account::Known, words: &AccountSecret) -> Result<(), RecoverError> {
        if let Ok(log) = KeyLog::verify(ops) {
            self.log(&log, words)?;
        }
        card.map_or(Ok(()), |card| self.card(card, words))
    }

    /// A card. It tells what happened also after it has run out.
    fn card(&mut self, bytes: Vec<u8>, words: &AccountSecret) -> Result<(), RecoverError> {
        let Ok(card) = ContactCard::open(&bytes, 0) else { return Ok(()) };
        if !is_of(card.log(), words, self.log.as_ref()) {
            return Ok(());
        }
        let sequence = card.content().sequence;
        if self.at.card.is_none() || sequence > self.at.sequence {
            self.at = Newest { sequence, card: Some(bytes) };
        }
        self.log(card.log(), words)
    }

    fn log(&mut self, log: &KeyLog, words: &AccountSecret) -> Result<(), RecoverError> {
        if is_of(log, words, self.log.as_ref()) {
            self.log = Some(newer(self.log.take(), log, &words.id().to_string())?);
        }
        Ok(())
    }
}

/// Looks at the places where cards of the account may stand. `answers`: what those told who were asked.
pub(super) async fn search(
    overlay: &Handle,
    words: &AccountSecret,
    answers: Vec<account::Known>,
) -> Result<(KeyLog, Newest), RecoverError> {
    let mut traces = Traces::default();
    answers.into_iter().try_for_each(|answer| traces.told(answer, words))?;
    match connect(overlay).await {
        // Those who were asked are all who can be reached.
        Err(_) if traces.log.is_some() => {}
        connected => {
            connected?;
            look(overlay, words, &mut traces).await?;
        }
    }
    let Traces { log, at } = traces;
    log.map(|log| (log, at)).ok_or_else(|| RecoverError::NotFound { account: words.id().to_string() })
}

async fn look(overlay: &Handle, words: &AccountSecret, traces: &mut Traces) -> Result<(), RecoverError> {
    let until = Instant::now() + TO_FIND;
    let mut seen = BTreeSet::new();
    let mut further = 0;
    loop {
        let rotations = traces.log.as_ref().map_or(further, |log| log.rotations().len());
        // Words that are not the account's first may be of a late rotation: ever more places are looked at until one is found.
        further += 1;
        let last = u32::try_from(rotations.min(MAX_ROTATIONS)).unwrap_or(0) + BEYOND;
        let before = traces.log.clone();
        for index in (0..=last).filter(|index| !seen.contains(index)).collect::<Vec<_>>() {
            let Some(key) = words.after_rotations(index).and_then(|keys| keys.signing().map(SigningSecret::public))
            else {
                continue;
            };
            match timeout_at(until, overlay.lookup(*key.as_bytes())).await {
                Ok(Ok(found)) => {
                    seen.insert(index);
                    found.into_iter().try_for_each(|opened| traces.card(opened.payload, words))?;
                }
                Ok(Err(LookupError::Gone)) => return Err(RecoverError::Alone),
                Ok(Err(error)) => debug!(index, %error, "no card of the account here"),
                Err(_elapsed) => break,
            }
        }
        let is_all = traces.log.is_some() && traces.log == before;
        if is_all || (traces.log.is_none() && Instant::now() + AGAIN >= until) {
            return Ok(());
        }
        if traces.log.is_none() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Whether a log is of the account of these words: they are its first, or it was handed to them.
fn is_of(log: &KeyLog, words: &AccountSecret, known: Option<&KeyLog>) -> bool {
    let account = log.account();
    if let Some(known) = known {
        return known.account() == account;
    }
    let next = u32::try_from(log.rotations().len()).ok().and_then(|index| words.recovery(index));
    account == words.id() || next.map(|key| key.commitment()) == log.commitment()
}

/// The one of two logs that outranks the other. Of two that ordinary operations part, either will do: the rotation ends both.
pub(super) fn newer(known: Option<KeyLog>, log: &KeyLog, account: &str) -> Result<KeyLog, RecoverError> {
    let Some(known) = known else { return Ok(log.clone()) };
    match log.compare(&known) {
        Ok(LogOrder::Extends | LogOrder::Rotates) => Ok(log.clone()),
        Err(fork) if fork.rotations().is_some() => Err(RecoverError::Contested { account: account.to_owned() }),
        Ok(LogOrder::Same | LogOrder::Behind) | Err(_) => Ok(known),
    }
}

/// Waits until there is somebody to ask.
async fn connect(overlay: &Handle) -> Result<(), RecoverError> {
    let until = Instant::now() + TO_CONNECT;
    loop {
        let Ok(status) = overlay.status().await else { return Err(RecoverError::Alone) };
        if status.routing_table > 0 {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(RecoverError::Alone);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
