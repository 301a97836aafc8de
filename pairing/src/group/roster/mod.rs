//! The roster: signed operations, folded alike by every member.
