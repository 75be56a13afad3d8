//! Streams that hear of nothing that is written: there are many, and each is read all the same.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::http::{Client, Result, get};
use crate::runtime;

/// What the process is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens once all are open.
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    address: SocketAddr,
    /// With `TOPIC` where the name of a collection is.
    #[arg(long)]
    path: String,
    #[arg(long)]
    streams: usize,
    /// Collections that they are spread over.
    #[arg(long)]
    topics: usize,
}

/// Holds them until the process is ended.
pub(crate) fn run(arguments: &Arguments) {
    runtime().block_on(async {
        for number in 0..arguments.streams {
            let topic = format!("t{}", number % arguments.topics);
            let path = arguments.path.replace("TOPIC", &topic);
            open(arguments.address, &path).await.unwrap();
        }
        let listener = TcpListener::bind(arguments.listen).await.unwrap();
        while listener.accept().await.is_ok() {}
    });
}

async fn open(address: SocketAddr, path: &str) -> Result<()> {
    let mut socket = Client::to(address).await?.into_socket();
    let sent = socket
        .write_all(&get(path, "Accept: text/event-stream"))
        .await;
    sent.map_err(|error| error.to_string())?;
    let mut head = [0; 12];
    let read = socket.read_exact(&mut head).await;
    read.map_err(|error| format!("a stream did not open: {error}"))?;
    if !head.ends_with(b" 200") {
        let head = String::from_utf8_lossy(&head);
        return Err(format!("a stream was answered {head}"));
    }
    tokio::spawn(async move {
        let mut read = [0; 512];
        while socket.read(&mut read).await.is_ok_and(|count| count > 0) {}
    });
    Ok(())
}
