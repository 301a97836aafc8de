//! How far a check has come.

/// Where a check is: what it looks at, how much of it is done, and how much there is (0: not known).
pub(crate) type Progress<'a> = &'a mut dyn FnMut(&'static str, u64, u64);
