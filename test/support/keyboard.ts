import { waitUntil } from "../../src/lib/clock.ts"

/** A program on a real terminal, and somebody who types. */
export interface Keyboard extends Disposable {
  /** Types `text`, and waits until the terminal has shown `expected` since then. Throws with what it showed instead. */
  type(text: string, expected: string | RegExp): Promise<void>
}

const SHOWN_WITHIN_MS = 20_000

export function atKeyboard(command: string[], env: Record<string, string>, cwd: string): Keyboard {
  const decoder = new TextDecoder()
  let shown = ""
  const child = Bun.spawn(command, {
    cwd,
    env,
    terminal: { cols: 200, rows: 50, data: (_, data) => void (shown += decoder.decode(data, { stream: true })) },
  })
  return {
    type: async (text, expected) => {
      shown = ""
      child.terminal?.write(text)
      const seen = () => (typeof expected === "string" ? shown.includes(expected) : expected.test(shown))
      if (await waitUntil(seen, { timeout_ms: SHOWN_WITHIN_MS, every_ms: 10 })) return
      throw new Error(
        `the terminal does not show ${expected} after ${JSON.stringify(text)}, but ${JSON.stringify(shown)}`,
      )
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  }
}
