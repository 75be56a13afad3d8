//! 100 MiB each way, in bounded memory.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::real::Real;
use crate::harness::{EVERYTHING, Sidecar, within};

const BYTES: usize = 100 * 1024 * 1024;

/// What the sidecar may take more than before.
const MORE_KIB_MAX: u64 = 48 * 1024;

/// Bytes that do not repeat at the length of any buffer, as the upstream makes them.
fn pattern() -> Vec<u8> {
    (0..251).collect::<Vec<u8>>().repeat(256)
}

/// Sends them all in chunks or by length, and gives the body of the answer: their number and hash.
async fn upload(address: SocketAddr, is_chunked: bool) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let framing = match is_chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {BYTES}"),
    };
    let head = format!("PUT /hash HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (pattern, mut left) = (pattern(), BYTES);
    while left > 0 {
        let piece = &pattern[..pattern.len().min(left)];
        left -= piece.len();
        if is_chunked {
            let size = format!("{:x}\r\n", piece.len());
            stream.write_all(size.as_bytes()).await.unwrap();
        }
        stream.write_all(piece).await.unwrap();
        if is_chunked {
            stream.write_all(b"\r\n").await.unwrap();
        }
    }
    if is_chunked {
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let length = BYTES.to_string();
    let at = answer.find(&length).unwrap_or_else(|| panic!("{answer}"));
    answer[at..at + length.len() + 65].to_owned()
}

/// Reads them all, each compared with what it has to be.
async fn download(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /bytes/{BYTES} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    // Twice, so that a piece may begin anywhere.
    let (pattern, mut came) = (pattern().repeat(2), 0);
    let mut piece = vec![0; 48 * 1024];
    loop {
        let read = stream.read(&mut piece).await.unwrap();
        if read == 0 {
            break;
        }
        let from = came % (pattern.len() / 2);
        assert!(piece[..read] == pattern[from..from + read], "behind {came}");
        came += read;
    }
    assert_eq!(came, BYTES);
}

#[tokio::test]
async fn a_hundred_mebibytes_pass_each_way_and_are_not_kept() {
    let upstream = Real::start().await;
    let url = format!("http://{}", upstream.address);
    let sidecar = Sidecar::start(&url, EVERYTHING).await;
    let before = sidecar.resident_kib();
    let direct = within("an upload", upload(upstream.address, false)).await;
    for is_chunked in [false, true] {
        let through = within("an upload", upload(sidecar.address(), is_chunked)).await;
        assert_eq!(direct, through, "in chunks: {is_chunked}");
    }
    within("a download", download(upstream.address)).await;
    within("a download", download(sidecar.address())).await;
    let more = sidecar.resident_kib().saturating_sub(before);
    assert!(more < MORE_KIB_MAX, "{more} KiB more than before");
}
