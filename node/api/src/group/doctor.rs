//! What `group.doctor` finds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Check;

/// How a group is doing, seen from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupHealth {
    /// The group.
    pub group: String,
    /// Do all members that could be reached know the same as we do? False also if there are others and none could be
    /// reached.
    pub converged: bool,
    /// The fingerprint of our roster.
    pub roster_hash: String,
    /// The fingerprint of our newest entries of all feeds.
    pub heads_hash: String,
    /// How many devices answered.
    pub reached: u32,
    /// The devices of members, at most 1,000: first those that differ, then those that know the same, then at most 100 of
    /// those that did not answer.
    pub members: Vec<MemberHealth>,
    /// What else was found: operations that do not count, feeds with two histories, messages that wait for keys.
    pub checks: Vec<Check>,
}

/// How a device of a member compares with us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberHealth {
    /// The account, `cv1…`.
    pub account: String,
    /// Our name for them, or the one they gave themselves.
    pub alias: Option<String>,
    /// The device, `cvd1…`.
    pub device: String,
    /// Did it answer?
    pub reached: bool,
    /// Does it know the same as we do? None if it did not answer.
    pub converged: Option<bool>,
    /// The fingerprint of its roster; none if it did not answer.
    pub roster_hash: Option<String>,
    /// The fingerprint of its newest entries; none if it did not answer.
    pub heads_hash: Option<String>,
    /// The first thing in which it differs, in a sentence; none if nothing does.
    pub difference: Option<String>,
}
