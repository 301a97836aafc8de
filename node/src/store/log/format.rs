//! Segments and messages.

/// Length of a segment: the default of sled.
pub(super) const SEGMENT: usize = 512 << 10;
/// Length of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 20;
/// So much of a segment's end holds no beginning of a message.
pub(super) const RED_ZONE: usize = 32;
/// sled's numbers are stored combined with this.
const LSN_MASK: i64 = i64::MAX;

/// Position in the log over all its life.
pub(super) type Lsn = u64;

/// The header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Position of its first byte.
    pub(super) lsn: Lsn,
    /// Everything before this position was on the disk when the segment was begun.
    pub(super) stable: Lsn,
}

impl SegmentHeader {
    /// Reads one; `None` if there is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..SEGMENT_HEADER)?;
        let checksum = u32::from_le_bytes(*bytes.first_chunk()?) ^ u32::MAX;
        let number = |at: usize| Some(i64::from_le_bytes(*bytes[at..].first_chunk()?) ^ LSN_MASK);
        // The first segment was begun when nothing was stable, which is written as -1.
        let header = Self { lsn: Lsn::try_from(number(4)?).ok()?, stable: Lsn::try_from(number(12)?).unwrap_or(0) };
        let length = u64::try_from(SEGMENT).ok()?;
        (crc32fast::hash(&bytes[4..]) == checksum && header.lsn.is_multiple_of(length)).then_some(header)
    }
}

/// What a message says of its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Nothing: it was given up.
    Canceled,
    /// Nothing: the rest of the segment is empty.
    Cap,
    /// Nothing: what follows up to a position belongs together.
    Manifest,
    /// It is gone.
    Free,
    /// A page that holds no rows.
    Other,
    /// All of it.
    Node,
    /// A change of it.
    Link,
    /// In a file of its own (our rows are too short for that).
    Outside,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Canceled,
            2 => Self::Cap,
            3 => Self::Manifest,
            4 => Self::Free,
            5 | 6 => Self::Other,
            8 => Self::Node,
            10 => Self::Link,
            7 | 9 | 11 => Self::Outside,
            _ => return None,
        })
    }
}

/// A message whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) kind: Kind,
    pub(super) page: u64,
    /// Number of the segment it was written to, over all the life of the log.
    pub(super) segment: u64,
    pub(super) body: &'a [u8],
    /// With its header.
    pub(super) length: usize,
}

impl<'a> Message<'a> {
    /// The message at the beginning of `bytes`, which end with the segment.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(5)?;
        let checksum = u32::from_le_bytes(*head.first_chunk()?);
        let kind = Kind::read(head[4])?;
        let length = number(&mut rest)?;
        let segment = number(&mut rest)?;
        let page = number(&mut rest)?;
        let header = bytes.len() - rest.len();
        let body = rest.get(..usize::try_from(length).ok()?)?;
        // Looking first keeps a search through garbage from hashing all of it again and again.
        if !plausible(kind, body) {
            return None;
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(body);
        hasher.update(&bytes[4..header]);
        let whole = hasher.finalize() ^ u32::MAX == checksum;
        whole.then_some(Self { kind, page, segment, body, length: header + body.len() })
    }
}

fn plausible(kind: Kind, body: &[u8]) -> bool {
    match kind {
        Kind::Manifest | Kind::Outside => body.len() == 8,
        Kind::Free => body.is_empty(),
        Kind::Link => Link::read(body).is_some(),
        Kind::Node => Node::read(body).is_some(),
        Kind::Cap => body.iter().all(|byte| *byte == 0),
        Kind::Canceled | Kind::Other => true,
    }
}

/// A change of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link<'a> {
    /// A row; the key lacks what all keys of the page begin with.
    Set(&'a [u8], &'a [u8]),
    /// A row that goes.
    Del(&'a [u8]),
    /// A change that concerns no rows.
    Shape,
}

impl<'a> Link<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (tag, mut rest) = body.split_first()?;
        let link = match tag {
            0 => Self::Set(bytes(&mut rest)?, bytes(&mut rest)?),
            1 => Self::Del(bytes(&mut rest)?),
            2 => {
                number(&mut rest)?;
                Self::Shape
            }
            3 | 4 => Self::Shape,
            _ => return None,
        };
        rest.is_empty().then_some(link)
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node<'a> {
    /// What all its keys begin with, left out of them.
    pub(super) prefix: &'a [u8],
    /// First key it can hold.
    pub(super) low: &'a [u8],
    /// First key past it; empty: the end.
    pub(super) high: &'a [u8],
    /// Its rows, or `None` for a page of the index.
    pub(super) rows: Option<Vec<(&'a [u8], &'a [u8])>>,
}

impl<'a> Node<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut rest = body;
        number(&mut rest)?;
        number(&mut rest)?;
        let merging = byte(&mut rest)?;
        let prefix = usize::from(byte(&mut rest)?);
        let (low, high) = (bytes(&mut rest)?, bytes(&mut rest)?);
        let (prefix, leaf) = (low.get(..prefix)?, byte(&mut rest)?);
        let count = usize::try_from(number(&mut rest)?).ok().filter(|count| *count <= rest.len())?;
        let keys = (0..count).map(|_| bytes(&mut rest)).collect::<Option<Vec<_>>>()?;
        let rows = match leaf {
            0 => {
                let values = keys.iter().map(|_| bytes(&mut rest)).collect::<Option<Vec<_>>>()?;
                Some(keys.into_iter().zip(values).collect())
            }
            1 => {
                keys.iter().try_for_each(|_| number(&mut rest).map(drop))?;
                None
            }
            _ => return None,
        };
        (rest.is_empty() && merging <= 1).then_some(Self { prefix, low, high, rows })
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// A number of variable length.
pub(super) fn number(bytes: &mut &[u8]) -> Option<u64> {
    let first = byte(bytes)?;
    Some(match first {
        0..=240 => first.into(),
        241..=248 => 240 + 256 * (u64::from(first) - 241) + u64::from(byte(bytes)?),
        249 => 2_288 + 256 * u64::from(byte(bytes)?) + u64::from(byte(bytes)?),
        250..=255 => {
            let (value, rest) = bytes.split_at_checked(usize::from(first) - 247)?;
            *bytes = rest;
            value.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
        }
    })
}

/// A byte string after its length.
fn bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(from)?).ok()?;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}
