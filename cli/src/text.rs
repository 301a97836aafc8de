//! Text for terminals: colours of our own, and nothing but text from others.

use covey_api::names;

/// Colours, or not.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub(crate) bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Whether anything is painted at all.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// A heading: bold.
    #[must_use]
    pub fn heading(self, text: &str) -> String {
        self.bold(text)
    }

    /// What matters less: dim.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }
}

/// Text of somebody else, safe to print: control characters (escape sequences among them) and characters that reorder
/// what is shown become `�`; line breaks and tabs stay.
#[must_use]
pub(crate) fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if harmless(c) || c == '\n' || c == '\t' { c } else { '\u{fffd}' })
        .collect()
}

/// The same on one line, for what somebody said: notes and the beginnings of messages.
#[must_use]
pub(crate) fn clean_words(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// One line of anything else (names above all), with `�` also for what cannot be seen: nobody can look like somebody else
/// by it.
#[must_use]
pub(crate) fn clean_line(text: &str) -> String {
    names::visible(&text.replace("\r\n", " ").replace(['\n', '\t'], " "))
}

/// At most `columns` characters, the last of them `…` if something is missing.
#[must_use]
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let head: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

/// The start of an id, enough for people. The daemon takes 8 characters and more. People decide about others by the ids
/// of accounts, so those carry 50 bits: ten characters of five after the prefix.
#[must_use]
pub(crate) fn short_id(id: &str) -> String {
    let len = match () {
        () if id.starts_with("cvd1") => 14,
        () if id.starts_with("cv1") => 13,
        () => 8,
    };
    id.chars().take(len).collect()
}

/// The start of a group's id: people accept and decline by it, so it carries 50 bits as well, of four to a character.
#[must_use]
pub(crate) fn short_group(id: &str) -> String {
    id.chars().take(13).collect()
}

/// JSON text in which no character can steer a terminal: outside of strings there are none, inside they become escapes.
#[must_use]
pub(crate) fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if harmless(c) || c == '\n' {
            safe.push(c);
        } else {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    safe
}

fn harmless(c: char) -> bool {
    // Bidirectional overrides and isolates: they make text read differently from what it is.
    let reorders =
        matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}');
    !c.is_control() && !reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_others_never_reach_the_terminal() {
        let hostile = "hi\x1b]0;owned\x07\x1b[2J\u{9b}31m\r\nthere\u{202e}";
        let shown = clean(hostile);
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        assert!(!shown.contains('\u{202e}'));
        assert!(!clean_line(hostile).contains('\n'));
    }

    #[test]
    fn what_is_hidden_in_a_name_shows_and_a_text_keeps_the_joiners_of_its_script() {
        assert_eq!(clean_line("Al\u{200b}ice\u{2066}"), "Al\u{fffd}ice\u{fffd}");
        assert_eq!(clean_words("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }

    #[test]
    fn ids_that_people_decide_by_carry_fifty_bits() {
        let account = "cv19jckg3qs4cgwh820u6dqhgngptmads07twq3m2qspteutr0d867qtm79s9";
        assert!(short_id(account).len() >= "cv1".len() + 50 / 5);
        let group = "6bd1a0f2".repeat(8);
        assert!(short_group(&group).len() * 4 >= 50);
    }

    #[test]
    fn json_is_the_same_value_after_escaping() {
        let value = serde_json::json!({"text": "a\u{9b}b\u{202e}c\x1b\u{7f} ü"});
        let text = escape_json(&value.to_string());
        assert!(text.chars().all(harmless));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("still JSON"), value);
    }
}
