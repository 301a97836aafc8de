//! What clients may rely on and must keep to, as the documents tell it.

use serde_json::{Value, json};

use crate::{
    MAX_BATCH, MAX_BODY, MAX_FRAME, MAX_RUNNING, MAX_SUBSCRIPTIONS, MAX_TEXT, MAX_TOKENS, MAX_UNREAD,
    TOKEN_WRITES_PER_SECOND,
};

/// The limits, with what happens beyond them.
pub(super) fn limits() -> Value {
    json!({
        "text_bytes": { "value": MAX_TEXT, "description": "Bytes of UTF-8 in the text of a message. Beyond: `too_long`." },
        "request_bytes": {
            "value": MAX_BODY,
            "description": "Bytes of a request, or of a whole batch. Beyond: `too_long`, by HTTP with the status 413.",
        },
        "batch": { "value": MAX_BATCH, "description": "Requests in one batch. Beyond: `limit_reached`, and none is carried out." },
        "frame_bytes": {
            "value": MAX_FRAME,
            "description": "Bytes of a WebSocket message that are read at all. Beyond: the connection ends.",
        },
        "subscriptions": { "value": MAX_SUBSCRIPTIONS, "description": "Subscriptions of one connection. Beyond: `limit_reached`." },
        "running": {
            "value": MAX_RUNNING,
            "description": "Requests of one connection that are under way. Beyond: further ones are not read yet.",
        },
        "unread_bytes": {
            "value": MAX_UNREAD,
            "description": "Bytes of answers that wait until a connection reads them. Beyond: its requests are not read yet.",
        },
        "connections": {
            "value": 256,
            "description": "Connections, unless `rpc.max_connections` says otherwise. Beyond: the HTTP status 503 and `limit_reached`.",
        },
        "token_writes_per_second": {
            "value": TOKEN_WRITES_PER_SECOND,
            "description": "Changing calls of one token, but for `events.ack`. Beyond: `limit_reached`; `retry_after_ms` says how long to wait.",
        },
        "tokens": { "value": MAX_TOKENS, "description": "Tokens that can be used at one time. Beyond: `limit_reached`." },
    })
}

/// How a caller says who it is.
pub(super) fn authentication() -> Value {
    json!({
        "unix_socket": "No token: the system says who calls, and only the user of the node (and root) may. All rights.",
        "bearer": "On the port every request carries `Authorization: Bearer TOKEN`. TOKEN is the content of `rpc.cookie` in the data \
                   directory (new at each start; all rights), or one that `token.create` made (only its scopes).",
        "websocket": "A client that cannot set that header offers the WebSocket subprotocols `covey` and `bearer.TOKEN`.",
        "refused": "Without a valid token the HTTP status is 401, and the body is an error object with the reason `unauthorized`, \
                    `token_expired` or `token_revoked`. A WebSocket is closed with the code 4401 when its token is revoked or expires.",
        "origin": "A request with an `Origin` or `Host` that is not the server's own is refused with 403 and `foreign_origin`.",
    })
}
