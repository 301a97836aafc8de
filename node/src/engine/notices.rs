//! What an input brought about that others have to hear of. Whoever changes something writes down what it was; the machines
//! that it concerns are told once, after the input, in this order: see [`crate::engine::input::drain`]. So nobody who takes something calls
//! those who deliver it, and a machine hears nothing of an input that is refused.

use std::collections::VecDeque;

use covey_feed::{ChannelId, SyncInput};
use covey_pairing::ids::{AccountId, DeviceId, GroupId};

use crate::engine::PeerKey;
use crate::engine::wire::own_record;

/// One thing to hear of.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are of the largest kind")]
pub(super) enum Notice {
    /// For the sync machine of this device.
    Sync(PeerKey, SyncInput),
    /// These devices are on a roster of ours from now on.
    DevicesKnown(Vec<DeviceId>),
    /// Our account has other devices than before, or a feed of ours for them began anew: all that they have to agree on is looked through.
    OwnDevices,
    /// A channel is here, or open again: what our other devices said of it may have come before.
    Opened(ChannelId),
    /// What the devices of our account agree on changed here.
    Shared(own_record::Key),
    /// An account is contested, or is so no more.
    Disputed(AccountId),
    /// A contact, or our own account, has fewer devices than before.
    Ended(AccountId),
    /// Something is to be sent to this account, or asked of it.
    Pursue(AccountId),
    /// Something was written into the feed of ours in the channel with this number.
    Wrote(u64),
    /// The history that this device is given can go on.
    Transfer,
    /// There are members who still have to be given our chain in the group with this channel.
    HandOut(u64),
}

/// What the present input brought about and nobody was told yet, in its order.
#[derive(Default)]
pub struct Notices(VecDeque<Notice>);

impl Notices {
    pub(super) fn push(&mut self, notice: Notice) {
        self.0.push_back(notice);
    }

    /// Something that is shared of a contact may have changed.
    pub(super) fn contact(&mut self, account: &AccountId) {
        self.push(Notice::Shared(own_record::Key::contact(account)));
    }

    /// How we stand to a group may have changed.
    pub(super) fn group(&mut self, id: &GroupId) {
        self.push(Notice::Shared(own_record::Key::group(id)));
    }

    /// The sync machine of a device is to be told something.
    pub(super) fn sync(&mut self, peer: PeerKey, input: SyncInput) {
        self.push(Notice::Sync(peer, input));
    }

    pub(super) fn next(&mut self) -> Option<Notice> {
        self.0.pop_front()
    }
}
