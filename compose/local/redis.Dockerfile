# Debian's Redis, started as the official image starts its own.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server redis-tools \
    && rm -rf /var/lib/apt/lists/*
USER redis
WORKDIR /data
CMD ["redis-server", "--protected-mode", "no", "--dir", "/tmp"]
