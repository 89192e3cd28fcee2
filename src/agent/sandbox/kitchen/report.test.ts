import { expect, test } from "bun:test"
import { frameReader } from "./frames.ts"
import { type Report, reportReader } from "./report.ts"

const MARK = "0123456789abcdef"

function read(stream: Uint8Array, chunk_bytes: number) {
  let output = ""
  const reports: Report[] = []
  const reader = reportReader(MARK, {
    output: (bytes) => (output += Buffer.from(bytes).toString("latin1")),
    report: (report) => reports.push(report),
  })
  for (let at = 0; at < stream.length; at += chunk_bytes) reader.push(stream.subarray(at, at + chunk_bytes))
  reader.end()
  return { output, reports }
}

test("reports are taken out of the output wherever it is split", () => {
  const stream = Buffer.from(`${MARK} start 8 7\nhalf a line 0123${MARK} end timeout 15 2\n`)
  for (let chunk_bytes = 1; chunk_bytes <= stream.length; chunk_bytes++) {
    expect(read(stream, chunk_bytes)).toEqual({
      output: "half a line 0123",
      reports: [
        { kind: "start", group: 8, supervisor: 7 },
        { kind: "end", cause: "timeout", exit_code: null, signal: "SIGTERM", left: 2 },
      ],
    })
  }
})

test("what looks like the beginning of a report is output in the end", () => {
  expect(read(Buffer.from(`all of it ${MARK.slice(0, 9)}`), 3)).toEqual({
    output: `all of it ${MARK.slice(0, 9)}`,
    reports: [],
  })
  expect(read(Buffer.from(`cut ${MARK} end ex`), 3).output).toBe(`cut ${MARK} end ex`)
})

test("what comes after the last report is nobody's", () => {
  expect(read(Buffer.from(`${MARK} end exit 0 0\nfrom a service that lives on`), 100).output).toBe("")
})

test("a status is an exit code or a signal, with Linux's names, or unknown", () => {
  const ending = (status: number | string) => read(Buffer.from(`${MARK} end exit ${status} 0\n`), 100).reports[0]
  expect(ending(3 << 8)).toMatchObject({ exit_code: 3, signal: null })
  expect(ending(137 << 8)).toMatchObject({ exit_code: 137, signal: null })
  expect(ending(9)).toMatchObject({ exit_code: null, signal: "SIGKILL" })
  expect(ending(11 | 0x80)).toMatchObject({ exit_code: null, signal: "SIGSEGV" })
  expect(ending(31)).toMatchObject({ signal: "SIGSYS" })
  expect(ending(40)).toMatchObject({ signal: "SIG40" })
  expect(ending("-")).toMatchObject({ exit_code: null, signal: null })
})

test("payloads come out of frames wherever those are split", () => {
  const frame = (text: string) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)])
  const stream = Buffer.concat([frame("one "), frame(""), frame("two "), frame("three")])
  for (let chunk_bytes = 1; chunk_bytes <= stream.length; chunk_bytes++) {
    let output = ""
    const take = frameReader((bytes) => (output += Buffer.from(bytes).toString()))
    for (let at = 0; at < stream.length; at += chunk_bytes) take(stream.subarray(at, at + chunk_bytes))
    expect(output).toBe("one two three")
  }
})
