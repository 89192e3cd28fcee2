import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import { type Clock, within } from "../../lib/clock.ts"
import { messageOf } from "../../lib/errors.ts"
import { StoreUnreachable } from "../store.ts"
import { evaluate, type Script } from "./scripts.ts"

/** How long one piece of work may wait for the server, connecting included. Answers 503 well within a client's second. */
const PATIENCE_MS = 400
/** How long the server may take to accept a connection. Longer than that it's likelier to be met by a new one. */
const CONNECT_TIMEOUT_MS = 1_000
/** After a connection that failed at once, until the next attempt. */
const PAUSE_MS = 50
/** Answers that are awaited. More than a server can give within PATIENCE_MS would only wait for their own failure. */
const MAX_WAITING = 2_000

/** A connection to a Redis server, which comes back by itself. */
export interface Connection {
  /**
   * One operation of a script. Throws StoreUnreachable when there is no answer within PATIENCE_MS. It was sent at most once, and
   * may have been done all the same: a server that is frozen does what it had received when it goes on.
   */
  call(script: Script, ...args: (string | number)[]): Promise<unknown>
  close(): void
}

/** What is asked of each new connection before anything else. */
export interface Greeting {
  script: Script
  args: (string | number)[]
}

/** The server has another program's data where the store ought to be. */
export class NotAStore extends StoreUnreachable {}

/**
 * Connects when there is something to say, and says `greeting` first, each time. A connection on which somebody has waited in
 * vain is left for a new one: it may lead to a machine that is gone, which nobody would be told of for minutes.
 */
export function connectTo(url: string, { clock, greeting }: { clock: Clock; greeting?: Greeting }): Connection {
  let current: Promise<Bun.RedisClient> | undefined
  let connected: Bun.RedisClient | undefined
  const clients = new Set<Bun.RedisClient>()
  let closed = false
  let waiting = 0

  const ready = (): Promise<Bun.RedisClient> =>
    (current ??= open({ url, greeting, clock, onOpen: (client) => void clients.add(client), onClose: forget }).then(
      (client) => (connected = client),
      (error: unknown) => {
        current = undefined
        throw error
      },
    ))
  const forget = (client: Bun.RedisClient) => {
    clients.delete(client)
    if (client === connected) current = connected = undefined
  }
  const clientBy = async (end_ms: number): Promise<Bun.RedisClient> => {
    let failure = "it does not answer"
    while (!closed && clock.mono_ms() < end_ms) {
      try {
        const client = await within(ready(), { timeout_ms: end_ms - clock.mono_ms(), clock })
        if (client) return client
      } catch (error) {
        if (error instanceof NotAStore) throw error
        failure = messageOf(error)
        await clock.sleep(Math.min(PAUSE_MS, end_ms - clock.mono_ms()))
      }
    }
    throw new StoreUnreachable(`no connection to the store within ${PATIENCE_MS} ms: ${failure}`)
  }
  const retire = (client: Bun.RedisClient) => {
    if (client === connected) current = connected = undefined
    // Others wait on it, too, and each of them has patience of its own.
    setTimeout(() => client.close(), PATIENCE_MS).unref()
  }

  return {
    call: async (script, ...args) => {
      if (waiting >= MAX_WAITING) throw new StoreUnreachable(`${waiting} requests wait for the store`)
      const end_ms = clock.mono_ms() + PATIENCE_MS
      waiting++
      try {
        const client = await clientBy(end_ms)
        const work = evaluate(client, script, args).then(
          (value) => ({ value }),
          (error: unknown) => ({ error: translated(error) }),
        )
        const answer = await within(work, { timeout_ms: end_ms - clock.mono_ms(), clock })
        if (answer && "value" in answer) return answer.value
        // Emptied, a server has no store any more, until the greeting of the next connection makes one.
        if (!answer || answer.error instanceof NotAStore) retire(client)
        throw answer?.error ?? new StoreUnreachable(`the store gave no answer within ${PATIENCE_MS} ms`)
      } finally {
        waiting--
      }
    },
    close: () => {
      closed = true
      for (const client of clients) client.close()
    },
  }
}

// internal

interface Opening {
  url: string
  greeting: Greeting | undefined
  clock: Clock
  onOpen(client: Bun.RedisClient): void
  onClose(client: Bun.RedisClient): void
}

async function open({ url, greeting, clock, onOpen, onClose }: Opening): Promise<Bun.RedisClient> {
  const client = new Bun.RedisClient(await withAddress(url, clock), {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    idleTimeout: 0,
    // By itself it would repeat what may have been done, and keep what nobody waits for any more.
    autoReconnect: false,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
  })
  onOpen(client)
  client.onclose = () => onClose(client)
  try {
    await client.connect()
    const greeted = greeting ? evaluate(client, greeting.script, greeting.args).then(() => true) : true
    if (await within(Promise.resolve(greeted), { timeout_ms: CONNECT_TIMEOUT_MS, clock })) return client
    throw new StoreUnreachable("it accepts a connection, and says nothing")
  } catch (error) {
    client.close()
    throw translated(error)
  }
}

/**
 * The URL with its host's address as it is now. Bun remembers addresses for half a minute, which is how long a server that came
 * back elsewhere would be missed.
 */
async function withAddress(url: string, clock: Clock): Promise<string> {
  const parsed = new URL(url)
  const host = parsed.hostname.replace(/^\[|\]$/g, "")
  if (isIP(host)) return url
  const found = await within(lookup(host), { timeout_ms: CONNECT_TIMEOUT_MS, clock })
  if (!found) throw new StoreUnreachable(`the name ${host} is not resolved`)
  parsed.hostname = found.family === 6 ? `[${found.address}]` : found.address
  return parsed.href
}

/** A server that is gone, out of memory, read-only or still loading: to a client it's all the same, there is no store. */
function translated(error: unknown): unknown {
  if (error instanceof StoreUnreachable || !(error instanceof Error)) return error
  const foreign = /^FOREIGN (.*)/.exec(error.message)
  if (foreign) return new NotAStore(foreign[1] ?? "", { cause: error })
  return new StoreUnreachable(`the store failed: ${error.message}`, { cause: error })
}
