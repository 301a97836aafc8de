//! `token.*`

use covey_api::{ApiError, MAX_TOKEN_CHANNELS, MAX_TOKENS, Reason, Scope, TokenCreate, TokenState};
use covey_pairing::crypto::secret::Secret;
use data_encoding::HEXLOWER;
use rand_core::Rng;
use serde_bytes::ByteArray;
use zeroize::Zeroizing;

use crate::engine::names::pick::Purpose;
use crate::engine::rpc::range;
use crate::engine::tokens::{self, Token};
use crate::engine::{Cx, names};

/// Longest name in characters.
const MAX_NAME: usize = 64;

/// Shortest prefix of an id that names a token.
const MIN_PREFIX: usize = 8;

/// Browsers that are signed in at one time; the one that was not used for the longest time makes room.
const MAX_BROWSERS: usize = 32;

/// What tokens begin with, so that one is recognised where it should not be.
pub const PREFIX: &str = "cvt_";

/// What the one who makes a token may give away.
#[derive(Debug, Clone)]
pub struct Grantor {
    /// Their own scopes, as bits.
    pub scopes: u8,
    /// When their own token ends.
    pub expires_at: Option<u64>,
}

/// `token.create`: what is stored, and the token itself.
///
/// # Errors
/// A name that is none or taken, no scope or one that the grantor lacks, unknown channels, a life that is too long.
pub fn create(
    cx: &mut Cx<'_, '_>,
    params: &TokenCreate,
    grantor: &Grantor,
) -> Result<(Token, Zeroizing<String>), ApiError> {
    let name = name(&params.name)?;
    let scopes = granted(&params.scopes, grantor)?;
    let channels = params.channels.as_deref().map(|names| bound(cx, names)).transpose()?;
    let expires_at = end(cx.now, params.expires_in, grantor)?;
    let known = tokens::all(cx.tx)?;
    let in_use = |token: &&Token| !token.browser && token.state(cx.now) == TokenState::Active;
    if known.iter().filter(in_use).any(|token| token.name.to_lowercase() == name.to_lowercase()) {
        let taken = format!("Another token is called \"{name}\". Revoke that one first, or choose another name.");
        return Err(ApiError::new(Reason::TokenNameTaken, taken));
    }
    if known.iter().filter(in_use).count() >= MAX_TOKENS {
        let full = format!("There are {MAX_TOKENS} tokens already. Revoke one that is not needed any more.");
        return Err(ApiError::new(Reason::LimitReached, full).with_data(serde_json::json!({ "limit": MAX_TOKENS })));
    }
    let token = Zeroizing::new(format!("{PREFIX}{}", HEXLOWER.encode(Secret::<32>::random(cx.rng).expose())));
    let stored = Token {
        id: new_id(cx),
        name,
        browser: false,
        hash: ByteArray::new(tokens::hash(&token)),
        scopes,
        channels,
        created_at: cx.now,
        expires_at,
        used_at: None,
        revoked_at: None,
    };
    stored.save(cx.tx)?;
    Ok((stored, token))
}

/// Signs a browser in that will show `hash`ed secrets. Also gives those that were signed out to make room for it.
///
/// # Errors
/// Those of the store.
pub fn sign_in(
    cx: &mut Cx<'_, '_>,
    name: String,
    hash: [u8; 32],
    expires_at: u64,
) -> Result<(Token, Vec<Token>), ApiError> {
    let mut browsers = tokens::all(cx.tx)?;
    browsers.retain(|token| token.browser && token.state(cx.now) == TokenState::Active);
    browsers.sort_by_key(|token| token.used_at.unwrap_or(token.created_at));
    let too_many = (browsers.len() + 1).saturating_sub(MAX_BROWSERS);
    browsers.truncate(too_many);
    for browser in &mut browsers {
        browser.revoked_at = Some(cx.now);
        browser.save(cx.tx)?;
    }
    let stored = Token {
        id: new_id(cx),
        name,
        browser: true,
        hash: ByteArray::new(hash),
        scopes: tokens::bits(&Scope::ALL),
        channels: None,
        created_at: cx.now,
        expires_at: Some(expires_at),
        used_at: Some(cx.now),
        revoked_at: None,
    };
    stored.save(cx.tx)?;
    Ok((stored, browsers))
}

/// `token.list`
///
/// # Errors
/// Those of the store.
pub fn list(cx: &mut Cx<'_, '_>, all: bool) -> Result<Vec<Token>, ApiError> {
    let mut found = tokens::all(cx.tx)?;
    found.retain(|token| all || token.state(cx.now) == TokenState::Active);
    found.sort_by_key(|token| (std::cmp::Reverse(token.created_at), token.id));
    Ok(found)
}

/// `token.revoke`. One that has ended already stays as it ended.
///
/// # Errors
/// Unknown or ambiguous name or id.
pub fn revoke(cx: &mut Cx<'_, '_>, text: &str) -> Result<Token, ApiError> {
    let mut token = find(cx, text)?;
    if token.state(cx.now) == TokenState::Active {
        token.revoked_at = Some(cx.now);
        token.save(cx.tx)?;
    }
    Ok(token)
}

/// By id, by the name of one in use, by a prefix of an id.
fn find(cx: &Cx<'_, '_>, text: &str) -> Result<Token, ApiError> {
    let wanted = text.trim().to_lowercase();
    let known = tokens::all(cx.tx)?;
    let active = |token: &&Token| token.state(cx.now) == TokenState::Active;
    let by_name = |token: &&Token| !token.browser && token.name.to_lowercase() == wanted;
    let exact = known.iter().find(|token| token.text_id() == wanted);
    if let Some(token) = exact.or_else(|| known.iter().filter(active).find(by_name)) {
        return Ok(token.clone());
    }
    let mut by_prefix = known.iter().filter(|token| token.text_id().starts_with(&wanted));
    match (wanted.len() >= MIN_PREFIX).then(|| (by_prefix.next(), by_prefix.next())) {
        Some((Some(token), None)) => Ok(token.clone()),
        Some((Some(_), Some(_))) => Err(ApiError::new(
            Reason::NoSuchToken,
            format!("Several tokens have an id that begins with \"{text}\"; give the whole id."),
        )),
        _ => Err(ApiError::new(
            Reason::NoSuchToken,
            format!("No token is called \"{text}\"; `covey token list` shows them."),
        )),
    }
}

fn new_id(cx: &mut Cx<'_, '_>) -> ByteArray<8> {
    ByteArray::new(cx.rng.next_u64().to_be_bytes())
}

fn name(text: &str) -> Result<String, ApiError> {
    let name = text.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) || name.starts_with('-') {
        return Err(ApiError::invalid_params(format!(
            "The name of a token has 1 to {MAX_NAME} characters, without control characters and without a dash in front."
        )));
    }
    Ok(name.to_owned())
}

fn granted(scopes: &[Scope], grantor: &Grantor) -> Result<u8, ApiError> {
    if scopes.is_empty() {
        return Err(ApiError::invalid_params(
            "A token needs at least one scope: read, send, pair, group, admin, metrics.",
        ));
    }
    if let Some(missing) = scopes.iter().find(|scope| grantor.scopes & tokens::bit(**scope) == 0) {
        return Err(ApiError::new(
            Reason::NotAllowed,
            format!("A token can only make tokens with scopes that it has itself, and this one has not `{missing}`."),
        )
        .with_data(serde_json::json!({ "needs": missing, "scopes": tokens::scopes(grantor.scopes) })));
    }
    Ok(tokens::bits(scopes))
}

fn bound(cx: &Cx<'_, '_>, names: &[String]) -> Result<Vec<ByteArray<32>>, ApiError> {
    if names.is_empty() || names.len() > MAX_TOKEN_CHANNELS {
        return Err(ApiError::invalid_params(format!(
            "A token is bound to 1 to {MAX_TOKEN_CHANNELS} channels; leave `channels` out for one that is not."
        )));
    }
    let mut bound = Vec::new();
    for name in names {
        let id = ByteArray::new(*names::channel(cx, name, Purpose::Change)?.id.as_bytes());
        if !bound.contains(&id) {
            bound.push(id);
        }
    }
    Ok(bound)
}

fn end(now: u64, expires_in: Option<u64>, grantor: &Grantor) -> Result<Option<u64>, ApiError> {
    let end = range::end(now, expires_in)?;
    // Nobody makes a token that outlives their own.
    Ok(match (end, grantor.expires_at) {
        (Some(end), Some(own)) => Some(end.min(own)),
        (end, own) => end.or(own),
    })
}
