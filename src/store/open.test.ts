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
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { everything, failure } from "../../test/support/look.ts"
import { recordLab } from "../../test/support/stored-lab.ts"
import { EnvironmentError } from "../lib/errors.ts"
import { append, chainHead, firstBreak } from "./events.ts"
import { getLab } from "./labs.ts"
import { openExistingStore, openStore, openStoreReadOnly, storeFile } from "./open.ts"

let dir: string
let file: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "open-")))
  file = join(dir, "operator.db")
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

test("the store is --db, else OPERATOR_DB, else under the home; an empty variable is none", () => {
  const before = process.env.OPERATOR_DB
  const home = join(homedir(), ".operator", "operator.db")
  try {
    process.env.OPERATOR_DB = "/somewhere/a.db"
    expect([storeFile("b.db"), storeFile()]).toEqual([join(process.cwd(), "b.db"), "/somewhere/a.db"])
    process.env.OPERATOR_DB = ""
    expect(storeFile()).toBe(home)
    delete process.env.OPERATOR_DB
    expect(storeFile()).toBe(home)
  } finally {
    if (before !== undefined) process.env.OPERATOR_DB = before
  }
})

describe("opening", () => {
  test("creates a missing store with its folders, and marks the file itself as Operator's", () => {
    file = join(dir, "a", "b", "operator.db")
    using db = openStore(file).db
    expect(readFileSync(file).subarray(68, 72).toString()).toBe("OPER")
    expect(db.query("pragma journal_mode").get()).toEqual({ journal_mode: "wal" })
    expect(db.query("pragma foreign_keys").get()).toEqual({ foreign_keys: 1 })
    expect(db.query("pragma busy_timeout").get()).toEqual({ timeout: 10_000 })
    const lax = "select name from pragma_table_list where schema = 'main' and strict = 0 and name not like 'sqlite_%'"
    expect(db.query(lax).all()).toEqual([])
  })

  test("makes a store of an empty file", () => {
    writeFileSync(file, "")
    const store = openStore(file)
    expect(recordLab(store, "kv-1")).toBe("kv-1")
    store.close()
  })

  test("again finds what was written, and changes nothing by itself", () => {
    const store = openStore(file)
    recordLab(store, "kv-1")
    store.close()
    const before = everything(dir)
    openStore(file).close()
    expect(everything(dir)).toEqual(before)
    const reader = openStoreReadOnly(file)
    expect(getLab(reader, "kv-1")?.subject).toBe("kv")
    expect(() => recordLab(reader, "kv-2")).toThrow(EnvironmentError)
    reader.close()
  })

  test("does not wait for somebody who writes", () => {
    openStore(file).close()
    using other = new Database(file)
    other.run("begin immediate")
    const store = openStore(file)
    store.db.run("pragma busy_timeout = 20")
    expect(failure(() => recordLab(store, "kv-1"))).toEqual([
      "EnvironmentError",
      `another process has held the store for too long: ${file}`,
    ])
    other.run("rollback")
    expect(recordLab(store, "kv-1")).toBe("kv-1")
    store.close()
  })

  test.each([
    ["for reading", openStoreReadOnly],
    ["for a change to what is there", openExistingStore],
  ])("a missing store %s is an error, and none is made", (_, open) => {
    expect(failure(() => open(file))).toEqual(["UsageError", `there is no store at ${file}`])
    expect(everything(dir)).toEqual({})
  })

  test("an empty file for reading is no store yet", () => {
    writeFileSync(file, "")
    expect(failure(() => openStoreReadOnly(file))).toEqual(["UsageError", `there is no store at ${file}`])
  })
})

describe("a write", () => {
  test("is durable against a power cut when that was asked for, also when it fails, and no longer than that", () => {
    const store = openStore(file)
    const synchronous = () => store.db.query<{ synchronous: number }, []>("pragma synchronous").get()?.synchronous
    expect(store.write(synchronous)).toBe(1)
    expect(store.write(synchronous, { durable: true })).toBe(2)
    expect(() => store.write(() => store.db.run("no sql"), { durable: true })).toThrow()
    expect(synchronous()).toBe(1)
    store.close()
  })

  test("is all in the one file after a checkpoint, which says when somebody still reads the log", () => {
    const store = openStore(file)
    const lab = recordLab(store, "kv-1")
    expect(store.checkpoint()).toBe(true)
    copyFileSync(file, join(dir, "copy.db"))
    const copy = openStoreReadOnly(join(dir, "copy.db"))
    expect(chainHead(copy, lab)).toEqual(chainHead(store, lab))
    copy.close()

    using reader = new Database(file)
    reader.run("begin; select * from events")
    append(store, lab, "monitor.stopped", {})
    store.db.run("pragma busy_timeout = 20")
    expect(store.checkpoint()).toBe(false)
    reader.run("rollback")
    expect(store.checkpoint()).toBe(true)
    expect(firstBreak(store, lab)).toBeUndefined()
    store.close()
  })
})
