/** What the supervisor says of a command, apart from what the command prints. */
export type Report =
  | { kind: "start"; group: number; supervisor: number }
  | { kind: "failed"; reason: string }
  | { kind: "end"; cause: "exit" | "timeout" | "asked"; exit_code: number | null; signal: string | null; left: number }

/** Takes the supervisor's lines out of a stream, wherever chunks end. What is held back for that comes with `end()`. */
export interface ReportReader {
  push(chunk: Uint8Array): void
  end(): void
}

export function reportReader(
  mark: string,
  on: { output(bytes: Uint8Array): void; report(report: Report): void },
): ReportReader {
  let held: Buffer = NOTHING
  let ended = false
  return {
    push(chunk) {
      // What was left to live on may still print.
      if (ended) return
      let bytes =
        held.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([held, chunk])
      held = NOTHING
      while (true) {
        const at = bytes.indexOf(mark)
        const line_end = at === -1 ? -1 : bytes.indexOf("\n", at)
        // What may yet become a mark or a line of it; the lines are short, and written in one piece.
        const settled = at === -1 ? Math.max(0, bytes.length - mark.length + 1) : at
        on.output(bytes.subarray(0, settled))
        if (line_end === -1) {
          held = Buffer.from(bytes.subarray(settled))
          return
        }
        const report = parseReport(bytes.toString("utf8", at + mark.length, line_end).trim())
        if (report) on.report(report)
        if (report?.kind === "end") ended = true
        if (ended) return
        bytes = bytes.subarray(line_end + 1)
      }
    },
    end() {
      on.output(held)
      held = NOTHING
    },
  }
}

// internal

const NOTHING = Buffer.alloc(0)

function parseReport(line: string): Report | undefined {
  const [kind, ...words] = line.split(" ")
  if (kind === "failed") return { kind, reason: words.join(" ") }
  if (kind === "start") return { kind, group: Number(words[0]), supervisor: Number(words[1]) }
  const [cause, status, left] = words
  if (kind !== "end" || (cause !== "exit" && cause !== "timeout" && cause !== "asked")) return undefined
  return { kind, cause, ...ending(Number(status)), left: Number(left) }
}

/** A status as wait(2) gives it; not a number when the process could not be ended. */
function ending(status: number): { exit_code: number | null; signal: string | null } {
  if (Number.isNaN(status)) return { exit_code: null, signal: null }
  const number = status & 0x7f
  if (number === 0) return { exit_code: status >> 8, signal: null }
  return { exit_code: null, signal: LINUX_SIGNALS[number - 1] ?? `SIG${number}` }
}

/** From signal(7), in the order of their numbers, which this machine's own need not be. */
const LINUX_SIGNALS = (
  "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT " +
  "SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"
).split(" ")
