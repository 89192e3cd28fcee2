import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { dockerEngine } from "../../src/lab/platforms/docker/engine.ts"
import { freeSubnets } from "../../src/lab/platforms/docker/subnets.ts"
import { randomHex } from "../../src/lib/ids.ts"
import { IMAGE } from "./docker.ts"

/** A Compose project that somebody runs who has never heard of Operator. */
export interface Project extends AsyncDisposable {
  name: string
  /** A subject that names its services but `door`. */
  subject: string
  /** The ids of all that is the project's: containers, networks, volumes. */
  everything(): string[]
  state(service: string): string
}

/**
 * Starts one: `web` answers on port 8080 once `init` has ended, `db` has the first address of its network, and `door` holds a part
 * of the host.
 */
export async function startProject(): Promise<Project> {
  const name = `shop-${randomHex(8)}`
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "project-")))
  const [subnet = ""] = await freeSubnets(dockerEngine(), [3])
  mkdirSync(join(folder, "html"))
  writeFileSync(join(folder, "compose.yaml"), composeFile(name, subnet))
  writeFileSync(join(folder, "subject.yaml"), SUBJECT)
  const compose = (...words: string[]) => docker("compose", "-p", name, "-f", join(folder, "compose.yaml"), ...words)
  const end = async () => {
    for (const id of listed(name, "ps", "-a")) docker("rm", "--force", "--volumes", id)
    compose("down", "--volumes", "--timeout", "0")
    rmSync(folder, { recursive: true, force: true })
  }
  const { exitCode, stderr } = compose("up", "--detach")
  if (exitCode !== 0) {
    await end()
    throw new Error(stderr.toString())
  }
  return {
    name,
    subject: join(folder, "subject.yaml"),
    everything: () => [...listed(name, "ps", "-a"), ...listed(name, "network", "ls"), ...listed(name, "volume", "ls")],
    state: (service) => text("inspect", "--format", "{{.State.Status}}", `${name}-${service}-1`),
    [Symbol.asyncDispose]: end,
  }
}

/** What Docker's client prints. */
export function text(...words: string[]): string {
  return docker(...words)
    .stdout.toString()
    .trim()
}

// internal

const docker = (...words: string[]) => Bun.spawnSync(["docker", ...words])

function listed(project: string, ...words: string[]): string[] {
  const found = text(...words, "--quiet", "--filter", `label=com.docker.compose.project=${project}`)
  return found.split("\n").filter(Boolean).sort()
}

const SERVER = `$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;
  while ($c = $s->accept) { while (<$c>) { last if /^\\r?$/ } print $c "HTTP/1.0 200 OK\\r\\n\\r\\nfine"; close $c }`

function composeFile(name: string, subnet: string): string {
  const first = subnet.replace(/(\d+)\/\d+$/, (_, last: string) => String(Number(last) + 2))
  const service = { image: IMAGE, init: true, command: ["sleep", "600"], stop_grace_period: "1s" }
  return JSON.stringify({
    name,
    services: {
      web: {
        ...service,
        command: ["perl", "-MIO::Socket::INET", "-e", SERVER.replaceAll("$", "$$$$")],
        volumes: ["./html:/html:ro", "/nameless"],
        networks: ["front", "back"],
        depends_on: { init: { condition: "service_completed_successfully" } },
      },
      db: { ...service, volumes: ["data:/data"], networks: { back: { ipv4_address: first } } },
      init: { ...service, command: ["true"], networks: ["front"] },
      door: { ...service, volumes: ["/etc:/host:ro"], networks: ["front"] },
    },
    networks: { front: {}, back: { ipam: { config: [{ subnet }] } } },
    volumes: { data: {} },
  })
}

const SUBJECT = `name: shop
services: { web: {}, db: {}, init: {}, debugger: { profiles: [debug] } }
x-operator:
  about: a shop that somebody else runs
  brief: "The shop: {url:web:8080}."
  invariants:
    - { name: page, severity: critical, each: web, probe: { http: "http://{service}:8080/" }, holds: 'body = "fine"' }
  workload:
    rate: 5/s
    write: { http: { method: POST, url: "http://web:8080/{key}" } }
    slo: { success: 0.99, p99: 500ms }
`
