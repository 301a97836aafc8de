//! `keeper.*`: handed to the engine; adding one waits a little for its answer.

use std::time::Duration;

use covey_api::{
    ApiError, Keeper, KeeperAdd, KeeperApi, KeeperList, KeeperRemove, KeeperServe, KeeperState, KeeperTicket,
};
use tokio::time::{Instant, sleep};

use super::Service;
use crate::engine::rpc;

/// How long `keeper.add` waits for the keeper's answer before it returns `asked`.
const ANSWERED: Duration = Duration::from_secs(10);
/// Pause between two looks at whether it is there.
const LOOK: Duration = Duration::from_millis(20);

impl KeeperApi for Service {
    async fn serve(&self, params: KeeperServe) -> Result<KeeperTicket, ApiError> {
        self.change(params, |cx, params| rpc::keeper::serve(cx, &params)).await
    }

    async fn add(&self, params: KeeperAdd) -> Result<Keeper, ApiError> {
        let mut added = self.change(params, |cx, params| rpc::keeper::add(cx, &params)).await?;
        let until = Instant::now() + ANSWERED;
        while added.state == KeeperState::Asked && Instant::now() < until {
            sleep(LOOK).await;
            let id = added.keeper.clone();
            let found = self.engine.call(move |cx| rpc::keeper::one(cx, &id)).await?;
            added = found.unwrap_or(added);
        }
        Ok(added)
    }

    async fn list(&self, params: KeeperList) -> Result<Vec<Keeper>, ApiError> {
        self.look(params, |cx, _| rpc::keeper::list(cx)).await
    }

    async fn remove(&self, params: KeeperRemove) -> Result<Keeper, ApiError> {
        self.change(params, |cx, params| rpc::keeper::remove(cx, &params)).await
    }
}
