//! What other devices tell us inside sessions.

use covey_feed::{ChannelId, FeedKey};
use covey_pairing::crypto::secret::Secret;
use tracing::{debug, warn};

use crate::engine::contacts::cards;
use crate::engine::keepers::{asking, leaving};
use crate::engine::members::{self, rights};
use crate::engine::outbound::control;
use crate::engine::records::channels::{self, Kind};
use crate::engine::records::devices::{ContactDevice, DeviceRef};
use crate::engine::records::sessions::Scope;
use crate::engine::records::{feeds, messages, own_records};
use crate::engine::replication::{late, parked};
use crate::engine::sealing::chains;
use crate::engine::sealing::sessions::Opener;
use crate::engine::wire::control::{CONTROL_AAD, Control, MAX_ASKED, TURNS};
use crate::engine::wire::parcel::{MAX_FRAME, VERSION};
use crate::engine::{Cx, EngineError, charge, tables, transfer};

/// An envelope with a control message.
pub(in crate::engine) fn receive(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: DeviceRef,
    device: &ContactDevice,
    envelope: &[u8],
) -> Result<(), EngineError> {
    let mut opener = Opener::new(cx, scope, &owner.account, &owner.device)?;
    let opened = opener.open(cx, envelope, CONTROL_AAD)?;
    opener.finish(cx)?;
    let plaintext = match opened {
        Ok(plaintext) => plaintext,
        Err(error) => {
            debug!(device = %device.id.fmt_short(), %error, "a control message does not open");
            // [CTRL-9] What it said is lost, unless it hears that its session does not open.
            let heals = scope == Scope::Pair && error.heals_by_initiating();
            return if heals { control::card_again(cx, &owner.account, device) } else { Ok(()) };
        }
    };
    match covey_codec::decode(&plaintext, MAX_FRAME) {
        Ok((VERSION, Control::KeysWanted(wanted))) => give_keys(cx, scope, owner, device, &wanted),
        Ok((VERSION, Control::Keys(keys))) => take_keys(cx, scope, owner, keys),
        Ok((VERSION, Control::Denied(of))) => denied(cx, scope, owner, &of),
        // [CTRL-7]
        Ok((VERSION, Control::Chain(chain))) => match scope {
            Scope::Group(no) if chains::learn(cx, no, owner, &chain)? => parked::open(cx, no, &owner.device),
            Scope::Group(_) | Scope::Pair | Scope::Own => Ok(()),
        },
        Ok((VERSION, Control::Turn(left @ 1..=TURNS))) => {
            control::tell(cx, scope, &owner.account, device, &Control::Turn(left - 1), false)
        }
        // [TRANSFER-1] In a session with another account there is no history to ask for.
        Ok((VERSION, Control::History(since, key, ranges))) if scope == Scope::Own => {
            transfer::give::asked(cx, owner, device, (since, &key), &ranges)
        }
        // [CTRL-9]
        Ok((VERSION, Control::Card(card))) => {
            // What it was told of our keepers may be among what it could not open.
            cx.tx.delete(&tables::mailbox_told(&device.id));
            cx.live.keepers.contacts.insert(owner.account);
            cards::learn(cx, &owner.account, &card).map(drop)
        }
        Ok((VERSION, Control::Mailbox(mailbox))) if scope == Scope::Pair => leaving::told(cx, owner, &mailbox),
        // [MAIL-13]
        Ok((VERSION, Control::KeeperWanted(wants))) if scope == Scope::Pair => asking::wanted(cx, owner, wants),
        Ok((VERSION, Control::KeeperAnswer(ticket))) if scope == Scope::Pair => {
            asking::answered(cx, owner, ticket.as_deref())
        }
        Ok((_, _)) | Err(_) => Ok(()),
    }
}

/// [CTRL-2], [CTRL-3] Gives content keys to a device of the channel's other member, and to nobody else: of the entries of our account, and of those
/// that its own account wrote. In a group, only of what was written since they are a member. Another device of ours is given
/// those of everything [FAN-4].
fn give_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: DeviceRef,
    device: &ContactDevice,
    wanted: &[(ChannelId, FeedKey, u64)],
) -> Result<(), EngineError> {
    let (mut keys, mut denied, mut chain) = (Vec::new(), Vec::new(), None);
    for (id, key, seq) in wanted.iter().take(MAX_ASKED) {
        let Some(channel) =
            channels::by_id(cx.tx, id)?.filter(|channel| Scope::of(channel, scope == Scope::Own) == scope)
        else {
            continue;
        };
        let author = members::account_of(cx, &channel, &key.author)?;
        let ours = author.is_some_and(|author| cx.me.is_ours(&author));
        // Our own devices may know all that our account may.
        let kin = cx.me.is_own_other(&owner.device);
        let has_others = kin || (ours && !cx.me.wrote(key));
        if !members::includes(cx, &channel, &owner.account) || !(ours || kin || author == Some(owner.account)) {
            continue;
        }
        let feed = feeds::load(cx.tx, channel.no, key)?;
        let entry = feed.as_ref().map(|feed| feeds::entry(cx.tx, feed.fid, *seq)).transpose()?.flatten();
        let (Some(feed), Some(entry)) = (feed, entry) else {
            // There are others to ask.
            if has_others {
                denied.push((*id, *key, *seq));
            }
            continue;
        };
        if (ours || kin) && !rights::may_read(cx, &channel, &owner.account, &entry)? {
            denied.push((*id, *key, *seq));
            continue;
        }
        if channel.kind() == Kind::Own {
            match own_records::content_key(cx.tx, feed.fid, *seq)? {
                Some(content_key) => keys.push((*id, *key, *seq, content_key)),
                None => denied.push((*id, *key, *seq)),
            }
            continue;
        }
        let message = messages::at(cx.tx, channel.no, &entry.order())?;
        // What is deleted has no key any more, and is not to be read by anybody who did not.
        if message.as_ref().map_or(has_others, |message| message.body.is_deleted()) {
            denied.push((*id, *key, *seq));
            continue;
        }
        if let (Scope::Group(no), None, Some(payload)) = (scope, &chain, entry.payload())
            && cx.me.wrote(key)
        {
            chain = chains::answer(cx, no, &owner.device, payload)?;
        }
        keys.extend(message.map(|message| (*id, *key, *seq, message.content_key)));
    }
    // [CTRL-4]
    if let (Scope::Group(no), Some(chain)) = (scope, chain) {
        control::give_chain(cx, no, &owner.account, device, chain)?;
    }
    for (some, control) in [(!keys.is_empty(), Control::Keys(keys)), (!denied.is_empty(), Control::Denied(denied))] {
        if some {
            control::tell(cx, scope, &owner.account, device, &control, false)?;
        }
    }
    Ok(())
}

/// What a device does not let us read is not asked for again.
fn denied(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: DeviceRef,
    of: &[(ChannelId, FeedKey, u64)],
) -> Result<(), EngineError> {
    for (id, key, seq) in of.iter().take(MAX_ASKED) {
        let Some(channel) =
            channels::by_id(cx.tx, id)?.filter(|channel| Scope::of(channel, scope == Scope::Own) == scope)
        else {
            continue;
        };
        let Some(feed) = feeds::load(cx.tx, channel.no, key)? else { continue };
        parked::refused(cx, &channel, &feed, *seq, &owner.device)?;
    }
    parked::request(cx, &owner.account, &owner.device)
}

/// Opens what waited for these keys.
fn take_keys(
    cx: &mut Cx<'_, '_>,
    scope: Scope,
    owner: DeviceRef,
    keys: Vec<(ChannelId, FeedKey, u64, Secret<32>)>,
) -> Result<(), EngineError> {
    for (id, key, seq, content_key) in keys {
        let Some(mut channel) =
            channels::by_id(cx.tx, &id)?.filter(|channel| Scope::of(channel, scope == Scope::Own) == scope)
        else {
            continue;
        };
        let Some(feed) = feeds::load(cx.tx, channel.no, &key)? else { continue };
        // [CTRL-5] Only what this very device was asked for.
        let place = tables::parked(&owner.device, feed.fid, seq);
        if !cx.tx.contains(&place)? {
            continue;
        }
        // [CTRL-6]
        if parked::is_beyond(cx, &channel, &key, seq)? {
            cx.tx.delete(&place);
            continue;
        }
        let Some(entry) = feeds::entry(cx.tx, feed.fid, seq)? else { continue };
        // Who that is may be on a roster that is still on its way: it is asked for again then.
        let Some(author) = members::account_of(cx, &channel, &key.author)? else { continue };
        let charge = charge::Charge::begin(cx, Some(author).filter(|_| !cx.me.wrote(&key)))?;
        if late::open_late(cx, &mut channel, &entry, (author, cx.now), &content_key, &owner.account)? {
            channel.save(cx.tx)?;
            cx.tx.delete(&place);
        } else {
            warn!(channel = %id.fmt_short(), seq, "a content key does not open its entry");
            parked::refused(cx, &channel, &feed, seq, &owner.device)?;
        }
        charge.end(cx)?;
    }
    parked::request(cx, &owner.account, &owner.device)
}
