//! Who may call what, `token.*` and `audit.*`.

use std::sync::Arc;

use covey_api::{
    Api, ApiError, AuditApi, AuditEntry, AuditList, Method, Reason, TokenApi, TokenCreate, TokenCreated, TokenInfo,
    TokenList, TokenRevoke, WebAddress, WebApi, WebOpen,
};
use jsonrpsee::Extensions;

use super::Service;
use crate::access::Caller;
use crate::engine::rpc;
use crate::slot;

impl Api for Service {
    fn admit(self: Arc<Self>, caller: &Extensions, method: &Method) -> Result<Arc<Self>, ApiError> {
        // The server lets nobody through whom it has not named.
        let caller = caller.get::<Caller>().ok_or_else(|| ApiError::internal("The caller is not known."))?;
        self.access.admit(caller, method)?;
        if !method.while_locked && self.engine.is_locked() {
            return Err(slot::locked());
        }
        Ok(Arc::new(Self { caller: caller.clone(), ..Self::clone(&self) }))
    }

    fn answered(&self, method: &'static str, outcome: Result<(), Reason>) {
        self.metrics.request(method, outcome.map_or_else(Reason::as_str, |()| "ok".to_owned()));
    }
}

impl TokenApi for Service {
    async fn create(&self, params: TokenCreate) -> Result<TokenCreated, ApiError> {
        self.access.create(&self.caller, params).await
    }

    async fn list(&self, params: TokenList) -> Result<Vec<TokenInfo>, ApiError> {
        self.access.list(params.all).await
    }

    async fn revoke(&self, params: TokenRevoke) -> Result<TokenInfo, ApiError> {
        self.access.revoke(&self.caller, params).await
    }
}

impl WebApi for Service {
    async fn open(&self, _params: WebOpen) -> Result<WebAddress, ApiError> {
        self.access.open_page(&self.caller).await
    }
}

impl AuditApi for Service {
    async fn list(&self, params: AuditList) -> Result<Vec<AuditEntry>, ApiError> {
        // What was refused a moment ago is among them.
        self.access.write_down(u64::MAX).await;
        self.look(params, rpc::audit::list).await
    }
}
