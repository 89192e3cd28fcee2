import { join } from "node:path"
import { parseArgs } from "node:util"
import { messageOf } from "../../src/lib/errors.ts"
import type { ScriptedRequest } from "./script.ts"
import { readScript } from "./script-file.ts"
import { startScriptedClaude } from "./server.ts"

const USAGE = `The scripted Claude: a Messages API on 127.0.0.1 that answers each conversation by a script.

  bun test/scripted-claude/serve.ts [SCRIPT.yaml] [--port N]

SCRIPT.yaml   default: test/scripted-claude/scripts/repairs.yaml; beside it lie claims.yaml and gives-up.yaml
--port N      default: any free port
--help        this text

Prints on stdout the two lines to paste into another shell. Each request is one line on stderr; what the API or an
honest history forbids is answered with 400, and said there loudly. Ctrl-C ends it.
`

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exitCode = 2
}

// internal

async function main(words: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: words,
    options: { port: { type: "string" }, help: { type: "boolean" } },
    allowPositionals: true,
    strict: true,
  })
  if (values.help) return process.stdout.write(USAGE) ? 0 : 0
  const port = Number(values.port ?? 0)
  if (positionals.length > 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    process.stderr.write(USAGE)
    return 2
  }
  const file = positionals[0] ?? join(import.meta.dir, "scripts/repairs.yaml")
  const script = await readScript(file)
  const claude = await startScriptedClaude({ script, port, record: false, onAnswer })
  process.stdout.write(`export ANTHROPIC_BASE_URL=${claude.url}\nexport ANTHROPIC_API_KEY=${claude.key}\n`)
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve())
  })
  await claude.close()
  if (claude.violations.length > 0) process.stderr.write(`${claude.violations.length} violations\n`)
  return claude.violations.length > 0 ? 1 : 0
}

function onAnswer(request: ScriptedRequest, answer: string, violations: readonly string[]): void {
  const { conversation, index, text } = request
  const where = conversation === null ? "no conversation" : `conversation ${conversation}, answer ${index}`
  process.stderr.write(`${new Date().toISOString()}  ${where}  ${Buffer.byteLength(text)} bytes  ${answer}\n`)
  for (const violation of violations) process.stderr.write(`\n*** VIOLATION: ${violation}\n\n`)
}
