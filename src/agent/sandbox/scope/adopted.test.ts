import { describe, expect, test } from "bun:test"
import { CONTAINER, VOLUME } from "./bodies.ts"
import type { AskEngine } from "./engine.ts"
import { rebuild } from "./fields.ts"
import { match, judge } from "./judge.ts"
import { aboutLab } from "./route.ts"
import type { Terms } from "./terms.ts"

/** A project that somebody else runs: one container that stays inside, one that does not, and a volume of each kind. */
const ID = { web: "a".repeat(64), door: "b".repeat(64), kitchen: "c".repeat(64) }
const SHOP = { "com.docker.compose.project": "shop" }
const ENGINE: Record<string, unknown> = {
  "/containers/web/json": { Id: ID.web, Name: "/shop-web-1", Config: { Labels: SHOP }, Mounts: [] },
  "/containers/door/json": {
    ...{ Id: ID.door, Name: "/shop-door-1", Config: { Labels: SHOP } },
    Mounts: [{ Type: "bind", Source: "/etc" }],
  },
  "/containers/kitchen/json": { Id: ID.kitchen, Name: "/kitchen", Config: { Labels: { lab: "shop-1" } }, Mounts: [] },
  "/volumes/shop_data": { Name: "shop_data", Labels: SHOP },
  "/volumes/shop_root": { Name: "shop_root", Labels: SHOP, Options: { device: "/etc", o: "bind", type: "none" } },
  "/images/img/json": { Id: "sha256:1", RepoTags: ["img:latest"] },
}
const ask: AskEngine = async (path) =>
  path in ENGINE ? { status: 200, json: ENGINE[path] } : { status: 404, json: { message: "none" } }

const TERMS: Terms = {
  lab: "shop-1",
  project: "shop",
  adopted: true,
  allowed_images: ["img"],
  hidden_label: "kitchen",
  wayOut: ({ Mounts }) => {
    return (Mounts as { Source: string }[]).some(({ Source }) => Source === "/etc") ? "mounts /etc" : undefined
  },
}
const about = () => aboutLab(ask, TERMS)()

const asked = async (method: "GET" | "POST" | "PUT" | "DELETE", path: string, query: [string, string][] = []) => {
  const target = { version: "", path, query: new Map(query) }
  const matched = match({ method } as Parameters<typeof match>[0], target)!
  return judge(matched, target, "", about())
}

describe("in a project that somebody else runs", () => {
  test("what carries the project's label is the lab's, and the lab's own kitchen is not", async () => {
    expect(await asked("POST", "/containers/web/start")).toMatchObject({ kind: "passed" })
    expect(await asked("POST", "/containers/kitchen/start")).toMatchObject({ kind: "denied", status: 404 })
    expect(await asked("GET", "/volumes/shop_data")).toMatchObject({ kind: "passed" })
  })

  test("what is created carries the project's label, and none by which it would vanish with the kitchen", async () => {
    const made = await rebuild(VOLUME, { Name: "shop_new", Labels: { a: "b" } }, about())
    expect(made).toEqual({ kind: "rebuilt", body: { Name: "shop_new", Labels: { a: "b", ...SHOP } } })
    for (const labels of [{ lab: "shop-1" }, { kitchen: "shop-1" }, { "com.docker.compose.project": "other" }]) {
      expect(await rebuild(VOLUME, { Name: "shop_new", Labels: labels }, about())).toMatchObject({ kind: "refused" })
    }
  })

  test("a container that leads out of it is looked at and restarted, and not entered", async () => {
    for (const path of ["json", "logs"]) {
      expect(await asked("GET", `/containers/door/${path}`)).toMatchObject({ kind: "passed" })
    }
    expect(await asked("POST", "/containers/door/restart")).toMatchObject({ kind: "passed" })
    for (const [method, path] of [
      ["POST", "exec"],
      ["POST", "attach"],
      ["GET", "archive"],
      ["PUT", "archive"],
    ] as const) {
      expect(await asked(method, `/containers/door/${path}`)).toMatchObject({ kind: "denied", status: 403 })
      expect(await asked(method, `/containers/web/${path}`)).toMatchObject({ kind: "passed" })
    }
  })

  test("nobody joins it, or mounts what leads out", async () => {
    const container = (HostConfig: object) => {
      return rebuild(
        CONTAINER,
        { Image: "img", Labels: {}, HostConfig: { NetworkMode: "none", ...HostConfig } },
        about(),
      )
    }
    for (const mode of [
      { NetworkMode: "container:door" },
      { PidMode: "container:door" },
      { Binds: ["shop_root:/x"] },
    ]) {
      expect(await container(mode)).toMatchObject({ kind: "refused" })
    }
    for (const mode of [{ NetworkMode: "container:web" }, { PidMode: "container:web" }, { Binds: ["shop_data:/x"] }]) {
      expect(await container(mode)).toMatchObject({ kind: "rebuilt" })
    }
  })

  test("a container's nameless volumes stay when it is removed, unless the client says otherwise", async () => {
    expect(await asked("DELETE", "/containers/web")).toMatchObject({ kind: "passed", query: new Map() })
    expect(await asked("DELETE", "/containers/web", [["v", "1"]])).toMatchObject({ query: new Map([["v", "1"]]) })
  })
})
