import { UsageError } from "./errors.ts"
import { oneLine } from "./output.ts"

/** What is wrong in a file, at its place; lines and columns count from 1. */
export interface FileProblem {
  file: string
  line: number
  column: number
  text: string
}

/** Files that are not what they ought to be. The message has a line for each problem, up to a number that a person reads. */
export class FileError extends UsageError {
  readonly problems: readonly FileProblem[]
  constructor(problems: readonly FileProblem[]) {
    const unique = new Map(problems.map((problem) => [showProblem(problem), problem]))
    const more = unique.size > MAX_SHOWN ? [`and ${unique.size - MAX_SHOWN} more`] : []
    super([...[...unique.keys()].slice(0, MAX_SHOWN), ...more].join("\n"))
    this.problems = [...unique.values()]
  }
}

/** `file:line:column: text`, on one line. */
export function showProblem({ file, line, column, text }: FileProblem): string {
  return `${file}:${line}:${column}: ${oneLine(text)}`
}

/** Does one part of a check. What it finds wrong in a file goes to `problems`, so that the other parts are done as well. */
export async function gather<T>(problems: FileProblem[], part: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await part()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}

// internal

/** Problems that a message lists before it only counts the others. */
const MAX_SHOWN = 10
