//! `keeper.*`: handed to the engine; adding one waits a little for its answer.

use std::time::Duration;

use covey_api::{
    ApiError, Keeper, KeeperAccept, KeeperAdd, KeeperApi, KeeperAsk, KeeperList, KeeperRemove, KeeperReport,
    KeeperServe, KeeperState, KeeperStatus, KeeperTicket,
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

    async fn ask(&self, params: KeeperAsk) -> Result<Keeper, ApiError> {
        self.change(params, |cx, params| rpc::keeper::ask(cx, &params)).await
    }

    async fn accept(&self, params: KeeperAccept) -> Result<Keeper, ApiError> {
        self.change(params, |cx, params| rpc::keeper::accept(cx, &params)).await
    }

    async fn status(&self, params: KeeperStatus) -> Result<KeeperReport, ApiError> {
        self.look(params, |cx, _| rpc::keeper::status(cx)).await
    }

    async fn list(&self, params: KeeperList) -> Result<Vec<Keeper>, ApiError> {
        self.look(params, |cx, _| rpc::keeper::list(cx)).await
    }

    async fn remove(&self, params: KeeperRemove) -> Result<Keeper, ApiError> {
        self.change(params, |cx, params| rpc::keeper::remove(cx, &params)).await
    }
}
