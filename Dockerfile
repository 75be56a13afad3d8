# The image of Tidings: the program, the certificates for https, and no shell.
#
#   docker build -t tidings .
#   docker run --read-only -p 8080:8080 -v "$PWD/etc:/etc/tidings:ro" -e WEB_KEY tidings
#
# etc/ holds tidings.yaml, which listens at 0.0.0.0:8080 and has an `admin` address for the health
# check. It is mounted as a folder: a file that is mounted by itself does not change when an editor
# puts another in its place. A log in files needs a volume at /var/lib/tidings that user 65532 may
# write to; nothing else is written. TIDINGS_CONFIG names another file.
#
# For amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 .
# Either base can be another: one with cargo, a C++ compiler and make, of a Debian no newer than
# what the other is made of; and one with glibc and libgcc.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS build
# It builds some of the crates.
RUN command -v cmake >/dev/null || { apt-get update && apt-get install -y --no-install-recommends cmake; }
WORKDIR /src
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols
# The crates, with a program that does nothing: this layer stays until Cargo.lock changes. Some
# kernels of arm64 have pages of 64 KiB, which the allocator has to be built for.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY tests/fuzz/Cargo.toml tests/fuzz/
RUN if [ "$(uname -m)" = aarch64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi; \
    mkdir src && echo 'fn main() {}' >src/main.rs && : >src/lib.rs && \
    cargo build --release --locked --bin tidings && rm -r src
COPY config/reference.yaml config/
COPY src src
# What was copied may be older than the program that does nothing: `touch` has it built all the same.
RUN if [ "$(uname -m)" = aarch64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi; \
    touch src/main.rs src/lib.rs && cargo build --release --locked --bin tidings && \
    install -D -t /image/bin target/release/tidings && mkdir -p /image/log && rm -r target

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="Tidings" \
    org.opencontainers.image.description="A reverse-proxy sidecar that adds realtime to any REST API" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /image/log /var/lib/tidings
COPY --from=build /image/bin/tidings /usr/local/bin/tidings
# By number: who asks for a user that is not root cannot tell from a name.
USER 65532:65532
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/tidings", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tidings"]
CMD ["run"]
