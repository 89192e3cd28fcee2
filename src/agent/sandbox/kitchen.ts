import type { Engine } from "../../lab/platforms/docker/engine.ts"
import { systemClock, within } from "../../lib/clock.ts"
import type { CaptureLimits } from "./capture.ts"
import { childEnvironment, credentialsIn } from "./environment.ts"
import { startExec } from "./kitchen/exec.ts"
import { follow, type Hearing, listen } from "./kitchen/follow.ts"
import { orderFor } from "./kitchen/supervise.ts"
import { spareSupervisor, startSupervisor, type Supervisor } from "./kitchen/supervisor.ts"
import type { Shell, ShellResult } from "./shell.ts"

export interface KitchenShellOptions {
  engine: Engine
  /** A running kitchen, by its id. */
  container: string
  /** Added to the container's own environment, and taken as it is. */
  env?: Record<string, string>
  limits?: Partial<KitchenShellLimits>
  /** Values that no output may hold, beside the harness's own credentials. Those under 8 characters are left alone. */
  secrets?: string[]
}

export interface KitchenShellLimits extends CaptureLimits {
  /** Between TERM and KILL. */
  grace_ms: number
  /** After the command's end: for what it left in the background to finish printing, to end, or to leave by `setsid`. */
  linger_ms: number
}

/**
 * What `localShell` is on this host, in a running container. A supervisor in there keeps the limits, so that a command ends in time
 * though this process stalls, and at once when it dies. With a kitchen that is stopped, paused or gone the result is `spawn_failed`;
 * with one that is lost while a command runs, death by SIGKILL.
 */
export function kitchenShell(place: KitchenShellOptions): Shell {
  const limits = { ...LIMITS, ...place.limits }
  const secrets = [...credentialsIn(process.env), ...(place.secrets ?? [])]
  const at = { engine: place.engine, container: place.container, env: childEnvironment({}, place.env ?? {}) }
  const spare = spareSupervisor(at)
  spare.prepare()

  const runBy = async (supervisor: Supervisor, command: string, { timeout_ms, signal }: RunOptions) => {
    const started_ms = systemClock.mono_ms()
    const hearing = listen(limits, secrets)
    supervisor.hear(hearing.push)
    supervisor.process.write(orderFor({ ...limits, mark: hearing.mark, command, timeout_ms, reap_ms: REAP_MS }))
    const ending_ms = limits.grace_ms + limits.linger_ms + REAP_MS + SLACK_MS
    const end = await follow(supervisor.process, hearing, { timeout_ms, ending_ms, signal })
    return { end, hearing, duration_ms: systemClock.mono_ms() - started_ms }
  }
  return {
    async run(command, options) {
      if (options.signal?.aborted) return notStarted("interrupted", "")
      const unfit = whyUnfit(command)
      if (unfit !== undefined) return notStarted("spawn_failed", unfit)
      const ready = await spare.take()
      spare.prepare()
      // One that went before it had begun has run nothing.
      let ran = ready && (await runBy(ready, command, options))
      if (!ran?.end) {
        const fresh = await startSupervisor(at)
        if (typeof fresh === "string") return notStarted("spawn_failed", `no shell in the kitchen: ${fresh}\n`)
        ran = await runBy(fresh, command, options)
      }
      const { end, hearing, duration_ms } = ran
      const { capture } = hearing
      if (end === undefined) return notStarted("spawn_failed", `no shell in the kitchen: ${capture.shown()}`)
      const { lost, ...result } = end
      if (lost) await sweep(place, hearing)
      return {
        ...result,
        duration_ms,
        shown: capture.shown() + (lost ? LOST : ""),
        output: capture.output(),
        output_bytes: capture.total_bytes,
      }
    },
  }
}

// internal

type RunOptions = Parameters<Shell["run"]>[1]

const LIMITS: KitchenShellLimits = {
  grace_ms: 2_000,
  // Enough for `> >(tee log)` to flush and for `setsid` to be started, too short to be felt.
  linger_ms: 300,
  kept_bytes: 64 * 1024 * 1024,
  head_bytes: 8 * 1024,
  tail_bytes: 8 * 1024,
}

/** The kernel takes no longer argument (MAX_ARG_STRLEN in execve(2)), its closing NUL included. */
const MAX_COMMAND_BYTES = 128 * 1024

/** A process that KILL does not end waits for a device, perhaps for ever. The agent is not to wait with it. */
const REAP_MS = 1_000

/** Beyond its own limits a supervisor may take this long before it counts as dead. Much, for engines with many labs on few cores. */
const SLACK_MS = 10_000

/** For the KILL that a dead supervisor did not send. */
const SWEEP_MS = 5_000

const LOST = "\n[the shell itself was killed while this ran]\n"

function whyUnfit(command: string): string | undefined {
  if (command.includes("\0")) return "a command cannot hold the character NUL\n"
  const bytes = Buffer.byteLength(command)
  if (bytes >= MAX_COMMAND_BYTES) return `a command of ${bytes} bytes is too long: write it to a file, in parts\n`
  return undefined
}

/** Kills what a supervisor without a last word may have left, and itself, should it be stopped. */
async function sweep({ engine, container }: KitchenShellOptions, { start }: Hearing): Promise<void> {
  if (start === undefined) return
  const argv = ["/usr/bin/perl", "-e", "kill KILL => @ARGV", "--", `-${start.group}`, `${start.supervisor}`]
  const exec = await startExec(engine, container, { argv, onOutput: () => {} })
  if (exec.kind === "refused") return
  await within(exec.process.closed, { timeout_ms: SWEEP_MS })
  exec.process.release()
}

function notStarted(ended_by: "interrupted" | "spawn_failed", shown: string): ShellResult {
  const nothing = new Uint8Array(0)
  return { exit_code: null, signal: null, ended_by, duration_ms: 0, shown, output: nothing, output_bytes: 0 }
}
