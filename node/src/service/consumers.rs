//! Who follows the journal as which consumer: the newest subscription, alone. Two that acknowledge under one name would each
//! take events away from the other; and one whose client is gone without a word must not keep it out when it comes back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// Consumers that are subscribed, by name. No more than there are subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Consumers(Mutex<BTreeMap<String, (u64, CancellationToken)>>);

/// A subscription's hold on the name of a consumer, until it is dropped or taken over.
pub(super) struct Hold {
    consumers: Arc<Consumers>,
    name: String,
    number: u64,
    taken: CancellationToken,
}

impl Consumers {
    /// Takes a name over from whoever holds it.
    pub(super) fn take(self: &Arc<Self>, name: String) -> Hold {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = CancellationToken::new();
        let number = held.get(&name).map_or(0, |(number, _)| number + 1);
        if let Some((_, older)) = held.insert(name.clone(), (number, taken.clone())) {
            older.cancel();
        }
        Hold { consumers: Arc::clone(self), name, number, taken }
    }
}

impl Hold {
    /// Returns when somebody else has taken the name over.
    pub(super) async fn taken(&self) {
        self.taken.cancelled().await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.consumers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(&self.name).is_some_and(|(number, _)| *number == self.number) {
            held.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_subscription_holds_the_name_and_gives_it_back() {
        let consumers = Arc::new(Consumers::default());
        let (first, other) = (consumers.take("bot".into()), consumers.take("other".into()));
        let second = consumers.take("bot".into());
        first.taken().await;
        drop(first);
        assert!(!second.taken.is_cancelled() && !other.taken.is_cancelled());
        assert_eq!(consumers.0.lock().expect("whole").len(), 2);
        drop((second, other));
        assert!(consumers.0.lock().expect("whole").is_empty());
    }
}
