//! A request's head, judged.

use divan::{Bencher, black_box};
use tidings::benching::admits;

const CURL: &str = "GET /posts/1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/8.5.0\r\n\
    Accept: */*\r\n\r\n";

const BROWSER: &str = "PATCH /api/posts/5f3a09c1e77b1234?expand=author HTTP/1.1\r\n\
    Host: app.example\r\nConnection: keep-alive\r\nContent-Length: 312\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\n\
    sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
    Content-Type: application/json\r\nsec-ch-ua-mobile: ?0\r\nAccept: */*\r\n\
    Origin: https://app.example\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n\
    Sec-Fetch-Dest: empty\r\nReferer: https://app.example/posts\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: sessionid=0123456789abcdef0123456789abcdef; csrftoken=0123456789abcdef\r\n\r\n";

#[divan::bench]
fn curl(bencher: Bencher<'_, '_>) {
    judge(bencher, CURL);
}

#[divan::bench]
fn browser(bencher: Bencher<'_, '_>) {
    judge(bencher, BROWSER);
}

fn judge(bencher: Bencher<'_, '_>, head: &str) {
    assert!(admits(head.as_bytes()));
    bencher.bench_local(|| admits(black_box(head.as_bytes())));
}
