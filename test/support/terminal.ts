/** What a command prints, both streams together, when it runs on a real terminal 40 columns wide. */
export async function inTerminal(command: string[], env: Record<string, string>): Promise<string> {
  const chunks: Uint8Array[] = []
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const child = Bun.spawn(command, {
    env,
    terminal: { cols: 40, rows: 10, data: (_, data) => void chunks.push(data), exit: () => resolve() },
  })
  await Promise.all([child.exited, closed])
  return Buffer.concat(chunks).toString().replaceAll("\r\n", "\n")
}
