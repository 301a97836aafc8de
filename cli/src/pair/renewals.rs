//! Accounts that were brought back with their words: ours, whose contacts ask to pair again, and theirs.

use covey_api::{Contact, ContactState, PairAcceptRenewals, PairList, Reason};

use crate::{
    Failure, Session, Terminal,
    display::{self, called},
    when,
};

/// What there is to say of the recovery of a contact's account.
pub(super) fn notes(t: &Terminal, contact: &Contact) -> Vec<String> {
    let mut notes = Vec::new();
    if contact.contested {
        notes.push("contested".to_owned());
    }
    if let Some(at) = contact.recovered_at {
        notes.push(format!("recovered {}", when::relative(at, t.now())));
    }
    if contact.verified_before {
        notes.push("verified before recovery".to_owned());
    }
    if contact.remembered {
        notes.push("on your list of before".to_owned());
    }
    if contact.renewal {
        notes.push("says you were paired".to_owned());
    }
    notes
}

/// That people wait who say that we were paired, and how all are accepted.
pub(super) fn waiting(contacts: &[Contact]) -> Option<String> {
    let count = contacts.iter().filter(|contact| contact.renewal && contact.state == ContactState::Pending).count();
    let who = display::count(u64::try_from(count).unwrap_or(u64::MAX), "person says", "people say");
    (count > 0)
        .then(|| format!("{who} that you were paired before your account was recovered: covey pair accept --renewals"))
}

/// `pair accept --renewals`
pub(super) async fn accept(session: &Session, terminal: &mut Terminal, yes: bool) -> Result<(), Failure> {
    let list = PairList { state: Some(ContactState::Pending), renewal: Some(true) };
    let waiting = session.call(&list).await?;
    if waiting.is_empty() {
        return Ok(terminal.show(&waiting, |t, _| {
            t.hint("Nobody asks to pair again yet. Contacts whose nodes run do so by themselves; look again later.")
        })?);
    }
    if !yes {
        let names: Vec<String> = waiting.iter().map(called).collect();
        let who = display::count(u64::try_from(names.len()).unwrap_or(u64::MAX), "person says", "people say");
        // There is nobody to ask in a script.
        if !terminal.typing || terminal.json {
            let sentence = format!("{who} that you are paired: {}. With --yes, all are accepted.", names.join(", "));
            return Err(Failure::new(Reason::WrongState, sentence));
        }
        if !terminal.ask(&format!("{who} that you are paired: {}. Accept all? [y/N] ", names.join(", ")))? {
            return Err(Failure::new(Reason::WrongState, "Nobody was accepted."));
        }
    }
    let accepted = session.call(&PairAcceptRenewals { client_id: session.client_id.clone() }).await?;
    Ok(terminal.show(&accepted, |t, accepted| {
        for contact in accepted {
            t.line(&format!("You and {} are paired.", called(contact)))?;
        }
        t.hint("Compare safety numbers with those who matter: covey pair verify CONTACT")
    })?)
}
