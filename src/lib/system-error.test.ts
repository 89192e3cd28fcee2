import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { UsageError } from "./errors.ts"
import { environmentError } from "./system-error.ts"

/** What is thrown, as the system or SQLite throws it. */
function thrown(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error("nothing was thrown")
}

const withCode = (code: string) => Object.assign(new Error(`${code}: said the system`), { code })

describe("what a user can mend", () => {
  test("is said in words, with the place, what to do, and the cause", () => {
    const cause = withCode("SQLITE_BUSY_SNAPSHOT")
    const error = environmentError(cause, "/a/operator.db")
    expect(error?.message).toBe("another process has held the store for too long: /a/operator.db")
    expect(error?.hint).toBe("see which: fuser /a/operator.db; then run the same command again")
    expect(error?.cause).toBe(cause)
  })

  test("is placed by the system's own words when nobody knows better", () => {
    const error = environmentError(thrown(() => writeFileSync("/dev/null/x", "")))
    expect(error?.message).toStartWith("a part of the path is no folder: ENOTDIR: ")
    expect(error?.message).toContain("/dev/null/x")
  })

  test.each([
    ["ENOSPC", "the disk is full"],
    ["SQLITE_FULL", "the disk is full"],
    ["SQLITE_IOERR_WRITE", "the disk failed under the store"],
    ["SQLITE_CORRUPT", "the store is damaged"],
    ["SQLITE_READONLY_DIRECTORY", "the store may not be written"],
    ["EACCES", "no permission"],
    ["EROFS", "the file system is read-only"],
  ])("is known by its code: %s", (code, what) => {
    expect(environmentError(withCode(code), "f")?.message).toBe(`${what}: f`)
    expect(environmentError(withCode(code))?.hint).not.toContain("{file}")
  })
})

test("what nobody planned stays what it is", () => {
  const missing = thrown(() => readFileSync("/nowhere"))
  const constraint = thrown(() => new Database(":memory:").run("select * from nothing"))
  for (const error of [
    missing,
    constraint,
    withCode("SQLITE_FULLER"),
    withCode("EACCESS"),
    new Error("x"),
    "x",
    undefined,
  ])
    expect(environmentError(error)).toBeUndefined()
  expect(environmentError(new UsageError("x", { cause: withCode("ENOSPC") }))).toBeUndefined()
})
