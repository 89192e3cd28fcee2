import { CONTAINER, EXEC, EXEC_START, UPDATE } from "./bodies.ts"
import { rebuild, type Rule } from "./fields.ts"
import { parseFilters, withLabel, writeFilters } from "./filters.ts"
import { object } from "./own.ts"
import { type About, type Asked, denied, type Judgement, noSuchContainer, type Route } from "./route.ts"
import { belongs, mayBeNamed, ownLabel } from "./terms.ts"

const LOG_QUERY = ["details", "follow", "since", "stderr", "stdout", "tail", "timestamps", "until"]

/** Containers and the commands in them. Each reference is replaced by the full id of what was judged. */
export const CONTAINER_ROUTES: readonly Route[] = [
  { ...route("list containers", "GET", "/containers/json", ["all", "filters", "limit", "size"]), judge: list },
  looks("inspect container", "GET", "/containers/:ref/json", ["size"]),
  looks("logs", "GET", "/containers/:ref/logs", LOG_QUERY),
  { ...looks("top", "GET", "/containers/:ref/top", ["ps_args"]), judge: top },
  looks("stats", "GET", "/containers/:ref/stats", ["one-shot", "stream"]),
  looks("changes", "GET", "/containers/:ref/changes", []),
  { ...looks("copy from", "GET", "/containers/:ref/archive", ["path"]), enters: true },
  { ...looks("look before a copy", "HEAD", "/containers/:ref/archive", ["path"]), enters: true },
  looks("wait", "POST", "/containers/:ref/wait", ["condition"]),
  looks("resize", "POST", "/containers/:ref/resize", ["h", "w"]),
  {
    ...changes("copy to", "PUT", "archive", ["copyUIDGID", "noOverwriteDirNonDir", "path"]),
    body: "tar",
    enters: true,
  },
  changes("start", "POST", "start", ["detachKeys"]),
  changes("stop", "POST", "stop", ["signal", "t"]),
  changes("restart", "POST", "restart", ["signal", "t"]),
  changes("kill", "POST", "kill", ["signal"]),
  changes("pause", "POST", "pause", []),
  changes("unpause", "POST", "unpause", []),
  { ...changes("rename", "POST", "rename", ["name"]), judge: rename },
  { ...changes("update", "POST", "update", []), body: "json", judge: withBody("update", UPDATE) },
  {
    ...changes("attach", "POST", "attach", ["detachKeys", "logs", "stderr", "stdin", "stdout", "stream"]),
    upgrades: true,
    enters: true,
  },
  {
    ...changes("create container", "POST", "create", ["name", "platform"]),
    path: "/containers/create",
    body: "json",
    judge: create,
  },
  { ...changes("remove container", "DELETE", "", ["force", "link", "v"]), path: "/containers/:ref", judge: remove },
  {
    ...looks("prepare command", "POST", "/containers/:ref/exec", []),
    body: "json",
    enters: true,
    judge: withBody("exec", EXEC),
  },
  {
    ...changes("run command", "POST", "", []),
    path: "/exec/:ref/start",
    body: "json",
    upgrades: true,
    judge: startExec,
  },
  { ...looks("inspect command", "GET", "/exec/:ref/json", []), judge: onExec("json") },
  { ...looks("resize command", "POST", "/exec/:ref/resize", ["h", "w"]), judge: onExec("resize") },
]

// internal

/** Forms of `ps` whose lines begin with the process's number: others can make the engine show processes of the host. */
const PS_ARGS = /^(-?(ef|e|f|a?u?x)|-?e?o ?pid(,(?!pid\b)[a-z]{1,20})*)?$/

const LIST_FILTERS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
]

function route(name: string, method: Route["method"], path: string, query: readonly string[]) {
  return { name, method, path, query, body: "none" as const, mutating: false, upgrades: false }
}

function looks(name: string, method: Route["method"], path: string, query: readonly string[]): Route {
  return { ...route(name, method, path, query), judge: onOwn(path) }
}

function changes(name: string, method: Route["method"], verb: string, query: readonly string[]): Route {
  const path = `/containers/:ref/${verb}`
  return { ...route(name, method, path, query), mutating: true, judge: onOwn(path) }
}

/** Passed when the container is the lab's, under its full id. */
function onOwn(path: string) {
  return async ({ ref, query }: Asked, about: About): Promise<Judgement> => {
    const found = await about.container(ref)
    return found ? { kind: "passed", path: path.replace(":ref", found.id), query } : noSuchContainer(ref)
  }
}

function withBody(verb: string, rule: Rule) {
  return async (asked: Asked, about: About): Promise<Judgement> => {
    const found = await about.container(asked.ref)
    if (!found) return noSuchContainer(asked.ref)
    const rebuilt = await rebuild(rule, asked.body, about)
    if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
    return { kind: "passed", path: `/containers/${found.id}/${verb}`, query: asked.query, body: rebuilt.body }
  }
}

async function list({ query, version }: Asked, about: About): Promise<Judgement> {
  const { terms, ask } = about
  const filters = parseFilters(query.get("filters"), LIST_FILTERS)
  if (!filters) return denied(400, "invalid filter")
  for (const key of ["before", "since"]) {
    // The engine says whether the container of these exists, whoever owns it.
    for (const [index, ref] of (filters.get(key) ?? []).entries()) {
      const found = await about.own.container(ref)
      if (!found) return noSuchContainer(ref)
      filters.get(key)![index] = found.id
    }
  }
  const forced = new Map([...query, ["filters", writeFilters(withLabel(filters, ownLabel(terms)))]])
  const path = "/containers/json"
  return {
    kind: "made",
    path,
    query,
    make: async () => {
      const { status, json } = await ask(`${version}${path}?${new URLSearchParams([...forced])}`)
      if (!Array.isArray(json)) return { status, json }
      return { status, json: json.filter((row) => belongs(object(row)["Labels"], terms)) }
    },
  }
}

async function top(asked: Asked, about: About): Promise<Judgement> {
  const { ref, query } = asked
  if (PS_ARGS.test(query.get("ps_args") ?? "")) return onOwn("/containers/:ref/top")(asked, about)
  return (await about.container(ref))
    ? denied(403, "of ps, only -ef, aux and -o pid,… are allowed here")
    : noSuchContainer(ref)
}

async function rename(asked: Asked, about: About): Promise<Judgement> {
  const judgement = await onOwn("/containers/:ref/rename")(asked, about)
  if (judgement.kind !== "passed") return judgement
  about.own.forget(judgement.path.split("/")[2]!)
  return nameRefused(asked, about) ?? judgement
}

async function create(asked: Asked, about: About): Promise<Judgement> {
  const refused = asked.query.has("name") ? nameRefused(asked, about) : undefined
  if (refused) return refused
  const given = typeof asked.body === "object" && asked.body !== null ? asked.body : {}
  const complete = { ...given, Labels: object(given)["Labels"] ?? {} }
  const rebuilt = await rebuild(CONTAINER, complete, about)
  if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
  if (asked.query.has("name")) about.touched.add(asked.query.get("name")!)
  // Without a mode the engine takes the bridge that all share.
  const { NetworkMode: mode } = object(rebuilt.body["HostConfig"])
  if (mode === undefined) return denied(403, "say --network with one of the lab's networks, container:NAME or none")
  return { kind: "passed", path: "/containers/create", query: asked.query, body: rebuilt.body }
}

async function remove(asked: Asked, about: About): Promise<Judgement> {
  if (!["", "0", "false"].includes(asked.query.get("link") ?? "")) return denied(403, "links are not allowed here")
  // Nameless volumes have no label by which they would be found later: they go with their container, unless they are somebody else's.
  const query = about.terms.adopted ? asked.query : new Map([...asked.query, ["v", "1"]])
  return onOwn("/containers/:ref")({ ...asked, query }, about)
}

/** A command is the lab's when its container is. */
function onExec(verb: string) {
  return async ({ ref, query }: Asked, about: About): Promise<Judgement> => {
    const found = await about.own.exec(ref)
    if (!found) return denied(404, `No such exec instance: ${ref}`)
    about.touched.add(found.name)
    return { kind: "passed", path: `/exec/${ref}/${verb}`, query }
  }
}

async function startExec(asked: Asked, about: About): Promise<Judgement> {
  const judgement = await onExec("start")(asked, about)
  if (judgement.kind !== "passed") return judgement
  const rebuilt = await rebuild(EXEC_START, asked.body, about)
  if (rebuilt.kind === "refused") return denied(rebuilt.status, rebuilt.reason)
  return { ...judgement, body: rebuilt.body, detached: rebuilt.body["Detach"] === true }
}

function nameRefused({ query }: Asked, { terms: { project } }: About): Judgement | undefined {
  if (mayBeNamed(query.get("name") ?? "", project)) return undefined
  return denied(403, `a name must begin with ${project}- or ${project}_, as all names of this lab do`)
}
