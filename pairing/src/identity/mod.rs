//! Who is who: accounts and their devices, what they publish about themselves, and how people check it.
//!
//! Knows keys and signatures; nothing of consent, sessions or networks (addresses and prekey bundles are opaque).

mod account;
mod card;
mod device;
mod invite_place;
pub(crate) mod keylog;
mod known;
mod phrase;
mod recovery;
mod recovery_code;
mod safety_number;
mod ticket;
mod token;
mod wanted;

pub use account::AccountSecret;
pub(crate) use account::HandedKeys;
pub use card::{CARD_MAX, CardContent, CardDevice, CardError, ContactCard, sign};
pub use device::{DeviceKeys, DeviceSecret, JOIN_PROOF_LEN};
pub use invite_place::InvitePlace;
pub use keylog::{
    Contest, ContestError, Cutoff, Device, Fork, KeyLog, KeyLogError, LogOrder, MAX_ACTIVE_DEVICES, MAX_OPS,
    MAX_ROTATIONS, Operation, Revocation, Rotation, RotationId, SignedOp,
};
pub use known::{CONTEST_WINDOW_MS, Dispute, KnownLog, NotTaken, Refusal, Standing};
pub use phrase::{PhraseError, WORDS};
pub use recovery::{Commitment, RecoverySecret};
pub use recovery_code::{NotACode, RecoveryCode};
pub use safety_number::{Party, SafetyNumber, safety_number};
pub use ticket::{Ticket, TicketError, TicketPeer};
pub use token::{Token, TokenBook, TokenError, TokenId, TokenRecord, TokenTag};
pub use wanted::AccountWanted;
