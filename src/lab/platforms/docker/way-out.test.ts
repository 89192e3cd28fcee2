import { describe, expect, test } from "bun:test"
import { type Grounds, type Reach, wayOut } from "./way-out.ts"

const HOME = "/home"
const ROOT = "/root"

const GROUNDS: Grounds = {
  ids: new Set(["own"]),
  folder: `${HOME}/me/shop`,
  writable: ["/srv/shop/data"],
  devices: new Map([
    ["all", "/"],
    ["kept", "/srv/shop/kept"],
  ]),
}

const host = (HostConfig: Reach["HostConfig"]) => wayOut({ HostConfig, Mounts: [] }, GROUNDS)
const mounts = (Source: string, RW = true, grounds = GROUNDS) =>
  wayOut({ HostConfig: {}, Mounts: [{ Type: "bind", Source, Destination: "/x", RW }] }, grounds)
const volume = (Name: string) =>
  wayOut({ HostConfig: {}, Mounts: [{ Type: "volume", Name, Source: "", Destination: "/x", RW: true }] }, GROUNDS)

describe("a container of somebody else's project", () => {
  test("stays inside with what every container has", () => {
    expect(
      host({ NetworkMode: "shop_default", PidMode: "", CapAdd: null, SecurityOpt: ["no-new-privileges"] }),
    ).toBeUndefined()
    expect(
      host({ NetworkMode: "container:own", IpcMode: "private", CapAdd: ["NET_ADMIN"], Devices: [] }),
    ).toBeUndefined()
  })

  test.each([
    [{ Privileged: true }, "is privileged"],
    [{ NetworkMode: "host" }, "shares its network with this machine"],
    [{ PidMode: "container:foreign" }, "shares its processes with a foreign container"],
    [{ CapAdd: ["CAP_SYS_ADMIN"] }, "has the capability CAP_SYS_ADMIN"],
    [{ SecurityOpt: ["seccomp=unconfined"] }, "has the security option seccomp=unconfined"],
    [{ Devices: [{}] }, "uses devices of this machine"],
  ])("leads out with %p", (given, way) => {
    expect(host(given)).toBe(way)
  })

  test.each([
    "/",
    "/etc",
    "/var",
    "/run",
    `${ROOT}/.ssh`,
    `${HOME}/me`,
    `${HOME}/me/.config/x`,
    "/tmp",
    "/etc/cron.d",
    "/proc/1",
  ])("leads out with %s of this machine", (path) => {
    expect(mounts(path)).toBe(`mounts ${path} of this machine`)
  })

  test.each(["/var/run/docker.sock", "/srv/mysqld.sock", `${HOME}/me/shop/engine.sock`])(
    "leads out with %s",
    (path) => {
      expect(mounts(path, false)).toBe(`mounts the socket ${path}`)
    },
  )

  test.each([
    `${HOME}/me/shop`,
    `${HOME}/me/shop/.env`,
    `${HOME}/me/other`,
    "/srv/shop",
    "/opt/x",
    "/var/lib/pg",
    "/tmp/x",
  ])("stays inside with %s", (path) => {
    expect(mounts(path)).toBeUndefined()
  })

  test("may read a file of the system's, and write none", () => {
    expect(mounts("/etc/localtime", false)).toBeUndefined()
    expect(mounts("/etc/localtime", true)).toBe("mounts /etc/localtime of this machine")
    expect(mounts(`${ROOT}/key`, false)).toBe(`mounts ${ROOT}/key of this machine`)
  })

  test("leads out with what another one could replace by a link", () => {
    expect(mounts("/srv/shop/data/conf", false)).toContain("lies within /srv/shop/data")
    expect(mounts("/srv/shop/data2")).toBeUndefined()
  })

  test("has the folder of its file to itself, but for one that is a home or the whole machine", () => {
    expect(mounts(`${ROOT}/shop/data`, true, { ...GROUNDS, folder: `${ROOT}/shop` })).toBeUndefined()
    for (const folder of ["/root", "/", `${HOME}/me`, ""]) {
      expect(mounts(`${ROOT}/.ssh`, true, { ...GROUNDS, folder })).toBe(`mounts ${ROOT}/.ssh of this machine`)
      expect(mounts(`${HOME}/me/.ssh`, true, { ...GROUNDS, folder })).toBe(`mounts ${HOME}/me/.ssh of this machine`)
    }
  })

  test("is judged by the folder that a volume stands for", () => {
    expect(volume("all")).toBe("mounts / of this machine")
    expect(volume("kept")).toBeUndefined()
    expect(volume("data")).toBeUndefined()
  })
})
