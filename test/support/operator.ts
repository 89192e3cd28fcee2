import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The program under test: from its sources, or the binary that OPERATOR_BINARY names. */
export const OPERATOR = Bun.env.OPERATOR_BINARY
  ? [Bun.env.OPERATOR_BINARY]
  : [process.execPath, join(import.meta.dir, "..", "..", "src", "cli.ts")]

export interface Ended {
  exit_code: number
  stdout: string
  stderr: string
}

/** A home of its own for one test: a store, its labs, and the command line on them. */
export interface Home {
  dir: string
  db: string
  env: Record<string, string>
  run(...words: string[]): Promise<Ended>
  start(...words: string[]): Bun.Subprocess<"ignore", "pipe", "pipe">
  /** Everything of any lab that is still there: folders and processes. */
  residue(): string[]
  remove(): Promise<void>
}

export function makeHome(): Home {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "operator-test-")))
  const db = join(dir, "operator.db")
  const env = { PATH: Bun.env.PATH ?? "", HOME: dir, OPERATOR_DB: db, LANG: "C.UTF-8" }
  const start = (...words: string[]) =>
    Bun.spawn([...OPERATOR, ...words], { cwd: dir, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  return {
    dir,
    db,
    env,
    start,
    run: async (...words) => {
      const child = start(...words)
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
      return { exit_code: await child.exited, stdout, stderr }
    },
    residue: () => [...labFolders(dir), ...labResidents(dir)],
    remove: async () => {
      await Bun.spawn([...OPERATOR, "chaos", "sweep", "--force"], { cwd: dir, env, stdout: "ignore", stderr: "ignore" })
        .exited
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

// internal

function labFolders(dir: string): string[] {
  try {
    return readdirSync(join(dir, "labs"))
  } catch {
    return []
  }
}

/** Processes whose environment names a lab below this home, whether or not its folder is still there. */
function labResidents(dir: string): string[] {
  const found = Bun.spawnSync(["sh", "-c", `grep -lsa 'LAB=${dir}/labs/' /proc/[0-9]*/environ`])
    .stdout.toString()
    .trim()
  return found === "" ? [] : found.split("\n").filter((file) => residentIsAlive(file))
}

function residentIsAlive(file: string): boolean {
  const stat = Bun.spawnSync(["cat", file.replace("environ", "stat")]).stdout.toString()
  return stat !== "" && !/\) [ZX] /.test(stat)
}
