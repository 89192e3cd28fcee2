import { z } from "zod"
import { OperatorError, UsageError } from "../../lib/errors.ts"
import { type Lab, PLATFORMS, type Platform } from "../../lab/lab.ts"
import { textFor, textsOf } from "../../lab/per-platform.ts"
import type { DeclaredFault } from "../../lab/subject.ts"
import type { Fault } from "../fault.ts"
import { requireNodes } from "../targets.ts"

/** The subject's own commands take milliseconds; one that hangs must not hold up the healing of a lab. */
const COMMAND_TIMEOUT_MS = 10_000

interface Commands {
  inject: string
  undo: string
  active: string
}

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
    platforms: PLATFORMS.filter((platform) => commandsOn(platform, declaration)),
    heals_itself: false,
    plan: (lab, targets, params, { seed }) => {
      const commands = commandsOn(lab.platform, declaration)
      if (!commands) throw new UsageError(`${lab.subject.file}: ${name} says nothing of a ${lab.platform} lab`)
      if (namesNodes(commands)) requireNodes(name, targets)
      const nodes = namesNodes(commands) ? targets.map((node) => node.name) : [""]
      return { commands: nodes.map((node) => fillIn(commands, { ...params, node, seed })) }
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
    steps: (lab, { commands }) => ({
      inject: commands.map(({ inject }) => lab.render(inject)),
      undo: commands.map(({ undo }) => lab.render(undo)),
    }),
  }
}

// internal

/** What every command of a lab may use; the other words in braces are the fault's parameters. */
const GIVEN = ["lab", "node", "seed"]

function commandsOn(platform: Platform, declaration: DeclaredFault): Commands | undefined {
  const [inject, undo, active] = [declaration.inject, declaration.undo, declaration.active].map((text) =>
    textFor(text, platform),
  )
  return inject === undefined || undo === undefined || active === undefined ? undefined : { inject, undo, active }
}

function placeholders({ inject, undo, active }: DeclaredFault): string[] {
  const words = [inject, undo, active].flatMap(textsOf).flatMap((template) => [...template.matchAll(/\{([a-z_]+)\}/g)])
  return words.map(([, word]) => word ?? "").filter((word) => !GIVEN.includes(word))
}

function namesNodes({ inject, undo, active }: Commands): boolean {
  return [inject, undo, active].some((template) => template.includes("{node}"))
}

function fillIn({ inject, undo, active }: Commands, values: Record<string, unknown>): Commands {
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
