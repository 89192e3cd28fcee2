import { describe, expect, test } from "bun:test"
import { CONTAINER, EXEC, UPDATE, VOLUME } from "./bodies.ts"
import type { AskEngine } from "./engine.ts"
import { rebuild, type Rule } from "./fields.ts"
import { NETWORK } from "./networking.ts"
import { aboutLab } from "./route.ts"
import { mayBeNamed, type Terms } from "./terms.ts"

/** Answers as the engine gives them, for one container, network, volume and image of the lab, and one of each that is foreign. */
const ID = { own: "a".repeat(64), foreign: "b".repeat(64), anonymous: "c".repeat(64), shared: "d".repeat(64) }
const labels = (lab: string) => ({ lab })
const ENGINE: Record<string, unknown> = {
  "/containers/node/json": { Id: ID.own, Name: "/node", Config: { Labels: labels("l") } },
  "/containers/stranger/json": { Id: ID.foreign, Name: "/stranger", Config: { Labels: labels("m") } },
  "/containers/hidden/json": { Id: ID.foreign, Name: "/hidden", Config: { Labels: { lab: "l", hidden: "" } } },
  "/networks/l_net": { Id: "n1", Name: "l_net", Labels: labels("l") },
  "/networks/m_net": { Id: "n2", Name: "m_net", Labels: labels("m") },
  "/volumes/l_data": { Name: "l_data", Labels: labels("l") },
  "/volumes/m_data": { Name: "m_data", Labels: labels("m") },
  [`/volumes/${ID.anonymous}`]: { Name: ID.anonymous, Labels: null },
  [`/volumes/${ID.shared}`]: { Name: ID.shared, Labels: null },
  "/images/img/json": { Id: "sha256:1", RepoTags: ["img:latest"] },
  "/images/other/json": { Id: "sha256:2", RepoTags: ["other:latest"] },
}

const users = (path: string) =>
  path.includes(ID.shared) ? [labels("l"), labels("m")] : path.includes(ID.anonymous) ? [labels("l")] : []

const ask: AskEngine = async (path) => {
  if (path.startsWith("/containers/json")) return { status: 200, json: users(path).map((Labels) => ({ Labels })) }
  if (path.startsWith("/networks?"))
    return { status: 200, json: [ENGINE["/networks/l_net"], ENGINE["/networks/m_net"]] }
  return path in ENGINE ? { status: 200, json: ENGINE[path] } : { status: 404, json: { message: "none" } }
}

const TERMS: Terms = {
  lab: "l",
  project: "l",
  allowed_images: ["img"],
  binds: [{ source: "/conf", target: "/etc/x", read_only: true }],
  hidden_label: "hidden",
}

const built = async (rule: Rule, body: unknown) => rebuild(rule, body, aboutLab(ask, TERMS)())
const container = (host: object, more: object = {}) => {
  return built(CONTAINER, { Image: "img", Labels: {}, HostConfig: { NetworkMode: "none", ...host }, ...more })
}
const refused = { kind: "refused" }

describe("what a container is created with", () => {
  test("is what the rules know, with the lab's label, and with full ids where names stood", async () => {
    const host = {
      NetworkMode: "container:node",
      PidMode: "container:node",
      CapAdd: ["cap_net_admin"],
      Privileged: false,
      Links: [],
    }
    const more = { Env: ["A=1"], Labels: { a: "b", lab: "m" }, name: "ignored", MacAddress: "", OnBuild: null }
    expect(await container(host, more)).toEqual({
      kind: "rebuilt",
      body: {
        Image: "img",
        Env: ["A=1"],
        Labels: { a: "b", lab: "l" },
        MacAddress: "",
        HostConfig: { NetworkMode: `container:${ID.own}`, PidMode: `container:${ID.own}`, CapAdd: ["NET_ADMIN"] },
      },
    })
  })

  test.each([
    [{ Binds: ["/conf:/etc/x:ro"] }, ["/conf:/etc/x:ro"]],
    [{ Binds: ["l_data:/d"] }, ["l_data:/d:rw"]],
    [{ Binds: [`${ID.anonymous}:/d:nocopy`] }, [`${ID.anonymous}:/d:nocopy`]],
  ])("has the mount of %j", async (host, binds) => {
    expect(await container(host)).toMatchObject({ kind: "rebuilt", body: { HostConfig: { Binds: binds } } })
  })

  test.each([
    { Binds: ["/conf:/etc/x"] },
    { Binds: ["/conf:/etc/y:ro"] },
    { Binds: ["/conf/:/etc/x:ro"] },
    { Binds: ["/:/etc/x:ro"] },
    { Binds: ["m_data:/d"] },
    { Binds: ["gone:/d"] },
    { Binds: [`${ID.shared}:/d`] },
    { Binds: ["l_data:/d:z"] },
    { Binds: ["l_data"] },
    { Binds: "l_data:/d" },
    { Mounts: [{ Type: "bind", Source: "/conf", Target: "/etc/x" }] },
    { Mounts: [{ Type: "volume", Source: "m_data", Target: "/d" }] },
    { Mounts: [{ Target: "/d" }] },
    { Tmpfs: { "/x": "" } },
    { NetworkMode: "host" },
    { NetworkMode: "m_net" },
    { NetworkMode: "container:stranger" },
    { NetworkMode: "container:hidden" },
    { PidMode: "container:stranger" },
    { PidMode: "host" },
    { CapAdd: ["ALL"] },
    { CapAdd: "NET_ADMIN" },
    { Privileged: true },
    { Privileged: [false] },
    { privileged: true },
    { Memory: 1.5 },
    { Memory: "1" },
    { Memory: 2 ** 60 },
    { PortBindings: { "80/tcp": [{ HostPort: "" }] } },
    { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "80" }] } },
    { RestartPolicy: { Name: "always", name: "x" } },
    JSON.parse('{"__proto__":{"Privileged":true}}'),
    JSON.parse('{"constructor":{"Privileged":true}}'),
  ])("has nothing like %j", async (host) => {
    expect(await container(host)).toMatchObject(refused)
  })

  test("has an image that is allowed, and the labels of its own project", async () => {
    expect(await container({}, { Image: "other" })).toMatchObject({ kind: "refused", status: 404 })
    expect(await container({}, { Image: "../img" })).toMatchObject(refused)
    expect(await container({}, { Labels: { "com.docker.compose.project": "m" } })).toMatchObject(refused)
    expect(await container({}, { Labels: { hidden: "1" } })).toMatchObject(refused)
    expect(await container({}, { Labels: { a: 1 } })).toMatchObject(refused)
  })

  test("is an object", async () => {
    for (const body of [[], "x", 1, null]) expect(await built(CONTAINER, body)).toMatchObject(refused)
  })
})

test("a command has no privileges, an update no devices, a volume and a network no options", async () => {
  expect(await built(EXEC, { Cmd: ["a"], Privileged: false })).toEqual({ kind: "rebuilt", body: { Cmd: ["a"] } })
  expect(await built(EXEC, { Cmd: ["a"], Privileged: true })).toMatchObject(refused)
  expect(await built(UPDATE, { Memory: 1, DeviceRequests: null })).toEqual({ kind: "rebuilt", body: { Memory: 1 } })
  expect(await built(UPDATE, { DeviceRequests: [{}] })).toMatchObject(refused)
  expect(await built(VOLUME, { Name: "l_v", DriverOpts: {}, Labels: {} })).toMatchObject({
    body: { Labels: { lab: "l" } },
  })
  expect(await built(VOLUME, { Name: "l_v", DriverOpts: { device: "/" } })).toMatchObject(refused)
  expect(await built(NETWORK, { Name: "l_n", Driver: "bridge", Options: {} })).toMatchObject({ kind: "rebuilt" })
  expect(await built(NETWORK, { Name: "l_n", Options: { a: "b" } })).toMatchObject(refused)
  expect(await built(NETWORK, { Name: "l_n", IPAM: { Config: [{ Subnet: "10.0.0.0/8" }] } })).toMatchObject(refused)
})

test("a name begins with the project's, and with what Compose puts in front of it for a moment", () => {
  for (const name of ["l-a", "l_a", "0123456789ab_l-a"]) expect(mayBeNamed(name, "l")).toBe(true)
  for (const name of ["l", "l-", "la", "m-l-a", "01234_l-a", "l-a/b", "0123456789ab_m-a", ""])
    expect(mayBeNamed(name, "l")).toBe(false)
})
