//! `audit.*`

use covey_api::{ApiError, AuditEntry, AuditList, MAX_AUDIT_PAGE, Reason, Time};
use serde_json::Value;

use crate::engine::audit::Record;
use crate::engine::rpc::range;
use crate::engine::{Cx, tables};

/// Entries on a page unless told.
const PAGE: u32 = 100;

/// Entries looked at in one part.
const LOOK: usize = 500;

/// `audit.list`
///
/// # Errors
/// An id that is none, a page that is too long.
pub fn list(cx: &mut Cx<'_, '_>, params: &AuditList) -> Result<Vec<AuditEntry>, ApiError> {
    let limit = range::page(params.limit, PAGE, MAX_AUDIT_PAGE)?;
    let mut before = match &params.before {
        Some(text) => Some(text.parse::<u64>().map_err(|_| {
            ApiError::invalid_params(format!("`before` is the id of an entry, and \"{text}\" is none."))
        })?),
        None => None,
    };
    let mut found = Vec::new();
    loop {
        let from = before.map(tables::audited);
        let rows = cx.tx.scan::<Record>(&tables::audit(), from.as_ref(), LOOK, true)?;
        let ended = rows.len() < LOOK;
        for (key, record) in rows {
            before = Some(key.tail_u64());
            let token = record.token.as_ref().map(|(id, _)| data_encoding::HEXLOWER.encode(&**id));
            let of_token = params.token.is_none() || token == params.token;
            if of_token && (record.reason.is_some() || !params.refused) {
                found.push(show(key.tail_u64(), token, record));
            }
            if found.len() == limit {
                return Ok(found);
            }
        }
        if ended {
            return Ok(found);
        }
    }
}

fn show(number: u64, token: Option<String>, record: Record) -> AuditEntry {
    let reason = |text: String| serde_json::from_value(Value::String(text)).unwrap_or(Reason::Unknown);
    AuditEntry {
        id: number.to_string(),
        at: Time::from_unix_ms(record.at),
        caller: record.caller(),
        token,
        token_name: record.token.map(|(_, name)| name),
        method: record.method,
        reason: record.reason.map(reason),
        count: record.count,
    }
}
