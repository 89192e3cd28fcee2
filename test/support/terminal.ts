export interface TerminalOptions {
  cols?: number
  rows?: number
  cwd?: string
  /** Is given what the command prints, as it comes. */
  data?(text: string): void
}

/** What a command prints, both streams together, when it runs on a real terminal, 40 columns wide unless told. */
export async function inTerminal(
  command: string[],
  env: Record<string, string>,
  { cols = 40, rows = 10, cwd = process.cwd(), data }: TerminalOptions = {},
): Promise<string> {
  const decoder = new TextDecoder()
  let printed = ""
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const take = (bytes: Uint8Array) => {
    const text = decoder.decode(bytes, { stream: true })
    printed += text
    data?.(text)
  }
  const child = Bun.spawn(command, {
    env,
    cwd,
    terminal: { cols, rows, data: (_, bytes) => take(bytes), exit: () => resolve() },
  })
  await Promise.all([child.exited, closed])
  return printed.replaceAll("\r\n", "\n")
}
