# The place where an agent's commands run, and the same with the executable inside.
#   docker build --target kitchen -t kitchen - < Dockerfile
#   docker build --target agent -t kitchen-agent .     # once `bun run build` has made dist/operator
# What the kitchen's image says of itself (labels, environment, history) is read by the agent: it tells what is in it, no more.

FROM debian:trixie-slim AS kitchen
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        bash bind9-dnsutils ca-certificates curl docker-cli docker-compose etcd-client git htop iproute2 iptables iputils-ping \
        jq less netcat-openbsd postgresql-client procps python3 python3-httpx python3-redis python3-yaml redis-tools strace \
        tcpdump tini vim wget \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log
WORKDIR /work
# The first process has no child that `pkill sleep` or `kill -9 -1` could take from it, hears no signal from inside, and reaps.
CMD ["perl", "-e", "$SIG{CHLD} = 'IGNORE'; sleep while 1"]

FROM kitchen AS agent
COPY dist/operator /usr/local/bin/operator
