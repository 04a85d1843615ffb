//! The network benchmark on tokio's current_thread runtime: net echo|http|churn

use std::env;
use std::io::{Result, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime;

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!";

/// Finds the ends of requests, which are empty lines, in the pieces in which they come.
#[derive(Default)]
struct Requests {
    line: usize,
}

impl Requests {
    fn ended_by(&mut self, piece: &[u8]) -> usize {
        let mut ended = 0;
        let mut lines = piece.split(|&byte| byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            self.line += line.len();
            if lines.peek().is_some() {
                ended += usize::from(self.line <= 1);
                self.line = 0;
            }
        }
        ended
    }
}

async fn echo(mut stream: TcpStream, size: usize) -> Result<()> {
    let mut buffer = vec![0; size];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

async fn http(mut stream: TcpStream, size: usize) -> Result<()> {
    let mut buffer = vec![0; size];
    let mut requests = Requests::default();
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        for _ in 0..requests.ended_by(&buffer[..n]) {
            stream.write_all(RESPONSE).await?;
        }
    }
}

async fn serve(mode: &str) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse().unwrap())?;
    let listener = socket.listen(4096)?;
    println!("PORT {}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match mode {
            "http" => tokio::spawn(http(stream, 16 << 10)),
            "churn" => tokio::spawn(echo(stream, 16 << 10)),
            _ => tokio::spawn(echo(stream, 256 << 10)),
        };
    }
}

fn main() -> Result<()> {
    let mode = env::args().nth(1).expect("MODE");
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(&mode))
}
