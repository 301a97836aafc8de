//! `web.*`: the way into the web page.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Time, contract::noun};

/// Parameters of `web.open`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebOpen {}

/// The address to open in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebAddress {
    /// The address, with a code that signs one browser in. Whoever opens it first is signed in: show it to nobody.
    pub url: String,
    /// Until when the code can be used.
    pub expires_at: Time,
}

noun! {
    /// The web page.
    WebApi = "web" {
        /// Make an address of the web page that signs a browser in, once. For the operator; not for tokens.
        read open(WebOpen) -> WebAddress, needs Admin,
            refuses WrongState;
    }
}
