//! A WebSocket client that does exactly what it is told, and nothing by itself.
#![allow(clippy::panic)] // as the tests beside it

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};

/// Reads what the server sends.
pub(super) struct Reader<S>(BufReader<ReadHalf<S>>);
/// Sends what it is given.
pub(super) struct Writer<S>(WriteHalf<S>);

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Text(String),
    Close(u16),
    /// Ping or pong.
    Control,
    /// The connection ended.
    End,
}

/// Asks for a WebSocket with these further header lines; the status if it was refused.
pub(super) async fn connect<S>(mut stream: S, host: &str, headers: &[String]) -> Result<(Reader<S>, Writer<S>), u16>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!(
        "GET /rpc HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.map_err(|_| 0_u16)?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    match super::status(&head) {
        101 => {
            let (reader, writer) = tokio::io::split(stream);
            Ok((Reader(BufReader::new(reader)), Writer(writer)))
        }
        status => Err(status),
    }
}

impl<S: AsyncWrite> Writer<S> {
    /// Sends one text message; false when the connection is gone.
    pub(super) async fn text(&mut self, text: &str) -> bool {
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).expect("is short")),
            middle @ 126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(middle).expect("fits").to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        // A mask of zeros leaves the text as it is.
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.is_ok()
    }

    /// Sends a call.
    pub(super) async fn call(&mut self, id: usize, method: &str, params: &str) -> bool {
        self.text(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)).await
    }
}

impl<S: AsyncRead> Reader<S> {
    /// The next frame.
    pub(super) async fn frame(&mut self) -> Frame {
        let Ok(opcode) = self.0.read_u8().await else { return Frame::End };
        let Ok(len) = self.0.read_u8().await else { return Frame::End };
        let len = match len {
            126 => u64::from(self.0.read_u16().await.unwrap_or(0)),
            127 => self.0.read_u64().await.unwrap_or(0),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(len).expect("fits")];
        if self.0.read_exact(&mut payload).await.is_err() {
            return Frame::End;
        }
        match opcode & 0x0f {
            1 => Frame::Text(String::from_utf8(payload).expect("is text")),
            8 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            _ => Frame::Control,
        }
    }

    /// The next text, which must come.
    pub(super) async fn json(&mut self) -> serde_json::Value {
        loop {
            match self.frame().await {
                Frame::Text(text) => return serde_json::from_str(&text).expect("is JSON"),
                Frame::Control => {}
                end => panic!("{end:?} instead of an answer"),
            }
        }
    }
}
