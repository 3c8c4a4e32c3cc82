# One image per program. `docker build --target backend .`; compose names the targets.
#
# The build stage compiles all of them once; runtime stages hold one program each, no shell, no package manager,
# and a user that owns nothing but /data.

ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /src
COPY . .
# The repository is not part of the context, so that the commit is told: it is in manifests and /api/v1/version.
ARG TRADAI_GIT_COMMIT=
ENV TRADAI_GIT_COMMIT=${TRADAI_GIT_COMMIT}
# What Cargo downloads and compiles stays in caches of the builder, so that a change rebuilds what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked \
      --package tradai-backend --package tradai-data-collection \
      --package tradai-strategy-service --package tradai-trading \
    && mkdir -p /out/bin /out/data/strategies \
    && cp target/dist/tradai-backend target/dist/tradai-data-collection \
      target/dist/tradai-strategy-service target/dist/tradai-trading /out/bin/

FROM gcr.io/distroless/cc-debian12:nonroot AS base
# Volumes that are mounted there for the first time take over the owner.
COPY --from=build --chown=65532:65532 /out/data /data
ENV TRADAI_DATA_DIR=/data
WORKDIR /data
USER 65532:65532

FROM base AS backend
COPY --from=build /out/bin/tradai-backend /usr/local/bin/
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=15s CMD ["tradai-backend", "healthcheck"]
ENTRYPOINT ["tradai-backend"]

FROM base AS data-collection
COPY --from=build /out/bin/tradai-data-collection /usr/local/bin/
EXPOSE 8002
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=15s CMD ["tradai-data-collection", "healthcheck"]
ENTRYPOINT ["tradai-data-collection"]

FROM base AS strategy-service
COPY --from=build /out/bin/tradai-strategy-service /usr/local/bin/
EXPOSE 8003
HEALTHCHECK --interval=30s --timeout=10s --retries=3 --start-period=15s CMD ["tradai-strategy-service", "healthcheck"]
ENTRYPOINT ["tradai-strategy-service"]

# A job in a container of its own: TRADING_MODE says what it does, and it ends with an exit code.
FROM base AS runtime
COPY --from=build /out/bin/tradai-trading /usr/local/bin/
ENTRYPOINT ["tradai-trading"]
