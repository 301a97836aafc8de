//! Randomness after a snapshot of memory. A virtual machine that is resumed twice from one snapshot has two generators in one
//! state: both copies would draw the same nonces, ephemeral keys and ratchet keys. The system's generator is told by the
//! hypervisor that it was resumed, so a little of it is mixed in before every transaction.

use rand::rngs::{StdRng, SysRng};
use rand_core::{Rng, SeedableRng, TryRng};
use tracing::error;

/// Mixes randomness of the system into `rng`. Without it, should the system have none, `rng` goes on as it is.
pub(super) fn remix(rng: &mut StdRng) {
    let mut fresh = [0; 32];
    match SysRng.try_fill_bytes(&mut fresh) {
        Ok(()) => *rng = mixed(rng, fresh),
        Err(error) => error!(%error, "the system gives no randomness"),
    }
}

/// As good as the better one of the two.
fn mixed(rng: &mut StdRng, fresh: [u8; 32]) -> StdRng {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed.iter_mut().zip(fresh).for_each(|(byte, fresh)| *byte ^= fresh);
    StdRng::from_seed(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_copies_of_one_state_part_ways_and_a_known_addition_shows_nothing() {
        let state = || StdRng::seed_from_u64(7);
        let draw = |fresh: u8| mixed(&mut state(), [fresh; 32]).next_u64();
        assert_ne!(draw(1), draw(2));
        let other = mixed(&mut StdRng::seed_from_u64(8), [1; 32]).next_u64();
        assert_ne!(draw(1), other, "what the system gives is not all there is");
        let (mut one, mut two) = (state(), state());
        remix(&mut one);
        remix(&mut two);
        assert_ne!(one.next_u64(), two.next_u64());
    }
}
