//! The 24 words: an account's seed as people write it down (BIP 39, English).
//!
//! An error names the position of a mistyped word and the nearest words of the list. It never repeats what was typed, which is secret.

use zeroize::{Zeroize, Zeroizing};

use crate::crypto::secret::Secret;

/// Words of a recovery phrase that holds 32 bytes.
pub const WORDS: usize = 24;
/// Suggestions for a mistyped word.
const SUGGESTIONS: usize = 3;
/// Differences from a word of the list up to which it is suggested: a typo, a swap, a letter too many.
const FAR: usize = 2;

/// Why a text is not a recovery phrase. The words that were typed are never part of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not 24 words.
    #[error("a recovery phrase has 24 words, this has {0}")]
    WordCount(usize),
    /// A word that is not in the list.
    #[error("word {at} of the recovery phrase is not in the word list{}", nearest(.near))]
    UnknownWord {
        /// Which, counted from 1.
        at: usize,
        /// The words of the list that are nearest to it, the nearest first; none if nothing is near.
        near: Vec<&'static str>,
    },
    /// The words are valid, but do not belong together in this order.
    #[error("the recovery phrase is mistyped: a word is wrong or two are swapped")]
    Checksum,
}

fn nearest(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; the nearest are: {}", near.join(", ")) }
}

/// The seed of a phrase: 24 English words of BIP 39, in any case, separated by any white space, perhaps numbered.
pub(super) fn seed(phrase: &str) -> Result<Secret<32>, PhraseError> {
    let lower = Zeroizing::new(unnumbered(phrase));
    let words = lower.split_whitespace().count();
    if words != WORDS {
        return Err(PhraseError::WordCount(words));
    }
    let mnemonic = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &lower).map_err(|e| match e {
        bip39::Error::UnknownWord(index) => unknown(index, &lower),
        _ => PhraseError::Checksum,
    })?;
    let (mut entropy, _) = mnemonic.to_entropy_array();
    let seed = entropy.first_chunk().map_or([0; 32], |seed| *seed);
    entropy.zeroize();
    Ok(Secret::new(seed))
}

/// The phrase of a seed: 24 lower-case words separated by single spaces.
pub(super) fn words(seed: &Secret<32>) -> Zeroizing<String> {
    let mnemonic = bip39::Mnemonic::from_entropy(seed.expose()).expect("32 bytes are a valid BIP 39 length");
    Zeroizing::new(mnemonic.to_string())
}

fn unknown(index: usize, phrase: &str) -> PhraseError {
    let typed = phrase.split_whitespace().nth(index).unwrap_or_default();
    let list = bip39::Language::English.word_list();
    let mut near: Vec<(usize, &'static str)> =
        list.iter().map(|word| (distance(typed, word), *word)).filter(|(far, _)| *far <= FAR).collect();
    near.sort_unstable();
    let near = near.into_iter().take(SUGGESTIONS).map(|(_, word)| word).collect();
    PhraseError::UnknownWord { at: index + 1, near }
}

/// Letters to insert, drop, change or swap with their neighbour until one word is the other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > FAR {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let change = row[j] + usize::from(a[i] != b[j]);
            let mut best = change.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountSecret;

    fn phrase() -> Zeroizing<String> {
        words(&Secret::new([42; 32]))
    }

    fn is_of_42(text: &str) -> bool {
        seed(text) == Ok(Secret::new([42; 32]))
    }

    #[test]
    fn the_phrase_of_a_known_seed_is_the_one_of_bip_39() {
        let phrase = words(&Secret::new([0; 32]));
        assert_eq!(phrase.split(' ').count(), 24);
        assert!(phrase.starts_with("abandon abandon") && phrase.ends_with("abandon art"));
        let phrase = words(&Secret::new([0xff; 32]));
        assert!(phrase.starts_with("zoo zoo") && phrase.ends_with("zoo vote"));
    }

    #[test]
    fn an_account_comes_back_from_its_phrase() {
        let account = AccountSecret::from_seed([42; 32]);
        let untidy = phrase().to_uppercase().replace(' ', " \n\t");
        assert_eq!(AccountSecret::from_phrase(&untidy).as_ref(), Ok(&account));
    }

    #[test]
    fn a_phrase_may_be_numbered() {
        let words = phrase();
        for separator in [". ", ".", ") ", " ", ": "] {
            let numbered: Vec<String> =
                words.split(' ').enumerate().map(|(at, word)| format!("{}{separator}{word}", at + 1)).collect();
            assert!(is_of_42(&numbered.join("\n")), "{separator:?}");
        }
        assert!(is_of_42(&words.replace(' ', ", ")));
        assert_eq!(seed("1. abandon 2."), Err(PhraseError::WordCount(1)));
    }

    #[test]
    fn phrase_errors_say_what_is_wrong_without_the_words() {
        let phrase = phrase();
        let mut words: Vec<&str> = phrase.split(' ').collect();
        assert_eq!(seed(&words[..23].join(" ")), Err(PhraseError::WordCount(23)));
        words.swap(3, 4);
        assert_eq!(seed(&words.join(" ")), Err(PhraseError::Checksum));
        words[6] = "qqqqq";
        let error = seed(&words.join(" ")).expect_err("not a word of the list");
        assert_eq!(error, PhraseError::UnknownWord { at: 7, near: Vec::new() });
        assert_eq!(error.to_string(), "word 7 of the recovery phrase is not in the word list");
    }

    #[test]
    fn a_mistyped_word_is_told_with_the_nearest_of_the_list() {
        let phrase = phrase();
        let mut words: Vec<&str> = phrase.split(' ').collect();
        for (typed, meant) in [("abandn", "abandon"), ("ablity", "ability"), ("zebar", "zebra"), ("abouut", "about")] {
            words[2] = typed;
            let error = seed(&words.join(" ")).expect_err(typed);
            assert!(
                matches!(&error, PhraseError::UnknownWord { at: 3, near } if near.first() == Some(&meant) && near.len() <= 3),
                "{typed}: {error}"
            );
        }
        let error = seed(&words.join(" ")).expect_err("not a word of the list");
        assert!(
            error
                .to_string()
                .starts_with("word 3 of the recovery phrase is not in the word list; the nearest are: about")
        );
    }
}
