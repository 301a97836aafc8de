//! The ticket's text.

use super::*;

fn ticket() -> LinkTicket {
    Pair::new().joiner.ticket().clone()
}

/// [LINK-1]
#[test]
fn a_ticket_survives_its_text_form_in_either_case_and_wrapped_and_fits_a_qr_code() {
    let text = ticket().to_string();
    assert!(text.starts_with("covey-link:") && text.len() < 360, "{}", text.len());
    assert_eq!(text.parse(), Ok(ticket()));
    assert_eq!(text.to_uppercase().parse(), Ok(ticket()));
    let (a, b) = text.split_at(50);
    assert_eq!(format!(" {a}\r\n  {b}\n").parse(), Ok(ticket()));
}

/// [LINK-1]
#[test]
fn every_mistyped_character_is_noticed() {
    let text = ticket().to_string();
    for at in "covey-link:".len()..text.len() {
        let other = if &text[at..=at] == "a" { "b" } else { "a" };
        let mistyped = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        assert_eq!(mistyped.parse::<LinkTicket>(), Err(LinkTicketError::Mistyped));
    }
    assert_eq!(text[..text.len() - 3].parse::<LinkTicket>(), Err(LinkTicketError::Mistyped));
    assert_eq!("covey:abc".parse::<LinkTicket>(), Err(LinkTicketError::NotALink));
    assert_eq!(format!("covey-link:{}", "a".repeat(5000)).parse::<LinkTicket>(), Err(LinkTicketError::TooLong));
}

/// [LINK-2]
#[test]
fn of_many_and_long_addresses_those_are_kept_that_fit() {
    let new = NewDevice {
        device: DeviceSecret::from_seed([3; 32]),
        name: "server".into(),
        network: Some(NetworkTag::of(&[9; 32])),
        addresses: (0..20).map(|n| format!("/dns4/{n}{}/tcp/1", "x".repeat(30 * n))).collect(),
    };
    let joiner = Joiner::new(new, NOW, &mut ChaCha20Rng::seed_from_u64(1));
    let text = joiner.ticket().to_string();
    let read: LinkTicket = text.parse().expect("within limits");
    assert!(read.addresses.len() > 3 && text.len() <= 1700);
    assert_eq!(read.network, Some(NetworkTag::of(&[9; 32])));
    assert_ne!(read.network, Some(NetworkTag::of(&[8; 32])));
}

/// [LINK-3]
#[test]
fn whatever_is_changed_in_a_ticket_names_another_link() {
    let ticket = ticket();
    let others = [
        LinkTicket { secret: crate::crypto::secret::Secret::new([0; 16]), ..ticket.clone() },
        LinkTicket { expires_at: ticket.expires_at + 1, ..ticket.clone() },
        LinkTicket { addresses: Vec::new(), ..ticket.clone() },
        LinkTicket { device: DeviceSecret::from_seed([9; 32]).keys(), ..ticket.clone() },
    ];
    for other in others {
        assert_ne!(other.id(), ticket.id());
    }
}
