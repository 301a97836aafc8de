//! Numbers that clients give: refused beyond their range, never bent into it.

use covey_api::{ApiError, MAX_TOKEN_LIFE, Reason};

/// `value` of the parameter `name`, if it is one of `least..=most`.
///
/// # Errors
/// [`Reason::InvalidParams`], with the range.
pub(super) fn within<T>(name: &str, value: T, least: T, most: T) -> Result<T, ApiError>
where
    T: Copy + PartialOrd + std::fmt::Display + serde::Serialize,
{
    if value >= least && value <= most {
        return Ok(value);
    }
    let message = format!("`{name}` is {least} to {most}, not {value}.");
    let details = serde_json::json!({ "parameter": name, "least": least, "most": most });
    Err(ApiError::new(Reason::InvalidParams, message).with_data(details))
}

/// How many there may be on a page.
///
/// # Errors
/// As [`within`].
pub(super) fn page(limit: Option<u32>, unless_told: u32, most: u32) -> Result<usize, ApiError> {
    Ok(within("limit", limit.unwrap_or(unless_told), 1, most)? as usize)
}

/// When something ends that lasts `seconds` from `now` on, Unix milliseconds.
///
/// # Errors
/// As [`within`].
pub(super) fn end(now: u64, seconds: Option<u64>) -> Result<Option<u64>, ApiError> {
    let seconds = seconds.map(|seconds| within("expires_in", seconds, 1, MAX_TOKEN_LIFE)).transpose()?;
    Ok(seconds.map(|seconds| now.saturating_add(seconds.saturating_mul(1_000))))
}
