//! How much of the database stays in memory.
//!
//! sled 0.34 keeps its cache in 256 parts, and looks at the size of a part only at every 64th access to it. Until then nothing is
//! forgotten: somebody who reads each page once has up to 16,384 of them in memory, whatever the cache may hold. That is little with pages
//! of a kilobyte; with the pages of long values, which have forty, it was 400 MiB. A page that is read is therefore accessed the more often
//! the more it weighs.

/// Bytes that are read between two accesses: 64 of them are 32 KiB in each of the 256 parts, and all parts together 8 MiB.
const PER_ACCESS: usize = 512;

/// Accesses a row that was read, so that sled forgets pages which were read before.
pub(super) fn weigh(db: &sled::Db, key: &[u8], len: usize) -> sled::Result<()> {
    for _ in 0..len / PER_ACCESS {
        db.get(key)?;
    }
    Ok(())
}
