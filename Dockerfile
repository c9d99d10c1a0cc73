# Images of this package, built from this checkout. See docs/operations/docker.md.
#
#   docker build --target runtime .     the command line and the package, to build an application upon
#   docker build .                      the same with the server of shared contexts as its command
#
# Tags move: for a build that is the same next year, give both images with their digests,
# --build-arg NODE_IMAGE=node:22-bookworm-slim@sha256:…; `docker buildx imagetools inspect <image>` tells them.

# Both must have the same C library: what one of them links is loaded in the other.
ARG NODE_IMAGE=node:22-bookworm-slim
ARG RUST_IMAGE=rust:1.89-slim-bookworm

# The native module. A stage of its own, so that a change of JavaScript does not compile it again.
FROM ${RUST_IMAGE} AS native
WORKDIR /build
# A mirror of crates.io, where that is not to be reached: an index as cargo takes it, sparse+https://….
ARG CARGO_MIRROR=""
COPY Cargo.toml Cargo.lock build.rs ./
COPY src ./src
COPY config ./config
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    set -eu; \
    if [ -n "$CARGO_MIRROR" ]; then \
      set -- --config 'source.crates-io.replace-with="mirror"' --config "source.mirror.registry=\"$CARGO_MIRROR\""; \
    fi; \
    cargo build --release --locked "$@"; \
    cp target/release/libagentwise_optimization.so /build/

# The package as npm would install it, without what only a build needs.
FROM ${NODE_IMAGE} AS package
WORKDIR /package
# A mirror of the npm registry.
ARG NPM_REGISTRY=""
COPY package.json package-lock.json ./
# Without scripts: the module comes from the stage before.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund ${NPM_REGISTRY:+--registry="$NPM_REGISTRY"}
COPY index.js index.mjs index.d.ts index.d.mts README.md LICENSE ./
COPY entry ./entry
COPY config ./config
COPY js ./js
COPY --from=native /build/libagentwise_optimization.so /tmp/
# The name under which it is looked for has the architecture as Node calls it. It is tried before the image is made.
RUN set -eu; \
    mv /tmp/libagentwise_optimization.so "js/agentwise-optimization.linux-$(node -p process.arch)-gnu.node"; \
    node -e 'require("/package").countTokens("it loads")'

FROM ${NODE_IMAGE} AS runtime
# A mirror of Debian, instead of http://deb.debian.org: debian and debian-security are below it.
ARG DEBIAN_MIRROR=""
# The first process of a container inherits orphans, and no signal that it does not handle reaches it: tini is that process.
RUN set -eu; \
    if [ -n "$DEBIAN_MIRROR" ]; then \
      sed -i "s|http://deb.debian.org|$DEBIAN_MIRROR|" /etc/apt/sources.list.d/debian.sources; \
    fi; \
    apt-get update; \
    apt-get install --yes --no-install-recommends tini=0.19.*; \
    rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/ldconfig
COPY --from=package /package /usr/local/lib/node_modules/agentwise-optimization
COPY docker/healthcheck.js /usr/local/lib/agentwise-optimization/healthcheck.js
# Who runs owns the cache, which others must not read; everything else belongs to root. `/node_modules` is where Node looks
# last, from every directory: an application finds the package without installing it, and its own copy first.
RUN set -eu; \
    chmod 755 /usr/local/lib/node_modules/agentwise-optimization/js/cli/main.js; \
    ln -s ../lib/node_modules/agentwise-optimization/js/cli/main.js /usr/local/bin/agentwise-optimization; \
    mkdir /node_modules; \
    ln -s /usr/local/lib/node_modules/agentwise-optimization /node_modules/; \
    install --directory --owner 1000 --group 1000 --mode 0700 /var/cache/agentwise-optimization; \
    install --directory --owner 1000 --group 1000 /app
# NODE_OPTIONS is left to whoever knows the memory limit: --max-old-space-size=… as ever.
ENV NODE_ENV=production \
    CACHE_DIR=/var/cache/agentwise-optimization
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 1000:1000
# 1, a warning, is healthy enough: whoever restarts for it loses a warm cache.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["node", "/usr/local/lib/agentwise-optimization/healthcheck.js", "system"]
ENTRYPOINT ["tini", "--"]
CMD ["agentwise-optimization", "doctor"]

# Last, so that it is what is built where no target is named: the one part that is a program by itself.
FROM runtime AS shared-context
EXPOSE 3003
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
    CMD ["node", "/usr/local/lib/agentwise-optimization/healthcheck.js", "shared-context"]
# On all addresses of the container, so it wants a token: SHARED_CONTEXT_TOKEN, or --token-file of a mounted secret.
CMD ["agentwise-optimization", "shared-context", "--host", "0.0.0.0"]
