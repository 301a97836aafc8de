//! What an onlooker with all keys sees on the wire: every place in a feed and every message key, used once.

use std::collections::BTreeMap;

use covey_feed::header::{Header, entry_id};
use covey_pairing::crypto::hash::blake3;
use covey_pairing::ids::DeviceId;
use covey_pairing::parcel;
use covey_pairing::session::PrekeyStore;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_bytes::{ByteArray, ByteBuf};

use crate::engine::wire::payload::Sealed;
use crate::engine::{Me, Protocol};

const LARGEST: usize = 2 * 1024 * 1024;

/// Type of a frame with a run.
const RUN: u8 = 3;

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct Kind(u8, u8, IgnoredAny);

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct RunFrame(u8, u8, (IgnoredAny, Packed));

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct Packed(u8, u64, Vec<ByteBuf>, Vec<Option<ByteBuf>>, ByteArray<64>);

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct Envelope(u8, ByteBuf, ByteBuf);

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct SessionHeader(u8, u8, ByteArray<8>, ByteArray<32>, u64, u64, ByteBuf, IgnoredAny);

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
struct ParcelFrame(u8, Tagged);

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
enum Tagged {
    #[serde(rename = "p")]
    Parcel(u64, ByteBuf),
}

#[derive(Deserialize)]
#[allow(dead_code)] // fields hold their places
enum Content {
    #[serde(rename = "o")]
    Own(ByteBuf),
    #[serde(rename = "s")]
    Session(ByteBuf),
    #[serde(rename = "m")]
    Member(IgnoredAny, ByteBuf),
}

/// Channel, author, incarnation, sequence number.
type Place = ([u8; 32], [u8; 32], u64, u64);

/// Everything seen so far.
#[derive(Default)]
pub(in crate::engine::tests) struct Wire {
    entries: BTreeMap<Place, [u8; 32]>,
    /// Ratchet key and number of a message key, with the hash of what it sealed.
    keys: BTreeMap<([u8; 32], u64), [u8; 32]>,
    /// Places or keys that a node used twice after an old copy of it was put back unnoticed.
    pub(in crate::engine::tests) forked: u64,
    /// What is used twice is only counted.
    pub(in crate::engine::tests) forgiving: bool,
}

impl Wire {
    /// A frame of `from` to `to` leaves. What must not happen is told.
    pub(in crate::engine::tests) fn see(
        &mut self,
        from: &Me,
        to: &Me,
        prekeys: Option<&PrekeyStore>,
        protocol: Protocol,
        frame: &[u8],
    ) -> Result<(), String> {
        match protocol {
            Protocol::Sync => self.sync(from, to, frame),
            Protocol::Parcel => self.parcel(to, prekeys, frame),
            _ => Ok(()),
        }
    }

    fn sync(&mut self, from: &Me, to: &Me, frame: &[u8]) -> Result<(), String> {
        let Ok(Kind(_, RUN, _)) = covey_codec::decode::<Kind>(frame, LARGEST) else { return Ok(()) };
        let RunFrame(_, _, (_, Packed(_, _, headers, payloads, _))) = covey_codec::decode(frame, LARGEST).unwrap();
        for (bytes, payload) in headers.iter().zip(payloads) {
            let header = Header::decode(bytes).unwrap();
            let author = *header.feed.author.as_bytes();
            if author != *from.device_id().as_bytes() {
                continue;
            }
            let place = (*header.feed.channel.as_bytes(), author, header.feed.incarnation, header.position.seq);
            let id = *entry_id(bytes).as_bytes();
            if *self.entries.entry(place).or_insert(id) != id {
                self.twice(&format!("seq {} of incarnation {} was used twice", place.3, place.2))?;
            }
            let Some(payload) = payload else { continue };
            // In groups they are keys of chains, and operations.
            let Ok(sealed) = Sealed::decode(&payload) else { continue };
            for (device, envelope) in sealed.wraps {
                // Of accounts with several devices a sender may know more than the receiver.
                let is_theirs = device == to.device_id() || had_others(from) || had_others(to);
                assert!(is_theirs, "a content key is wrapped for the channel's members only");
                self.envelope(&envelope)?;
            }
        }
        Ok(())
    }

    fn parcel(&mut self, to: &Me, prekeys: Option<&PrekeyStore>, frame: &[u8]) -> Result<(), String> {
        // Other frames carry no envelope of the two.
        let Ok(ParcelFrame(_, Tagged::Parcel(_, sealed))) = covey_codec::decode(frame, LARGEST) else { return Ok(()) };
        let kem = parcel::kem_id(&sealed).and_then(|id| prekeys?.last_resort(id));
        let (_, content) = match parcel::open(to.device.dh(), kem, &prologue(&to.device_id()), &sealed) {
            Ok(opened) => opened,
            // An old copy of the receiver was put back: it has not made that key yet.
            Err(parcel::ParcelError::UnknownKey) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        match covey_codec::decode(&content, LARGEST) {
            Ok((1u8, Content::Session(envelope) | Content::Member(_, envelope) | Content::Own(envelope))) => {
                self.envelope(&envelope)
            }
            _ => Ok(()),
        }
    }

    fn envelope(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Envelope(_, header, _) = covey_codec::decode(bytes, LARGEST).unwrap();
        let SessionHeader(_, _, _, ratchet, _, number, _, _) = covey_codec::decode(&header, LARGEST).unwrap();
        let hash = blake3(bytes);
        if *self.keys.entry((*ratchet, number)).or_insert(hash) != hash {
            self.twice(&format!("message key {number} of a chain was used twice"))?;
        }
        Ok(())
    }

    fn twice(&mut self, what: &str) -> Result<(), String> {
        self.forked += 1;
        if self.forgiving { Ok(()) } else { Err(what.to_owned()) }
    }

    /// How many message keys were seen in use.
    pub(in crate::engine::tests) fn keys(&self) -> usize {
        self.keys.len()
    }
}

/// Whether the account has other devices than this, or had.
fn had_others(me: &Me) -> bool {
    me.key_log.devices().len() > 1 || me.key_log.rotations().len() > 0
}

/// What binds a parcel to its recipient.
pub(super) fn prologue(to: &DeviceId) -> Vec<u8> {
    [b"covey parcel v1\0".as_slice(), to.as_bytes()].concat()
}
