//! The ticket: what one person gives another, on paper or on a screen, so that they can be invited.
//!
//! `covey:` and the upper-case alphabet of base 32 in either case: a QR code holds it in its compact alphanumeric
//! mode. `pairing/SPEC.md`, section Ticket.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{InvitePlace, Token, invite_place::WirePlace};
use crate::{
    crypto::{dh::DhPublic, hash::blake3, kem::KemHash},
    ids::AccountId,
    version::Version,
};

const PREFIX: &str = "covey:";
/// Bytes of the BLAKE3 hash at the end, against mistyping.
const CHECKSUM_LEN: usize = 4;
/// Longest ticket in bytes: still a readable QR code.
const TICKET_MAX: usize = 1024;
/// Peers in one ticket.
const MAX_PEERS: usize = 4;
/// Addresses of one peer.
const MAX_ADDRESSES: usize = 8;
/// Keepers in one ticket.
const MAX_KEEPERS: usize = 3;

/// Why a text is not a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Does not begin with `covey:`.
    #[error("a ticket begins with `covey:`")]
    NotATicket,
    /// Lost or wrong characters.
    #[error("the ticket is mistyped or incomplete")]
    Mistyped,
    /// Longer than a ticket can be.
    #[error("the ticket is too long")]
    TooLong,
    /// From a newer version, or not made by covey.
    #[error("the ticket is of a kind this version does not know")]
    Unknown,
    /// More peers, keepers or addresses than a ticket may hold.
    #[error(
        "the ticket has more than {MAX_PEERS} peers, {MAX_KEEPERS} keepers or {MAX_ADDRESSES} addresses for one of them"
    )]
    TooMany,
}

/// A network peer of the account and where it may be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketPeer {
    /// Ed25519 public key behind the peer id.
    pub network: [u8; 32],
    /// Multiaddresses as text; opaque here.
    pub addresses: Vec<String>,
}

/// Everything needed to invite an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The account.
    pub account: AccountId,
    /// Its Diffie-Hellman key. Whether it really is the account's shows in the answer to the invite.
    pub dh: DhPublic,
    /// Hash of its KEM key: an invite by this ticket is sealed to the key of this hash, or not made at all. Tickets of
    /// older versions have none.
    pub kem: Option<KemHash>,
    /// Lets the invite in past the limits on strangers.
    pub token: Option<Token>,
    /// When the token ends, Unix milliseconds: so that whoever uses the ticket too late is told at once.
    pub expires_at: Option<u64>,
    /// Where to find the account without a lookup.
    pub peers: Vec<TicketPeer>,
    /// Where an invite may be left while the account is away. Without a KEM key there are none: what is left is sealed to it.
    pub keepers: Vec<InvitePlace>,
}

/// What older versions gave out.
#[derive(Serialize, Deserialize)]
struct Wire1(Version<1>, AccountId, DhPublic, Option<Token>, Option<u64>, Vec<WirePeer>);

#[derive(Serialize, Deserialize)]
struct Wire2(Version<2>, AccountId, DhPublic, KemHash, Option<Token>, Option<u64>, Vec<WirePeer>);

/// With keepers.
#[derive(Serialize, Deserialize)]
struct Wire3(Version<3>, AccountId, DhPublic, KemHash, Option<Token>, Option<u64>, Vec<WirePeer>, Vec<WirePlace>);

#[derive(Serialize, Deserialize)]
struct WirePeer(ByteArray<32>, Vec<String>);

impl Ticket {
    /// A ticket without token and peers.
    pub fn new(account: AccountId, dh: DhPublic, kem: Option<KemHash>) -> Self {
        Self { account, dh, kem, token: None, expires_at: None, peers: Vec::new(), keepers: Vec::new() }
    }

    /// The text form, or why this ticket is over the limits.
    ///
    /// # Errors
    /// [`TicketError::TooMany`] or [`TicketError::TooLong`].
    pub fn to_text(&self) -> Result<String, TicketError> {
        self.check()?;
        let peers = self.peers.iter().map(|p| WirePeer(ByteArray::new(p.network), p.addresses.clone())).collect();
        let (account, dh, token) = (self.account, self.dh, self.token.clone());
        let keepers: Vec<WirePlace> = self.keepers.iter().map(WirePlace::from).collect();
        let encoded = match self.kem {
            Some(kem) if keepers.is_empty() => {
                covey_codec::encode(&Wire2(Version, account, dh, kem, token, self.expires_at, peers))
            }
            Some(kem) => covey_codec::encode(&Wire3(Version, account, dh, kem, token, self.expires_at, peers, keepers)),
            None => covey_codec::encode(&Wire1(Version, account, dh, token, self.expires_at, peers)),
        };
        let mut bytes = encoded.expect("a ticket is plain data");
        if bytes.len() + CHECKSUM_LEN > TICKET_MAX {
            return Err(TicketError::TooLong);
        }
        bytes.extend(&blake3(&bytes)[..CHECKSUM_LEN]);
        Ok(format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase()))
    }

    fn check(&self) -> Result<(), TicketError> {
        let few = self.peers.len() <= MAX_PEERS && self.peers.iter().all(|p| p.addresses.len() <= MAX_ADDRESSES);
        let few = few && self.keepers.len() <= MAX_KEEPERS && self.keepers.iter().all(InvitePlace::fits);
        if few { Ok(()) } else { Err(TicketError::TooMany) }
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Accepts either case, and white space anywhere (line breaks of a terminal or a mail).
    fn from_str(text: &str) -> Result<Self, TicketError> {
        if text.len() > 4 * TICKET_MAX {
            return Err(TicketError::TooLong);
        }
        let text: String = text.split_whitespace().collect::<String>().to_uppercase();
        let body = text.strip_prefix(&PREFIX.to_uppercase()).ok_or(TicketError::NotATicket)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| TicketError::Mistyped)?;
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(TicketError::Mistyped)?;
        if blake3(content)[..CHECKSUM_LEN] != checksum[..] {
            return Err(TicketError::Mistyped);
        }
        let ticket = decode(content)?;
        ticket.check().map(|()| ticket)
    }
}

/// [TICKET-5] The versions that there are. None of them passes for another.
fn decode(bytes: &[u8]) -> Result<Ticket, TicketError> {
    let peers = |peers: Vec<WirePeer>| {
        peers.into_iter().map(|p| TicketPeer { network: p.0.into_array(), addresses: p.1 }).collect()
    };
    if let Ok(Wire1(_, account, dh, token, expires_at, named)) = covey_codec::decode(bytes, TICKET_MAX) {
        let keepers = Vec::new();
        return Ok(Ticket { account, dh, kem: None, token, expires_at, peers: peers(named), keepers });
    }
    if let Ok(Wire2(_, account, dh, kem, token, expires_at, named)) = covey_codec::decode(bytes, TICKET_MAX) {
        let keepers = Vec::new();
        return Ok(Ticket { account, dh, kem: Some(kem), token, expires_at, peers: peers(named), keepers });
    }
    let wire = covey_codec::decode(bytes, TICKET_MAX).map_err(|_| TicketError::Unknown)?;
    let Wire3(_, account, dh, kem, token, expires_at, named, keepers) = wire;
    let keepers = keepers.into_iter().map(InvitePlace::from).collect();
    Ok(Ticket { account, dh, kem: Some(kem), token, expires_at, peers: peers(named), keepers })
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text().map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountSecret;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    fn ticket() -> Ticket {
        let account = AccountSecret::from_seed([5; 32]);
        let mut ticket = Ticket::new(account.id(), account.dh().public(), Some(account.kem_key().hash()));
        ticket.token = Some(Token::generate(&mut ChaCha20Rng::seed_from_u64(1)));
        ticket.expires_at = Some(1_800_000_000_000);
        ticket.peers = vec![TicketPeer {
            network: [8; 32],
            addresses: vec!["/ip4/192.168.1.20/udp/4001/quic-v1".into(), "/ip4/192.168.1.20/tcp/4001".into()],
        }];
        ticket
    }

    /// [TICKET-1]
    #[test]
    fn a_ticket_survives_its_text_form_in_either_case_and_wrapped() {
        let text = ticket().to_text().expect("within limits");
        assert!(text.starts_with("covey:"));
        assert_eq!(text.parse(), Ok(ticket()));
        assert_eq!(text.to_uppercase().parse(), Ok(ticket()));
        let (a, b) = text.split_at(50);
        assert_eq!(format!(" {a}\r\n  {b}\n").parse(), Ok(ticket()));
    }

    /// [TICKET-2]
    #[test]
    fn a_ticket_fits_a_qr_code() {
        let mut plain = ticket();
        plain.peers.clear();
        assert!(plain.to_text().expect("short").len() <= 232);
        assert!(ticket().to_text().expect("short").len() <= 406);
        // 1,024 bytes are 1,639 characters of base 32: version 23 of 40 at low error correction.
        let mut long = ticket();
        long.peers[0].addresses = vec!["x".repeat(200); 5];
        assert_eq!(long.to_text(), Err(TicketError::TooLong));
    }

    /// [TICKET-3]
    #[test]
    fn every_mistyped_character_is_noticed() {
        let text = ticket().to_text().expect("within limits");
        for at in PREFIX.len()..text.len() {
            let other = if &text[at..=at] == "a" { "b" } else { "a" };
            let mistyped = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(mistyped.parse::<Ticket>(), Err(TicketError::Mistyped));
        }
        assert_eq!(text[..text.len() - 3].parse::<Ticket>(), Err(TicketError::Mistyped));
        assert_eq!("covey:".parse::<Ticket>(), Err(TicketError::Mistyped));
        assert_eq!("covey:!!".parse::<Ticket>(), Err(TicketError::Mistyped));
        assert_eq!(ticket().account.to_string().parse::<Ticket>(), Err(TicketError::NotATicket));
        assert_eq!(format!("covey:{}", "a".repeat(5000)).parse::<Ticket>(), Err(TicketError::TooLong));
    }

    /// [TICKET-5]
    #[test]
    fn a_ticket_of_an_older_version_is_read_and_names_no_kem_key() {
        let (t, none) = (ticket(), None::<Token>);
        let no_peers: Vec<WirePeer> = Vec::new();
        let old = text_of(&(1u8, t.account, t.dh, &none, None::<u64>, &no_peers)).parse::<Ticket>().expect("is read");
        assert_eq!((old.account, old.kem, old.to_text().expect("short").len()), (t.account, None, old_length()));
        assert_eq!(ticket().to_text().expect("short").parse::<Ticket>().expect("is read").kem, t.kem);
        // Neither form passes for the other.
        let with_hash = (1u8, t.account, t.dh, t.kem, &none, None::<u64>, &no_peers);
        assert_eq!(text_of(&with_hash).parse::<Ticket>(), Err(TicketError::Unknown));
    }

    /// `covey:`, then 73 bytes and the checksum in base 32.
    const fn old_length() -> usize {
        6 + (77 * 8usize).div_ceil(5)
    }

    fn text_of(content: &impl Serialize) -> String {
        let mut bytes = covey_codec::encode(content).expect("encodes");
        bytes.extend(&blake3(&bytes)[..CHECKSUM_LEN]);
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes))
    }

    /// [TICKET-6]
    #[test]
    fn a_ticket_names_keepers_where_an_invite_may_be_left_and_is_of_the_version_before_without_them() {
        let place = |n: u8| InvitePlace {
            account: AccountId::from_bytes([n; 32]),
            network: [n; 32],
            addresses: vec!["/ip4/192.0.2.1/tcp/7421".into()],
        };
        let kept = Ticket { keepers: vec![place(1), place(2)], ..ticket() };
        let text = kept.to_text().expect("within limits");
        assert_eq!(text.parse(), Ok(kept.clone()));
        assert!(text.len() > ticket().to_text().expect("within limits").len());
        let many = Ticket { keepers: (0..4).map(place).collect(), ..ticket() };
        assert_eq!(many.to_text(), Err(TicketError::TooMany));
        let older = Ticket { kem: None, ..kept };
        assert_eq!(older.to_text().expect("short").parse::<Ticket>().expect("is read").keepers, Vec::new());
    }

    /// [TICKET-4]
    #[test]
    fn an_unknown_version_a_bad_key_and_too_many_peers_are_refused() {
        let t = ticket();
        let none: Option<Token> = None;
        let no_peers: Vec<WirePeer> = Vec::new();
        assert_eq!(
            text_of(&(2u8, t.account, t.dh, &none, None::<u64>, &no_peers)).parse::<Ticket>(),
            Err(TicketError::Unknown)
        );
        let zero_key = (1u8, t.account, ByteArray::new([0u8; 32]), &none, None::<u64>, &no_peers);
        assert_eq!(text_of(&zero_key).parse::<Ticket>(), Err(TicketError::Unknown));
        let many: Vec<WirePeer> = (0..5).map(|n| WirePeer(ByteArray::new([n; 32]), Vec::new())).collect();
        assert_eq!(
            text_of(&(1u8, t.account, t.dh, &none, None::<u64>, &many)).parse::<Ticket>(),
            Err(TicketError::TooMany)
        );
    }
}
