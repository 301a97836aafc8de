//! What a name may be: the rule that a daemon holds its operator to, and that clients show the names of others by.
//!
//! A name is read by people and typed into shells. So one that an operator gives (to a contact, a group or the own
//! account) has no character that cannot be seen, nothing that reorders text, and no dash in front, which would make it a
//! flag. Names that come from others were not held to this; [`visible`] makes what is hidden in them show.

/// Longest name, in characters.
pub const MAX_NAME: usize = 64;

/// Why a text is not a name. Each is a full sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Nothing, or too much.
    #[error("A name has 1 to {MAX_NAME} characters.")]
    Length,
    /// It would be taken for a flag.
    #[error("A name has 1 to {MAX_NAME} characters and does not begin with a dash.")]
    Dash,
    /// It would be taken for an id or a ticket.
    #[error("A name has 1 to {MAX_NAME} characters and does not begin like an id or a ticket.")]
    LikeId,
    /// It has a character that cannot be seen, or that reorders the others.
    #[error("A name has 1 to {MAX_NAME} characters that can be seen; U+{:04X} cannot.", u32::from(*.0))]
    Invisible(char),
}

/// The name that an operator means by `text`: without the white space around it.
///
/// # Errors
/// [`NameProblem`] that says what to leave out.
pub fn name(text: &str) -> Result<&str, NameProblem> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(NameProblem::Length);
    }
    if let Some(hidden) = marked(name).find_map(|(c, hidden)| hidden.then_some(c)) {
        return Err(NameProblem::Invisible(hidden));
    }
    if name.starts_with('-') {
        return Err(NameProblem::Dash);
    }
    let folded = name.to_lowercase();
    if ["cv1", "cvd1", "covey:", "covey-group:"].iter().any(|prefix| folded.starts_with(prefix)) {
        return Err(NameProblem::LikeId);
    }
    Ok(name)
}

/// The name of somebody else, with `�` for each character that cannot be seen or that reorders the others.
#[must_use]
pub fn visible(name: &str) -> String {
    marked(name).map(|(c, hidden)| if hidden { '\u{fffd}' } else { c }).collect()
}

/// A name as one word of a shell command that is advised: quoted if it has to be.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.@:+/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Whether a character shows nothing by itself, or changes the order of others.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    // Unicode's Default_Ignorable_Code_Point and the general categories Cc, Cf, Zl and Zp, less the Arabic and Indic signs
    // of Cf that are seen; and the blank of Braille.
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{13430}'..='\u{1343f}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Each character, and whether it is hidden. A joiner between two pictures, and the mark that asks for the coloured form of
/// one, are part of what is seen.
fn marked(name: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    let mut rest = name.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let shown = match c {
            '\u{fe0f}' => before.is_some_and(is_picture),
            '\u{200d}' => {
                before.is_some_and(|b| b == '\u{fe0f}' || is_picture(b)) && rest.peek().copied().is_some_and(is_picture)
            }
            c => !is_invisible(c),
        };
        before = Some(c);
        Some((c, !shown))
    })
}

/// An emoji, roughly: a visible character outside of ASCII that is neither a letter nor a digit nor a space.
fn is_picture(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_people_can_see_and_shells_can_take() {
        for good in ["Ada", " Łukasz 🐑 ", "日本", "o'neil", "a-b", "🏳️‍🌈 Kim", "❤️", "👩🏽‍🚀", &"n".repeat(64)]
        {
            assert_eq!(name(good), Ok(good.trim()), "{good:?}");
        }
        for (bad, problem) in [
            ("", NameProblem::Length),
            ("  ", NameProblem::Length),
            (&"n".repeat(65), NameProblem::Length),
            ("-rf", NameProblem::Dash),
            ("-", NameProblem::Dash),
            ("cv1bob", NameProblem::LikeId),
            ("Covey:x", NameProblem::LikeId),
            ("two\nlines", NameProblem::Invisible('\n')),
            ("Al\u{200b}ice", NameProblem::Invisible('\u{200b}')),
            ("\u{202e}txt.exe", NameProblem::Invisible('\u{202e}')),
            ("bob\u{fe0f}", NameProblem::Invisible('\u{fe0f}')),
            ("bob\u{200d}", NameProblem::Invisible('\u{200d}')),
            ("bob\u{3164}", NameProblem::Invisible('\u{3164}')),
            ("\u{e0041}bob", NameProblem::Invisible('\u{e0041}')),
            ("\u{ad}", NameProblem::Invisible('\u{ad}')),
        ] {
            assert_eq!(name(bad), Err(problem), "{bad:?}");
            assert!(problem.to_string().ends_with('.'), "{problem}");
        }
    }

    #[test]
    fn what_is_hidden_in_the_name_of_a_stranger_shows() {
        assert_eq!(visible("Al\u{200b}ice"), "Al\u{fffd}ice");
        assert_eq!(visible("\u{202e}bob\x1b"), "\u{fffd}bob\u{fffd}");
        assert_eq!(visible("🏳️‍🌈 Kim"), "🏳️‍🌈 Kim");
    }

    #[test]
    fn a_name_in_advice_survives_the_shell() {
        assert_eq!(shell_word("alice"), "alice");
        assert_eq!(shell_word("my mum"), "'my mum'");
        assert_eq!(shell_word("o'neil"), "'o'\\''neil'");
    }
}
