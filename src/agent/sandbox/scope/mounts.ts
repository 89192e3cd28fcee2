import { fields, flag, listOf, type Rebuilding, type Rule, shown, text } from "./fields.ts"

/** `-v`: a host path that the lab's Compose file declares, or a volume of the lab. */
export const BINDS: Rule = listOf(async (value, at, rebuilding) => {
  const [source = "", target = "", options = "", ...more] = typeof value === "string" ? value.split(":") : []
  const words = options === "" ? [] : options.split(",")
  if (more.length > 0 || !TARGET.test(target) || words.some((word) => !["ro", "rw", "nocopy"].includes(word))) {
    return rebuilding.refuse(`${at} must not have ${quoted(value)}`)
  }
  const read_only = words.includes("ro")
  const allowed = source.startsWith("/")
    ? declared(source, target, read_only, rebuilding)
    : await volume(source, rebuilding)
  if (!allowed) return undefined
  return [source, target, words.length === 0 ? "rw" : words.join(",")].join(":")
})

/** `--mount`: the same in its long form; a volume without a name is a new one, as for `VOLUME` in an image. */
export const MOUNTS: Rule = listOf(async (value, at, rebuilding) => {
  const made = (await MOUNT(value, at, rebuilding)) as Record<string, unknown> | undefined
  const { Type: type, Source: source = "", Target: target = "", ReadOnly: read_only = false } = made ?? {}
  if (!made || typeof source !== "string" || typeof target !== "string") return undefined
  if (type === "volume") return source === "" || (await volume(source, rebuilding)) ? made : undefined
  if (type === "bind") return declared(source, target, read_only === true, rebuilding) ? made : undefined
  if (rebuilding.about.terms.tmpfs?.includes(target) && source === "") return made
  return rebuilding.refuse(`${at} must not have a tmpfs at ${target}`)
})

/** `--tmpfs`, where the lab's Compose file declares one. */
export const TMPFS: Rule = (value, at, { about, refuse }) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(`${at} must be an object`, 400)
  for (const [target, options] of Object.entries(value)) {
    if (!about.terms.tmpfs?.includes(target)) return refuse(`${at} must not have ${quoted(target)}`)
    if (typeof options !== "string" || !TMPFS_OPTIONS.test(options))
      return refuse(`${at}.${target} must not be ${quoted(options)}`)
  }
  return value
}

/** `VOLUME`: mount points of new, nameless volumes. */
export const TARGET = /^\/[^:\0]*$/

// internal

const TMPFS_OPTIONS = /^((size|mode)=[0-9]+[kmg]?|rw|ro|noexec|nosuid|nodev|exec|,)*$/

const MOUNT = fields({
  Type: text(/^(volume|bind|tmpfs)$/),
  Source: text(),
  Target: text(TARGET),
  ReadOnly: flag,
  VolumeOptions: fields({ NoCopy: flag, Labels: () => undefined }),
  BindOptions: fields({ CreateMountpoint: flag, Propagation: text(/^(rprivate)?$/) }),
  TmpfsOptions: fields({ SizeBytes: () => undefined, Mode: () => undefined }),
})

const quoted = (value: unknown) => `"${shown(value)}"`

async function volume(name: string, { about, refuse }: Rebuilding): Promise<boolean> {
  if (await about.own.volume(name)) return true
  refuse(
    `get ${name.slice(0, 100)}: no such volume; create it first, under a name that begins with ${about.terms.project}_`,
    400,
  )
  return false
}

/** The source as the file declares it, letter by letter: so it has neither "..", nor a second spelling. */
function declared(source: string, target: string, read_only: boolean, { about, refuse }: Rebuilding): boolean {
  const found = about.terms.binds?.some((bind) => {
    return bind.source === source && bind.target === target && (read_only || !bind.read_only)
  })
  if (!found) refuse(`a mount of the host's ${quoted(source)} at ${quoted(target)} is not declared by the lab`)
  return found === true
}
