//! Dissemination in a group: who is whose neighbour, and what the machines of one group's peers share.
//!
//! New entries travel along a tree among connected neighbours (*eager*); over the other links goes only which
//! entries exist (*lazy*), in batches; a member that hears of an entry that does not come asks for it and takes the
//! link into the tree (*graft*), one that gets an entry twice takes the link out (*prune*). What falls through is
//! repaired by comparing heads. (After Leitão, Pereira, Rodrigues: *Epidemic Broadcast Trees*, 2007.)
//!
//! [`Spread`] does not know the roster, the network or who is connected. The caller keeps one per group, gives it to
//! the machines of all peers in [`SharedGroup`](crate::sync::SharedGroup) and says which of them are neighbours.

mod buckets;
mod graph;
mod handle;
mod state;

pub(crate) use buckets::Bucket;
pub use graph::{Graph, expected_degree, graph_size, is_edge, neighbours};
pub(crate) use handle::Seat;
pub use handle::Spread;
pub(crate) use state::put;
