//! Sender keys behind the group-cipher seam.
