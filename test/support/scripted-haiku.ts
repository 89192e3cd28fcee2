import { type ScriptedClaude, type ScriptedClaudeOptions, startScriptedClaude } from "../scripted-claude/server.ts"

export interface ScriptedHaiku extends ScriptedClaude {
  /** What a client needs to find it. */
  env: { ANTHROPIC_API_KEY: string; ANTHROPIC_BASE_URL: string }
  /** What was asked, each as the text of its one message. */
  asked(): string[]
}

/** A Claude that answers single questions without tools. */
export async function scriptedHaiku(
  answer: NonNullable<ScriptedClaudeOptions["aside"]>,
  options: Pick<ScriptedClaudeOptions, "auth"> = {},
): Promise<ScriptedHaiku> {
  const claude = await startScriptedClaude({ aside: answer, ...options })
  const asked = () =>
    claude.requests.map(({ body }) => {
      const { content } = body.messages[0]!
      return typeof content === "string" ? content : String(content[0]!.text)
    })
  return { ...claude, env: { ANTHROPIC_API_KEY: claude.key, ANTHROPIC_BASE_URL: claude.url }, asked }
}
