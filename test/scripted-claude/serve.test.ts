import { expect, test } from "bun:test"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { agentRequest, ask, assistant, post, resultsFor } from "./asking.ts"
import { readScript } from "./script-file.ts"
import { startScriptedClaude } from "./server.ts"

const SERVE = join(import.meta.dir, "serve.ts")
const scriptNamed = (name: string) => join(import.meta.dir, "scripts", `${name}.yaml`)

test("a person is given the two lines to paste, and told of each request and each violation", async () => {
  const server = Bun.spawn([process.execPath, SERVE, scriptNamed("claims")], { stdout: "pipe", stderr: "pipe" })
  try {
    const reader = server.stdout.getReader()
    let said = ""
    while (said.split("\n").length < 3) said += new TextDecoder().decode((await reader.read()).value)
    const [, url, key] =
      /^export ANTHROPIC_BASE_URL=(http:\/\/127\.0\.0\.1:\d+)\nexport ANTHROPIC_API_KEY=(\w+)\n$/.exec(said)!
    const { content } = await ask({ url: url!, key: key! })
    expect(content[0]!.text).toContain("```report\n")
    expect((await post({ url: url!, key: key! }, agentRequest(undefined, { top_p: 1 }))).status).toBe(400)
    server.kill("SIGTERM")
    expect(await server.exited).toBe(1)
    const log = await server.stderr.text()
    expect(log).toContain("conversation 1, answer 0")
    expect(log).toContain("*** VIOLATION: top_p: Extra inputs are not permitted")
  } finally {
    server.kill("SIGKILL")
  }
})

test("a person's mistakes are told", async () => {
  const run = async (...words: string[]) => {
    const done = Bun.spawnSync([process.execPath, SERVE, ...words], { stdout: "pipe", stderr: "pipe" })
    return [done.exitCode, done.stdout.toString() + done.stderr.toString()] as const
  }
  const folder = await mkdtemp(join(tmpdir(), "script-"))
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const wrong = join(folder, "wrong.yaml")
  await writeFile(wrong, "answers:\n  - says: hello\n")
  expect(await run("--help")).toEqual([0, expect.stringContaining("--port N")])
  expect(await run("--port", "many")).toEqual([2, expect.stringContaining("--port N")])
  expect(await run("--prot", "1")).toEqual([2, expect.stringContaining("--prot")])
  expect(await run(wrong)).toEqual([2, expect.stringContaining("wrong.yaml:2")])
  expect(await run(join(folder, "none.yaml"))).toEqual([2, expect.stringContaining("none.yaml")])
})

test("repairs.yaml starts what is dead, continues what is stopped, and leaves the rest alone", async () => {
  const lab = await mkdtemp(join(tmpdir(), "lab-"))
  const node = async (name: string) => {
    const folder = join(lab, name)
    await mkdir(join(folder, "data"), { recursive: true })
    const start = `#!/bin/sh\ncd "$(dirname "$0")"\nsetsid sleep 600 >log 2>&1 </dev/null &\necho $! >pid\n`
    await writeFile(join(folder, "start"), start, { mode: 0o755 })
    Bun.spawnSync([join(folder, "start")])
    return () => Bun.file(join(folder, "pid")).text().then(Number)
  }
  await mkdir(join(lab, "store"))
  const [dead, frozen, well] = [await node("dead"), await node("frozen"), await node("well")]
  const [deadPid, frozenPid, wellPid] = [await dead(), await frozen(), await well()]
  try {
    process.kill(deadPid, "SIGKILL")
    while (/^[^Z]/.test(stateOf(deadPid))) await Bun.sleep(1)
    process.kill(frozenPid, "SIGSTOP")
    await using claude = await startScriptedClaude({ script: await readScript(scriptNamed("repairs")) })
    let request = agentRequest()
    const outputs: string[] = []
    while (true) {
      const { content, stop_reason } = await ask(claude, request)
      const [call] = content.filter(({ type }) => type === "tool_use")
      if (!call) {
        expect(stop_reason).toBe("end_turn")
        expect(content.at(-1)!.text).toMatch(
          /```report\ncause: .+\nnode: .+\nkind: .+\nruled_out: .+\nchanged: .+\n```/,
        )
        break
      }
      const { command } = call.input as { command: string }
      const done = Bun.spawnSync(["bash", "-c", command], { env: { ...process.env, LAB: lab } })
      outputs.push(done.stdout.toString())
      const results = resultsFor(content, `exit ${done.exitCode}\n${done.stdout}`)
      request = { ...request, messages: [...request.messages, assistant(content), results] }
    }
    expect(claude.violations).toEqual([])
    expect(outputs[0]).toContain(`dead: pid ${deadPid} is dead`)
    expect(outputs[0]).toMatch(/frozen: pid \d+, state T/)
    expect(outputs[2]).toBe("starting dead\ncontinuing frozen\n")
    expect(outputs[3]!.match(/: well/g)).toHaveLength(3)
    expect([await frozen(), await well()]).toEqual([frozenPid, wellPid])
    expect(await dead()).not.toBe(deadPid)
  } finally {
    for (const pid of [await dead(), frozenPid, wellPid]) process.kill(pid, "SIGKILL")
    await rm(lab, { recursive: true })
  }
})

test("gives-up.yaml looks, and then escalates", async () => {
  const script = await readScript(scriptNamed("gives-up"))
  expect(script).toHaveLength(2)
  expect(script[1]).toMatchObject({ say: expect.stringMatching(/^ESCALATE: ./) })
})

// internal

/** A process's state as ps shows it; a zombie's begins with Z, and that of nobody is empty. */
function stateOf(pid: number): string {
  return Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim()
}
