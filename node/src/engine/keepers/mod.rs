//! Mail that waits while its recipient is away. A node has up to three roles, which do not know each other: it keeps mail for other accounts
//! ([`keeping`]), has its own kept ([`mine`], [`state`], [`slots`], [`fetching`], [`opening`]), and leaves some for contacts ([`leaving`], [`places`];
//! [`checking`] whether it is still there). [`seeking`] finds keepers that moved. [`roles`] hands each what is its own; [`asking`] is how contacts come to
//! be keepers. Strangers leave invites in the same three roles: [`invites_kept`], [`invites_fetched`], [`invites_left`].
//!
//! What the objects are is in `covey_pairing::keeper`; who says what when, in `node/SPEC.md`, section Keepers.

pub(in crate::engine) mod asking;
mod checking;
mod fetching;
mod invites_fetched;
mod invites_kept;
mod invites_left;
pub(in crate::engine) mod keeping;
pub(in crate::engine) mod leaving;
pub(in crate::engine) mod mine;
mod opening;
mod places;
mod remembering;
pub(in crate::engine) mod roles;
mod say;
pub(in crate::engine) mod seeking;
mod slots;
mod state;
