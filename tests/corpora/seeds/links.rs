//! Links.

use super::{Seeds, mode, named, rng};
use crate::targets::links::{agreement, confirmed, handed_over, taken_over};

/// What is made for the target `pair_link`.
pub(crate) fn pair_link() -> Seeds {
    let linking = confirmed();
    let asked = linking.host.outgoing(|| None, &mut rng()).unwrap();
    let agreed = linking.joiner.clone().done(&mut rng()).unwrap();
    let ticket = linking.joiner.ticket().to_string();
    let ticket = data_encoding::BASE32_NOPAD.decode(ticket["covey-link:".len()..].to_uppercase().as_bytes()).unwrap();
    let mut seeds = named("frame", [mode(0, &asked), mode(0, &agreed)]);
    seeds.push(("hand-over".to_owned(), mode(1, &handed_over())));
    seeds.push(("agreement".to_owned(), mode(2, &agreement())));
    seeds.push(("ticket".to_owned(), mode(3, &ticket[..ticket.len() - 4])));
    // Nothing was handed over yet.
    seeds.push(("bad-done".to_owned(), mode(2, &taken_over())));
    seeds.push(("bad-frame".to_owned(), mode(0, &asked[1..])));
    seeds.push(("bad-said".to_owned(), mode(1, b"\x82\x01\xa1")));
    seeds
}
