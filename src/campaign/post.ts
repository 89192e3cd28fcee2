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
  // Both to their end: a kitchen that comes up while its lab is taken down would be left.
  const [opened, ready] = await Promise.allSettled([
    variant.model === "nobody" ? undefined : openSandbox(store, stand.lab),
    stand.ready(),
  ])
  const sandbox = opened.status === "fulfilled" ? opened.value : undefined
  const close = async () => {
    await sandbox?.[Symbol.asyncDispose]()
  }
  try {
    for (const end of [ready, opened]) if (end.status === "rejected") throw end.reason
    if (sandbox) await requireHidden(stand.lab, sandbox, trial)
    return { variant, sandbox, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}
