import Anthropic from "@anthropic-ai/sdk"
import { join } from "node:path"
import { DEFAULT_LIMITS, LEASE_MS } from "../src/agent/limits.ts"
import { converse } from "../src/agent/loop.ts"
import { claudeModel } from "../src/agent/model/claude.ts"
import type { Model } from "../src/agent/model/model.ts"
import { builtInPrices } from "../src/agent/prices.ts"
import { localShell } from "../src/agent/sandbox/local.ts"
import type { Shell } from "../src/agent/sandbox/shell.ts"
import { parseVariant } from "../src/agent/variant.ts"
import { systemClock } from "../src/lib/clock.ts"
import { openStore } from "../src/store/open.ts"
import { claimLab } from "../src/store/sessions.ts"
import { recordLab } from "../test/support/stored-lab.ts"

/**
 * Sessions in a process of their own, so that its memory is theirs: whole|bare DIR SESSIONS. The address and the key are in the
 * environment. Tells its parent how long each request's turn took beyond its command (null for the last of a session, after which
 * there is nothing), and the most memory that it had.
 */
export interface Told {
  turns: (number | null)[]
  peak_mb: number
}

const [kind, dir, sessions] = process.argv.slice(2)
if (dir === undefined || sessions === undefined) throw new Error("whole or bare, a folder and a number are needed")

const turns: (number | null)[] = []
for (let session = 1; session <= Number(sessions); session += 1)
  turns.push(...(kind === "whole" ? await whole(dir, session) : await bare(session)), null)
process.send?.({ turns, peak_mb: process.resourceUsage().maxRSS / 1_024 } satisfies Told)
process.disconnect?.()

// internal

async function whole(dir: string, session: number): Promise<number[]> {
  const store = openStore(join(dir, "claude.db"))
  const lab = recordLab(store, `claude-${process.pid}-${session}`)
  const lease = claimLab(store, {
    ...{ lab, session: lab, variant: "bench", model: "bench" },
    ...{ lease_ms: LEASE_MS, max_attempts: 1 },
  })
  if (!lease) throw new Error("a fresh lab could not be claimed")
  const settings = await parseVariant("name: bench\nabout: is timed\nmodel: claude-opus-5-5\n", "bench.yaml")
  const claude = claudeModel({ settings, system: "x", prices: await builtInPrices(), clock: systemClock })
  const turns: number[] = []
  let [asked_ms, commands_ms] = [Number.NaN, 0]
  const model: Model = {
    ...claude,
    turn: (history, options) => {
      const now_ms = performance.now()
      if (!Number.isNaN(asked_ms)) turns.push(now_ms - asked_ms - commands_ms)
      asked_ms = now_ms
      commands_ms = 0
      return claude.turn(history, options)
    },
  }
  const bash = localShell({ cwd: dir, env: {} })
  const shell: Shell = {
    run: async (command, options) => {
      const start_ms = performance.now()
      const result = await bash.run(command, options)
      commands_ms += performance.now() - start_ms
      return result
    },
  }
  const { outcome } = await converse({
    ...{ store, lease, model, shell, page: `page ${process.pid} ${session}`, news: () => "" },
    limits: { ...DEFAULT_LIMITS, steps: Infinity, usd: 1_000 },
    signal: new AbortController().signal,
  })
  store.close()
  if (outcome.kind !== "claims_done") throw new Error(`the session ended as ${JSON.stringify(outcome)}`)
  return turns
}

/** The least that anybody does with the SDK: a stream, its last message, a result for each call. No command is run. */
async function bare(session: number): Promise<number[]> {
  const client = new Anthropic({ apiKey: process.env.ANTHROPIC_API_KEY ?? null, maxRetries: 0 })
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: `page ${session}` }]
  const turns: number[] = []
  const [reasoning, command] = [{ type: "string" }, { type: "string" }]
  const schema = { type: "object" as const, properties: { reasoning, command }, required: ["reasoning", "command"] }
  const shell = { name: "shell", strict: true, input_schema: { ...schema, additionalProperties: false } }
  while (true) {
    const start_ms = performance.now()
    const model = "claude-opus-5-5"
    const stream = client.messages.stream({ model, max_tokens: 16_000, messages, tools: [shell], system: "x" })
    const { content, stop_reason } = await stream.finalMessage()
    messages.push({ role: "assistant", content })
    const results = content.flatMap((block) =>
      block.type === "tool_use" ? [{ type: "tool_result" as const, tool_use_id: block.id, content: "exit 0" }] : [],
    )
    messages.push({ role: "user", content: results })
    if (stop_reason !== "tool_use") return turns
    turns.push(performance.now() - start_ms)
  }
}
