//! Parameters of the local RPC.

use covey_api as api;
use serde::{Serialize, de::DeserializeOwned};

fn read<T: Serialize + DeserializeOwned>(text: &str) -> bool {
    let Ok(params) = serde_json::from_str::<T>(text) else { return false };
    let again = serde_json::to_string(&params).expect("parameters are JSON");
    assert!(serde_json::from_str::<T>(&again).is_ok(), "what was read can be written and read again");
    true
}

macro_rules! all {
    ($text:expr, $($params:ident)*) => { [$(read::<api::$params>($text)),*].contains(&true) };
}

/// A text as the parameters of every method.
pub fn params(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let _ = text.parse::<api::Time>();
    all!(text,
        AccountRename AccountRevokeTicket AccountSafetyNumber AccountShow AccountTicket AccountTickets AuditList
        ChannelArchive ChannelList ChannelMarkRead ChannelMute ChannelShow
        EventsAck EventsFetch EventsSubscribe
        MessageEdit MessageList MessageSend MessageShow
        NodeDoctor NodePeers NodeShutdown NodeStatus
        PairAccept PairBlock PairCancel PairDecline PairForget PairInvite PairList PairRemove PairRename PairSend
        PairShow PairUnblock PairVerify
        RpcAsyncapi RpcDiscover RpcSpec RpcVersion
        TokenCreate TokenList TokenRevoke
        WebOpen)
}
