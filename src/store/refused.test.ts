import { Database } from "bun:sqlite"
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
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
import { everything, failure } from "../../test/support/look.ts"
import { recordLab } from "../../test/support/stored-lab.ts"
import { SCHEMA_VERSION } from "./migrate.ts"
import { openExistingStore, openStore, openStoreReadOnly } from "./open.ts"

let dir: string
let file: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "refused-")))
  file = join(dir, "operator.db")
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function sqlite(...statements: string[]): void {
  using db = new Database(file, { create: true })
  for (const statement of statements) db.run(statement)
}

describe("what is not Operator's", () => {
  /** Another program's file whose last changes are in its log, as a crash leaves it. */
  function abandoned(): void {
    const made = join(dir, "made.db")
    const db = new Database(made, { create: true })
    db.run("pragma journal_mode = wal; create table places (url text); insert into places values ('x')")
    for (const end of ["", "-wal", "-shm"]) copyFileSync(made + end, file + end)
    db.close()
    rmSync(made)
    expect(readdirSync(dir)).toHaveLength(3)
  }

  test.each<[string, () => void]>([
    ["a text", () => writeFileSync(file, "hello\n")],
    ["a long text", () => writeFileSync(file, "hello\n".repeat(10_000))],
    ["zeros", () => writeFileSync(file, new Uint8Array(8_192))],
    ["another program's tables", () => sqlite("create table t (a)", "insert into t values (1)")],
    ["another program's empty database", () => sqlite("pragma user_version = 3")],
    ["another program's mark", () => sqlite("pragma application_id = 252006673")],
    ["another program's log", abandoned],
  ])("is refused and stays as it is, to the byte: %s", (_, make) => {
    make()
    const before = everything(dir)
    for (const open of [openStore, openStoreReadOnly, openExistingStore]) {
      expect(failure(() => open(file))).toEqual(["UsageError", `${file} is not an Operator store`])
    }
    expect(everything(dir)).toEqual(before)
  })

  test("is refused when it is a folder, a device, or lies in a file", () => {
    mkdirSync(file)
    writeFileSync(join(dir, "plain"), "")
    for (const open of [openStore, openStoreReadOnly, openExistingStore]) {
      expect(failure(() => open(file))).toEqual(["UsageError", `${file} is a folder, not a store`])
      expect(failure(() => open("/dev/null"))).toEqual(["UsageError", "/dev/null is no regular file, not a store"])
      const inFile = join(dir, "plain", "operator.db")
      expect(failure(() => open(inFile))).toEqual(["EnvironmentError", `a part of the path is no folder: ${inFile}`])
    }
    expect(Object.keys(everything(dir))).toEqual(["plain"])
  })
})

test("a newer store is refused and stays as it is", () => {
  openStore(file).close()
  sqlite("pragma user_version = 99")
  const before = everything(dir)
  for (const open of [openStore, openStoreReadOnly]) {
    expect(failure(() => open(file))).toEqual([
      "UsageError",
      `${file} was written by a newer operator (schema 99, this one knows ${SCHEMA_VERSION})`,
    ])
  }
  expect(everything(dir)["operator.db"]).toBe(before["operator.db"]!)
})

test("a store that was cut short is said to be damaged", () => {
  const store = openStore(file)
  recordLab(store, "kv-1")
  store.close()
  writeFileSync(file, readFileSync(file).subarray(0, 20_000))
  for (const open of [openStore, openStoreReadOnly]) {
    expect(failure(() => open(file))).toEqual(["EnvironmentError", `the store is damaged: ${file}`])
  }
})
