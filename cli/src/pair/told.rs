//! What was done with a contact, and what can be done next.

use covey_api::{Contact, ContactState};

use crate::{
    display::{called, handle},
    told::Told,
};

pub(super) fn invited(contact: &Contact) -> Told {
    if contact.state == ContactState::Paired {
        return accepted(contact);
    }
    if contact.refused_before {
        let done = format!("You asked {} again, who declined your last invite.", called(contact));
        return Told::done(done)
            .next("This one reaches them only if they let you ask again, with `covey pair forget`.");
    }
    let waiting = if contact.keepers > 0 {
        format!(
            "If they are away it is left with a keeper of theirs, until they come; see `covey pair show {}`.",
            handle(contact)
        )
    } else {
        "Waiting for their answer; see `covey pair list`.".into()
    };
    Told::done(format!("The invite to {} is on its way.", called(contact))).next(waiting)
}

pub(super) fn accepted(contact: &Contact) -> Told {
    Told::done(format!("You and {} are paired.", called(contact)))
        .next(format!("Say hello: covey send {} 'Hello!'", handle(contact)))
}

pub(super) fn declined(contact: &Contact) -> Told {
    Told::done(format!("Declined {}; they cannot ask again.", called(contact)))
        .next(format!("To let them ask again: covey pair forget {}", handle(contact)))
}

pub(super) fn cancelled(contact: &Contact) -> Told {
    Told::done(format!("The invite to {} is withdrawn.", called(contact)))
}

pub(super) fn forgotten(contact: &Contact) -> Told {
    Told::done(format!("Forgot how it ended with {}; both of you can ask again.", called(contact)))
}

pub(super) fn removed(contact: &Contact) -> Told {
    Told::done(format!("{} is no longer a contact; keys are erased, your messages stay here.", called(contact)))
}

pub(super) fn blocked(contact: &Contact) -> Told {
    Told::done(format!(
        "{} is blocked: nothing is taken from them or sent to them, and they are not told.",
        called(contact)
    ))
    .next(format!("To lift it: covey pair unblock {}", handle(contact)))
}

pub(super) fn unblocked(contact: &Contact) -> Told {
    if contact.state == ContactState::Paired {
        let done = format!("{} is not blocked any more, and you are paired as before.", called(contact));
        return Told::done(done).next("What they wrote meanwhile arrives if their node still keeps it.");
    }
    Told::done(format!("{} is not blocked any more; either of you can ask the other to pair.", called(contact)))
}

pub(super) fn verified(contact: &Contact) -> Told {
    Told::done(format!("The safety number is right: {} is verified.", called(contact)))
}

pub(super) fn renamed(contact: &Contact) -> Told {
    Told::done(format!("You now call them {}.", called(contact)))
}
