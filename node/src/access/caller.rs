//! Who calls.

use std::sync::Arc;

use covey_api::{AuditCaller, Scope};

use super::Grant;
use crate::engine::Asker;
use crate::engine::audit::Who;

/// Who calls; every method finds it in its extensions.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The node itself, or a process that runs it inside.
    Node,
    /// A process of this user (or root), on the Unix socket.
    Socket {
        /// Its user id.
        uid: u32,
    },
    /// The holder of the operator's token, on the port.
    Cookie,
    /// The holder of a token that was made, or a browser that is signed in.
    Token(Arc<Grant>),
}

impl Caller {
    /// The token, if it came with one.
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        match self {
            Self::Token(grant) => Some(grant),
            Self::Node | Self::Socket { .. } | Self::Cookie => None,
        }
    }

    /// May it do what this scope covers?
    pub fn may(&self, scope: Scope) -> bool {
        self.grant().is_none_or(|grant| grant.has(scope))
    }

    /// Does it have all rights, everywhere?
    pub fn is_operator(&self) -> bool {
        self.grant().is_none_or(|grant| grant.is_browser())
    }

    /// Is it the owner of the node at its machine, not a token or a browser?
    pub fn is_owner(&self) -> bool {
        self.grant().is_none()
    }

    /// How far the engine lets it see and do things.
    pub fn asker(&self) -> Asker {
        match self.grant() {
            Some(grant) if !grant.is_browser() => grant.asker(),
            _ => Asker::default(),
        }
    }

    /// As the audit log names it; nothing for the node itself.
    pub fn who(&self) -> Option<Who> {
        match self {
            Self::Node => None,
            Self::Socket { .. } => Some(Who { caller: AuditCaller::Socket, token: None }),
            Self::Cookie => Some(Who { caller: AuditCaller::Cookie, token: None }),
            Self::Token(grant) => Some(grant.who()),
        }
    }
}
