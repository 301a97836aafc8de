//! The audit log: who changed something by the API, and who was refused. What was said in a call is not kept.

use covey_api::{AuditCaller, Reason};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::engine::counters::Counter;
use crate::engine::{Cx, EngineError, tables};

/// How long entries are kept, in milliseconds: 90 days.
pub(super) const KEEP: u64 = 90 * 24 * 3_600_000;

/// Most entries kept, 30 MB or so: more than that many changes in 90 days push the oldest ones out.
const MAX_ENTRIES: u64 = 200_000;

/// Calls of one method by one caller within this time are one entry, in milliseconds.
const TOGETHER: u64 = 1_000;
/// Entries removed per round of housekeeping.
const PRUNE_BATCH: usize = 1_000;

/// Who called, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// How they came in.
    pub caller: AuditCaller,
    /// Their token: its id and name.
    pub token: Option<([u8; 8], String)>,
}

/// As stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) at: u64,
    /// 0 socket, 1 cookie, 2 token, 3 browser, 4 nobody.
    pub(super) caller: u8,
    pub(super) token: Option<(ByteArray<8>, String)>,
    pub(super) method: String,
    /// The stable string of the reason why it was refused.
    pub(super) reason: Option<String>,
    pub(super) count: u32,
}

impl Record {
    /// Whether `next` is one more call of the same kind, soon after.
    fn goes_on_with(&self, next: &Self) -> bool {
        next.at.abs_diff(self.at) < TOGETHER
            && (self.caller, &self.token, &self.method, &self.reason)
                == (next.caller, &next.token, &next.method, &next.reason)
    }

    /// How the caller came in.
    pub(super) fn caller(&self) -> AuditCaller {
        CALLERS.get(usize::from(self.caller)).copied().unwrap_or(AuditCaller::Nobody)
    }
}

/// In the order of their stored numbers.
const CALLERS: [AuditCaller; 5] =
    [AuditCaller::Socket, AuditCaller::Cookie, AuditCaller::Token, AuditCaller::Browser, AuditCaller::Nobody];

/// A refusal, or several alike.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Who was refused.
    pub who: Who,
    /// What they called.
    pub method: String,
    /// Why not.
    pub reason: Reason,
    /// When, the last time; Unix milliseconds.
    pub at: u64,
    /// How often.
    pub count: u32,
}

/// A change was made; written in its transaction. Of a stream of calls of one method there is one entry a second.
pub(crate) fn changed(cx: &mut Cx<'_, '_>, who: &Who, method: &str) -> Result<(), EngineError> {
    let at = cx.now;
    let record = named(who, Record { at, caller: 0, token: None, method: method.to_owned(), reason: None, count: 1 });
    let newest = tables::audited(Counter::Audit.get(cx.tx)?);
    if let Some(known) = cx.tx.load::<Record>(&newest)?.filter(|known| known.goes_on_with(&record)) {
        cx.tx.save(&newest, &Record { count: known.count.saturating_add(1), ..known });
        return Ok(());
    }
    let number = Counter::Audit.next(cx.tx)?;
    cx.tx.save(&tables::audited(number), &record);
    Ok(())
}

/// A call was refused.
pub(crate) fn refused(cx: &mut Cx<'_, '_>, refused: &Refused) -> Result<(), EngineError> {
    let Refused { who, method, reason, at, count } = refused;
    let (method, reason) = (method.clone(), Some(reason.as_str()));
    let record = named(who, Record { at: *at, caller: 0, token: None, method, reason, count: *count });
    let number = Counter::Audit.next(cx.tx)?;
    Ok(cx.tx.put(&tables::audited(number), &record)?)
}

fn named(who: &Who, record: Record) -> Record {
    let caller = CALLERS.iter().position(|caller| *caller == who.caller).and_then(|at| u8::try_from(at).ok());
    let token = who.token.as_ref().map(|(id, name)| (ByteArray::new(*id), name.clone()));
    Record { caller: caller.unwrap_or(u8::MAX), token, ..record }
}

/// Drops some of what need not be kept any more. Whether there is more of it.
pub(super) fn prune(cx: &mut Cx<'_, '_>) -> Result<bool, EngineError> {
    let newest = Counter::Audit.get(cx.tx)?;
    let mut removed = 0;
    for (key, record) in cx.tx.scan::<Record>(&tables::audit(), None, PRUNE_BATCH, false)? {
        let is_old = record.at.saturating_add(KEEP) <= cx.now;
        if !is_old && newest.saturating_sub(key.tail_u64()) < MAX_ENTRIES {
            break;
        }
        cx.tx.delete(&key);
        removed += 1;
    }
    Ok(removed == PRUNE_BATCH)
}
