//! Mail that waits while its recipient is away. A node has up to three roles, which do not know each other: it keeps mail for other accounts
//! ([`keeping`]), has its own kept ([`mine`], [`slots`], [`fetching`], [`opening`]), and leaves some for contacts ([`leaving`]). [`roles`] hands
//! each what is its own.
//!
//! What the objects are is in `covey_pairing::keeper`; who says what when, in `node/SPEC.md`, section Keepers.

mod fetching;
pub(in crate::engine) mod keeping;
pub(in crate::engine) mod leaving;
pub(in crate::engine) mod mine;
mod opening;
pub(in crate::engine) mod roles;
mod say;
mod slots;
