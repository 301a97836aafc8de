//! A paired contact who lies: every frame it can send has one outcome, the other contacts notice nothing, and a restart
//! changes none of it. `node/HOSTILE.md` lists the outcomes.

mod at_random;
mod cards;
mod carried;
mod content;
mod den;
mod edits;
mod entries;
mod forks;
mod groups;
mod late;
mod mallory;
mod parcels;
mod replays;
mod transfer;
mod work;
mod writing;
