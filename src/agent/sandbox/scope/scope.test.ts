import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EnvironmentError, UsageError } from "../../../lib/errors.ts"
import { type ScopeOptions, startScope } from "./scope.ts"

const folder = mkdtempSync(join(tmpdir(), "scope-"))
const options: ScopeOptions = {
  socket: join(folder, "docker.sock"),
  engine: join(folder, "none.sock"),
  lab: "l",
  project: "l",
  allowed_images: [],
  onRequest: () => {},
}

test("a scope opens a socket for everybody who reaches its directory, and removes it", async () => {
  const scope = await startScope(options)
  expect(statSync(options.socket).mode & 0o777).toBe(0o666)
  await scope.close()
  expect(() => statSync(options.socket)).toThrow()
  await scope.close()
  rmSync(folder, { recursive: true })
})

test("a scope does not begin with terms that it cannot keep", async () => {
  const begin = (more: Partial<ScopeOptions>) => startScope({ ...options, ...more })
  await expect(begin({ lab: "a=b" })).rejects.toThrow(UsageError)
  await expect(begin({ project: "" })).rejects.toThrow(UsageError)
  await expect(begin({ socket: `/tmp/${"x".repeat(200)}` })).rejects.toThrow(EnvironmentError)
  await expect(begin({ socket: "/nowhere/at/all.sock" })).rejects.toThrow(EnvironmentError)
  const writable = { source: "/data", target: "/d", read_only: false }
  await expect(begin({ binds: [writable, { source: "/data/conf", target: "/c", read_only: true }] })).rejects.toThrow(
    UsageError,
  )
})
