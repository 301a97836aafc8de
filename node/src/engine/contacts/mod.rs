//! What becomes of what we learn about other accounts.
//!
//! | module | subject |
//! |---|---|
//! | [`alerts`] | what the operator has to look at |
//! | [`cards`] | cards of others, taken; ours, told |
//! | [`logs`] | what follows from key logs of others |

pub(super) mod alerts;
pub(super) mod cards;
pub(super) mod logs;
