# A stand-in for EMQX where its image cannot be had: mosquitto behind emqx.py, which takes PROXY headers
# and answers the `emqx ctl` that this demo uses.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends mosquitto python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --no-create-home --shell /usr/sbin/nologin emqx \
    && printf '#!/bin/sh\nexec "$@"\n' >/usr/bin/docker-entrypoint.sh \
    && chmod 755 /usr/bin/docker-entrypoint.sh
COPY emqx.py /usr/local/bin/emqx
USER emqx
ENTRYPOINT ["/usr/bin/docker-entrypoint.sh"]
CMD ["emqx", "foreground"]
