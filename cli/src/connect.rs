//! Where the daemon is, and the way to it.

mod owner;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use covey_api::{ApiError, Call, Event, EventsSubscribe, Reason, Request};
use jsonrpsee::{
    core::client::{Error as ClientError, Subscription},
    ws_client::{HeaderMap, HeaderValue, WsClient, WsClientBuilder},
};
use serde::Deserialize;
use tokio::net::{TcpStream, UnixStream};

use crate::{Failure, Globals};

/// A page of messages may be long; the daemon bounds requests much lower.
const MAX_RESPONSE: u32 = 64 * 1024 * 1024;
/// Events buffered for a slow terminal before the subscription has to be taken up again from its cursor.
const EVENT_BUFFER: usize = 16 * 1024;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// A WebSocket URL and the cookie file that opens it.
    Url(String, PathBuf),
}

/// What the daemon writes to `DIR/rpc.json`.
#[derive(Debug, Default, Deserialize)]
struct RpcFile {
    url: Option<String>,
    socket: Option<PathBuf>,
    cookie: Option<PathBuf>,
}

/// A connection to the daemon.
pub struct Session {
    client: WsClient,
    /// What `--client-id` said.
    pub client_id: Option<String>,
    /// How long to wait.
    pub patience: Duration,
}

impl Session {
    /// Connects to the daemon that the flags mean.
    ///
    /// # Errors
    /// [`Reason::Unreachable`] if none answers, [`Reason::TimedOut`] if it takes too long, usage errors of `--rpc`.
    pub async fn connect(globals: &Globals) -> Result<Self, Failure> {
        let patience = globals.patience();
        let places = places(globals)?;
        let attempt = async {
            let mut failure = None;
            for place in &places {
                match open(place, patience).await {
                    Ok(client) => return Ok(client),
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            Err(failure.unwrap_or_else(|| {
                let sentence = "No home directory is known: set HOME, or name a data directory with --data-dir.";
                Failure::new(Reason::Unreachable, sentence)
            }))
        };
        let client = tokio::time::timeout(patience, attempt).await.map_err(|_| {
            Failure::new(Reason::TimedOut, "The daemon did not answer in time; is the machine very busy?")
        })?;
        let client = client.map_err(|failure| mistyped(globals).unwrap_or(failure))?;
        Ok(Self { client, client_id: globals.client_id.clone(), patience })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// The daemon's refusal, or that it went away or took too long.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Answer, Failure> {
        self.client.call(request).await.map_err(Failure::from)
    }

    /// Subscribes to the journal.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn subscribe(&self, request: &EventsSubscribe) -> Result<Subscription<Event>, Failure> {
        covey_api::subscribe(&self.client, request).await.map_err(Failure::from)
    }

    /// The jsonrpsee client, for calls outside of the contract.
    #[must_use]
    pub fn raw(&self) -> &WsClient {
        &self.client
    }
}

/// The addresses to try, best first.
fn places(globals: &Globals) -> Result<Vec<Place>, Failure> {
    let dir = globals.data_dir.clone().or_else(default_data_dir);
    let cookie = || dir.as_deref().unwrap_or(Path::new(".")).join("rpc.cookie");
    if let Some(rpc) = &globals.rpc {
        return Ok(vec![explicit(rpc, cookie())?]);
    }
    let mut places = Vec::new();
    if globals.data_dir.is_none()
        && let Some(runtime) = env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty())
    {
        places.push(Place::Socket(PathBuf::from(runtime).join("covey/rpc.sock")));
    }
    if let Some(dir) = &dir {
        let file = read_rpc_file(dir);
        places.push(Place::Socket(file.socket.map_or_else(|| dir.join("rpc.sock"), |socket| dir.join(socket))));
        if let Some(url) = file.url {
            let cookie = file.cookie.map_or_else(cookie, |cookie| dir.join(cookie));
            places.push(explicit(&url, cookie)?);
        }
    }
    Ok(places)
}

/// Where a node's data is unless told: `$XDG_DATA_HOME/covey`, or `~/.local/share/covey`.
#[must_use]
pub fn default_data_dir() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("covey"))
}

/// An unreadable or foreign file is treated as absent: the socket is tried in its usual place.
fn read_rpc_file(dir: &Path) -> RpcFile {
    fs::read(dir.join("rpc.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// What `--rpc` means: `unix:/path`, a path, or a URL, to which `/rpc` is added if it has no path.
fn explicit(text: &str, cookie: PathBuf) -> Result<Place, Failure> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Place::Socket(PathBuf::from(path.trim_start_matches("//"))));
    }
    if text.starts_with('/') || text.starts_with("./") {
        return Ok(Place::Socket(PathBuf::from(text)));
    }
    let (scheme, rest) = match text.split_once("://") {
        Some(("http" | "ws", rest)) => ("ws", rest),
        Some(("https" | "wss", rest)) => ("wss", rest),
        _ => return Err(bad_url(text)),
    };
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    if host.is_empty() || host.contains('@') {
        return Err(bad_url(text));
    }
    if scheme == "ws" && !is_loopback(host) {
        return Err(Failure::new(
            Reason::InvalidParams,
            format!(
                "{host} is another machine, and the token would travel unencrypted. Use an SSH tunnel, or https://."
            ),
        ));
    }
    let path = if path.is_empty() { "rpc" } else { path };
    Ok(Place::Url(format!("{scheme}://{host}/{path}"), cookie))
}

fn bad_url(text: &str) -> Failure {
    Failure::new(
        Reason::InvalidParams,
        format!("\"{text}\" is no RPC address. Use http://127.0.0.1:7420 or unix:/path/to/rpc.sock."),
    )
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn open(place: &Place, patience: Duration) -> Result<WsClient, Failure> {
    let builder = WsClientBuilder::new()
        .request_timeout(patience)
        .connection_timeout(patience)
        .max_response_size(MAX_RESPONSE)
        .max_buffer_capacity_per_subscription(EVENT_BUFFER);
    match place {
        Place::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| no_socket(path, &error))?;
            builder.build_with_stream("ws://localhost/rpc", stream).await.map_err(|error| no_handshake(&error))
        }
        Place::Url(url, cookie) => {
            let builder = builder.set_headers(bearer(url, cookie)?);
            let opened = match url.strip_prefix("ws://") {
                Some(rest) => builder.build_with_stream(url, trusted(rest, url, cookie).await?).await,
                // Whom it reaches, its certificate says.
                None => builder.build(url).await,
            };
            opened.map_err(|error| match error {
                ClientError::Transport(_) if rejected(&error) => Failure::new(
                    Reason::Unreachable,
                    format!("The daemon at {url} does not accept the token in {}. Is it the daemon of another data directory? Name it with --data-dir.", cookie.display()),
                ),
                _ => no_daemon(url),
            })
        }
    }
}

/// A connection to a port of this machine, once it is known whose it is: nothing has been said on it.
async fn trusted(rest: &str, url: &str, cookie: &Path) -> Result<TcpStream, Failure> {
    let host = rest.split('/').next().unwrap_or_default();
    let host = if has_port(host) { host.to_owned() } else { format!("{host}:80") };
    let stream = TcpStream::connect(&host).await.map_err(|_| no_daemon(url))?;
    let address = stream.peer_addr().map_err(|_| no_daemon(url))?;
    match owner::is_trusted(address, cookie) {
        Ok(true) => Ok(stream),
        Ok(false) => Err(Failure::new(
            Reason::Unreachable,
            format!(
                "{address} belongs to another user, so the token is not sent there. Is the daemon running? Look with `covey status`."
            ),
        )),
        Err(error) => Err(Failure::new(
            Reason::Unreachable,
            format!(
                "It cannot be found out who listens at {address} ({error}), so the token is not sent there. Use the daemon's socket: --rpc unix:/path/to/rpc.sock."
            ),
        )),
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']') && port.parse::<u16>().is_ok())
}

fn rejected(error: &ClientError) -> bool {
    let text = error.to_string();
    text.contains("status code: 401") || text.contains("status code: 403")
}

fn bearer(url: &str, cookie: &Path) -> Result<HeaderMap, Failure> {
    let token = fs::read_to_string(cookie).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            Reason::Unreachable,
            format!(
                "There is no token for {url}: {} does not exist. Name the data directory of that node with --data-dir.",
                cookie.display()
            ),
        ),
        _ => Failure::new(
            Reason::Unreachable,
            format!("Cannot read the token in {}: {error}. Run this as the user of the daemon.", cookie.display()),
        ),
    })?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| {
        Failure::new(Reason::Unreachable, format!("{} is damaged. Restart the daemon.", cookie.display()))
    })?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", value);
    Ok(headers)
}

fn no_socket(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::new(
            Reason::Unreachable,
            format!("The daemon at {} belongs to another user. Run this as that user.", path.display()),
        ),
        _ => no_daemon(&path.display().to_string()),
    }
}

/// What is wrong with `--data-dir`, if it is no directory: nobody made a node there.
fn mistyped(globals: &Globals) -> Option<Failure> {
    let dir = globals.data_dir.as_deref().filter(|dir| globals.rpc.is_none() && !dir.is_dir())?;
    let sentence = match dir.exists() {
        true => format!("{} is a file. Name the data directory of a node with --data-dir.", dir.display()),
        false => format!(
            "There is no directory {}, so no node either. Check --data-dir, or start a node there with `covey daemon`.",
            dir.display()
        ),
    };
    Some(Failure::Refused(ApiError::new(Reason::Unreachable, sentence).with_data(serde_json::json!({ "place": dir }))))
}

fn no_handshake(error: &ClientError) -> Failure {
    Failure::new(Reason::Unreachable, format!("What listens there is no covey daemon of this version ({error})."))
}

fn no_daemon(place: &str) -> Failure {
    Failure::Refused(
        ApiError::new(
            Reason::Unreachable,
            format!("No covey daemon answers at {place}. Start one with `covey daemon`, or name its directory with --data-dir."),
        )
        .with_data(serde_json::json!({ "place": place })),
    )
}

#[cfg(test)]
mod tests {
    use covey_api::Exit;

    use super::*;

    fn place(text: &str) -> Result<Place, Exit> {
        explicit(text, PathBuf::from("c")).map_err(|failure| failure.exit())
    }

    #[test]
    fn an_rpc_address_may_be_a_url_a_socket_or_a_path() {
        let url = |text: &str| Ok(Place::Url(text.into(), PathBuf::from("c")));
        assert_eq!(place("http://127.0.0.1:7420"), url("ws://127.0.0.1:7420/rpc"));
        assert_eq!(place("ws://[::1]:7420/rpc"), url("ws://[::1]:7420/rpc"));
        assert_eq!(place("https://covey.example/"), url("wss://covey.example/rpc"));
        assert_eq!(place("unix:/run/rpc.sock"), Ok(Place::Socket("/run/rpc.sock".into())));
        assert_eq!(place("/run/rpc.sock"), Ok(Place::Socket("/run/rpc.sock".into())));
    }

    #[test]
    fn a_cookie_never_travels_unencrypted_to_another_machine() {
        for text in [
            "http://10.0.0.7:7420",
            "ws://covey.example",
            "http://127.0.0.1.evil.example",
            "ws://127.0.0.1:1@evil.example",
            "ftp://x",
            "http://",
            "x",
        ] {
            assert_eq!(place(text), Err(Exit::Usage), "{text}");
        }
    }
}
