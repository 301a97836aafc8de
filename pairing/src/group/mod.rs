//! Groups: who is a member ([`roster`]), what members say to each other ([`cipher`]), and how one gets in ([`admission`]).

pub mod admission;
pub mod cipher;
pub mod roster;
