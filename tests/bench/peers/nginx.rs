//! Configurations of nginx: a reverse proxy, and a hub by its module nchan.

use std::net::SocketAddr;
use std::path::Path;

use crate::http::Result;

/// A reverse proxy that tells the upstream the same as Tidings does.
pub(crate) fn proxy(listen: SocketAddr, upstream: SocketAddr, folder: &Path) -> String {
    let http = format!(
        "upstream api {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{\n listen {listen} backlog=4096;\n location / {{\n{PASS}\
         proxy_set_header Host $http_host;\n\
         proxy_set_header X-Forwarded-For $remote_addr;\n\
         proxy_set_header X-Forwarded-Host $http_host;\n\
         proxy_set_header X-Forwarded-Proto $scheme;\n\
         proxy_set_header Forwarded 'for=$remote_addr;host=\"$http_host\";proto=$scheme';\n\
         }}\n}}\n"
    );
    whole("", &http, folder)
}

/// A hub of nchan's before the API, which publishes at `/pub/COLLECTION` what is heard at
/// `/sub/COLLECTION`.
pub(crate) fn hub(
    listen: SocketAddr,
    upstream: SocketAddr,
    kept: usize,
    folder: &Path,
) -> Result<String> {
    let module = MODULES.iter().find(|file| Path::new(file).exists());
    let module = module.ok_or("nginx has no module nchan: install libnginx-mod-nchan")?;
    let http = format!(
        "nchan_shared_memory_size 512M;\n\
         upstream api {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{\n listen {listen} backlog=4096;\n\
         location ~ ^/sub/(.+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1; \
         nchan_subscriber_first_message newest; }}\n\
         location ~ ^/pub/(.+)$ {{ nchan_publisher http; nchan_channel_id $1; \
         nchan_message_buffer_length {kept}; nchan_message_timeout 1h; }}\n\
         location / {{\n{PASS}}}\n}}\n"
    );
    Ok(whole(&format!("load_module {module};\n"), &http, folder))
}

fn whole(first: &str, http: &str, folder: &Path) -> String {
    let folder = folder.display();
    // One process that does all the work, as with a worker of its own: it ends when it is killed.
    format!(
        "{first}daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n\
         error_log {folder}/nginx.errors warn;\nworker_rlimit_nofile 65536;\n\
         events {{ worker_connections 32768; multi_accept on; }}\n\
         http {{\n access_log off;\n default_type application/json;\n\
         sendfile on;\n tcp_nodelay on;\n\
         keepalive_timeout 3600;\n keepalive_requests 100000000;\n\
         client_body_temp_path {folder}/body;\n proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/f;\n uwsgi_temp_path {folder}/u;\n scgi_temp_path {folder}/s;\n\
         {http}}}\n"
    )
}

/// Where distributions have it.
const MODULES: [&str; 2] = [
    "/usr/lib/nginx/modules/ngx_nchan_module.so",
    "/usr/lib64/nginx/modules/ngx_nchan_module.so",
];
/// An answer of 100 KB stays in memory.
const PASS: &str = "\
    proxy_pass http://api;\n proxy_http_version 1.1;\n proxy_set_header Connection \"\";\n\
    proxy_buffer_size 16k;\n proxy_buffers 16 16k;\n proxy_busy_buffers_size 64k;\n\
    proxy_max_temp_file_size 0;\n";
