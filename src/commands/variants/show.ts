import { outlineVariant } from "../../agent/outline.ts"
import { readVariant } from "../../agent/variant.ts"
import { defineCommand } from "../../lib/command.ts"
import { findByBeginning } from "../../lib/discovery.ts"
import { print, printJson } from "../../lib/output.ts"
import { printSource, SOURCE } from "../files/source.ts"

export default defineCommand({
  about: "How a variant is set, with what its file leaves out.",
  examples: ["operator variants show default", "operator variants show ./variants/terse.yaml --json"],
  args: {
    variant: {
      type: "positional",
      complete: "variant",
      description: "a variant's name, or its beginning, or its file",
    },
    source: SOURCE,
  },
  run: async ({ args }) => {
    const found = findByBeginning("variants", args.variant, "variant")
    if (args.source) return printSource(found.text)
    const outline = outlineVariant(await readVariant(found))
    if (args.json) return printJson(outline)
    const { limits, tools, tool_choice, runbook, prompt, warnings, ...plain } = outline
    const { steps, usd, minutes } = limits ?? {}
    const dollars = usd === null ? "" : `, ${usd} dollars`
    const shown: Record<string, string | number | boolean | null> = {
      ...plain,
      limits: limits && `${steps} steps${dollars}, ${minutes} minutes`,
      tools: tools && `${tools.join(", ")} (${tool_choice?.type})`,
      warning: warnings.length === 0 ? null : warnings.join("\n"),
      runbook: runbook && runbook.map(({ reasoning, command }) => `${reasoning}\n$ ${command.trimEnd()}`).join("\n"),
      prompt: prompt && `${prompt.name}\n${prompt.text.trimEnd()}`,
    }
    for (const [name, value] of Object.entries(shown)) if (value !== null && value !== "") print(labelled(name, value))
  },
})

// internal

const LABEL_WIDTH = 12

function labelled(name: string, value: string | number | boolean): string {
  const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value)
  return `${name.padEnd(LABEL_WIDTH)}${text.replaceAll("\n", `\n${" ".repeat(LABEL_WIDTH)}`)}`
}
