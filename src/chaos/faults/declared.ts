import { z } from "zod"
import { OperatorError } from "../../lib/errors.ts"
import type { Lab } from "../../lab/lab.ts"
import type { DeclaredFault } from "../../lab/subject.ts"
import type { Fault } from "../fault.ts"
import { requireNodes } from "../targets.ts"

/** The subject's own commands take milliseconds; one that hangs must not hold up the healing of a lab. */
const COMMAND_TIMEOUT_MS = 10_000

type Commands = Pick<DeclaredFault, "inject" | "undo" | "active">

interface DeclaredPlan extends Record<string, unknown> {
  /** Once for each target, when they name one; else once. */
  commands: Commands[]
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
      if (namesNodes(declaration)) requireNodes(name, targets)
      const nodes = namesNodes(declaration) ? targets.map((node) => node.name) : [""]
      return { commands: nodes.map((node) => fillIn(declaration, { ...params, node, seed })) }
    },
    inject: async (lab, { commands }) => {
      await Promise.all(commands.map(({ inject }) => succeed(lab, inject)))
    },
    probe: async (lab, { commands }) => {
      const active = await Promise.all(commands.map((command) => isActive(lab, name, command.active)))
      return active.includes(true) ? "active" : "gone"
    },
    revert: async (lab, { commands }) => {
      await Promise.all(commands.map(({ undo }) => succeed(lab, undo)))
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

function namesNodes({ inject, undo, active }: DeclaredFault): boolean {
  return [inject, undo, active].some((template) => template.includes("{node}"))
}

function fillIn({ inject, undo, active }: DeclaredFault, values: Record<string, unknown>): Commands {
  const fill = (template: string) =>
    template.replace(/\{([a-z_]+)\}/g, (whole, word: string) => String(values[word] ?? whole))
  return { inject: fill(inject), undo: fill(undo), active: fill(active) }
}

async function isActive(lab: Lab, name: string, command: string): Promise<boolean> {
  const { exit_code, output } = await run(lab, command)
  if (exit_code === 0 || exit_code === 1) return exit_code === 0
  throw new OperatorError(`${name}: the command \`active\` could not tell (exit ${exit_code}): ${output.trim()}`)
}

function run(lab: Lab, command: string) {
  return lab.exec(lab.render(command), { timeout_ms: COMMAND_TIMEOUT_MS })
}

async function succeed(lab: Lab, command: string): Promise<void> {
  const { exit_code, output } = await run(lab, command)
  if (exit_code !== 0) throw new OperatorError(`${command}: exit ${exit_code}: ${output.trim()}`)
}
