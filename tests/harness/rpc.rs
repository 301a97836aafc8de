//! A JSON-RPC client of its own: plain HTTP, no type of covey's. Cheap to call hundreds of times, and usable from threads
//! while the daemon comes and goes.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
};

use serde_json::{Value, json};

use super::PATIENCE;

/// Reads `rpc.json` and the cookie anew for every call, so that it finds a daemon that was restarted.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) data: PathBuf,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Refused {
    /// No daemon, or it went away before it answered.
    Gone { why: io::Error },
    /// The daemon said no: the JSON-RPC error object.
    Error(Value),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Gone { why: error }
    }
}

impl Client {
    /// One call.
    pub(crate) fn call(&self, method: &str, params: &Value) -> Result<Value, Refused> {
        let cookie = fs::read_to_string(self.data.join("rpc.cookie"))?;
        self.call_as(cookie.trim(), method, params)
    }

    /// One call, with this token.
    pub(crate) fn call_as(&self, token: &str, method: &str, params: &Value) -> Result<Value, Refused> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut answer: Value = serde_json::from_slice(&self.post(token, request.to_string().as_bytes())?)
            .map_err(|error| Refused::Gone { why: error.into() })?;
        match answer.get_mut("error") {
            Some(error) => Err(Refused::Error(error.take())),
            None => Ok(answer["result"].take()),
        }
    }

    /// The process id in `rpc.json`.
    pub(crate) fn endpoint(&self) -> io::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(self.data.join("rpc.json"))?)?)
    }

    fn post(&self, token: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        let endpoint = self.endpoint()?;
        let host = endpoint["url"].as_str().and_then(|url| url.strip_prefix("http://")).unwrap_or_default();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "POST /rpc HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let body = answer.split_off(end + 4);
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        // A refusal at the door has the form of every other one.
        if !head.starts_with("http/1.1 200") && !head.starts_with("http/1.1 401") {
            return Err(io::Error::other(head));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if length.is_some_and(|length: usize| length != body.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body)
    }
}
