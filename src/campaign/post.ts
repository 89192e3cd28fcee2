import { openSandbox, type Sandbox } from "../agent/sandbox/open.ts"
import type { Variant } from "../agent/variant.ts"
import type { Store } from "../store/open.ts"
import type { Trial } from "../store/trials.ts"
import { variantOf } from "./claude.ts"
import { requireHidden } from "./hidden.ts"
import type { Stand } from "./stand.ts"

/** Where whoever is on call will work. */
export interface Post extends AsyncDisposable {
  variant: Variant
  /** Undefined when that is nobody. */
  sandbox: Sandbox | undefined
}

/**
 * Gets a trial ready: its gates hold, and its agent's place stands beside the lab, with nothing in it, or in the lab, that gives away what
 * is to come; a word that does is an OperatorError.
 */
export async function openPost(store: Store, trial: Trial, stand: Stand): Promise<Post> {
  const variant = await variantOf(store, trial)
  const nobody = variant.model === "nobody"
  const sandbox = nobody ? undefined : await openBeside(store, stand)
  if (nobody) await stand.ready()
  const close = async () => {
    await sandbox?.[Symbol.asyncDispose]()
  }
  try {
    if (sandbox) await requireHidden(stand.lab, sandbox, trial)
    return { variant, sandbox, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Waits until the gates of a lab hold, and opens the place of its agent meanwhile. When one of both fails, the other is not left. */
export async function openBeside(store: Store, stand: Stand): Promise<Sandbox> {
  // Both to their end: a kitchen that comes up while its lab is taken down would be left.
  const [ready, opened] = await Promise.allSettled([stand.ready(), openSandbox(store, stand.lab)])
  if (opened.status === "rejected") throw ready.status === "rejected" ? ready.reason : opened.reason
  if (ready.status === "fulfilled") return opened.value
  await opened.value[Symbol.asyncDispose]()
  throw ready.reason
}
