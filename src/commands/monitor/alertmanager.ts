import { readFileSync } from "node:fs"
import type { ArgDefs } from "../../lib/args.ts"
import { codeOf, UsageError } from "../../lib/errors.ts"
import { note } from "../../lib/output.ts"
import type { Lab } from "../../lab/lab.ts"
import { type AlertmanagerServer, serveAlertmanager } from "../../monitor/alertmanager.ts"
import { alertmanagerInbox } from "../../monitor/alertmanager-inbox.ts"
import type { Monitor } from "../../monitor/watch.ts"
import type { Store } from "../../store/open.ts"

const SECRET = "OPERATOR_ALERTMANAGER_SECRET"

export const ALERTMANAGER_ARGS = {
  alertmanager: {
    type: "string",
    valueHint: "127.0.0.1:PORT",
    description: "take Alertmanager's webhooks there as observations; port 0 is any that is free",
  },
  "alertmanager-secret-file": {
    type: "string",
    valueHint: "FILE",
    description: `what Alertmanager has to send as its Bearer token (else ${SECRET})`,
  },
} as const satisfies ArgDefs

export interface AlertmanagerArgs {
  alertmanager?: string | undefined
  "alertmanager-secret-file"?: string | undefined
}

/** Where to listen, and the secret that is asked for; undefined when nobody asked for it. */
export function alertmanagerOptions(args: AlertmanagerArgs): { port: number; secret: string } | undefined {
  const { alertmanager: address, "alertmanager-secret-file": file } = args
  if (address === undefined) {
    if (file === undefined) return undefined
    throw new UsageError("--alertmanager-secret-file says nothing without --alertmanager")
  }
  const port = Number(/^(?:127\.0\.0\.1|localhost):(\d{1,5})$/.exec(address)?.[1])
  if (Number.isNaN(port) || port > MAX_PORT) {
    throw new UsageError(`--alertmanager ${address}: not an address on this machine's loopback`, {
      hint: "write 127.0.0.1:9094, or 127.0.0.1:0 for any port that is free",
    })
  }
  const secret = (file === undefined ? (Bun.env[SECRET] ?? "") : readSecret(file)).trim()
  if (secret !== "") return { port, secret }
  throw new UsageError("--alertmanager needs a secret that only Alertmanager knows", {
    hint: `--alertmanager-secret-file FILE, or export ${SECRET}; in Alertmanager: http_config.authorization.credentials`,
  })
}

/** Listens, and says on stderr where. Ends the monitor when it cannot. */
export async function serveAlerts(
  store: Store,
  lab: Lab,
  monitor: Monitor,
  options: { port: number; secret: string },
): Promise<AlertmanagerServer> {
  try {
    const server = serveAlertmanager(alertmanagerInbox(store, lab, monitor), options)
    note(`takes Alertmanager's webhooks at ${server.url}`)
    return server
  } catch (error) {
    await monitor.stop()
    throw error
  }
}

// internal

const MAX_PORT = 65_535

function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw new UsageError(`--alertmanager-secret-file ${file} cannot be read (${codeOf(error)})`, { cause: error })
  }
}
