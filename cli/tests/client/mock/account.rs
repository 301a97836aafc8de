//! The account of the mock: who it is, its tickets and safety numbers.

use covey_api::*;

use super::{ME, Mock, at};

impl AccountApi for Mock {
    async fn status(&self, _: AccountStatus) -> Result<AccountCondition, ApiError> {
        Ok(AccountCondition {
            account: ME.into(),
            device: "cvd1me".into(),
            devices: 1,
            recoveries: 0,
            backed_up: true,
            sealed: true,
            objected: false,
            accepted: false,
            second_history: None,
        })
    }

    async fn accept(&self, _: AccountAccept) -> Result<AccountCondition, ApiError> {
        Err(ApiError::new(Reason::WrongState, "There is nothing to accept."))
    }

    async fn contest(&self, _: AccountContest) -> Result<AccountCondition, ApiError> {
        Err(ApiError::new(Reason::WrongState, "There is nothing to object to."))
    }

    async fn show(&self, _: AccountShow) -> Result<Account, ApiError> {
        Ok(Account {
            account: ME.into(),
            device: "cvd1me".into(),
            peer_id: "12D3me".into(),
            addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
            name: "Me".into(),
        })
    }

    async fn ticket(&self, params: AccountTicket) -> Result<Ticket, ApiError> {
        let token = params.uses.is_some() || params.expires_in.is_some();
        Ok(Ticket {
            ticket: "covey:me".into(),
            id: token.then(|| "t1".into()),
            uses: params.uses,
            expires_at: params.expires_in.map(at),
        })
    }

    async fn tickets(&self, _: AccountTickets) -> Result<Vec<TicketInfo>, ApiError> {
        Ok(vec![TicketInfo {
            id: "5f1c2a90aa".into(),
            state: TicketState::Active,
            uses: 5,
            used: 2,
            created_at: at(0),
            expires_at: None,
        }])
    }

    async fn revoke_ticket(&self, params: AccountRevokeTicket) -> Result<TicketInfo, ApiError> {
        Err(ApiError::new(Reason::NoSuchTicket, format!("There is no ticket {}.", params.id)))
    }

    async fn safety_number(&self, params: AccountSafetyNumber) -> Result<SafetyNumber, ApiError> {
        let contact = self.find(&params.contact)?;
        let safety_number = ["12345"; 12].join(" ");
        Ok(SafetyNumber { contact: contact.contact, alias: contact.alias, safety_number, verified: false })
    }

    async fn rename(&self, params: AccountRename) -> Result<Account, ApiError> {
        let account = AccountApi::show(self, AccountShow {}).await?;
        Ok(Account { name: params.name, ..account })
    }
}
