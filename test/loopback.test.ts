import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { ISOLATED } from "./support/isolated.ts"
import { type Home, makeHome, OPERATOR } from "./support/operator.ts"

/** A lab is brought up under load. */
setDefaultTimeout(60_000)

let home: Home
beforeAll(() => {
  home = makeHome()
})
afterAll(() => home.remove())

const UP = "the loopback interface was down, and has been brought up: ip link set lo up\n"

async function isolated(command: string[]) {
  const child = Bun.spawn([...(ISOLATED ?? []), ...command], {
    cwd: home.dir,
    env: home.env,
    stdout: "pipe",
    stderr: "pipe",
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { stdout, stderr, exit_code: await child.exited }
}

describe.if(ISOLATED !== undefined)("without a loopback interface (left out where unshare is not allowed)", () => {
  test.skipIf(Bun.which("ip") === null)("it is brought up once, with a word on stderr", async () => {
    const tests = join(import.meta.dir, "loopback.ts")
    const twice = `"$0" "$1" && "$0" "$1"`
    expect(await isolated(["sh", "-c", twice, process.execPath, tests])).toEqual({
      stdout: "",
      stderr: UP,
      exit_code: 0,
    })
  })

  test.skipIf(Bun.which("ip") === null)("a lab comes up all the same", async () => {
    const { stderr, exit_code } = await isolated([
      ...["sh", "-c", `"$@" up ratelimiter && "$@" down --all`, "sh"],
      ...OPERATOR,
    ])
    expect({ exit_code, said: stderr.startsWith(UP) }).toEqual({ exit_code: 0, said: true })
  })

  test("where it cannot be brought up, nothing is begun, and the error names the command", async () => {
    const db = join(home.dir, "never.db")
    for (const words of [
      ["up", "ratelimiter"],
      ["campaign", "quickstart"],
    ]) {
      const { stderr, exit_code } = await isolated(["env", "PATH=/nowhere", ...OPERATOR, ...words, "--db", db])
      expect(exit_code).toBe(4)
      expect(stderr).toBe(
        "operator: 127.0.0.1 cannot be reached: the loopback interface is down\n  → as root: ip link set lo up\n",
      )
      if (words[0] === "up") expect(existsSync(db)).toBe(false)
    }
    expect(home.residue()).toEqual([])
  })
})

test("where it is up nothing is said", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "loopback.ts")], { stdout: "pipe", stderr: "pipe" })
  const said = await Promise.all([child.stdout.text(), child.stderr.text()])
  expect([...said, await child.exited]).toEqual(["", "", 0])
})
