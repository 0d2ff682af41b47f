# What the tour's clients and the certificates are made with.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends mosquitto-clients openssl python3 python3-paho-mqtt \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 99 -g 99 /certs
USER 99:99
