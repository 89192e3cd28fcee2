import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { waitUntil } from "../../src/lib/clock.ts"
import { dockerEngine } from "../../src/lab/platforms/docker/engine.ts"

/** A virtual machine that runs a Docker engine and nothing else. Gone with `await using`, and with this process. */
export interface Machine extends AsyncDisposable {
  /** Where its engine answers, as DOCKER_HOST. */
  host: string
}

/** Starts the machine that `.ci/vm` has made in a folder, and waits for its engine. What is written to its disk is forgotten. */
export async function startMachine(folder: string): Promise<Machine> {
  const work = mkdtempSync(join(tmpdir(), "machine-"))
  const says = join(work, "console")
  const child = Bun.spawn([...ENDS_WITH_PARENT, "nice", "-n", "10", "qemu-system-x86_64", ...options(folder, says)], {
    env: { PATH: Bun.env.PATH ?? "", TMPDIR: work },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  })
  const end = async () => {
    child.kill("SIGKILL")
    await child.exited
    rmSync(work, { recursive: true, force: true })
  }
  try {
    const host = `tcp://127.0.0.1:${await forwardedPort(child)}`
    const engine = dockerEngine({ DOCKER_HOST: host })
    const answers = () => engine.request("GET", "/_ping", { timeout_ms: PING_TIMEOUT_MS }).then(Boolean, () => false)
    const isDecided = async () => child.exitCode !== null || (await answers())
    const inTime = await waitUntil(isDecided, { timeout_ms: READY_WITHIN_MS, every_ms: READY_EVERY_MS })
    if (!inTime || child.exitCode !== null) throw new Error(`the machine has no engine:\n${lastWords(says)}`)
    return { host, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}

// internal

/** Five seconds on an idle machine; a busy one has other things to do. */
const READY_WITHIN_MS = 240_000
const READY_EVERY_MS = 100
const PING_TIMEOUT_MS = 5_000
const LAST_WORDS_CHARACTERS = 2_000

/** However this process dies. */
const ENDS_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]

/**
 * Plain emulation, also where there is /dev/kvm: that may be there and not work. Without `no_timer_check` a kernel that starts on a
 * busy machine finds its timer broken and gives up. The network leads nowhere but from a port of 127.0.0.1 to the engine's.
 */
function options(folder: string, says: string): string[] {
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "stdio"],
    ...["-kernel", join(folder, "kernel"), "-initrd", join(folder, "initrd")],
    ...["-append", "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off", "-serial", `file:${says}`],
    ...["-drive", `file=${join(folder, "disk")},format=raw,if=virtio,snapshot=on`],
    ...["-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:2375"],
    ...["-device", "virtio-net-pci,netdev=net,romfile="],
  ]
}

/** Which port the kernel has chosen, as QEMU's monitor shows it. */
async function forwardedPort(child: Bun.Subprocess<"pipe", "pipe", "inherit">): Promise<string> {
  child.stdin.write("info usernet\n")
  child.stdin.flush()
  let said = ""
  for await (const part of child.stdout) {
    said += new TextDecoder().decode(part)
    const [, port] = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(said) ?? []
    if (port) return port
  }
  throw new Error(`QEMU has ended:\n${said}`)
}

function lastWords(says: string): string {
  return existsSync(says) ? readFileSync(says, "utf8").slice(-LAST_WORDS_CHARACTERS) : "it has said nothing"
}
