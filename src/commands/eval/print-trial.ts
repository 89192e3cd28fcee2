import { showCost } from "../../audit/describe.ts"
import type { Detail } from "../../eval/detail.ts"
import { timeOf } from "../../eval/summary.ts"
import { oneLine, paint, print, safeText, showTime } from "../../lib/output.ts"
import { tellNext } from "../campaign/next.ts"
import { howEnded } from "../campaign/results.ts"
import { cellName, showCensored, VERDICT_COLOUR } from "../campaign/words.ts"

/** One attempt at a trial: its verdict with the facts behind it, its sessions, every judgement, and what to type next. */
export function printTrial(trial: Detail, file: string): void {
  const { bold } = paint(process.stdout)
  const { id, campaign, lab, repetition, attempt, seed } = trial
  print(bold(safeText(`${cellName(trial)} · ${trial.variant}`)))
  print(`trial ${id}, repetition ${repetition}, attempt ${attempt}, seed ${seed}`)
  print(`campaign ${campaign}; ${lab === null ? "it never came to a lab" : `lab ${lab}`}`)
  print(verdictOf(trial))
  printPart("Facts", facts(trial))
  printPart("Injections", trial.injections.map(injectionLine))
  printPart("Sessions", trial.sessions.map(sessionLine))
  printPart("Judgements", trial.judgements.map(judgementLine))
  print("")
  tellNext(file, [
    [`audit show ${lab ?? id}`, "all that happened, as a timeline"],
    [`eval show ${campaign}`, "the campaign that it belongs to"],
  ])
}

// internal

type Line = [term: string, text: string]

function printPart(title: string, lines: readonly Line[]): void {
  if (lines.length === 0) return
  const { bold, dim } = paint(process.stdout)
  const width = Math.max(...lines.map(([term]) => term.length))
  print(`\n${bold(title)}`)
  for (const [term, text] of lines) print(`  ${dim(term.padEnd(width))}  ${oneLine(text)}`)
}

function verdictOf({ verdict, reasons, stage, reason }: Detail): string {
  const colours = paint(process.stdout)
  if (verdict === null) return `not judged: ${stage}${reason === null ? "" : `, ${safeText(reason)}`}`
  return `${colours.bold(colours[VERDICT_COLOUR[verdict]](verdict))}: ${safeText(reasons.join("; "))}`
}

function facts(trial: Detail): Line[] {
  if (trial.facts === null) return []
  const { confirmation, targets, symptom_ms, lifted_by, harm, harm_details, tickets, commands } = trial.facts
  return [
    ["fault", `${confirmation ?? "not injected"}${targets.length > 0 ? `, at ${targets.join(", ")}` : ""}`],
    ["symptom", showCensored(symptom_ms === null ? null : { ms: symptom_ms, censored: false })],
    ["detected", showCensored(timeOf(trial, "detected"))],
    ["acted", showCensored(timeOf(trial, "acted"))],
    ["recovered", showCensored(timeOf(trial, "recovered"))],
    ["lifted by", lifted_by],
    ["harm", [harm, ...harm_details].join("; ")],
    ["tickets", String(tickets)],
    ["commands", `${commands.read} read, ${commands.change} change, ${commands.destroy} destroy`],
  ]
}

function sessionLine({ id, model, outcome, steps, cost_usd, verified }: Detail["sessions"][number]): Line {
  const ended = howEnded({ outcome, steps, verified: verified === null ? null : verified === 1 })
  return [id, `${model}: ${ended}${showCost(cost_usd)}`]
}

function injectionLine({ id, fault, phase, reverted_at, recovered_at, reason }: Detail["injections"][number]): Line {
  const at = (word: string, time: string | null) => (time === null ? [] : [`${word} at ${showTime(time)}`])
  const ended = [...at("reverted", reverted_at), ...at("well again", recovered_at)]
  const said = ended.length > 0 ? ended.join(", ") : [phase, reason].filter(Boolean).join(": ")
  return [id, `${fault}: ${said}`]
}

function judgementLine({ at, judge_version, verdict, reasons }: Detail["judgements"][number]): Line {
  return [at, `judge ${judge_version}: ${verdict}: ${reasons.join("; ")}`]
}
