//! A paired contact who lies: every frame it can send has one outcome, the other contacts notice nothing, and a restart
//! changes none of it. The outcomes are listed in `node/HOSTILE.md`.

mod cards;
mod entries;
mod mallory;
mod parcels;
mod replays;
