//! `device.*`: the devices of our own account: linking another machine, names, revoking.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Parameters of `device.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceList {}

/// Parameters of `device.show`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceShow {
    /// Its name, its id, the beginning of its id (8 characters or more), or `this`.
    pub device: String,
}

/// Parameters of `device.link`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceLink {
    /// What `covey init --link` shows on the new machine: `covey-link:…`.
    pub ticket: String,
    /// The new device may link and revoke devices itself. Whoever steals it can, too.
    #[serde(default)]
    pub holder: bool,
    /// What to call the new device; what it calls itself unless told.
    pub name: Option<String>,
    /// What the new device may read of what was said before it is linked.
    #[serde(default)]
    pub history: History,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What a new device may read of what was received before it is linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum History {
    /// Nothing.
    #[serde(rename = "none")]
    None,
    /// What was received in the last 90 days.
    #[serde(rename = "90d")]
    Days90,
    /// Everything.
    #[default]
    #[serde(rename = "all")]
    All,
}

/// Parameters of `device.confirm`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfirm {
    /// The six digits that the new machine shows; white space is ignored.
    pub digits: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `device.rename`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRename {
    /// Which, as in `device.show`.
    pub device: String,
    /// Its new name, 1 to 64 characters; no other active device has it.
    pub name: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// Parameters of `device.revoke`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRevoke {
    /// Which, as in `device.show`; not this one.
    pub device: String,
    /// Idempotency key.
    pub client_id: Option<String>,
}

/// What a device may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceRole {
    /// Link and revoke devices.
    Holder,
    /// Everything else.
    Plain,
}

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// It is a device of the account.
    Active,
    /// It is, and was not seen for 90 days.
    Dormant,
    /// A recovery kept it; it waits for its operator to accept that there (`account.accept`).
    Kept,
    /// It is none any more, and never will be again.
    Revoked,
}

/// A device of our account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its id, `cvd1…`.
    pub device: String,
    /// What we call it. Others see a number.
    pub name: String,
    /// What it may do.
    pub role: DeviceRole,
    /// When it became a device of the account.
    pub since: Time,
    /// When this device was last connected to it; none if never.
    pub seen: Option<Time>,
    /// How it stands.
    pub state: DeviceState,
    /// Is it the one that answers?
    pub this: bool,
    /// How far it is with the history that it is given, if it was linked and said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
}

/// How a transfer of history stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferPhase {
    /// The device waits for another one of the account that is connected to it.
    Waiting,
    /// It is given what it lacks.
    Running,
    /// It has everything that it was to have.
    Done,
}

/// The history of the account on its way to a device that was linked. All devices go on working meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transfer {
    /// The device that is given it, `cvd1…`.
    pub device: String,
    /// What that device is called.
    pub name: String,
    /// Is it the one that answers?
    pub this: bool,
    /// How it stands.
    pub phase: TransferPhase,
    /// Entries that the device has and has decided about. An entry is a message, a change of one, what was read, or a change of a group.
    pub done: u64,
    /// Entries that there are, as far as is known.
    pub total: u64,
    /// Bytes that the device received for it.
    pub bytes: u64,
    /// Seconds that are left at the speed so far; none if nothing comes.
    pub eta: Option<u64>,
}

/// A machine that is being linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Linking {
    /// The id of the new device, `cvd1…`.
    pub device: String,
    /// What it will be called.
    pub name: String,
    /// The six digits that the new machine has to show. They are not confirmed by calling this: `device.confirm` does it.
    pub digits: String,
    /// When the link ends.
    pub expires_at: Time,
}

noun! {
    /// The devices of our own account.
    DeviceApi = "device" {
        /// The devices of the account, those that were revoked last.
        read list(DeviceList) -> Vec<Device>, needs Read;
        /// One device.
        read show(DeviceShow) -> Device, needs Read,
            refuses NoSuchDevice;
        /// Connect to a machine that is to become a device.
        ///
        /// Answers, once it is there, with six digits; nothing is given to it before `device.confirm`. Called again with the same ticket it goes on; another ticket takes the place of one that waits.
        write link(DeviceLink) -> Linking, needs Admin,
            refuses BadLink, LinkEnded, NotHolder, OwnDevice, DeviceRevoked, LimitReached, AliasTaken, TimedOut;
        /// The digits that the new machine shows: if they are right, it becomes a device and is given the account.
        ///
        /// Three attempts.
        write confirm(DeviceConfirm) -> Device, needs Admin,
            refuses WrongDigits, LinkEnded, NoSuchDevice;
        /// Call a device something else. Others do not see it.
        write rename(DeviceRename) -> Device, needs Admin,
            refuses NoSuchDevice, AliasTaken, DeviceRevoked;
        /// End a device, for good: nobody takes from it what is not known here yet, and it is told when it connects.
        write revoke(DeviceRevoke) -> Device, needs Admin,
            refuses NoSuchDevice, OwnDevice, NotHolder, DeviceRevoked;
    }
}
