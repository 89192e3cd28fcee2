import { afterEach, beforeEach, expect, test } from "bun:test"
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isPrivateFolder, privateFolder } from "./private-folder.ts"

let place: string
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "private-"))
})
afterEach(() => rmSync(place, { recursive: true }))

test("is made for this user alone, whatever the umask, and found again", () => {
  const folder = join(place, "mine")
  const before = process.umask(0)
  try {
    expect(privateFolder(folder)).toBe(folder)
    expect(lstatSync(folder).mode & 0o777).toBe(0o700)
    process.umask(0o777)
    expect(lstatSync(privateFolder(join(place, "other"))).mode & 0o777).toBe(0o700)
  } finally {
    process.umask(before)
  }
  writeFileSync(join(folder, "file"), "")
  expect(privateFolder(folder)).toBe(folder)
})

const IN_THE_WAY: Record<string, (path: string) => void> = {
  "a link to a folder": (path) => symlinkSync(mkdtempSync(join(place, "elsewhere-")), path),
  "a link to nowhere": (path) => symlinkSync(join(place, "nowhere"), path),
  "a file": (path) => writeFileSync(path, ""),
  "a folder that others may write to": (path) => {
    mkdirSync(path)
    chmodSync(path, 0o770)
  },
  "a folder that others may read": (path) => {
    mkdirSync(path)
    chmodSync(path, 0o755)
  },
}

test.each(Object.entries(IN_THE_WAY))("refuses %s in its place, and leaves it alone", (_, put) => {
  const folder = join(place, "taken")
  put(folder)
  const before = lstatSync(folder)
  expect(() => privateFolder(folder)).toThrow(`${folder} is not a folder that only this user may use`)
  expect(isPrivateFolder(folder)).toBe(false)
  expect(lstatSync(folder).mode).toBe(before.mode)
})

test.skipIf(process.geteuid?.() !== 0)("refuses the folder of somebody else", () => {
  const folder = privateFolder(join(place, "theirs"))
  chownSync(folder, 65_534, 65_534)
  expect(() => privateFolder(folder)).toThrow("is not a folder that only this user may use")
})

test("says what is missing when its own place is", () => {
  expect(() => privateFolder(join(place, "no", "such"))).toThrow("ENOENT")
  expect(isPrivateFolder(join(place, "no", "such"))).toBe(false)
})
