import { UsageError } from "../lib/errors.ts"
import { didYouMean } from "../lib/nearest.ts"
import type { FaultDeclaration, Subject } from "../lab/subject.ts"
import type { AnyFault, Fault } from "./fault.ts"
import { bandwidth } from "./faults/bandwidth.ts"
import { burstTraffic } from "./faults/burst-traffic.ts"
import { combined } from "./faults/combined.ts"
import { configCorrupt } from "./faults/config-corrupt.ts"
import { connectionReset } from "./faults/connection-reset.ts"
import { cpuHog } from "./faults/cpu-hog.ts"
import { cpuThrottle } from "./faults/cpu-throttle.ts"
import { declaredFault } from "./faults/declared.ts"
import { diskPressure } from "./faults/disk-pressure.ts"
import { dnsFailure } from "./faults/dns-failure.ts"
import { etcdQuota } from "./faults/etcd-quota.ts"
import { falsePage } from "./faults/false-page.ts"
import { healedPage } from "./faults/healed-page.ts"
import { latency } from "./faults/latency.ts"
import { memoryHog } from "./faults/memory-hog.ts"
import { networkPartition } from "./faults/network-partition.ts"
import { nodeCrash } from "./faults/node-crash.ts"
import { nodeKill } from "./faults/node-kill.ts"
import { nodePause } from "./faults/node-pause.ts"
import { none } from "./faults/none.ts"
import { packetLoss } from "./faults/packet-loss.ts"
import { processHang } from "./faults/process-hang.ts"
import { redisKill, redisPause } from "./faults/redis.ts"
import { problemsOf } from "./parameters.ts"

/** The faults that every subject may use. */
export const BUILT_IN: readonly AnyFault[] = [
  none,
  falsePage,
  healedPage({ find: findFault, paramsOf }),
  nodeKill,
  nodeCrash,
  nodePause,
  processHang,
  networkPartition,
  packetLoss,
  latency,
  bandwidth,
  connectionReset,
  dnsFailure,
  cpuHog,
  cpuThrottle,
  memoryHog,
  diskPressure,
  configCorrupt,
  redisKill,
  redisPause,
  etcdQuota,
  burstTraffic,
  combined({ find: findFault, paramsOf }),
].map((fault) => forgetful(fault as Fault<never, never>))

/** A fault by its name, for a subject: the subject's own first. */
export function findFault(name: string, subject: Subject): AnyFault {
  const own = subject.faults[name]?.declared
  const found = own
    ? forgetful(declaredFault(name, own) as Fault<never, never>)
    : BUILT_IN.find((fault) => fault.name === name)
  if (found) return found
  const own_names = Object.keys(subject.faults).filter((one) => subject.faults[one]?.declared)
  const known = [...BUILT_IN.map((fault) => fault.name), ...own_names]
  throw new UsageError(`there is no fault "${name}" for ${subject.name}${didYouMean(name, known)}`, {
    hint: "operator chaos list shows them all",
  })
}

/** What the subject says about a fault; nothing is noticed or repaired by default. */
export function declarationOf(name: string, subject: Subject): FaultDeclaration {
  return subject.faults[name] ?? { noticed_by: [], may_change: [], params: {} }
}

/** The parameters of a fault, completed by what the subject says; those that it does not take are a UsageError. */
export function paramsOf(fault: AnyFault, subject: Subject, given: Record<string, unknown>): Record<string, unknown> {
  const all = { ...declarationOf(fault.name, subject).params, ...given }
  const parsed = fault.params.safeParse(all)
  if (parsed.success) {
    fault.check?.(subject, parsed.data)
    return parsed.data
  }
  throw new UsageError(`${fault.name}: ${problemsOf(fault, all, parsed.error).join("; ")}`, {
    hint: "operator chaos list shows what each fault takes",
  })
}

// internal

/** A plan is written and read back by the same fault, so its type may be forgotten in between. */
function forgetful(fault: Fault<never, never>): AnyFault {
  return fault as unknown as AnyFault
}
