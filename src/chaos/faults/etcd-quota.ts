import { z } from "zod"
import { OperatorError, UsageError } from "../../lib/errors.ts"
import type { Lab } from "../../lab/lab.ts"
import { help, type Incarnation } from "../../lab/platforms/docker/helper.ts"
import type { Fault } from "../fault.ts"
import { life, placesOf } from "../network/places.ts"
import { neutralName } from "../neutral-name.ts"
import { groupOf, requireNodes } from "../targets.ts"

const params = z.strictObject({
  port: z.number().int().min(1).max(65_535).default(2379).describe("where a member takes its clients"),
  max_mb: z.number().int().min(1).max(512).default(128).describe("a larger quota is not filled"),
})

interface Plan extends Record<string, unknown> {
  /** All members, the one that was chosen first. */
  members: string[]
  port: number
  key: string
  quota_mb: number
}

/**
 * One key is overwritten until the history of its values has used up the quota of the database. etcd then raises the alarm NOSPACE and
 * takes no write, until its history is compacted, each member defragmented, and the alarm disarmed (etcd.io, maintenance).
 */
export const etcdQuota: Fault<z.output<typeof params>, Plan> = {
  name: "etcd_quota",
  about: "Fills etcd's database to its quota: the cluster takes no writes any more",
  params,
  of_nodes: true,
  platforms: ["docker"],
  heals_itself: false,
  plan: async (lab, targets, { port, max_mb }, { id }) => {
    requireNodes("etcd_quota", targets)
    const chosen = targets.map(({ service }) => service)
    const members = [...new Set([...chosen, ...(groupOf(etcdQuota, lab.subject) ?? [])])]
    const node = await beside(lab, { members })
    const url = `http://127.0.0.1:${port}/metrics`
    const quota_bytes = Number(await run(lab, node, `curl -sf -m 5 ${url} | awk '$1 == "${QUOTA}" { print $2 }'`))
    if (!(quota_bytes > 0)) throw new UsageError(`etcd_quota: ${node.node} says nothing of a quota at its port ${port}`)
    const quota_mb = Math.ceil(quota_bytes / 1024 ** 2)
    if (quota_mb <= max_mb) return { members, port, key: neutralName(id), quota_mb }
    throw new UsageError(`etcd_quota: ${node.node} has a quota of ${quota_mb} MB, more than max_mb (${max_mb})`, {
      hint: "give the lab's members a smaller one: ETCD_QUOTA_BACKEND_BYTES",
    })
  },
  inject: async (lab, { members, port, key, quota_mb }) => {
    await run(
      lab,
      await beside(lab, { members }),
      fill({ port, key, times: Math.ceil((quota_mb * 1024 ** 2) / VALUE_BYTES) + SPARE_TIMES }),
    )
  },
  probe: async (lab, plan) => {
    const said = await run(lab, await beside(lab, plan), `${etcdctl(plan.port)} alarm list`)
    return said.includes("NOSPACE") ? "active" : "gone"
  },
  revert: async (lab, plan) => {
    await run(lab, await beside(lab, plan), empty(plan))
  },
}

// internal

const QUOTA = "etcd_server_quota_backend_bytes"
/** Below the largest request that etcd takes, 1.5 MB. */
const VALUE_BYTES = 1_000_000
/** Pages that are half full, and what others write: with them it has run over. */
const SPARE_TIMES = 8
const TIMEOUT_MS = 120_000

const etcdctl = (port: number) =>
  `ETCDCTL_API=3 etcdctl --endpoints http://127.0.0.1:${port} --command-timeout 20s --dial-timeout 5s`

function fill({ port, key, times }: { port: number; key: string; times: number }): string {
  return `head -c ${VALUE_BYTES} /dev/zero | tr '\\0' x >/tmp/value
    for _ in $(seq ${times}); do
      said=$(${etcdctl(port)} put ${key} </tmp/value 2>&1) && continue
      rm /tmp/value
      case $said in *"database space exceeded"*) exit 0 ;; esac
      echo "$said"; exit 1
    done
    rm /tmp/value
    echo "${times} values did not fill it"; exit 1`
}

/** A delete is taken in spite of the alarm. What was compacted already is no error. */
function empty({ port, key }: Plan): string {
  return `set -e
    ${etcdctl(port)} del ${key} >/dev/null
    revision=$(${etcdctl(port)} get --limit 1 -w json --from-key '' | jq .header.revision)
    ${etcdctl(port)} compact --physical "$revision" 2>&1 | grep -v 'has been compacted' || true
    ${etcdctl(port)} defrag --cluster
    ${etcdctl(port)} alarm disarm`
}

/** The first member that runs, in whichever life: each reaches all others. */
async function beside(lab: Lab, { members }: Pick<Plan, "members">): Promise<Incarnation> {
  const { needed: places } = await placesOf(lab, members)
  for (const member of members) {
    const place = places.find(({ service }) => service === member)
    if (place) return life(place)
  }
  throw new OperatorError(`none of ${members.join(", ")} runs, and the quota is worked on from beside one`, {
    hint: `start one: docker start ${lab.id}-${members[0]}-1`,
  })
}

async function run(lab: Lab, node: Incarnation, script: string): Promise<string> {
  const { exit_code, output, stdout } = await help(lab.id, node, script, { share: "network", timeout_ms: TIMEOUT_MS })
  if (exit_code === 0) return stdout.trim()
  throw new OperatorError(`etcd at ${node.node}: ${output.trim().slice(-MAX_SAID_CHARS) || "no answer in time"}`)
}

const MAX_SAID_CHARS = 500
