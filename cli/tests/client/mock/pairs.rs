//! Contacts of the mock: who is meant by a name, and what becomes of them.

use covey_api::*;
use serde_json::json;

use super::{Mock, at};

pub fn contact(id: &str, alias: Option<&str>, state: ContactState) -> Contact {
    Contact {
        contact: id.into(),
        alias: alias.map(Into::into),
        name: Some("Evil \x1b[2J name".into()),
        state,
        since: at(0),
        direction: Some(Direction::Incoming),
        note: Some("from the lake".into()),
        expires_at: None,
        verified: false,
        confirmed: true,
        recovered_at: None,
        keepers: 0,
        keepers_reached: None,
        kept_until: None,
        verified_before: false,
        remembered: false,
        contested: false,
        renewal: false,
        online: false,
        alerts: Vec::new(),
        refused_before: false,
        ended_by: None,
        channel: (state == ContactState::Paired).then(|| format!("ch-{id}")),
    }
}

impl Mock {
    pub(super) fn find(&self, name: &str) -> Result<Contact, ApiError> {
        let state = self.state();
        let found: Vec<_> = state
            .contacts
            .iter()
            .filter(|contact| contact.alias.as_deref() == Some(name) || contact.contact.starts_with(name))
            .collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => {
                let claiming = state.claims.iter().filter(|(claim, _)| claim == name);
                let candidates: Vec<_> = claiming
                    .map(|(claim, id)| {
                        json!({"contact": id, "alias": null, "name": claim, "state": "pending", "note": "from the lake"})
                    })
                    .collect();
                let sentence = format!("Nobody is called \"{name}\". `covey pair list` shows your contacts.");
                Err(ApiError::new(Reason::NoSuchContact, sentence).with_data(json!({ "candidates": candidates })))
            }
            _ => {
                let candidates: Vec<_> =
                    found.iter().map(|c| json!({"contact": c.contact, "alias": c.alias})).collect();
                Err(ApiError::new(Reason::AmbiguousContact, format!("\"{name}\" may be several people."))
                    .with_data(json!({ "candidates": candidates })))
            }
        }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Contact)) -> Result<Contact, ApiError> {
        let mut contact = self.find(name)?;
        change(&mut contact);
        let mut state = self.state();
        let place = state.contacts.iter_mut().find(|known| known.contact == contact.contact).unwrap();
        place.clone_from(&contact);
        drop(state);
        self.happen(kind::CONTACT, &contact);
        Ok(contact)
    }

    fn move_to(&self, name: &str, to: ContactState) -> Result<Contact, ApiError> {
        self.change(name, |contact| contact.state = to)
    }
}

impl PairApi for Mock {
    async fn accept_renewals(&self, _params: PairAcceptRenewals) -> Result<Vec<Contact>, ApiError> {
        let mut state = self.state();
        let renewals = state.contacts.iter_mut().filter(|contact| contact.renewal);
        Ok(renewals
            .map(|contact| {
                (contact.renewal, contact.state) = (false, ContactState::Paired);
                contact.clone()
            })
            .collect())
    }

    async fn invite(&self, params: PairInvite) -> Result<Contact, ApiError> {
        if !params.to.starts_with("cv1") && params.to != "covey:carol" {
            return Err(ApiError::new(Reason::InvalidTicket, "That is no ticket. Ask them for a new one."));
        }
        let mut carol = contact("cv1carol0000000", params.alias.as_deref(), ContactState::Invited);
        carol.note = params.note;
        self.state().contacts.push(carol.clone());
        self.happen(kind::CONTACT, &carol);
        Ok(carol)
    }

    async fn list(&self, params: PairList) -> Result<Vec<Contact>, ApiError> {
        let contacts = self.state().contacts.clone();
        Ok(contacts
            .into_iter()
            .filter(|contact| params.state.is_none_or(|state| contact.state == state))
            .filter(|contact| params.renewal.is_none_or(|renewal| contact.renewal == renewal))
            .collect())
    }

    async fn show(&self, params: PairShow) -> Result<Contact, ApiError> {
        self.find(&params.contact)
    }

    async fn accept(&self, params: PairAccept) -> Result<Contact, ApiError> {
        self.change(&params.contact, |contact| {
            contact.state = ContactState::Paired;
            contact.alias = params.alias.or(contact.alias.take());
        })
    }

    async fn decline(&self, params: PairDecline) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Declined)
    }

    async fn cancel(&self, params: PairCancel) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Cancelled)
    }

    async fn forget(&self, params: PairForget) -> Result<Contact, ApiError> {
        self.find(&params.contact)
    }

    async fn remove(&self, params: PairRemove) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Removed)
    }

    async fn block(&self, params: PairBlock) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Blocked)
    }

    async fn unblock(&self, params: PairUnblock) -> Result<Contact, ApiError> {
        self.move_to(&params.contact, ContactState::Declined)
    }

    async fn verify(&self, params: PairVerify) -> Result<Contact, ApiError> {
        if params.safety_number.replace(' ', "") != "12345".repeat(12) {
            return Err(ApiError::new(
                Reason::SafetyNumberMismatch,
                "The numbers differ: do not trust this connection.",
            ));
        }
        self.change(&params.contact, |contact| contact.verified = true)
    }

    async fn rename(&self, params: PairRename) -> Result<Contact, ApiError> {
        self.change(&params.contact, |contact| contact.alias = Some(params.alias))
    }

    async fn send(&self, params: PairSend) -> Result<Sent, ApiError> {
        self.accept_message(&params.contact, &params.text, None)
    }
}
