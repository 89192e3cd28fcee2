import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { messageOf } from "../../../lib/errors.ts"
import { openDocument } from "../../../lib/yaml-document.ts"
import { refuseReadIn } from "./read-in.ts"

const dir = mkdtempSync(join(tmpdir(), "read-in-"))
const folder = join(dir, "subject")
afterAll(() => rmSync(dir, { recursive: true }))

mkdirSync(join(folder, "parts"), { recursive: true })
for (const name of ["outside.env", "subject/own.env"]) writeFileSync(join(dir, name), "A=1\n")
writeFileSync(join(dir, "outside.yaml"), "services: {}\n")
symlinkSync("../outside.env", join(folder, "link.env"))
writeFileSync(join(folder, "parts", "good.yaml"), "include: [good.yaml]\nservices: { b: { env_file: ../own.env } }\n")
writeFileSync(join(folder, "parts", "bad.yaml"), "services:\n  b: { env_file: ../../outside.env }\n")

function said(text: string): string {
  try {
    refuseReadIn(openDocument(text, "s.yaml"), folder)
    return ""
  } catch (error) {
    return messageOf(error)
  }
}

test("what is read in from the subject's own folder is let through, and may be missing where Compose lets it", () => {
  const service =
    "{ env_file: [own.env, { path: no.env, required: false }], extends: { file: parts/good.yaml, service: b } }"
  expect(said(`include: [parts/good.yaml]\nservices: { a: ${service}, c: { extends: a } }`)).toBe("")
})

test.each([
  [
    "env_file",
    "services: { a: { env_file: ../outside.env } }",
    "s.yaml:1:28: services.a.env_file: ../outside.env is not below",
  ],
  ["env_file in a list", `services: { a: { env_file: [own.env, ${dir}/outside.env] } }`, "services.a.env_file[1]: /"],
  [
    "env_file with a path",
    "services: { a: { env_file: [{ path: ../no.env, required: false }] } }",
    "../no.env is not below",
  ],
  [
    "env_file in a home",
    "services: { a: { env_file: [{ path: ~/no.env, required: false }] } }",
    "~/no.env is not below",
  ],
  ["env_file by a variable", 'services: { a: { env_file: "${HOME}/x" } }', "named without variables"],
  ["env_file by a link", "services: { a: { env_file: link.env } }", "link.env is not below"],
  [
    "label_file",
    "services: { a: { label_file: ../outside.env } }",
    "services.a.label_file: ../outside.env is not below",
  ],
  [
    "extends",
    "services: { a: { extends: { file: ../outside.yaml, service: b } } }",
    "services.a.extends.file: ../outside.yaml",
  ],
  ["include", "include: [../outside.yaml]", "s.yaml:1:11: include[0]: ../outside.yaml is not below"],
  ["include of a repository", "include: ['https://localhost/a.git']", "there is no such file"],
  ["include in a folder", "include: [{ path: parts/good.yaml, project_directory: .. }]", "include[0]: .. is not below"],
  [
    "what is included",
    "include: [parts/bad.yaml]",
    "bad.yaml:2:18: services.b.env_file: ../../outside.env is not below",
  ],
])("what is outside is refused at its place: %s", (_, text, place) => {
  expect(said(text)).toContain(place)
})
