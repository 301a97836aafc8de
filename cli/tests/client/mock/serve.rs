//! The mock on a Unix socket and a TCP port in a directory of its own, and commands run against it.

use std::{
    io::{self, Cursor, Read, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use covey_cli::{Command, Failure, Globals, Streams, Terminal};
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse, Server, ServerHandle, serve, stop_channel};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinHandle,
};
use tower::Service as _;

use super::Mock;

/// What the mock's cookie file holds.
pub const TOKEN: &str = "s3cret";

/// The argument tree as the binary has it, less its own commands.
#[derive(Parser, Debug)]
#[command(name = "covey")]
pub struct Tree {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// A running mock.
pub struct Daemon {
    pub mock: Arc<Mock>,
    pub dir: TempDir,
    pub url: String,
    pub handle: ServerHandle,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What a command wrote and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub exit: u8,
}

impl Ran {
    /// Stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

impl Daemon {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mock = Mock::new();
        let module = covey_api::module(Arc::clone(&mock)).unwrap();
        let (stop, handle) = stop_channel();
        let service = Server::builder().to_service_builder().build(module, stop);

        let socket = UnixListener::bind(dir.path().join("rpc.sock")).unwrap();
        let over_socket = service.clone();
        let on_socket = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, over_socket.clone()));
            }
        });

        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", port.local_addr().unwrap());
        let guarded = tower::service_fn(move |request: HttpRequest<_>| {
            let mut service = service.clone();
            let known = request.headers().get("authorization").is_some_and(|value| value == "Bearer s3cret");
            async move {
                if known {
                    return service.call(request).await;
                }
                Ok(HttpResponse::builder().status(401).body(HttpBody::from("who are you?")).unwrap())
            }
        });
        let on_port = tokio::spawn(async move {
            while let Ok((stream, _)) = port.accept().await {
                tokio::spawn(serve(stream, guarded.clone()));
            }
        });
        Self { mock, dir, url, handle, tasks: [on_socket, on_port] }
    }

    /// Runs a command against this daemon.
    pub async fn run(&self, line: &[&str]) -> Ran {
        self.run_with(line, "").await
    }

    pub async fn run_with(&self, line: &[&str], stdin: &str) -> Ran {
        let dir = self.dir.path().to_str().unwrap().to_owned();
        let line = ["covey", "--data-dir", &dir].into_iter().chain(line.iter().copied());
        run(parse(line), stdin, false).await
    }

    /// As if somebody typed at a terminal.
    pub async fn run_typing(&self, line: &[&str], typed: &str) -> Ran {
        let dir = self.dir.path().to_str().unwrap().to_owned();
        let line = ["covey", "--data-dir", &dir].into_iter().chain(line.iter().copied());
        run(parse(line), typed, true).await
    }
}

/// Runs a parsed command and captures what it writes.
pub async fn run(tree: Result<Tree, clap::Error>, stdin: &str, typing: bool) -> Ran {
    let (out, err) = (Sink::default(), Sink::default());
    let tree = match tree {
        Ok(tree) => tree,
        Err(error) => return Ran { out: String::new(), err: error.to_string(), exit: 2 },
    };
    let streams = Streams {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        stdin: Box::new(Cursor::new(stdin.to_owned())) as Box<dyn Read + Send>,
    };
    let mut terminal = Terminal::plain(&tree.globals, streams);
    terminal.typing = typing;
    let outcome = covey_cli::run(tree.command, &tree.globals, &mut terminal).await;
    let exit = outcome.map_or_else(
        |failure: Failure| {
            failure.tell(&mut terminal);
            failure.exit().code()
        },
        |()| 0,
    );
    Ran { out: out.text(), err: err.text(), exit }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a command against whatever is at a directory.
pub async fn run_at(dir: &Path, line: &[&str]) -> Ran {
    let dir = dir.to_str().unwrap();
    run(parse(["covey", "--data-dir", dir].into_iter().chain(line.iter().copied())), "", false).await
}

/// As the binary does it.
fn parse<'a>(line: impl IntoIterator<Item = &'a str>) -> Result<Tree, clap::Error> {
    let mut tree = Tree::command();
    let line = covey_cli::words(&mut tree, line.into_iter().map(Into::into))?;
    let mut matches = tree.try_get_matches_from_mut(line)?;
    Tree::from_arg_matches_mut(&mut matches)
}
