import { describe, expect, test } from "bun:test"
import { failed, INSTEAD, result, unended } from "../../../test/support/results.ts"
import type { Result } from "../../eval/results.ts"
import { summariesOf } from "../../eval/summary.ts"
import { paint } from "../../lib/output.ts"
import { renderGroups } from "./groups.ts"
import { legendOf, summaryTable } from "./summary-table.ts"

const PLAIN = paint({ isTTY: false })

function table(results: readonly Result[], width = Infinity): string[] {
  return renderGroups(summariesOf(results), summaryTable(), { width, colours: PLAIN }).split("\n").slice(0, -1)
}

const CAMPAIGN = [
  ...[1, 2, 3].map((repetition) => result({ repetition })),
  result({ variant: "restart-bot" }, INSTEAD.unrepaired),
  result({ variant: "restart-bot", repetition: 2 }),
  result({ variant: "restart-bot", repetition: 3 }, INSTEAD.invalid),
  failed({ variant: "nobody" }),
  result({ variant: "nobody", attempt: 2 }, INSTEAD.unrepaired),
  unended({ variant: "nobody", repetition: 2 }),
  result({ fault: "none", target: "all" }, INSTEAD.quiet),
]

describe("a campaign's table", () => {
  test("has a heading for each cell and a line for each variant, with n, rate, interval, verdicts, times and what does not count", () => {
    expect(table(CAMPAIGN)).toEqual([
      "  VARIANT      SUCCESS   RATE  INTERVAL  VERDICTS                  DETECTED   ACTED  RECOVERED  INVALID  ERRORS",
      "kv · node_kill at one",
      "  oracle        3 of 3  100 %  44–100 %  3 repaired                   20 ms  500 ms      2.0 s        0       0",
      "  restart-bot   1 of 2   50 %    9–91 %  1 repaired, 1 unrepaired     20 ms  500 ms      2.0 s        1       0",
      "  nobody        0 of 1    0 %    0–79 %  1 unrepaired, 1 running      20 ms       –   > 12.0 s        0       1",
      "kv · none",
      "  oracle        1 of 1  100 %  21–100 %  1 quiet                          –       –          –        0       0",
    ])
  })

  test("fits terminals of 60, 80 and 200 columns, and says what does not count on each of them", () => {
    const verdicts = ["oracle", "restart-bot"].flatMap((variant) => [
      result({ variant, fault: "counter_drift", target: "all" }, variant === "oracle" ? {} : INSTEAD.unrepaired),
      result({ variant, fault: "none", target: "all" }, INSTEAD.quiet),
    ])
    for (const width of [60, 80, 200]) {
      const lines = table(verdicts, width)
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(width)
      expect(lines[0]).toMatch(/SUCCESS.*INTERVAL.*VERDICTS.*RECOVERED/)
      expect(lines[0]!.includes("DETECTED")).toBe(width >= 80)
      expect(lines[0]!.includes("ERRORS")).toBe(width >= 200)
    }
    const failures = [failed(), result({ attempt: 2 }), result({ repetition: 2 }, INSTEAD.invalid)]
    expect(table(failures, 80)[2]).toContain("1 repaired, 1 invalid, 1 error")
  })

  test("gives up columns before it cuts, and cuts verdicts at last", () => {
    const titles = (width: number) => table(CAMPAIGN, width)[0]!.trim().split(/ {2,}/)
    expect(titles(100)).toEqual(["VARIANT", "SUCCESS", "INTERVAL", "VERDICTS", "DETECTED", "ACTED", "RECOVERED"])
    expect(titles(74)).toEqual(["VARIANT", "SUCCESS", "INTERVAL", "VERDICTS"])
    expect(table(CAMPAIGN, 50)[3]).toEndWith("…")
  })

  test("of a cell in which nothing counted has no rate", () => {
    expect(table([failed()])[2]).toMatch(/oracle +0 of 0 +– +– +– +– +– +0 +1$/)
  })
})

describe("the legend", () => {
  test("says what a success is, where nothing is broken too", () => {
    expect(legendOf(summariesOf(CAMPAIGN))[0]).toContain("repaired, or quiet where nothing was broken")
    expect(legendOf(summariesOf([result()]))[0]).toStartWith("SUCCESS: repaired; of the trials that count")
  })

  test("explains times only where there are any, and > only where one is censored", () => {
    expect(legendOf(summariesOf(CAMPAIGN))).toHaveLength(3)
    expect(legendOf(summariesOf([result()]))).toHaveLength(2)
    expect(legendOf(summariesOf([result({ fault: "none" }, INSTEAD.quiet)]))).toHaveLength(1)
  })
})
