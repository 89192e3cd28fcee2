import { expect, test } from "bun:test"
import { describeEnd, type ShellResult } from "./shell.ts"

const ended: ShellResult = {
  exit_code: 0,
  signal: null,
  ended_by: "exit",
  duration_ms: 1_200,
  shown: "",
  output: new Uint8Array(0),
  output_bytes: 0,
}
const cut: ShellResult = { ...ended, exit_code: null, signal: "SIGTERM", duration_ms: 120_000 }

test("each way to end has its line", () => {
  expect(describeEnd(ended)).toBe("exit 0 in 1.2 s")
  expect(describeEnd({ ...cut, signal: "SIGKILL" })).toBe("killed by SIGKILL after 2 m 00 s")
  expect(describeEnd({ ...cut, ended_by: "timeout" })).toBe("timed out after 2 m 00 s; its process group was killed")
  expect(describeEnd({ ...cut, ended_by: "interrupted" })).toBe(
    "interrupted after 2 m 00 s; its process group was killed",
  )
  expect(describeEnd({ ...cut, ended_by: "interrupted", duration_ms: 0 })).toBe("interrupted before it started")
  expect(describeEnd({ ...cut, ended_by: "output_limit" })).toBe(
    "stopped after 2 m 00 s for printing too much; its process group was killed",
  )
  expect(describeEnd({ ...cut, ended_by: "spawn_failed" })).toBe("could not be started")
})

test("what was left behind is said", () => {
  expect(describeEnd({ ...ended, left_running: 1 })).toBe("exit 0 in 1.2 s; 1 process left in its group killed")
  expect(describeEnd({ ...ended, left_running: 3 })).toBe("exit 0 in 1.2 s; 3 processes left in its group killed")
})
