//! Proofs that a member wrote a message, for moderators and other members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// Parameters of `group.report`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupReport {
    /// Id, unique id prefix, or name if only one of our groups has it.
    pub group: String,
    /// Id or unique id prefix of a message of the group.
    pub message: String,
}

/// Parameters of `group.verify_report`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupVerifyReport {
    /// The proof, as `group.report` gave it.
    pub proof: String,
}

/// A proof that a member wrote a message: the entry they signed, and what it opens to. It shows this one message to whoever
/// has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageProof {
    /// The group.
    pub group: String,
    /// The message.
    pub message: String,
    /// Who wrote it, `cv1…`.
    pub author: String,
    /// The proof: `covey-proof:…`, in characters that survive mails.
    pub proof: String,
}

/// What a proof is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofVerdict {
    /// Did that account write that text in that group?
    pub valid: bool,
    /// Why not, in a sentence; none if it is valid.
    pub why: Option<String>,
    /// The group; none if the proof cannot be read.
    pub group: Option<String>,
    /// What we call the group; none if it is not ours.
    pub group_name: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// Who wrote it, `cv1…`; said only of a valid proof.
    pub author: Option<String>,
    /// Our name for the author, or the one they gave themselves.
    pub author_name: Option<String>,
    /// Was the author a member when it was written, as far as our roster tells?
    pub member: Option<bool>,
    /// When it was written, by the author's clock; said only of a valid proof.
    pub sent_at: Option<Time>,
    /// What it says; said only of a valid proof.
    pub text: Option<String>,
}
