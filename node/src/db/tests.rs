//! Whole data directories, checked, damaged, repaired, copied.
