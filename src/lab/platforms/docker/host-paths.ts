import { existsSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { isBelow } from "../../../lib/below.ts"
import type { Whereabouts } from "../../../lib/discovery.ts"
import { messageOf, UsageError } from "../../../lib/errors.ts"
import type { YamlProblem } from "../../../lib/yaml-document.ts"
import type { ComposeFile } from "./compose-file.ts"
import { filesBelow } from "./copy.ts"

/**
 * What a file mounts, builds from or hands to its services, and what is not there, or leads out of the subject's folder by a link.
 * What is named outside of that folder is not looked at: `refusals` are about that.
 */
export function* hostPathProblems(file: ComposeFile, where: Whereabouts): Generator<YamlProblem> {
  for (const { path, named } of hostPaths(file)) {
    if (named !== where.folder && !isBelow(named, where.folder)) continue
    const text = wrongWith(named, where)
    if (text !== undefined) yield { path, text }
  }
}

// internal

function* hostPaths(file: ComposeFile): Generator<{ path: YamlProblem["path"]; named: string }> {
  for (const [name, { volumes = [], build }] of Object.entries(file.services)) {
    for (const [index, { type, source }] of volumes.entries()) {
      if (type === "bind" && source !== undefined) yield { path: ["services", name, "volumes", index], named: source }
    }
    if (!build) continue
    yield { path: ["services", name, "build", "context"], named: build.context }
    if (build.dockerfile_inline !== undefined || !existsSync(build.context)) continue
    yield {
      path: ["services", name, "build", "dockerfile"],
      named: join(build.context, build.dockerfile ?? "Dockerfile"),
    }
  }
  for (const kind of ["configs", "secrets"] as const) {
    for (const [name, text] of Object.entries(file[kind] ?? {}))
      if (text.file !== undefined) yield { path: [kind, name, "file"], named: text.file }
  }
}

function wrongWith(path: string, { folder, embedded }: Whereabouts): string | undefined {
  if (!existsSync(path)) return `${path}: there is no such file or folder`
  if (embedded) return undefined
  const root = realpathSync(folder)
  try {
    for (const { file } of filesBelow(path)) {
      if (!isBelow(realpathSync(file), root))
        return `${file} is a link that leads out of the subject's folder, and a lab reaches nothing else of this machine`
    }
    return undefined
  } catch (error) {
    if (error instanceof UsageError) return messageOf(error)
    throw error
  }
}
