//! A line of a shell, as far as it was typed, and words for it.

/// What bash splits words at, over the blanks: it puts a candidate in the place of what follows the last of them.
const BREAKS: [char; 2] = [':', '='];

/// How the word at the cursor was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// A line up to the cursor.
#[derive(Debug)]
pub(super) struct Line {
    /// The words before the one at the cursor, without the name of the program.
    pub(super) words: Vec<String>,
    /// The word at the cursor.
    pub(super) last: String,
    quote: Quote,
    /// What of it bash takes for words of their own.
    split_off: usize,
}

impl Line {
    /// Takes it apart as shells do, without carrying out any of it.
    pub(super) fn read(text: &str) -> Self {
        let mut line = Self { words: Vec::new(), last: String::new(), quote: Quote::None, split_off: 0 };
        let mut begun = false;
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match (line.quote, letter) {
                (Quote::None, ' ' | '\t' | '\n') => {
                    if begun {
                        line.words.push(std::mem::take(&mut line.last));
                        line.split_off = 0;
                    }
                    begun = false;
                    continue;
                }
                (Quote::None, '\'') => line.quote = Quote::Single,
                (Quote::None, '"') => line.quote = Quote::Double,
                (Quote::Single, '\'') | (Quote::Double, '"') => line.quote = Quote::None,
                (Quote::None | Quote::Double, '\\') => line.last.extend(letters.next()),
                (Quote::None, letter) => {
                    line.last.push(letter);
                    if BREAKS.contains(&letter) {
                        line.split_off = line.last.len();
                    }
                }
                (_, letter) => line.last.push(letter),
            }
            begun = true;
        }
        if !line.words.is_empty() {
            line.words.remove(0);
        }
        line
    }

    /// A word as bash is to put it into the line.
    pub(super) fn quoted(&self, word: &str) -> String {
        let word = word.get(self.split_off..).unwrap_or_default();
        match self.quote {
            Quote::Single => word.replace('\'', "'\\''"),
            Quote::Double => escaped(word, |c| "\"$`\\!".contains(c)),
            Quote::None => escaped(word, |c| !(c.is_alphanumeric() || "-_.@/,+%:=".contains(c))),
        }
    }
}

fn escaped(word: &str, needs: impl Fn(char) -> bool) -> String {
    let mut quoted = String::new();
    for letter in word.chars() {
        if needs(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_a_shell_does_it() {
        for (text, words, last) in [
            ("covey ", &[][..], ""),
            ("covey se", &[], "se"),
            ("covey send 'Bob M", &["send"], "Bob M"),
            ("covey send Bob\\ M", &["send"], "Bob M"),
            ("covey send \"o'neil\" ", &["send", "o'neil"], ""),
            ("covey send '' x", &["send", ""], "x"),
            ("covey --data-dir=./al", &[], "--data-dir=./al"),
        ] {
            let line = Line::read(text);
            assert_eq!(
                (line.words.as_slice(), line.last.as_str()),
                (words.map_to_strings().as_slice(), last),
                "{text}"
            );
        }
    }

    trait MapToStrings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl MapToStrings for &[&str] {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn a_word_is_quoted_as_it_was_begun() {
        for (text, word, quoted) in [
            ("covey send ", "Bob Müller", "Bob\\ Müller"),
            ("covey send 'B", "Bob's car", "Bob'\\''s car"),
            ("covey send \"B", "Bob $x", "Bob \\$x"),
            ("covey send ", "a;rm -rf *", "a\\;rm\\ -rf\\ \\*"),
            ("covey send x:", "x:y", "y"),
            ("covey --channel=", "--channel=Lake", "Lake"),
        ] {
            assert_eq!(Line::read(text).quoted(word), quoted, "{text}");
        }
    }
}
