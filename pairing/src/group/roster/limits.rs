//! Limits of the roster. `pairing/SPEC.md`, GROUP-3.

/// Members of a group: what the design is measured at.
pub const MEMBERS_MAX: usize = 10_000;
/// Operations one operation may name as seen: with more tips than that, the next operation names the rest.
pub const DEPS_MAX: usize = 16;
/// Feeds a removal may cut: 8 devices with 64 incarnations each.
pub const CUT_MAX: usize = 512;
/// Bytes of a group's name.
pub const GROUP_NAME_MAX: usize = 128;
/// Devices of one account, as in the key log.
pub const DEVICES_MAX: usize = 8;
/// Open invites of one account: several may invite somebody at the same time.
pub const INVITES_PER_ACCOUNT: usize = 8;
/// Bytes of an encoded operation: a card of 12 KiB and a statement, or a cut of 512 feeds. Fits an entry of 64 KiB.
pub const OPERATION_MAX: usize = 40 * 1024;
/// Operations of one device that wait for others: a backlog in the wrong order fits, a flood does not.
pub const WAITING_PER_DEVICE: usize = 64;
/// Bytes of a contact card inside an operation.
pub(super) const CARD_MAX: usize = 12 * 1024;
/// Bytes of a join statement inside an operation.
pub(super) const STATEMENT_MAX: usize = 4 * 1024;
