import type { Socket } from "node:net"
import { EnvironmentError } from "../../../lib/errors.ts"
import { answer, refusal } from "./answer.ts"
import { type Client, clientOn } from "./client.ts"
import { type Head, parseHead } from "./head.ts"
import { judge, type Matched, match, misfit } from "./judge.ts"
import { type Outgoing, relay, relayLines } from "./relay.ts"
import { type AboutEach, denied, type Judgement } from "./route.ts"
import { parseTarget, type Target, writeQuery } from "./target.ts"

/** One request, told before it is sent on or refused. */
export interface ScopeEntry {
  /** "?" when the request could not be read. */
  method: string
  /** Without version, with full ids, with the query in its plain form; as it was asked when it is denied. */
  path: string
  /** The route's name, such as "restart" or "run command"; undefined when there is none. */
  route: string | undefined
  decision: "allowed" | "denied"
  /** Why it is denied, in the words that the client gets. */
  reason: string | undefined
  /** Whether it can change something: everything that starts, stops, creates, removes, connects or runs a command. */
  mutating: boolean
  /** The names of the lab's containers that it is about. */
  containers: readonly string[]
}

export interface Serving {
  engine: string
  about: AboutEach
  onRequest: (entry: ScopeEntry) => void
}

/** Answers the one request of a connection. Never rejects. */
export async function serve(socket: Socket, serving: Serving): Promise<void> {
  const client = clientOn(socket)
  const head = await client.head()
  // A client that keeps a spare connection open says nothing on it, and expects nothing.
  if (socket.destroyed || head.kind === "silent") return client.finish()
  const request: Request =
    head.kind === "head" ? read(head.text) : { kind: "malformed", reason: "the head is too long" }
  const entry: ScopeEntry = { ...UNREAD }
  const to_head = request.kind === "request" && request.head.method === "HEAD"
  const judgement = await judged(client, request, serving, entry)
  if (!tell(serving, entry, judgement)) return client.finish(refusal(503, "the request could not be recorded", to_head))
  if (judgement.kind === "denied") return client.finish(refusal(judgement.status, judgement.reason, to_head))
  if (request.kind === "request") await act(client, request, judgement, serving)
}

// internal

type Request =
  { kind: "malformed"; reason: string } | { kind: "request"; head: Head; target: Target; matched: Matched | undefined }

const UNREAD: ScopeEntry = {
  method: "?",
  path: "?",
  route: undefined,
  decision: "denied",
  reason: undefined,
  mutating: false,
  containers: [],
}

/** A path is shown in one line of the log. */
const PATH_SHOWN_LENGTH = 512

function read(text: string): Request {
  const head = parseHead(text)
  if (head.kind === "malformed") return head
  const target = parseTarget(head.value.target)
  if (target.kind === "malformed") return target
  return { kind: "request", head: head.value, target: target.value, matched: match(head.value, target.value) }
}

async function judged(client: Client, request: Request, { about }: Serving, entry: ScopeEntry): Promise<Judgement> {
  if (request.kind === "malformed") return denied(400, request.reason)
  const { head, target, matched } = request
  const asked = target.path + writeQuery(target.query)
  Object.assign(entry, { method: head.method, path: asked.slice(0, PATH_SHOWN_LENGTH), route: matched?.route.name })
  if (!matched) return denied(403, `${head.method} ${target.path.slice(0, 200)} is not allowed here`)
  entry.mutating = matched.route.mutating
  const unfit = misfit(matched, head, target)
  if (unfit) return unfit
  const body = matched.route.body === "tar" ? Buffer.alloc(0) : await client.body(head.length_bytes ?? 0)
  if (!body) return denied(400, "the body is shorter than announced")
  const each = about()
  const judgement = await judge(matched, target, body.toString("utf8"), each).catch(failure)
  entry.containers = [...each.touched]
  return judgement
}

/** Nothing that went wrong while judging lets a request through. */
function failure(error: unknown): Judgement {
  return error instanceof EnvironmentError ? denied(502, error.message) : denied(500, "the request could not be judged")
}

/** Whether it was told: what is not on record is not sent. */
function tell({ onRequest }: Serving, entry: ScopeEntry, judgement: Judgement): boolean {
  const outcome =
    judgement.kind === "denied"
      ? { decision: "denied" as const, reason: judgement.reason }
      : {
          decision: "allowed" as const,
          path: (judgement.path + writeQuery(judgement.query)).slice(0, PATH_SHOWN_LENGTH),
        }
  try {
    onRequest({ ...entry, ...outcome })
    return true
  } catch {
    return false
  }
}

type Allowed = Exclude<Judgement, { kind: "denied" }>

async function act(client: Client, request: Request & { kind: "request" }, judgement: Allowed, { engine }: Serving) {
  const path = `${request.target.version}${judgement.path}${writeQuery(judgement.query)}`
  if (client.socket.destroyed) return
  switch (judgement.kind) {
    case "made": {
      const { status, json } = await judgement.make().catch((error) => {
        const { status, reason } = failure(error) as Extract<Judgement, { kind: "denied" }>
        return { status, json: { message: reason } }
      })
      return client.finish(answer(status, json))
    }
    case "filtered":
      return relayLines(client, engine, path, judgement.keep)
    case "passed":
      return relay(client, engine, outgoing(request, judgement, path))
    default:
      return judgement satisfies never
  }
}

function outgoing(
  { head, matched }: Request & { kind: "request" },
  judgement: Allowed & { kind: "passed" },
  path: string,
) {
  const text = judgement.body === undefined ? undefined : JSON.stringify(judgement.body)
  const upgrade = head.upgrade !== undefined && judgement.detached !== true
  const made = (body: Outgoing["body"]): Outgoing => ({ method: head.method, path, body })
  if (upgrade) return made({ kind: "upgrade", text })
  if (matched?.route.body === "tar") return made({ kind: "tar", head })
  return made(text === undefined ? { kind: "none" } : { kind: "json", text })
}
