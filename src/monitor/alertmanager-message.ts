import { z } from "zod"

/** Alerts in one message. Alertmanager groups them, and cuts where it is told to (`max_alerts`). */
const MAX_ALERTS = 1_000
/** Longer texts are cut; they are for people. */
const MAX_TEXT_CHARS = 500

const texts = z.record(
  z.string(),
  z.string().transform((text) => text.slice(0, MAX_TEXT_CHARS)),
)
const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const alert = z.looseObject({
  status: z.enum(["firing", "resolved"]),
  labels: texts,
  annotations: texts.default({}),
  startsAt: moment,
  /** In the year 1 while it fires. */
  endsAt: moment,
  fingerprint: z.string().regex(/^[\w-]{1,64}$/),
})

/** What Alertmanager posts to a webhook ("Configuration", `webhook_config`), as far as it is needed. */
export const webhookMessage = z.looseObject({ version: z.literal("4"), alerts: z.array(alert).max(MAX_ALERTS) })

export type AlertmanagerAlert = z.output<typeof alert>
