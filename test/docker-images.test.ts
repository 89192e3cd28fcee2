import { afterAll, beforeAll, expect } from "bun:test"
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { dockerTest, IMAGE } from "./support/docker.ts"

const TIMEOUT_MS = 120_000
const DOCKER = join(import.meta.dir, "..", "src/lab/platforms/docker")

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "images-")))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
  // The classic builder leaves an image of each step that went well.
  const left = docker("images", "--quiet", "--filter", `label=${MARK}`)
  if (left !== "") docker("image", "rm", "--force", ...left.split("\n"))
})

const MARK = `images-test=${process.pid}`
const docker = (...words: string[]) =>
  Bun.spawnSync(["docker", ...words])
    .stdout.toString()
    .trim()

/** A process that wants the image of a Dockerfile. What it said is on stderr. */
function provider(name: string, dockerfile: string) {
  const context = join(folder, name)
  const image = `images-test-${process.pid}-${name}`
  writeFileSync(`${context}.Dockerfile`, `FROM ${IMAGE}\nLABEL ${MARK}\n${dockerfile}\n`)
  const script = `
    import { dockerEngine } from ${JSON.stringify(join(DOCKER, "engine.ts"))}
    import { provideImages } from ${JSON.stringify(join(DOCKER, "images.ts"))}
    const build = { context: ${JSON.stringify(folder)}, dockerfile: ${JSON.stringify(`${name}.Dockerfile`)} }
    const image = ${JSON.stringify(image)}
    await provideImages(dockerEngine(), { name: "x", services: { a: { build } } }, { a: image }, { scratch: "/", embedded: false })`
  const start = () => {
    const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "inherit", "pipe"] })
    return { child, said: child.stderr.text() }
  }
  return { image, start, [Symbol.dispose]: () => void docker("image", "rm", "--force", image) }
}

const count = (texts: string[], what: string) => texts.join("").split(what).length - 1

dockerTest(
  "an image that several processes want at once is built by one of them, step by step",
  async () => {
    using wanted = provider("together", `RUN echo ${crypto.randomUUID()}; sleep 2`)
    const all = [wanted.start(), wanted.start(), wanted.start()]
    expect(await Promise.all(all.map(({ child }) => child.exited))).toEqual([0, 0, 0])
    const said = await Promise.all(all.map((one) => one.said))
    expect(count(said, `building the image ${wanted.image}, which this machine does not have yet`)).toBe(1)
    expect(count(said, `${wanted.image} 3/3  RUN echo`)).toBe(1)
    const again = wanted.start()
    expect(await again.said).toBe("")
  },
  TIMEOUT_MS,
)

dockerTest(
  "a build that fails says what its last step printed",
  async () => {
    using wanted = provider("failing", "RUN seq 1000; echo the reason >&2; exit 3")
    const { child, said } = wanted.start()
    expect(await child.exited).not.toBe(0)
    expect(await said).toContain(`the image ${wanted.image} could not be built`)
    expect(await said).toContain("the reason")
    expect(await said).not.toContain("\n500\n")
  },
  TIMEOUT_MS,
)
