//! A WebSocket, frame by frame: what it is not asked to read stays unread.

use std::{
    fs,
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use super::{Node, PATIENCE};

/// A WebSocket of a node that does nothing by itself.
pub(crate) struct Socket(BufReader<TcpStream>);

impl Socket {
    /// With the rights of the operator.
    pub(crate) fn connect(node: &Node) -> Self {
        let host = node.client().endpoint().expect("runs")["url"].as_str().expect("a URL").replace("http://", "");
        let cookie = fs::read_to_string(node.data().join("rpc.cookie")).expect("readable");
        let mut stream = TcpStream::connect(&host).expect("listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = format!(
            "GET /rpc HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {}\r\n\r\n",
            cookie.trim()
        );
        stream.write_all(request.as_bytes()).expect("sends");
        let mut socket = Self(BufReader::new(stream));
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.byte());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        socket
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.read_exact(&mut byte).expect("goes on");
        byte[0]
    }

    /// Sends a text with a mask of zeros.
    pub(crate) fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).expect("is short").to_be_bytes();
        let frame = [&[0x81, 0x80 | 126][..], &length, &[0; 4], text.as_bytes()].concat();
        self.0.get_mut().write_all(&frame).expect("sends");
    }

    /// The next text.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let (kind, short) = (self.byte(), self.byte());
            let length = match short {
                126 => usize::from(u16::from_be_bytes([self.byte(), self.byte()])),
                127 => panic!("longer than anything here"),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).expect("goes on");
            if kind & 0x0f == 1 {
                return serde_json::from_slice(&payload).expect("is JSON");
            }
        }
    }
}
