import { join } from "node:path"

export interface Writer {
  /** Lets it begin. */
  go(): void
  /** Lines that it has printed since it began. */
  lines: string[]
  kill(): void
  /** Everything that it printed on stderr, when it has ended. */
  ended: Promise<{ exit_code: number; stderr: string }>
}

/** Starts a process of test/fixtures/store/writer.ts that waits for `go`, and resolves when it waits. */
export async function startWriter(file: string, ...words: string[]): Promise<Writer> {
  const child = Bun.spawn([process.execPath, FIXTURE, file, ...words], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  })
  const lines: string[] = []
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const read = async () => {
    let rest = ""
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const found = (rest + part).split("\n")
      rest = found.pop() ?? ""
      for (const line of found) line === "ready" ? resolve() : lines.push(line)
    }
  }
  const end = async () => {
    const [stderr] = await Promise.all([child.stderr.text(), read()])
    const exit_code = await child.exited
    reject(new Error(stderr))
    return { exit_code, stderr }
  }
  const ended = end()
  await ready
  const go = () => {
    child.stdin.write("go\n")
    child.stdin.flush()
  }
  return { go, lines, ended, kill: () => child.kill("SIGKILL") }
}

/** Starts a process for each list of words, lets them begin together, and waits until all have ended. */
export async function together(
  file: string,
  words: string[][],
): Promise<{ lines: string[]; stderr: string; exit_code: number }[]> {
  const writers = await Promise.all(words.map((each) => startWriter(file, ...each)))
  for (const writer of writers) writer.go()
  return Promise.all(writers.map(async ({ lines, ended }) => ({ lines, ...(await ended) })))
}

// internal

const FIXTURE = join(import.meta.dir, "..", "fixtures", "store", "writer.ts")
