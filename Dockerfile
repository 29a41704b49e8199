# resift as an image:
#   docker build -t resift .                       # on the CPU
#   docker build -t resift:gpu --target gpu .      # with CUDA, Linux x86-64
#   docker run -p 127.0.0.1:9280:9280 -p 127.0.0.1:9281:9281 -e RESIFT_ENGINE_URLS=http://engine:9200 resift
# The build stages are Debian 12, whose C library is older than that of either image resift ends in.
ARG GO_IMAGE=golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082
ARG CPU_IMAGE=debian:trixie-20260918-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a
ARG GPU_IMAGE=nvidia/cuda:13.0.2-runtime-ubuntu24.04@sha256:6a0e31b59e70890446f2c17356d6efc0d54260090a8c63d6ca7c2ad049db95d2

FROM ${RUST_IMAGE} AS rust

FROM ${GO_IMAGE} AS tools
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY --from=rust /usr/local/cargo /usr/local/cargo
COPY --from=rust /usr/local/rustup /usr/local/rustup
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:$PATH RESIFT_CACHE=/cache
WORKDIR /src
# The native parts change seldom: they are a layer of their own, made anew when a pin in build changes.
COPY go.mod go.sum ./
COPY build build
RUN --mount=type=cache,target=/go/pkg/mod build/tokenizers.sh && build/onnxruntime.sh

FROM tools AS source
COPY . .
RUN mkdir -p /out/state/records

FROM source AS build
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    VERSION="$VERSION" build/resift.sh /out/resift && cp LICENSE NOTICE /out/resift/

FROM source AS build-gpu
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    RESIFT_ONNXRUNTIME="$(build/onnxruntime-gpu.sh)" && export RESIFT_ONNXRUNTIME \
 && VERSION="$VERSION" build/resift.sh /out/resift && cp LICENSE NOTICE /out/resift/

FROM ${GPU_IMAGE} AS gpu
ARG VERSION=dev
LABEL org.opencontainers.image.title="resift" \
      org.opencontainers.image.description="A re-ranking reverse proxy for Elasticsearch and OpenSearch, on NVIDIA GPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build-gpu /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build-gpu /out/resift /opt/resift
COPY --from=build-gpu --chown=10001:10001 /out/state /var/lib/resift
COPY deploy/resift.yaml /etc/resift/resift.yaml
USER 10001:10001
EXPOSE 9280 9281 9282
HEALTHCHECK --interval=10s --timeout=5s --start-period=2m --retries=3 CMD ["/opt/resift/resift", "health"]
ENTRYPOINT ["/opt/resift/resift"]
CMD ["serve", "--config", "/etc/resift/resift.yaml"]

# The last stage is what a build without --target makes.
FROM ${CPU_IMAGE} AS cpu
ARG VERSION=dev
LABEL org.opencontainers.image.title="resift" \
      org.opencontainers.image.description="A re-ranking reverse proxy for Elasticsearch and OpenSearch" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/resift /opt/resift
COPY --from=build --chown=10001:10001 /out/state /var/lib/resift
COPY deploy/resift.yaml /etc/resift/resift.yaml
USER 10001:10001
EXPOSE 9280 9281 9282
HEALTHCHECK --interval=10s --timeout=5s --start-period=1m --retries=3 CMD ["/opt/resift/resift", "health"]
ENTRYPOINT ["/opt/resift/resift"]
CMD ["serve", "--config", "/etc/resift/resift.yaml"]
