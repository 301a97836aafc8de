//! Invite tokens: a stranger who holds one was given a ticket by the operator, so needs no proof of work.
//!
//! A token never travels: the invite carries a tag made with it, which is checked before any key agreement.
//! `pairing/SPEC.md`, section Limits.

use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use subtle::ConstantTimeEq;

use crate::{
    crypto::{
        hash::{blake3, derive_key},
        kdf::hmac,
        secret::Secret,
    },
    ids::AccountId,
    version::Version,
};

const TAG_CONTEXT: &[u8] = b"covey invite token v1\0";
const ID_CONTEXT: &str = "covey 2026 invite token id v1";
/// Tokens that may be valid at once: each costs one HMAC per stranger's invite.
const MAX_TOKENS: usize = 64;

/// The secret in a ticket, 16 bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(Secret<16>);

impl Token {
    /// A fresh token.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::random(rng))
    }

    /// The tag that shows knowledge of this token, for one handshake message to one account.
    pub fn tag(&self, invitee: &AccountId, message: &[u8]) -> TokenTag {
        let about = [TAG_CONTEXT, invitee.as_bytes(), &blake3(message)].concat();
        let mut tag = [0; 16];
        tag.copy_from_slice(&hmac(self.0.expose(), &about).expose()[..16]);
        TokenTag(ByteArray::new(tag))
    }

    /// The name under which the operator sees and revokes it.
    pub fn id(&self) -> TokenId {
        let mut id = [0; 8];
        id.copy_from_slice(&derive_key(ID_CONTEXT, self.0.expose()).expose()[..8]);
        TokenId(ByteArray::new(id))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id())
    }
}

/// Proof of holding a token, bound to one handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenTag(ByteArray<16>);

/// Public name of a token. Text form: hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(ByteArray<8>);

impl TokenId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(ByteArray::new(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(self.0.as_slice()))
    }
}

impl std::str::FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).map_err(|_| TokenError::BadId)?;
        <[u8; 8]>::try_from(bytes).map(|id| Self(ByteArray::new(id))).map_err(|_| TokenError::BadId)
    }
}

/// Why a token operation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// As many tokens are valid as may be.
    #[error("{MAX_TOKENS} tokens are in use; revoke one first")]
    Full,
    /// No uses, or an expiry that has passed.
    #[error("a token needs at least one use and an expiry in the future")]
    Useless,
    /// Not the text form of a token id.
    #[error("this is not a token id (16 hexadecimal digits)")]
    BadId,
}

/// A token this account gave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The secret.
    pub token: Token,
    /// Invites it still lets in.
    pub uses_left: u32,
    /// End of validity, Unix milliseconds.
    pub expires_at: u64,
}

/// The tokens this account gave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBook {
    v: Version<1>,
    records: Vec<TokenRecord>,
}

impl TokenBook {
    /// Makes a token good for `uses` invites until `expires_at` (Unix milliseconds); spent ones make room.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn issue(
        &mut self,
        uses: u32,
        expires_at: u64,
        now: u64,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Token, TokenError> {
        if uses == 0 || expires_at <= now {
            return Err(TokenError::Useless);
        }
        self.records.retain(|r| r.is_valid(now));
        if self.records.len() >= MAX_TOKENS {
            return Err(TokenError::Full);
        }
        let token = Token::generate(rng);
        self.records.push(TokenRecord { token: token.clone(), uses_left: uses, expires_at });
        Ok(token)
    }

    /// The valid token a tag was made with. Costs one HMAC per valid token and no key agreement.
    pub fn recognise(&self, tag: &TokenTag, invitee: &AccountId, message: &[u8], now: u64) -> Option<TokenId> {
        let made_with = |r: &&TokenRecord| bool::from(r.token.tag(invitee, message).0.ct_eq(tag.0.as_slice()));
        self.records.iter().filter(|r| r.is_valid(now)).find(made_with).map(|r| r.token.id())
    }

    /// Counts one use. Call it when an invite became a new pending request, in the same transaction.
    pub fn spend(&mut self, id: &TokenId) {
        if let Some(record) = self.records.iter_mut().find(|r| r.token.id() == *id) {
            record.uses_left = record.uses_left.saturating_sub(1);
        }
    }

    /// Takes a token that another device of the account made, or what is left of one that is here. Spent ones make room; beyond
    /// the limit it is not taken.
    pub fn put(&mut self, record: TokenRecord, now: u64) {
        self.revoke(&record.token.id());
        self.records.retain(|r| r.is_valid(now));
        if self.records.len() < MAX_TOKENS && record.is_valid(now) {
            self.records.push(record);
        }
    }

    /// The token with an id, while somebody can be let in with it.
    pub fn get(&self, id: &TokenId) -> Option<&TokenRecord> {
        self.records.iter().find(|r| r.token.id() == *id)
    }

    /// Ends a token. False when there is none of this id.
    pub fn revoke(&mut self, id: &TokenId) -> bool {
        let before = self.records.len();
        self.records.retain(|r| r.token.id() != *id);
        self.records.len() < before
    }

    /// The tokens that still let somebody in.
    pub fn valid(&self, now: u64) -> impl Iterator<Item = &TokenRecord> {
        self.records.iter().filter(move |r| r.is_valid(now))
    }
}

impl TokenRecord {
    fn is_valid(&self, now: u64) -> bool {
        self.uses_left > 0 && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const ME: AccountId = AccountId::from_bytes([1; 32]);

    fn book(uses: u32) -> (TokenBook, Token) {
        let mut book = TokenBook::default();
        let token = book.issue(uses, 1000, 0, &mut ChaCha20Rng::seed_from_u64(1)).expect("room");
        (book, token)
    }

    /// [LIMIT-2]
    #[test]
    fn a_tag_is_recognised_for_its_message_and_account_only() {
        let (book, token) = book(1);
        let tag = token.tag(&ME, b"message");
        assert_eq!(book.recognise(&tag, &ME, b"message", 10), Some(token.id()));
        assert_eq!(book.recognise(&tag, &ME, b"another", 10), None);
        assert_eq!(book.recognise(&tag, &AccountId::from_bytes([2; 32]), b"message", 10), None);
        let guess = Token::generate(&mut ChaCha20Rng::seed_from_u64(2)).tag(&ME, b"message");
        assert_eq!(book.recognise(&guess, &ME, b"message", 10), None);
    }

    /// [LIMIT-3]
    #[test]
    fn a_token_ends_by_use_by_time_and_by_revocation() {
        let (mut used, token) = book(2);
        let tag = token.tag(&ME, b"m");
        used.spend(&token.id());
        assert!(used.recognise(&tag, &ME, b"m", 10).is_some());
        assert!(used.recognise(&tag, &ME, b"m", 1000).is_none());
        let mut revoked = used.clone();
        assert!(revoked.revoke(&token.id()) && !revoked.revoke(&token.id()));
        assert!(revoked.recognise(&tag, &ME, b"m", 10).is_none());
        used.spend(&token.id());
        used.spend(&token.id());
        assert!(used.recognise(&tag, &ME, b"m", 10).is_none());
        assert_eq!(used.valid(10).count(), 0);
    }

    #[test]
    fn the_book_is_bounded_and_spent_tokens_make_room() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut book = TokenBook::default();
        for _ in 0..MAX_TOKENS {
            book.issue(1, 1000, 0, &mut rng).expect("room");
        }
        assert_eq!(book.issue(1, 1000, 0, &mut rng), Err(TokenError::Full));
        assert!(book.issue(1, 2000, 1000, &mut rng).is_ok());
        assert_eq!(book.issue(0, 2000, 1000, &mut rng), Err(TokenError::Useless));
        assert_eq!(book.issue(1, 1000, 1000, &mut rng), Err(TokenError::Useless));
    }

    #[test]
    fn a_token_of_another_device_is_taken_with_what_is_left_of_it_within_the_limit() {
        let (mut book, token) = book(2);
        let other = Token::generate(&mut ChaCha20Rng::seed_from_u64(3));
        let tag = other.tag(&ME, b"m");
        book.put(TokenRecord { token: other.clone(), uses_left: 1, expires_at: 1000 }, 10);
        assert_eq!(book.recognise(&tag, &ME, b"m", 10), Some(other.id()));
        book.put(TokenRecord { token: other.clone(), uses_left: 0, expires_at: 1000 }, 10);
        assert!(book.recognise(&tag, &ME, b"m", 10).is_none() && book.get(&other.id()).is_none());
        assert!(book.get(&token.id()).is_some());
        for seed in 0..2 * MAX_TOKENS as u64 {
            let token = Token::generate(&mut ChaCha20Rng::seed_from_u64(seed + 10));
            book.put(TokenRecord { token, uses_left: 1, expires_at: 1000 }, 10);
        }
        assert_eq!(book.valid(10).count(), MAX_TOKENS);
    }

    #[test]
    fn debug_shows_the_name_of_a_token_not_the_token() {
        let (_, token) = book(1);
        assert_eq!(format!("{token:?}"), format!("Token({})", token.id()));
        assert_eq!(token.id().to_string().parse(), Ok(token.id()));
        assert_eq!("xyz".parse::<TokenId>(), Err(TokenError::BadId));
    }
}
