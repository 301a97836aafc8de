//! Keepers of the mock: one that keeps its mail, one for which it keeps some.

use covey_api::*;

use super::{Mock, at};

impl KeeperApi for Mock {
    async fn serve(&self, _: KeeperServe) -> Result<KeeperTicket, ApiError> {
        Ok(KeeperTicket { ticket: "covey-keeper:afmca".into(), expires_at: at(600) })
    }

    async fn add(&self, params: KeeperAdd) -> Result<Keeper, ApiError> {
        let state = if params.ticket == "covey-keeper:used" { KeeperState::Refused } else { KeeperState::Keeps };
        Ok(Keeper { state, ..keeper(KeeperRole::Mine) })
    }

    async fn list(&self, _: KeeperList) -> Result<Vec<Keeper>, ApiError> {
        Ok(vec![keeper(KeeperRole::Mine), Keeper { refused: true, ..keeper(KeeperRole::Held) }])
    }

    async fn ask(&self, _: KeeperAsk) -> Result<Keeper, ApiError> {
        Ok(Keeper { state: KeeperState::Asked, ..keeper(KeeperRole::Mine) })
    }

    async fn accept(&self, _: KeeperAccept) -> Result<Keeper, ApiError> {
        Ok(Keeper { state: KeeperState::Asked, ..keeper(KeeperRole::Held) })
    }

    async fn status(&self, _: KeeperStatus) -> Result<KeeperReport, ApiError> {
        let (found_parcels, found_used) = (6, 2 << 20);
        Ok(KeeperReport {
            mine: 2,
            unreached: 1,
            accounts: 1,
            requests: 1,
            parcels: 7,
            used: 3 << 20,
            found_parcels,
            found_used,
            agrees: false,
            group_parcels: 2,
            group_used: 5_000,
        })
    }

    async fn remove(&self, params: KeeperRemove) -> Result<Keeper, ApiError> {
        if params.keeper == "nobody" {
            return Err(ApiError::new(Reason::NoSuchKeeper, "No keeper is called \"nobody\"."));
        }
        Ok(keeper(KeeperRole::Mine))
    }
}

fn keeper(role: KeeperRole) -> Keeper {
    Keeper {
        keeper: "cvd1keeper00".into(),
        name: Some("attic".into()),
        role,
        reached: Some(at(0)),
        used: 3 << 20,
        limit: 64 << 20,
        parcels: 7,
        refused: false,
        state: KeeperState::Keeps,
        clock_off: None,
    }
}
