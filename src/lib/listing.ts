import { discover, type File, type Folder, type Found, readFound } from "./discovery.ts"
import { messageOf, OperatorError } from "./errors.ts"

/** One file of a folder, with what was read from it, or with what is wrong with it. */
export type Listed<T> = Found & ({ value: T; problem?: never } | { value?: never; problem: string })

/** What a folder holds, each file read. One that is broken keeps nobody from the others. */
export async function listFiles<T>(
  folder: Folder,
  what: string,
  read: (file: File) => Promise<T>,
): Promise<Listed<T>[]> {
  const listed: Listed<T>[] = []
  for (const found of discover(folder)) {
    try {
      listed.push({ ...found, value: await read(readFound(found, folder, what)) })
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      listed.push({ ...found, problem: messageOf(error) })
    }
  }
  return listed
}
