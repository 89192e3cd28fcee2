import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type ScopeEntry, type ScopeOptions, startScope } from "../../src/agent/sandbox/scope/scope.ts"

export const ENGINE = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "")
export const IMAGE = "debian:trixie-slim"
const HIDDEN = "lab.hidden"

export type ScopedLab = Awaited<ReturnType<typeof scopedLab>>

export interface Ran {
  code: number
  text: string
}

/**
 * A lab with two nodes, a helper that is hidden from it, and beside it a foreign lab with a node that holds a secret;
 * and the lab's own socket in front of the engine's. All of it is labelled, and removed by its labels.
 */
export async function scopedLab(more: Partial<ScopeOptions> = {}) {
  const mark = crypto.randomUUID().slice(0, 8)
  const [lab, foreign] = [`scope-${mark}`, `scope-other-${mark}`]
  const secret = `SECRET${crypto.randomUUID().replaceAll("-", "")}`
  const folder = mkdtempSync(join(tmpdir(), "scope-"))
  const socket = join(folder, "run", "docker.sock")
  for (const name of ["run", "conf"]) mkdirSync(join(folder, name))
  writeFileSync(join(folder, "conf", "note"), "a note of the lab\n")
  writeFileSync(join(folder, "compose.yaml"), composeFile(lab, join(folder, "conf")))

  const direct = (...args: string[]) => run(`unix://${ENGINE}`, args)
  const remove = async () => {
    for (const label of [lab, foreign]) {
      const listed = async (...args: string[]) => {
        const { text } = await direct(...args, "-q", "--filter", `label=lab=${label}`)
        return text.split("\n").filter((id) => id !== "")
      }
      for (const id of await listed("ps", "-a")) await direct("rm", "-f", "-v", id)
      for (const id of await listed("network", "ls")) await direct("network", "rm", id)
      for (const id of await listed("volume", "ls")) await direct("volume", "rm", "-f", id)
      for (const id of await listed("images")) await direct("rmi", "-f", id)
    }
  }
  const must = async (...args: string[]) => {
    const { code, text } = await direct(...args)
    if (code !== 0) throw new Error(`docker ${args.join(" ")}: ${text}`)
    return text.trim()
  }

  if ((await direct("image", "inspect", IMAGE)).code !== 0) await must("pull", "-q", IMAGE)
  await must("compose", "-f", join(folder, "compose.yaml"), "up", "-d")
  await must("network", "create", "--label", `lab=${foreign}`, `${foreign}_net`)
  await must("volume", "create", "--label", `lab=${foreign}`, `${foreign}_data`)
  const own_label = ["--label", `lab=${lab}`]
  await must(
    "run",
    "-d",
    "--name",
    `${lab}-helper`,
    "--network",
    "none",
    ...own_label,
    "--label",
    `${HIDDEN}=1`,
    ...SLEEP,
  )
  const victim = await must(
    ...["run", "-d", "--name", `${foreign}-victim`, "--network", `${foreign}_net`, "--label", `lab=${foreign}`],
    ...[
      "-e",
      `HELD=${secret}`,
      "-v",
      `${foreign}_data:/data`,
      "--label",
      `com.docker.compose.project=${foreign}`,
      ...SLEEP,
    ],
  )
  await must("network", "connect", `${lab}_default`, `${lab}-helper`).catch(() => {})
  await must("exec", victim, "sh", "-c", `echo ${secret} > /secret`)
  const empty = Bun.spawnSync(["tar", "-cf", "-", "--files-from", "/dev/null"]).stdout
  await run(`unix://${ENGINE}`, ["import", "--change", `LABEL lab=${foreign}`, "-", `${foreign}-image:1`], empty)

  const entries: ScopeEntry[] = []
  const scope = await startScope({
    socket,
    engine: ENGINE,
    lab,
    project: lab,
    allowed_images: [IMAGE],
    binds: [{ source: join(folder, "conf"), target: "/conf", read_only: true }],
    tmpfs: ["/scratch"],
    hidden_label: HIDDEN,
    onRequest: (entry) => void entries.push(entry),
    ...more,
  })
  const id = (name: string) => must("inspect", "--format", "{{.Id}}", name)
  return {
    lab,
    foreign,
    secret,
    folder,
    socket,
    entries,
    mark,
    victim,
    victim_name: `${foreign}-victim`,
    a: `${lab}-a-1`,
    b: `${lab}-b-1`,
    a_id: await id(`${lab}-a-1`),
    helper: `${lab}-helper`,
    helper_id: await id(`${lab}-helper`),
    network: `${lab}_default`,
    direct,
    must,
    /** An ordinary client, through the scope. */
    docker: (...args: string[]) => run(`unix://${socket}`, args),
    dockerWith: (stdin: Uint8Array, ...args: string[]) => run(`unix://${socket}`, args, stdin),
    compose: (...args: string[]) => run(`unix://${socket}`, ["compose", "-f", join(folder, "compose.yaml"), ...args]),
    /** Bytes as they stand, and whatever comes back until the other side closes. */
    raw: (text: string | readonly string[], at = socket) => raw(at, typeof text === "string" ? [text] : text),
    world: () => world([lab, foreign], mark),
    async [Symbol.asyncDispose]() {
      await scope.close()
      await remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Runs a program to its end; SIGTERM does not end `docker exec`, so nothing less than SIGKILL bounds it. */
export async function run(host: string, args: readonly string[], stdin?: Uint8Array): Promise<Ran> {
  const child = Bun.spawn(["docker", ...args], {
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      DOCKER_HOST: host,
      TERM: "xterm",
      DOCKER_BUILDKIT: "0",
    },
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: CLIENT_MS,
    killSignal: "SIGKILL",
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, text: out + err }
}

/** A JSON request by hand. */
export function written(method: string, path: string, body?: unknown, headers: readonly string[] = []): string {
  const given = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)
  // Requests are strings of bytes here.
  const text = Buffer.from(given, "utf8").toString("latin1")
  const framing = body === undefined ? [] : [`Content-Length: ${text.length}`]
  const type =
    body === undefined || headers.some((line) => /^content-type/i.test(line)) ? [] : ["Content-Type: application/json"]
  return [`${method} ${path} HTTP/1.1`, "Host: docker", ...type, ...framing, ...headers, "", text].join("\r\n")
}

/** What the engine itself says to a GET, taken for what the caller expects of it. */
export async function engineSays<Said>(path: string): Promise<Said> {
  const answer = await raw(ENGINE, [
    written("GET", path, undefined, ["Connection: close"]).replace("HTTP/1.1", "HTTP/1.0"),
  ])
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))
}

// internal

const CLIENT_MS = 30_000
const RAW_MS = 10_000
const SLEEP = ["--init", IMAGE, "sleep", "infinity"]

function composeFile(lab: string, conf: string): string {
  return `name: ${lab}
services:
  a:
    image: ${IMAGE}
    init: true
    command: sleep infinity
    labels: { lab: ${lab} }
    volumes: ["data:/data", "${conf}:/conf:ro"]
    tmpfs: [/scratch]
    environment: { NODE: a }
  b:
    image: ${IMAGE}
    init: true
    command: ["sh", "-c", "while :; do echo tick; sleep 0.1; done"]
    labels: { lab: ${lab} }
networks: { default: { labels: { lab: ${lab} } } }
volumes: { data: { labels: { lab: ${lab} } } }
`
}

function raw(socket_path: string, pieces: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socket_path })
    let text = ""
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no end within ${RAW_MS} ms after: ${text.slice(0, 300)}`))
    }, RAW_MS)
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")))
    socket.on("error", () => {})
    socket.on("close", () => {
      clearTimeout(timer)
      resolve(text)
    })
    for (const piece of pieces) socket.write(Buffer.from(piece, "latin1"))
  })
}

/** All that an attempt could have changed at the engine: in the two labs, or under a name with their mark. */
async function world(labs: readonly string[], mark: string): Promise<unknown> {
  const ours = (row: any) =>
    labs.includes(row.Labels?.lab) || JSON.stringify([row.Names, row.Name, row.Command, row.RepoTags]).includes(mark)
  const [containers, networks, volumes, images] = await Promise.all(
    ["/containers/json?all=1", "/networks", "/volumes", "/images/json"].map((path) => engineSays<any>(path)),
  )
  const described = containers.filter(ours).map(async ({ Id }: any) => {
    const { Name, State, HostConfig, NetworkSettings, RestartCount } = await engineSays<any>(`/containers/${Id}/json`)
    const { Status, StartedAt, Pid } = State
    return {
      Id,
      Name,
      Status,
      StartedAt,
      Pid,
      HostConfig,
      RestartCount,
      networks: Object.keys(NetworkSettings.Networks).sort(),
    }
  })
  return {
    containers: (await Promise.all(described)).sort((one, other) => one.Id.localeCompare(other.Id)),
    networks: networks
      .filter(ours)
      .map(({ Id, Name }: any) => `${Name} ${Id}`)
      .sort(),
    volumes: volumes.Volumes.filter(ours)
      .map(({ Name }: any) => Name)
      .sort(),
    images: images
      .filter(ours)
      .map(({ Id, RepoTags }: any) => `${Id} ${RepoTags}`)
      .sort(),
  }
}
