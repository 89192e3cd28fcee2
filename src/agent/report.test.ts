import { describe, expect, test } from "bun:test"
import { NONE_GIVEN, readReport } from "./report.ts"

const NOTHING = { cause: NONE_GIVEN, node: NONE_GIVEN, kind: NONE_GIVEN, ruled_out: NONE_GIVEN, changed: NONE_GIVEN }

const WHOLE = `The disk of kv-2 was full.

\`\`\`report
cause: the disk was full
node: kv-2
kind: disk
ruled_out: the network; kv-1 and kv-3
changed: removed /data/junk
\`\`\`
`

describe("a report", () => {
  test("is the block at the end of a last message", () => {
    expect(readReport(WHOLE)).toEqual({
      ...{ cause: "the disk was full", node: "kv-2", kind: "disk" },
      ...{ ruled_out: "the network; kv-1 and kv-3", changed: "removed /data/junk" },
    })
  })

  test("that was not written says so in every field", () => {
    for (const text of ["", "All is well.", "cause: not in a block", "```report\n```", "```report"])
      expect(readReport(text)).toEqual(NOTHING)
  })

  test("says so in the fields that it leaves out or leaves empty", () => {
    expect(readReport("```report\ncause: x\nnode:\nkind:   \n```")).toEqual({ ...NOTHING, cause: "x" })
  })

  test.each([
    ["Windows' line ends", WHOLE.replaceAll("\n", "\r\n"), "the disk was full"],
    ["a fence that is never closed", "```report\ncause: cut o", "cut o"],
    ["no word at its fence", "```\ncause: x\n```", "x"],
    ["another word at its fence", "```yaml\ncause: x\n```", "x"],
    ["capitals, hyphens and spaces", "``` Report\n Cause : x\nRuled-Out: y\n```", "x"],
    ["indentation", "  ```report\n  cause: x\n  ```", "x"],
    ["a colon in what it says", "```report\ncause: port: 80 was closed\n```", "port: 80 was closed"],
    ["a line of several", "```report\ncause: first\n  second\nnode: a\n```", "first\n  second"],
    [
      "a key of its own, which belongs to the field before it",
      "```report\ncause: x\nsince: noon\n```",
      "x\nsince: noon",
    ],
  ])("may have %s", (_, text, cause) => {
    expect(readReport(text).cause).toBe(cause)
  })

  test("is the last one of several", () => {
    expect(readReport("```report\ncause: draft\n```\nNo:\n```report\ncause: final\n```").cause).toBe("final")
  })

  test("is found behind other blocks, whose closing fences open nothing", () => {
    const shown = "I ran\n```bash\nls\n```\nand saw:\n```\ncause: a log's line\n```\n"
    expect(readReport(shown + WHOLE).cause).toBe("the disk was full")
    expect(readReport(WHOLE + shown).cause).toBe("the disk was full")
    expect(readReport("```bash\nls\n```\nsome words\n```\ncause: x\n```").cause).toBe("x")
    expect(readReport("```bash\ncause: x\n```")).toEqual(NOTHING)
  })

  test("of any size is read at once, and a field is as long as a table can bear", () => {
    const million = 1_000_000
    const huge = ["x".repeat(million), " ".repeat(million), "a ".repeat(million / 2), "line\n".repeat(million / 5)]
    const started_ms = performance.now()
    for (const text of huge) {
      expect(readReport(`\`\`\`report\ncause: ${text}y: \n${text}\nnode: a\n\`\`\``)).toMatchObject({ node: "a" })
      expect(readReport(`\`\`\` ${text}`)).toEqual(NOTHING)
    }
    expect(readReport(`\`\`\`report\ncause: ${huge[0]}`).cause).toHaveLength(2_000)
    expect(performance.now() - started_ms).toBeLessThan(2_000)
  })
})
