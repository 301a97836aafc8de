//! The rule: which of many a text means. Pure, so that it can be tried on everything.
//!
//! 1. A whole id, a whole name (whatever its case), and the start of an id of 8 characters or more count alike. If they
//!    name two things, nothing is guessed.
//! 2. Only if none of those fits, and only for methods that change nothing: the start of a name, a shorter start of an id,
//!    and the name that somebody gave themselves, if one alone fits.
//!
//! What is not asked for (a group, where a contact is wanted) does not count, but it keeps step 2 from guessing.

use covey_api::ContactState;

/// Characters of an id that name what it is of, anywhere.
pub(in crate::engine) const WHOLE: usize = 8;

/// Characters of an id that are enough where nothing is changed, beyond the `cv1` of an account.
const START: usize = 4;

/// Names suggested in place of one that nobody has.
const SUGGESTED: usize = 3;

/// What a method does with who is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Purpose {
    /// It shows something.
    Read,
    /// It sends or changes something.
    Change,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Kind {
    Contact,
    Group,
    Channel,
}

/// Something that may be meant.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Candidate {
    pub(in crate::engine) kind: Kind,
    /// The text form of its id.
    pub(in crate::engine) id: String,
    /// Our name for a contact; the name of a group.
    pub(in crate::engine) name: Option<String>,
    /// The name that they gave themselves. Anybody can take any, so it never decides where something is sent.
    pub(in crate::engine) claim: Option<String>,
    /// What they said in an invite that waits.
    pub(in crate::engine) note: Option<String>,
    /// Where consent stands with a contact.
    pub(in crate::engine) state: ContactState,
    /// False for what is over, which gives way to what is not.
    pub(in crate::engine) current: bool,
}

impl Candidate {
    pub(in crate::engine) fn of(kind: Kind) -> Self {
        Self {
            kind,
            id: String::new(),
            name: None,
            claim: None,
            note: None,
            state: ContactState::Stranger,
            current: true,
        }
    }

    fn is_called(&self, folded: &str) -> bool {
        self.name.as_ref().is_some_and(|name| fold(name) == folded)
    }

    pub(in crate::engine) fn calls_itself(&self, folded: &str) -> bool {
        self.claim.as_ref().is_some_and(|claim| fold(claim) == folded)
    }

    fn could_be(&self, folded: &str) -> bool {
        let least = if self.kind == Kind::Contact { "cv1".len() + START } else { START };
        self.name.as_ref().is_some_and(|name| fold(name).starts_with(folded))
            || (folded.len() >= least && self.id.starts_with(folded))
            || self.calls_itself(folded)
    }
}

/// Why nothing was picked; places in the list of candidates.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Unclear {
    /// Nobody has that name.
    Nobody {
        /// Names that are much like it.
        near: Vec<usize>,
        /// Those who gave themselves that name.
        claiming: Vec<usize>,
    },
    /// Something else has it.
    Other(usize),
    /// Several have it.
    Several(Vec<usize>),
}

impl Unclear {
    pub(in crate::engine) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody { .. })
    }
}

/// Names are the same whatever their case.
pub(in crate::engine) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whether `text` is the start of an id, long enough to name what it is of.
pub(in crate::engine) fn names_id(id: &str, text: &str) -> bool {
    let folded = fold(text);
    folded.len() >= WHOLE && id.starts_with(&folded)
}

/// Which of `all` the text means.
pub(in crate::engine) fn pick(
    text: &str,
    purpose: Purpose,
    wanted: &[Kind],
    all: &[Candidate],
) -> Result<usize, Unclear> {
    let folded = fold(text);
    if folded.is_empty() {
        return Err(Unclear::Nobody { near: Vec::new(), claiming: Vec::new() });
    }
    let whole = places(all, |one| one.is_called(&folded) || names_id(&one.id, &folded));
    if let Some(full) = whole.iter().find(|at| all[**at].id == folded && wanted.contains(&all[**at].kind)) {
        return Ok(*full);
    }
    if let Some(settled) = settle(&whole, wanted, all) {
        return settled;
    }
    if let Some(other) = whole.first() {
        return Err(Unclear::Other(*other));
    }
    if purpose == Purpose::Read {
        let starts = places(all, |one| one.could_be(&folded));
        if let Some(settled) = settle(&starts, wanted, all) {
            return settled;
        }
    }
    let asked = |one: &Candidate| wanted.contains(&one.kind) && one.current;
    let claiming = places(all, |one| asked(one) && one.calls_itself(&folded));
    let mut near = places(all, |one| asked(one) && one.name.as_ref().is_some_and(|name| is_near(&fold(name), &folded)));
    near.truncate(SUGGESTED);
    Err(Unclear::Nobody { near, claiming })
}

fn places(all: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| fits(one)).map(|(at, _)| at).collect()
}

/// The one of those that fit, if any of them is of a wanted kind.
fn settle(fitting: &[usize], wanted: &[Kind], all: &[Candidate]) -> Option<Result<usize, Unclear>> {
    let wanted: Vec<usize> = fitting.iter().copied().filter(|at| wanted.contains(&all[*at].kind)).collect();
    let current: Vec<usize> = wanted.iter().copied().filter(|at| all[*at].current).collect();
    let left = if current.is_empty() { wanted } else { current };
    match left.as_slice() {
        [] => None,
        [one] => Some(Ok(*one)),
        _ => Some(Err(Unclear::Several(left))),
    }
}

/// Whether somebody may have meant `name` by `text`: a slip of the hand, or the start of it.
fn is_near(name: &str, text: &str) -> bool {
    let slips = if text.chars().count() < 6 { 1 } else { 2 };
    name.starts_with(text) || (text.chars().count() > 2 && strsim::damerau_levenshtein(name, text) <= slips)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANY: &[Kind] = &[Kind::Contact, Kind::Group, Kind::Channel];

    fn contact(name: &str, id: &str) -> Candidate {
        Candidate { id: id.into(), name: Some(name.into()), ..Candidate::of(Kind::Contact) }
    }

    fn group(name: &str, id: &str) -> Candidate {
        Candidate { id: id.into(), name: Some(name.into()), ..Candidate::of(Kind::Group) }
    }

    fn stranger(claim: &str, id: &str) -> Candidate {
        Candidate { id: id.into(), claim: Some(claim.into()), ..Candidate::of(Kind::Contact) }
    }

    fn nobody(near: &[usize], claiming: &[usize]) -> Result<usize, Unclear> {
        Err(Unclear::Nobody { near: near.to_vec(), claiming: claiming.to_vec() })
    }

    #[test]
    fn a_group_called_bob_is_not_the_contact_bobby() {
        let all = [contact("bobby", "cv1aaaaaaaa"), group("bob", "0011223344")];
        for text in ["bob", "BOB", " Bob "] {
            assert_eq!(pick(text, Purpose::Change, ANY, &all), Ok(1), "{text}");
            assert_eq!(pick(text, Purpose::Read, ANY, &all), Ok(1), "{text}");
        }
    }

    #[test]
    fn what_changes_something_takes_no_start_of_a_name() {
        let all = [contact("bobby", "cv1aaaaaaaa"), group("Choir on Tuesdays", "0011223344")];
        assert_eq!(pick("bo", Purpose::Change, ANY, &all), nobody(&[0], &[]));
        assert_eq!(pick("bo", Purpose::Read, ANY, &all), Ok(0));
        assert_eq!(pick("choir", Purpose::Read, ANY, &all), Ok(1));
        assert_eq!(pick("boby", Purpose::Change, ANY, &all), nobody(&[0], &[]), "a slip is suggested, not followed");
    }

    #[test]
    fn a_name_of_two_is_an_error_that_has_both() {
        let all = [contact("bob", "cv1aaaaaaaa"), group("Bob", "0011223344")];
        for purpose in [Purpose::Read, Purpose::Change] {
            assert_eq!(pick("bob", purpose, ANY, &all), Err(Unclear::Several(vec![0, 1])));
            assert_eq!(
                pick("bob", purpose, &[Kind::Contact], &all),
                Ok(0),
                "a method that is about contacts means one"
            );
        }
    }

    #[test]
    fn ids_need_eight_characters_to_change_something() {
        let all = [contact("bob", "cv1aaaaaaaa"), group("Lake", "0011223344")];
        assert_eq!(pick("0011223", Purpose::Change, ANY, &all), nobody(&[], &[]));
        assert_eq!(pick("00112233", Purpose::Change, ANY, &all), Ok(1));
        assert_eq!(pick("0011", Purpose::Read, ANY, &all), Ok(1));
        assert_eq!(pick("cv1aaaa", Purpose::Change, ANY, &all), nobody(&[], &[]));
        assert_eq!(pick("CV1AAAAA", Purpose::Change, ANY, &all), Ok(0));
        assert_eq!(pick("cv1aaa", Purpose::Read, ANY, &all), nobody(&[], &[]));
    }

    #[test]
    fn a_group_that_others_named_like_an_id_does_not_take_its_place() {
        let all = [contact("bob", "cv1aaaaaaaa"), group("cv1aaaaa", "0011223344"), group("cv1aaaaaaaa", "55")];
        assert_eq!(pick("cv1aaaaa", Purpose::Change, ANY, &all), Err(Unclear::Several(vec![0, 1])));
        assert_eq!(pick("cv1aaaaaaaa", Purpose::Change, ANY, &all), Ok(0), "a whole id means what it is of");
    }

    #[test]
    fn a_name_that_somebody_gave_themselves_never_decides_where_something_goes() {
        let all = [stranger("Alice", "cv1aaaaaaaa"), stranger("Bob", "cv1bbbbbbbb"), contact("bob", "cv1cccccccc")];
        assert_eq!(pick("alice", Purpose::Change, ANY, &all), nobody(&[], &[0]));
        assert_eq!(pick("alice", Purpose::Read, ANY, &all), Ok(0));
        assert_eq!(pick("bob", Purpose::Read, ANY, &all), Ok(2), "our own names come first");
    }

    #[test]
    fn what_is_over_gives_way() {
        let old = Candidate { current: false, ..group("Lake", "0011223344") };
        let all = [old.clone(), group("Lake", "5566778899")];
        assert_eq!(pick("lake", Purpose::Change, ANY, &all), Ok(1));
        assert_eq!(pick("lake", Purpose::Change, ANY, &[old]), Ok(0), "but it can be named");
    }

    #[test]
    fn what_is_not_asked_for_is_no_reason_to_guess() {
        let all = [contact("bobby", "cv1aaaaaaaa"), group("bob", "0011223344")];
        assert_eq!(pick("bob", Purpose::Read, &[Kind::Contact], &all), Err(Unclear::Other(1)));
    }

    fn candidate() -> impl Strategy<Value = Candidate> {
        let name = prop::option::of("[a-cA-C]{1,3}");
        (0_usize..3, "[0-9a-f]{8,12}", name.clone(), name, any::<bool>()).prop_map(
            |(kind, id, name, claim, current)| {
                let kind = ANY[kind];
                let id = if kind == Kind::Contact { format!("cv1{id}") } else { id };
                Candidate { id, name, claim, current, ..Candidate::of(kind) }
            },
        )
    }

    proptest! {
        #[test]
        fn who_is_picked_has_the_whole_name_or_a_unique_id(
            all in prop::collection::vec(candidate(), 0..8),
            text in "[a-cA-C]{0,3}|(cv1)?[0-9a-f]{4,12}",
        ) {
            let folded = fold(&text);
            let fits = |one: &Candidate| one.is_called(&folded) || names_id(&one.id, &folded);
            if let Ok(at) = pick(&text, Purpose::Change, ANY, &all) {
                prop_assert!(fits(&all[at]));
                let rivals = all.iter().filter(|one| fits(one) && one.current == all[at].current && one.id != folded);
                prop_assert!(all[at].id == folded || rivals.count() == 1);
                prop_assert_eq!(pick(&text, Purpose::Read, ANY, &all), Ok(at), "reading finds the same one");
            }
        }
    }
}
