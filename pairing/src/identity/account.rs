//! The account: one seed, written down as 24 words, from which its keys come.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    crypto::{
        dh::DhSecret,
        hash::{derive_bytes, derive_key},
        kem::{KemPublic, KemSecret},
        secret::Secret,
        sign::SigningSecret,
    },
    ids::AccountId,
};

const SIGNING_CONTEXT: &str = "covey 2026 account signing key v1";
const DH_CONTEXT: &str = "covey 2026 account dh key v1";
const KEM_CONTEXT: &str = "covey 2026 account kem key v1";
/// Words of a recovery phrase that holds 32 bytes (BIP 39).
const WORDS: usize = 24;

/// Why a text is not a recovery phrase. The words themselves are never part of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not 24 words.
    #[error("a recovery phrase has 24 words, this has {0}")]
    WordCount(usize),
    /// A word that is not in the list.
    #[error("word {0} of the recovery phrase is not in the word list")]
    UnknownWord(usize),
    /// The words are valid, but do not belong together in this order.
    #[error("the recovery phrase is mistyped: a word is wrong or two are swapped")]
    Checksum,
}

/// The secrets of an account, all derived from a 32-byte seed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Secret<32>", into = "Secret<32>")]
pub struct AccountSecret {
    seed: Secret<32>,
    signing: SigningSecret,
    dh: DhSecret,
    kem: KemSecret,
    kem_key: KemPublic,
    id: AccountId,
}

impl AccountSecret {
    /// A new account.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::from(Secret::random(rng))
    }

    /// The account of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::from(Secret::new(seed))
    }

    /// The account of a recovery phrase: 24 English words of BIP 39, in any case, separated by any whitespace.
    ///
    /// # Errors
    /// [`PhraseError`] says what is wrong without repeating the words.
    pub fn from_phrase(phrase: &str) -> Result<Self, PhraseError> {
        let lower = Zeroizing::new(unnumbered(phrase));
        let words = lower.split_whitespace().count();
        if words != WORDS {
            return Err(PhraseError::WordCount(words));
        }
        let mnemonic = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &lower).map_err(|e| match e {
            bip39::Error::UnknownWord(index) => PhraseError::UnknownWord(index + 1),
            _ => PhraseError::Checksum,
        })?;
        let (mut entropy, _) = mnemonic.to_entropy_array();
        let seed = entropy.first_chunk().map_or([0; 32], |seed| *seed);
        entropy.zeroize();
        Ok(Self::from_seed(seed))
    }

    /// The recovery phrase: 24 lower-case words separated by single spaces.
    pub fn phrase(&self) -> Zeroizing<String> {
        let mnemonic = bip39::Mnemonic::from_entropy(self.seed.expose()).expect("32 bytes are a valid BIP 39 length");
        Zeroizing::new(mnemonic.to_string())
    }

    /// The seed, for key blinding and backups.
    pub fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// The account's name.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The key behind [`AccountSecret::id`].
    pub fn signing(&self) -> &SigningSecret {
        &self.signing
    }

    /// The static key of the consent handshake.
    pub fn dh(&self) -> &DhSecret {
        &self.dh
    }

    /// The decapsulation key of sealed invites.
    pub(crate) fn kem(&self) -> &KemSecret {
        &self.kem
    }

    /// Its encapsulation key. Others know it by [`KemPublic::hash`], from a ticket or a card.
    pub fn kem_key(&self) -> &KemPublic {
        &self.kem_key
    }
}

/// The words in lower case, without the numbers that people write before them: `1. abandon`, `2) ability`, `3 able`.
fn unnumbered(phrase: &str) -> String {
    let mut words = String::with_capacity(phrase.len());
    for word in phrase.split_whitespace() {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let word = if rest.len() < word.len() { rest.trim_start_matches(['.', ')', ':']) } else { word };
        let word = word.trim_end_matches([',', ';']);
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            word.chars().flat_map(char::to_lowercase).for_each(|c| words.push(c));
        }
    }
    words
}

impl From<Secret<32>> for AccountSecret {
    fn from(seed: Secret<32>) -> Self {
        let signing = SigningSecret::from_seed(*derive_key(SIGNING_CONTEXT, seed.expose()).expose());
        let dh = DhSecret::from_bytes(*derive_key(DH_CONTEXT, seed.expose()).expose());
        let kem = KemSecret::from_seed(*derive_bytes(KEM_CONTEXT, seed.expose()).expose());
        let (kem_key, id) = (kem.public(), signing.public().into());
        Self { seed, signing, dh, kem, kem_key, id }
    }
}

impl From<AccountSecret> for Secret<32> {
    fn from(account: AccountSecret) -> Self {
        account.seed
    }
}

impl std::fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountSecret({:?})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phrase_of_a_known_seed_is_the_one_of_bip_39() {
        let phrase = AccountSecret::from_seed([0; 32]).phrase();
        assert_eq!(phrase.split(' ').count(), 24);
        assert!(phrase.starts_with("abandon abandon") && phrase.ends_with("abandon art"));
        let phrase = AccountSecret::from_seed([0xff; 32]).phrase();
        assert!(phrase.starts_with("zoo zoo") && phrase.ends_with("zoo vote"));
    }

    #[test]
    fn an_account_comes_back_from_its_phrase() {
        let account = AccountSecret::from_seed([42; 32]);
        let untidy = account.phrase().to_uppercase().replace(' ', " \n\t");
        assert_eq!(AccountSecret::from_phrase(&untidy).as_ref(), Ok(&account));
    }

    #[test]
    fn a_phrase_may_be_numbered() {
        let account = AccountSecret::from_seed([42; 32]);
        let words = account.phrase();
        for separator in [". ", ".", ") ", " ", ": "] {
            let numbered: Vec<String> =
                words.split(' ').enumerate().map(|(at, word)| format!("{}{separator}{word}", at + 1)).collect();
            assert_eq!(AccountSecret::from_phrase(&numbered.join("\n")).as_ref(), Ok(&account), "{separator:?}");
        }
        assert_eq!(AccountSecret::from_phrase(&words.replace(' ', ", ")).as_ref(), Ok(&account));
        assert_eq!(AccountSecret::from_phrase("1. abandon 2."), Err(PhraseError::WordCount(1)));
    }

    #[test]
    fn phrase_errors_say_what_is_wrong_without_the_words() {
        let phrase = AccountSecret::from_seed([42; 32]).phrase();
        let mut words: Vec<&str> = phrase.split(' ').collect();
        assert_eq!(AccountSecret::from_phrase(&words[..23].join(" ")), Err(PhraseError::WordCount(23)));
        words.swap(3, 4);
        assert_eq!(AccountSecret::from_phrase(&words.join(" ")), Err(PhraseError::Checksum));
        words[6] = "xyzzy";
        let error = AccountSecret::from_phrase(&words.join(" ")).expect_err("not a word of the list");
        assert_eq!(error, PhraseError::UnknownWord(7));
        assert!(!error.to_string().contains("xyzzy"));
    }

    #[test]
    fn the_keys_of_an_account_are_independent_and_come_back_with_its_seed() {
        let account = AccountSecret::from_seed([42; 32]);
        assert_eq!(AccountSecret::from_phrase(&account.phrase()).expect("its own").kem_key(), account.kem_key());
        assert_ne!(AccountSecret::from_seed([43; 32]).kem_key(), account.kem_key());
        assert_ne!(account.signing().expose_seed(), account.dh().expose());
        assert_ne!(account.signing().expose_seed(), account.seed().expose());
    }

    #[test]
    fn debug_shows_no_secret() {
        let account = AccountSecret::from_seed([42; 32]);
        assert_eq!(format!("{account:?}"), format!("AccountSecret({})", account.id().fmt_short()));
    }
}
