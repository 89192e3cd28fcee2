import { z } from "zod"
import { OperatorError } from "../../lib/errors.ts"
import type { Lab } from "../../lab/lab.ts"
import type { DeclaredFault } from "../../lab/subject.ts"
import type { Fault } from "../fault.ts"

/** The subject's own commands take milliseconds; one that hangs must not hold up the healing of a lab. */
const COMMAND_TIMEOUT_MS = 10_000

interface DeclaredPlan extends Record<string, unknown> {
  inject: string
  undo: string
  active: string
}

/** A fault that a subject declares as three commands. They are kept as templates, since addresses change with restarts. */
export function declaredFault(name: string, declaration: DeclaredFault): Fault<Record<string, unknown>, DeclaredPlan> {
  return {
    name,
    about: declaration.about,
    params: z.strictObject(Object.fromEntries(placeholders(declaration).map((name) => [name, z.unknown().optional()]))),
    platforms: ["process", "docker"],
    heals_itself: false,
    plan: (_lab, targets, params, seed) => {
      const values: Record<string, string> = { node: targets[0]?.name ?? "", seed: String(seed) }
      for (const [key, value] of Object.entries(params)) values[key] = String(value)
      const fill = (template: string) =>
        template.replace(/\{([a-z_]+)\}/g, (whole, word: string) => values[word] ?? whole)
      return { inject: fill(declaration.inject), undo: fill(declaration.undo), active: fill(declaration.active) }
    },
    inject: async (lab, plan) => {
      await succeed(lab, plan.inject)
    },
    probe: async (lab, plan) => {
      const { exit_code, output } = await run(lab, plan.active)
      if (exit_code === 0) return "active"
      if (exit_code === 1) return "gone"
      throw new OperatorError(`${name}: the command \`active\` could not tell (exit ${exit_code}): ${output.trim()}`)
    },
    revert: async (lab, plan) => {
      await succeed(lab, plan.undo)
    },
  }
}

// internal

/** What every command of a lab may use; the other words in braces are the fault's parameters. */
const GIVEN = ["lab", "node", "seed"]

function placeholders({ inject, undo, active }: DeclaredFault): string[] {
  const words = [inject, undo, active].flatMap((template) => [...template.matchAll(/\{([a-z_]+)\}/g)])
  return words.map(([, word]) => word ?? "").filter((word) => !GIVEN.includes(word))
}

function run(lab: Lab, command: string) {
  return lab.exec(lab.render(command), { timeout_ms: COMMAND_TIMEOUT_MS })
}

async function succeed(lab: Lab, command: string): Promise<void> {
  const { exit_code, output } = await run(lab, command)
  if (exit_code !== 0) throw new OperatorError(`${command}: exit ${exit_code}: ${output.trim()}`)
}
