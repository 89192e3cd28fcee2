import { quoted } from "./programs.ts"

/** How long `start` waits for the node to listen. A node takes about 100 ms on an idle machine. */
const LISTEN_TRIES = 200
const LISTEN_PAUSE_S = 0.05

export interface StartScript {
  node: string
  /** The node's own folder, which holds start, pid, log and data/. */
  folder: string
  command: string
  environment: Record<string, string>
}

/**
 * The `start` of a node's folder: plain POSIX shell, for the harness, an agent and a person alike.
 * It does nothing when the node is running, gives the node a session of its own, so that it outlives
 * the shell that started it, and returns once the node has written its port to data/port.
 */
export function startScript({ node, folder, command, environment }: StartScript): string {
  const pairs = Object.entries(environment).map(([name, value]) => quoted(`${name}=${value}`))
  return `#!/bin/sh
# Starts ${node}, unless it is running.
cd ${quoted(folder)} || exit 1
if command -v flock >/dev/null 2>&1; then exec 9>data/start.lock; flock 9; else exec 9>/dev/null; fi

alive() {
  [ -n "$1" ] && kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

pid=$(cat pid 2>/dev/null)
if alive "$pid"; then echo "${node} is running, pid $pid"; exit 0; fi

rm -f data/port
if command -v setsid >/dev/null 2>&1; then session=setsid; else session="perl -MPOSIX -e POSIX::setsid();exec(@ARGV)"; fi
$session env -i ${pairs.join(" ")} sh -c ${quoted(`exec ${command}`)} >>log 2>&1 </dev/null 9>&- &
pid=$!
echo "$pid" >pid

tries=0
while [ ! -s data/port ]; do
  tries=$((tries + 1))
  if ! alive "$pid" || [ "$tries" -gt ${LISTEN_TRIES} ]; then
    echo "${node} does not listen; the end of its log:" >&2
    tail -n 5 log >&2
    exit 1
  fi
  sleep ${LISTEN_PAUSE_S}
done
echo "${node} started, pid $pid"
`
}
