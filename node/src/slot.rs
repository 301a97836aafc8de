//! What a node has unless it is locked: the engine, the network. The RPC goes on without them.

use std::sync::{Arc, PoisonError, RwLock};

use covey_api::{ApiError, Reason};

use crate::engine::{Cx, Input};
use crate::runtime::EngineHandle;

/// A place for something that a locked node does not have. Clones are the same place.
pub struct Slot<T>(Arc<RwLock<State<T>>>);

enum State<T> {
    Open(T),
    Locked,
    /// The daemon stops: it will not come again.
    Ended,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Slot<T> {
    /// A place with something in it.
    pub fn new(content: T) -> Self {
        Self(Arc::new(RwLock::new(State::Open(content))))
    }

    /// What is there.
    ///
    /// # Errors
    /// [`Reason::Locked`], [`Reason::ShuttingDown`].
    pub fn get(&self) -> Result<T, ApiError> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(content) => Ok(content.clone()),
            State::Locked => Err(locked()),
            State::Ended => Err(ended()),
        }
    }

    /// Whether the node is locked.
    pub fn is_locked(&self) -> bool {
        matches!(*self.0.read().unwrap_or_else(PoisonError::into_inner), State::Locked)
    }

    /// Whether the daemon has stopped.
    pub fn has_ended(&self) -> bool {
        matches!(*self.0.read().unwrap_or_else(PoisonError::into_inner), State::Ended)
    }

    /// The node is unlocked.
    pub(crate) fn open(&self, content: T) {
        self.set(State::Open(content));
    }

    /// The node is locked: what was here is for nobody any more.
    pub(crate) fn lock(&self) {
        self.set(State::Locked);
    }

    /// The daemon stops.
    pub(crate) fn end(&self) {
        self.set(State::Ended);
    }

    fn set(&self, state: State<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl<T: Clone> From<T> for Slot<T> {
    fn from(content: T) -> Self {
        Self::new(content)
    }
}

impl Slot<EngineHandle> {
    /// As [`EngineHandle::call`].
    ///
    /// # Errors
    /// As there, and [`Reason::Locked`].
    pub async fn call<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Cx<'_, '_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let called = self.get()?.call(command).await;
        called.map_err(|error| self.told(error))
    }

    /// As [`EngineHandle::input`].
    ///
    /// # Errors
    /// As there, and [`Reason::Locked`].
    pub async fn input(&self, input: Input) -> Result<(), ApiError> {
        let given = self.get()?.input(input).await;
        given.map_err(|error| self.told(error))
    }

    /// An engine that has stopped since it was asked may have been locked.
    fn told(&self, error: ApiError) -> ApiError {
        if error.reason == Reason::ShuttingDown && self.is_locked() { locked() } else { error }
    }
}

/// What a locked node answers.
pub(crate) fn locked() -> ApiError {
    ApiError::new(Reason::Locked, "The node is locked. Unlock it with `covey unlock`.")
}

fn ended() -> ApiError {
    ApiError::new(Reason::ShuttingDown, "The daemon is shutting down. Try again when it has started.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tests::engine;

    fn reason<T>(result: Result<T, ApiError>) -> Option<Reason> {
        result.err().map(|error| error.reason)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_asked_before_the_lock_and_whoever_asks_after_it_are_told_the_same() {
        let engine = engine();
        let slot = Slot::new(engine.clone());
        assert_eq!(slot.call(|_| Ok(7)).await.expect("is open"), 7);
        engine.input(Input::Stop).await.expect("runs");
        while engine.is_alive() {
            tokio::task::yield_now().await;
        }
        assert_eq!(reason(slot.call(|_| Ok(())).await), Some(Reason::ShuttingDown));
        slot.lock();
        assert_eq!(reason(slot.call(|_| Ok(())).await), Some(Reason::Locked));
        assert_eq!(slot.told(ended()).reason, Reason::Locked);
        slot.end();
        assert_eq!(reason(slot.get()), Some(Reason::ShuttingDown));
        assert!(slot.has_ended() && !slot.is_locked());
    }
}
