//! Texts that come from other people and end up on somebody's terminal.

/// Longest display name, in characters.
pub(crate) const NAME_MAX_CHARS: usize = 64;

/// A display name: 1 to 64 characters, not only white space, nothing that moves a cursor or reorders text.
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= NAME_MAX_CHARS && text.chars().all(is_plain)
}

/// A note of at most `max` characters; line breaks are allowed.
pub(crate) fn is_note(text: &str, max: usize) -> bool {
    text.chars().count() <= max && text.chars().all(|c| c == '\n' || is_plain(c))
}

/// Neither a control character (escape sequences) nor a directional override or isolate (text that reads
/// differently than it is).
pub(crate) fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_harmless() {
        assert!(is_name("Ada") && is_name("Łukasz 🐑") && is_name(&"n".repeat(64)));
        for bad in ["", "  ", "a\nb", "\u{1b}[31mred", "ada\u{202e}nimda", &"n".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn notes_may_have_lines() {
        assert!(is_note("", 280) && is_note("two\nlines", 280) && is_note(&"é".repeat(280), 280));
        assert!(!is_note("\r\n", 280) && !is_note("\u{7}", 280) && !is_note(&"é".repeat(281), 280));
    }
}
