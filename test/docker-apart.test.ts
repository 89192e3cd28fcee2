import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { KITCHEN_IMAGE } from "../src/lab/platforms/docker/kitchen-image.ts"
import { openSandbox, type Sandbox } from "../src/agent/sandbox/open.ts"
import { openLab } from "../src/lab/open.ts"
import { events } from "../src/store/events.ts"
import { getLab } from "../src/store/labs.ts"
import { openStore, type Store } from "../src/store/open.ts"
import { provideWeb } from "./support/docker.ts"
import { WITHOUT_ENGINE } from "./support/engine.ts"
import { type Home, makeHome } from "./support/operator.ts"
import { engineSays } from "./support/scoped-lab.ts"

const need = WITHOUT_ENGINE ? "(skipped: no Docker engine here)" : ""
setDefaultTimeout(120_000)

/** One of two labs of the same file that are up at the same time, each with a kitchen; and all by which one could ask for it. */
interface Side {
  lab: string
  sandbox: Sandbox
  /** Of both nodes and of the kitchen. */
  containers: { id: string; name: string; address: string }[]
  network: { id: string; name: string; subnet: string; gateway: string }
  volume: string
}

let home: Home
let store: Store
let own: Side
let other: Side

const shell = async (command: string) => {
  const { shown, exit_code } = await own.sandbox.shell.run(command, { timeout_ms: 60_000 })
  return { shown, exit_code }
}

describe.skipIf(WITHOUT_ENGINE)(`the agent of one lab ${need}`, () => {
  beforeAll(async () => {
    home = makeHome()
    provideWeb(home)
    store = openStore(home.db)
    const ids = await Promise.all([up(), up()])
    own = await side(ids[0])
    other = await side(ids[1])
  }, 300_000)
  afterAll(async () => {
    for (const one of [own, other]) await one?.sandbox[Symbol.asyncDispose]()
    store?.close()
    await home?.remove()
  })

  test("is told of nothing that the other has, whatever it lists", async () => {
    const since = Math.floor(Date.now() / 1_000)
    await other.sandbox.shell.run(`docker restart -t 0 ${other.lab}-b-1`, { timeout_ms: 30_000 })
    const lists = ["ps -a --no-trunc", "network ls --no-trunc", "volume ls", "compose ls -a", "info", "images"]
    const more = [`events --since ${since} --until $(($(date +%s) + 1))`, `network inspect ${own.network.name}`]
    const words = [`restart -t 0 ${own.lab}-b-1`, ...lists, ...more].map((one) => `docker ${one}`)
    const { shown } = await shell(words.join("; "))
    for (const word of [`${own.lab}-b-1`, `${own.lab}_data`, own.network.id, "container die"])
      expect(shown).toContain(word)
    for (const word of everyWordOf(other)) expect(shown).not.toContain(word)
  })

  test("finds nothing of the other by its name or id", async () => {
    const words = [
      ...other.containers.flatMap(({ id, name }) => [`inspect ${id}`, `inspect ${name}`, `inspect ${id.slice(0, 12)}`]),
      ...[`network inspect ${other.network.id}`, `network inspect ${other.network.name}`],
      ...[`volume inspect ${other.volume}`, `logs ${other.lab}-a-1`, `exec ${other.lab}-a-1 true`],
      ...[`cp ${other.lab}-a-1:/etc/hosts -`, `compose -p ${other.lab} ps -q`],
    ]
    for (const one of words) expect({ one, ...(await shell(`docker ${one}`)) }).toEqual(nothing(one))
  })

  test("cannot reach an address of the other, from its kitchen, from a node or from a container that it starts", async () => {
    const started = `${own.lab}-started`
    const rights = "--cap-add NET_ADMIN --cap-add NET_RAW"
    await shell(`docker run -d ${rights} --name ${started} --network ${own.network.name} ${KITCHEN_IMAGE}`)
    const around = `ip route add ${other.network.subnet} via ${own.network.gateway}`
    expect(await shell(`docker exec ${started} ${around}`)).toEqual({ shown: "", exit_code: 0 })
    const places = (one: Side) => one.containers.slice(0, 2).map(({ address }) => `${address}:80`)
    const expected = [...places(own).map((place) => `${place} open`), ...places(other).map((p) => `${p} nothing`)]
    for (const from of ["", `docker exec ${own.lab}-a-1`, `docker exec ${started}`]) {
      const { shown } = await shell(`${from} ${reach([...places(own), ...places(other)])}`)
      expect({ from, said: shown.trim().split("\n").sort() }).toEqual({ from, said: expected.sort() })
    }
    await shell(`docker rm -f ${started}`)
  })

  test("resolves no name of the other, and its own names to its own nodes", async () => {
    const names = other.containers.flatMap(({ id, name }) => [name, id.slice(0, 12)])
    expect((await shell(names.map((name) => `getent hosts ${name}`).join("; "))).shown).toBe("")
    const { shown } = await shell("getent ahostsv4 a; getent ahostsv4 b")
    const found = shown
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[0]!)
    const nodes = own.containers.filter(({ name }) => !name.startsWith("kitchen"))
    expect([...new Set(found)].sort()).toEqual(nodes.map(({ address }) => address).sort())
  })

  test("can neither join the other's network, nor take its addresses, volumes or processes", async () => {
    const run = (...words: string[]) => `run --rm ${words.join(" ")} ${KITCHEN_IMAGE} true`
    const words = [
      `network connect ${other.network.name} ${own.lab}-a-1`,
      `network connect ${own.network.name} ${other.lab}-a-1`,
      `network create --subnet ${other.network.subnet} ${own.lab}_more`,
      run("--network", other.network.id),
      run("--network", `container:${other.lab}-a-1`),
      run("--network", "none", "--pid", `container:${other.lab}-a-1`),
      run("--network", "none", "-v", `${other.volume}:/data`),
    ]
    for (const one of words) {
      const { exit_code } = await shell(`docker ${one}`)
      expect({ one, refused: exit_code !== 0 }).toEqual({ one, refused: true })
    }
    expect((await shell("docker network ls -q | wc -l")).shown).toBe("1\n")
  })

  test("reaches nothing of the harness at this machine's own addresses", async () => {
    writeFileSync(join(home.dir, "secret"), "open sesame\n")
    const at = ["--alertmanager", "127.0.0.1:0", "--alertmanager-secret-file", "secret"]
    const monitor = home.start("monitor", own.lab, ...at)
    const port = Number(await said(monitor.stderr, /webhooks at http:\/\/[^/]*:(\d+)/))
    const parts = [monitor.pid, ...partsOf(own.lab), ...partsOf(other.lab)]
    expect(parts.length).toBeGreaterThan(2)
    expect(new Set(parts.flatMap(listening))).toEqual(new Set([`127.0.0.1:${port}`]))
    // A listener for everybody shows that the way is open.
    using everybody = Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { data: () => {} } })
    const gateways = [own.network.gateway, other.network.gateway]
    const { shown } = await shell(reach(gateways.flatMap((one) => [`${one}:${port}`, `${one}:${everybody.port}`])))
    const answers = shown.trim().split("\n")
    expect(answers).toContain(`${own.network.gateway}:${everybody.port} open`)
    expect(answers.filter((line) => line.includes(`:${port} `) && line.endsWith(" open"))).toEqual([])
    monitor.kill("SIGINT")
    await monitor.exited
  })
})

async function up(): Promise<string> {
  const { stdout, stderr, exit_code } = await home.run("up", "web", "--json")
  expect({ exit_code, stderr: exit_code === 0 ? "" : stderr }).toEqual({ exit_code: 0, stderr: "" })
  return (JSON.parse(stdout) as { lab: string }).lab
}

async function side(lab: string): Promise<Side> {
  const sandbox = await openSandbox(store, await openLab(store, getLab(store, lab)!))
  const filters = encodeURIComponent(JSON.stringify({ label: [`lab=${lab}`] }))
  const listed = await engineSays<{ Id: string; Names: string[]; NetworkSettings: Networks }[]>(
    `/containers/json?filters=${filters}`,
  )
  const containers = listed.map(({ Id, Names, NetworkSettings }) => {
    const [{ IPAddress }] = Object.values(NetworkSettings.Networks) as [{ IPAddress: string }]
    return { id: Id, name: Names[0]!.slice(1), address: IPAddress }
  })
  const [network] = await engineSays<{ Id: string; Name: string; IPAM: { Config: { Subnet: string }[] } }[]>(
    `/networks?filters=${filters}`,
  )
  const subnet = network!.IPAM.Config[0]!.Subnet
  const gateway = subnet.replace(/(\d+)\/\d+$/, (_, last) => String(Number(last) + 1))
  const nodesFirst = containers.sort(
    (a, b) => Number(a.name.startsWith("kitchen")) - Number(b.name.startsWith("kitchen")),
  )
  return {
    lab,
    sandbox,
    containers: nodesFirst,
    network: { id: network!.Id, name: network!.Name, subnet, gateway },
    volume: `${lab}_data`,
  }
}

interface Networks {
  Networks: Record<string, { IPAddress: string }>
}

const everyWordOf = ({ lab, containers, network }: Side) => [
  lab,
  network.id,
  network.id.slice(0, 12),
  network.subnet.split("/")[0]!,
  ...containers.flatMap(({ id, name, address }) => [id.slice(0, 12), name, address]),
]

const nothing = (one: string) => ({
  one,
  ...(one.startsWith("compose")
    ? { exit_code: 0, shown: "" }
    : { exit_code: 1, shown: expect.stringMatching(/no such|not found/i) }),
})

/** A command that says of each place whether something listens there (`open`), the host says no (`refused`), or nobody answers. */
function reach(places: string[]): string {
  const one = `my $s = IO::Socket::INET->new(PeerAddr => $_, Timeout => 2);
    print "$_ ", $s ? "open" : $!{ECONNREFUSED} ? "refused" : "nothing", "\\n"; exit`
  return `perl -MErrno -MIO::Socket::INET -e 'for (@ARGV) { next if fork; ${one} } 1 while wait > 0' ${places.join(" ")}`
}

/** The processes that belong to a lab and run on this machine. */
function partsOf(lab: string): number[] {
  const [load] = events(store, lab, { kinds: ["workload.started"] })
  return [getLab(store, lab)!.guardian_pid, load && "pid" in load.body ? load.body.pid : null].filter(
    (pid) => pid !== null,
  )
}

/** Where a process waits for connections: proc(5), addresses as little-endian hexadecimal. */
function listening(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]),
  )
  const rows = ["tcp", "tcp6"].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, "utf8").trim().split("\n").slice(1),
  )
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === "0A" && inodes.has(inode))
    .map(([, place = ""]) => {
      const [address = "", port = ""] = place.split(":")
      const bytes = address
        .match(/../g)!
        .map((byte) => Number.parseInt(byte, 16))
        .reverse()
      return `${bytes.join(".")}:${Number.parseInt(port, 16)}`
    })
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}

async function said(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = ""
  for await (const part of stream) {
    text += Buffer.from(part).toString()
    const found = pattern.exec(text)?.[1]
    if (found !== undefined) return found
  }
  throw new Error(`nothing like ${pattern} in ${text}`)
}
