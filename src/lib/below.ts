import { relative, sep } from "node:path"

/** Whether an absolute path is below a folder, and not the folder itself, by its words alone: links are not followed. */
export function isBelow(path: string, folder: string): boolean {
  const from = relative(folder, path)
  return from !== "" && from !== ".." && !from.startsWith(`..${sep}`)
}
