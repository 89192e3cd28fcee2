import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { randomBytes } from "node:crypto"
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { append, chainHead, firstBreak } from "../src/store/events.ts"
import { openStore } from "../src/store/open.ts"
import { everything, failure } from "./support/look.ts"
import { OPERATOR } from "./support/operator.ts"
import { CAN_MOUNT, smallDisk } from "./support/small-disk.ts"
import { recordLab } from "./support/stored-lab.ts"
import { UNPRIVILEGED } from "./support/unprivileged.ts"
import { startWriter } from "./support/writers.ts"

/** Each test starts processes, and the machine may have other things to do. */
setDefaultTimeout(60_000)

let dir: string
let file: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "store-environment-")))
  chmodSync(dir, 0o755)
  file = join(dir, "operator.db")
})

afterEach(() => {
  chmodSync(dir, 0o755)
  rmSync(dir, { recursive: true, force: true })
})

function labInStore(): string {
  const store = openStore(file)
  const lab = recordLab(store, "kv-1")
  store.close()
  return lab
}

function run(program: readonly string[], ...words: string[]) {
  const env = { PATH: Bun.env.PATH ?? "", HOME: dir }
  const { stdout, stderr, exitCode } = Bun.spawnSync([...program, ...words, "--db", file], { env, cwd: "/" })
  return { stdout: stdout.toString(), stderr: stderr.toString(), exit_code: exitCode }
}

describe("a full disk", () => {
  test("ends a write with an error of the environment and takes nothing of what was written before", () => {
    const lab = labInStore()
    const store = openStore(file)
    const { page_count } = store.db.query<{ page_count: number }, []>("pragma page_count").get()!
    store.db.run(`pragma max_page_count = ${page_count + 40}`)
    let acknowledged = 0
    const fill = () => {
      for (;;)
        acknowledged = append(store, lab, "monitor.stopped", {}, { blob: randomBytes(20_000), durable: true }).seq
    }
    expect(failure(fill)).toEqual(["EnvironmentError", `the disk is full: ${file}`])
    expect(acknowledged).toBeGreaterThan(1)
    expect(chainHead(store, lab).seq).toBe(acknowledged)
    expect(firstBreak(store, lab)).toBeUndefined()
    store.db.run("pragma max_page_count = 1000000")
    expect(append(store, lab, "monitor.stopped", {}, { blob: randomBytes(20_000) }).seq).toBe(acknowledged + 1)
    store.close()
  })

  test.skipIf(!CAN_MOUNT)(
    "that is a real one keeps every acknowledged event, and the store opens, full or not",
    async () => {
      using _ = smallDisk(dir, "1m")
      writeFileSync(join(dir, "other"), randomBytes(300_000))
      const lab = labInStore()
      const writer = await startWriter(file, "append", lab, "w", "100000")
      writer.go()
      const { exit_code, stderr } = await writer.ended
      expect(exit_code).toBe(1)
      expect(stderr).toContain(`EnvironmentError: the disk is full: ${file}`)
      const acknowledged = Number(writer.lines.at(-1))
      expect(acknowledged).toBeGreaterThan(10)

      expect(run(OPERATOR, "audit", "list", "--json")).toMatchObject({ stderr: "", exit_code: 0 })
      rmSync(join(dir, "other"))
      const store = openStore(file)
      expect(chainHead(store, lab).seq).toBe(acknowledged)
      expect(firstBreak(store, lab)).toBeUndefined()
      expect(append(store, lab, "monitor.stopped", {}).seq).toBe(acknowledged + 1)
      store.close()
    },
  )

  test.skipIf(!CAN_MOUNT)("that has no room for a store ends a command with 4 and what to do", () => {
    using _ = smallDisk(dir, "64k")
    expect(run(OPERATOR, "up", "ratelimiter")).toEqual({
      stdout: "",
      stderr: `operator: the disk is full: ${file}\n  → free some space and run the same command again\n`,
      exit_code: 4,
    })
    expect(run(OPERATOR, "audit", "list")).toMatchObject({ stdout: "", exit_code: 2 })
  })
})

test("a store whose checkpoint was cut off is opened, with everything that was written", () => {
  const lab = labInStore()
  const store = openStore(file)
  const fill = () => append(store, lab, "monitor.stopped", {}, { blob: randomBytes(50_000) }).seq
  fill()
  const seq = fill()
  const cut = join(dir, "cut", "operator.db")
  mkdirSync(join(dir, "cut"))
  copyFileSync(`${file}-wal`, `${cut}-wal`)
  const before = readFileSync(file)
  store.checkpoint()
  // The first page is the first to be copied. It says how many there are, and some are not there yet.
  writeFileSync(cut, Buffer.concat([readFileSync(file).subarray(0, 4_096), before.subarray(4_096)]))
  store.close()

  file = cut
  const { stdout, stderr } = run(OPERATOR, "audit", "list", "--json")
  expect(stderr).toBe("")
  expect(JSON.parse(stdout)).toMatchObject([{ lab, events: seq }])
  const again = openStore(cut)
  expect(chainHead(again, lab).seq).toBe(seq)
  expect(firstBreak(again, lab)).toBeUndefined()
  again.close()
})

describe.skipIf(!UNPRIVILEGED)("without permission", () => {
  const unprivileged = (...words: string[]) => run(UNPRIVILEGED ?? [], ...words)

  test("to write to its folder, a store at rest is read all the same, and nothing is left beside it", () => {
    labInStore()
    chmodSync(dir, 0o555)
    const { stdout, stderr, exit_code } = unprivileged("audit", "show", "last", "--json")
    expect({ stderr, exit_code }).toEqual({ stderr: "", exit_code: 0 })
    expect(JSON.parse(stdout)).toMatchObject({ chain: { intact: true }, events: [{ kind: "lab.created", seq: 1 }] })
    expect(readdirSync(dir)).toEqual(["operator.db"])
  })

  test("to write to its folder, a store with a log that nobody holds is said to be one", () => {
    const store = openStore(file)
    recordLab(store, "kv-1")
    mkdirSync(join(dir, "copy"))
    for (const end of ["", "-wal"]) copyFileSync(file + end, join(dir, `copy/operator.db${end}`))
    store.close()
    file = join(dir, "copy", "operator.db")
    chmodSync(join(dir, "copy"), 0o555)
    expect(unprivileged("audit", "list")).toEqual({
      stdout: "",
      stderr:
        `operator: ${file} was not closed in good order, and its folder may not be written\n` +
        `  → copy it with ${file}-wal to a folder of your own, and name the copy with --db FILE\n`,
      exit_code: 4,
    })
    chmodSync(join(dir, "copy"), 0o755)
  })

  test("to write to its folder, a command that writes says so and changes nothing", () => {
    labInStore()
    chmodSync(file, 0o444)
    chmodSync(dir, 0o555)
    const before = everything(dir)
    for (const words of [
      ["chaos", "sweep"],
      ["up", "ratelimiter"],
    ]) {
      const { stdout, stderr, exit_code } = unprivileged(...words)
      expect({ stdout, exit_code }).toEqual({ stdout: "", exit_code: 4 })
      expect(stderr).toMatch(/^operator: the store may not be written: \S+\n  → check owner and mode/)
      expect(stderr).toContain(file)
    }
    expect(everything(dir)).toEqual(before)
  })

  test.each([
    ["to read the file", () => chmodSync(file, 0o000)],
    ["to enter its folder", () => chmodSync(dir, 0o600)],
  ])("%s, every command says so", (_, take) => {
    labInStore()
    take()
    for (const words of [
      ["audit", "list"],
      ["chaos", "sweep"],
      ["up", "ratelimiter"],
    ]) {
      const { stdout, stderr, exit_code } = unprivileged(...words)
      expect({ words, stdout, exit_code }).toEqual({ words, stdout: "", exit_code: 4 })
      expect(stderr).toMatch(
        /^operator: (no permission|the store cannot be opened): .*operator\.db\n  → check owner and mode/,
      )
    }
  })
})

test.skipIf(process.platform !== "linux")(
  "a home in which nothing can be made is an error of the environment that says how to name another store",
  () => {
    const env = { PATH: Bun.env.PATH ?? "", HOME: "/proc" }
    const { stderr, exitCode } = Bun.spawnSync([...OPERATOR, "up", "ratelimiter"], { env, cwd: "/" })
    expect({ stderr: stderr.toString(), exitCode }).toEqual({
      stderr:
        "operator: the folder /proc/.operator for the store cannot be made\n  → --db FILE or OPERATOR_DB names a store elsewhere\n",
      exitCode: 4,
    })
  },
)
