import type { ComposeFile, ComposeVolume } from "./compose-file.ts"

/** How a file says that a volume is a file system of its own, of a size that it cannot outgrow. */
export const HOW_TO_BOUND = "driver_opts: { type: tmpfs, device: tmpfs, o: size=64m }"

/** The size of a volume that is in memory and bounded; undefined for any other. */
export function boundOf({
  driver = "local",
  driver_opts,
}: Pick<ComposeVolume, "driver" | "driver_opts">): number | undefined {
  if (
    driver !== "local" ||
    Object.keys(driver_opts ?? {})
      .sort()
      .join() !== "device,o,type"
  )
    return undefined
  const { type, device, o } = driver_opts!
  const [, digits, unit = ""] = /^size=([1-9]\d{0,12})([kmg]?)$/i.exec(o ?? "") ?? []
  if (type !== "tmpfs" || device !== "tmpfs" || digits === undefined) return undefined
  return Number(digits) * 1024 ** " kmg".indexOf(unit.toLowerCase() || " ")
}

/** What all bounded volumes of a file may take of the machine's memory together. */
export function boundedBytes(file: ComposeFile): number {
  return Object.values(file.volumes ?? {}).reduce((sum, volume) => sum + (boundOf(volume ?? {}) ?? 0), 0)
}
