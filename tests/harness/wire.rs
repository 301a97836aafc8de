//! A wire that remembers: a TCP proxy on loopback that keeps every byte of both directions.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// A wire that remembers.
pub(crate) struct Wire {
    port: u16,
    recorded: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// Passes everything on to a port of 127.0.0.1, until the test ends.
    pub(crate) fn to(far: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&recorded);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Nobody there now: the caller sees a closed connection, as without the wire.
                let Ok(far) = TcpStream::connect(("127.0.0.1", far)) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    let record = Arc::clone(&record);
                    thread::spawn(move || pass(from, to, &record));
                }
            }
        });
        Self { port, recorded }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What went over it so far.
    pub(crate) fn recorded(&self) -> Vec<u8> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, record: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        record.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
        to.write_all(&buffer[..length])?;
    }
}

/// Is `needle` in `haystack`?
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// All files below a directory, with what is in them.
pub(crate) fn files_below(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("readable").map_while(Result::ok) {
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                found.push((entry.path(), fs::read(entry.path()).expect("readable")));
            }
        }
    }
    found
}
