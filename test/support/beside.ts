import { containersOf, help, incarnation } from "../../src/lab/platforms/docker/helper.ts"

/** Runs a script in the network of a lab's service and gives what it printed. */
export async function beside(lab: string, service: string, script: string): Promise<string> {
  const found = (await containersOf(lab)).find((one) => one.service === service)!
  const options = { share: "network", timeout_ms: 20_000 } as const
  const { exit_code, output, stdout } = await help(lab, incarnation(found), script, options)
  if (exit_code !== 0) throw new Error(`beside ${service}: ${output}`)
  return stdout.trim()
}

export async function addressOf(lab: string, service: string): Promise<string> {
  return (await containersOf(lab)).find((one) => one.service === service)!.address!
}

/** How long each echo took that came back, in milliseconds, the quickest first. */
export async function echoes(
  lab: string,
  from: string,
  to: string,
  { requests, every_s }: { requests: number; every_s: number },
): Promise<number[]> {
  const script = `ping -n -c ${requests} -i ${every_s} -W 2 ${await addressOf(lab, to)}; true`
  const printed = await beside(lab, from, script)
  return [...printed.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time)).sort((a, b) => a - b)
}

/** The median round trip of an echo; null when none came back. */
export async function roundTrip(lab: string, from: string, to: string): Promise<number | null> {
  const times_ms = await echoes(lab, from, to, { requests: 5, every_s: 0.05 })
  return times_ms[times_ms.length >> 1] ?? null
}

/** An open connection between two services. */
export interface Talk {
  /** How long each exchange has taken so far, in milliseconds, and at last the name of the error that ended it. */
  heard(): Promise<string[]>
}

/** Opens a connection on which a byte goes there and back all the time, for a minute at most. */
export async function talk(lab: string, from: string, to: string): Promise<Talk> {
  const port = await beside(lab, to, inBackground(ECHOES))
  await beside(lab, from, inBackground(ASKS, await addressOf(lab, to), port))
  return { heard: async () => (await beside(lab, from, "cat /tmp/heard")).split("\n").filter((line) => line !== "") }
}

// internal

const ECHOES = `
connection, _ = listener.accept()
while byte := connection.recv(1):
    connection.sendall(byte)`

const ASKS = `
heard = open("/tmp/heard", "w")
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
while True:
    start = time.monotonic()
    try:
        there.sendall(b"x")
        there.recv(1)
    except OSError as error:
        print(type(error).__name__, file=heard, flush=True)
        break
    print((time.monotonic() - start) * 1000, file=heard, flush=True)
    time.sleep(0.02)`

/** Prints the port of a listener, and goes on without whoever has started it. */
function inBackground(program: string, ...words: string[]): string {
  return `python3 - ${words.join(" ")} <<'PYTHON'
import os, signal, socket, sys, time
listener = socket.create_server(("0.0.0.0", 0))
print(listener.getsockname()[1], flush=True)
if os.fork():
    os._exit(0)
os.setsid()
nowhere = os.open(os.devnull, os.O_RDWR)
for descriptor in range(3):
    os.dup2(nowhere, descriptor)
signal.alarm(60)
${program}
PYTHON`
}
