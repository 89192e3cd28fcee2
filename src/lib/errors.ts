/**
 * The errors that a command may end with, and the exit code that each stands for.
 * A message says what happened and where; `hint` says what to do.
 */
export class OperatorError extends Error {
  readonly hint: string | undefined
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = new.target.name
    this.hint = options.hint
  }
}

/** Usage, configuration or input is wrong: the caller can mend it by typing something else. */
export class UsageError extends OperatorError {}

/** A check that was asked for did not hold. */
export class CheckFailed extends OperatorError {}

/** The environment lacks something: permission, disk space, a program, a running lab. */
export class EnvironmentError extends OperatorError {}

/** A signal ended the work; everything was healed first. */
export class Interrupted extends OperatorError {}

/** The exit code for whatever was thrown. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return 2
  if (error instanceof CheckFailed) return 3
  if (error instanceof EnvironmentError) return 4
  if (error instanceof Interrupted) return 130
  return 1
}

/** What a caught value says, without its stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system or SQLite error ("ENOENT", "SQLITE_FULL"), if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return typeof code === "string" ? code : undefined
}
