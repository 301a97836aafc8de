//! The node that the mock is: how it does, its settings, and who may ask it.

use covey_api::*;

use super::{ALICE, ME, Mock, at};

impl NodeApi for Mock {
    async fn status(&self, _: NodeStatus) -> Result<Status, ApiError> {
        let (locked, data_dir) = {
            let state = self.state();
            (state.locked, state.data_dir.clone())
        };
        Ok(Status {
            version: "0.1.0".into(),
            account: ME.into(),
            device: "cvd1me".into(),
            peer_id: "12D3me".into(),
            name: "Me".into(),
            locked,
            ready: true,
            backed_up: true,
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            trouble: None,
            reachability: Reachability::Private,
            network: "behind NAT, punchable, through 12D3KooWAbcd (45.1.0.2)".into(),
            offline: None,
            peers: 2,
            discoverable: true,
            counts: Counts { paired: 1, pending: 1, ..Counts::default() },
            data_dir,
            started_at: at(0),
        })
    }

    async fn peers(&self, _: NodePeers) -> Result<Vec<Peer>, ApiError> {
        Ok(vec![Peer {
            peer_id: "12D3alice".into(),
            contact: Some(ALICE.into()),
            alias: Some("alice".into()),
            address: "/ip4/10.0.0.1/tcp/2".into(),
            relayed: true,
            connected_since: Some(at(0)),
            connected: true,
        }])
    }

    async fn doctor(&self, _: NodeDoctor) -> Result<Report, ApiError> {
        let ok = self.state().healthy;
        let state = if ok { CheckState::Ok } else { CheckState::Fail };
        let advice = (!ok).then(|| "Free some space.".to_owned());
        let disk = Check { name: "disk".into(), state, message: "3 MiB free".into(), advice };
        let message = "public: reachable from the internet".into();
        let reachability = Check { name: "reachability".into(), state: CheckState::Ok, message, advice: None };
        Ok(Report { ok, checks: vec![disk, reachability] })
    }

    async fn shutdown(&self, _: NodeShutdown) -> Result<Done, ApiError> {
        let stop = self.state().stop.take();
        let stop = stop.ok_or_else(|| ApiError::new(Reason::NotAllowed, "The mock does not stop."))?;
        tokio::spawn(async move { stop.stop() });
        Ok(Done::OK)
    }

    async fn lock(&self, _: NodeLock) -> Result<Done, ApiError> {
        self.state().locked = true;
        Ok(Done::OK)
    }

    async fn unlock(&self, params: NodeUnlock) -> Result<Done, ApiError> {
        if params.passphrase.expose() != "correct horse" {
            return Err(ApiError::new(Reason::WrongPassphrase, "This passphrase is wrong. The node stays locked."));
        }
        self.state().locked = false;
        Ok(Done::OK)
    }
}

impl ConfigApi for Mock {
    async fn show(&self, _: ConfigShow) -> Result<Vec<Setting>, ApiError> {
        Ok(Vec::new())
    }

    async fn set(&self, _: ConfigSet) -> Result<Setting, ApiError> {
        Ok(Setting::default())
    }

    async fn reload(&self, _: ConfigReload) -> Result<ConfigReloaded, ApiError> {
        Ok(ConfigReloaded::default())
    }
}

impl TokenApi for Mock {
    async fn create(&self, params: TokenCreate) -> Result<TokenCreated, ApiError> {
        Ok(TokenCreated { token: Some("cvt_secret".into()), info: token(&params.name, params.scopes) })
    }

    async fn list(&self, _: TokenList) -> Result<Vec<TokenInfo>, ApiError> {
        Ok(vec![token("weather", vec![Scope::Read, Scope::Send])])
    }

    async fn revoke(&self, params: TokenRevoke) -> Result<TokenInfo, ApiError> {
        if params.token == "weather" {
            return Ok(token("weather", vec![Scope::Read]));
        }
        Err(ApiError::new(Reason::NoSuchToken, "No token is called that."))
    }
}

fn token(name: &str, scopes: Vec<Scope>) -> TokenInfo {
    TokenInfo {
        id: "5f1c2a905f1c2a90".into(),
        name: name.into(),
        kind: TokenKind::Program,
        state: TokenState::Active,
        scopes,
        channels: None,
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
    }
}

impl WebApi for Mock {
    async fn open(&self, _: WebOpen) -> Result<WebAddress, ApiError> {
        Ok(WebAddress { url: "http://127.0.0.1:7420/#code=c0de".into(), expires_at: at(600) })
    }
}

impl AuditApi for Mock {
    async fn list(&self, _: AuditList) -> Result<Vec<AuditEntry>, ApiError> {
        let entry = |id: &str, caller, reason, count| AuditEntry {
            id: id.into(),
            at: at(0),
            caller,
            token: None,
            token_name: (caller == AuditCaller::Token).then(|| "weather".into()),
            method: "message.send".into(),
            reason,
            count,
        };
        Ok(vec![entry("2", AuditCaller::Token, Some(Reason::NotAllowed), 3), entry("1", AuditCaller::Socket, None, 1)])
    }
}
