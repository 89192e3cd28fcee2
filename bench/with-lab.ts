import type { Lab } from "../src/lab/lab.ts"
import { openLab } from "../src/lab/open.ts"
import { getLab } from "../src/store/labs.ts"
import { openStore, type Store } from "../src/store/open.ts"
import type { Home } from "./home.ts"

/** A lab under load that is ready, for as long as `work` takes. */
export async function withLab<T>(
  home: Home,
  subject: string,
  work: (at: { store: Store; lab: Lab }) => Promise<T>,
): Promise<T> {
  const { lab: id } = JSON.parse(await home.run("up", subject, "--for", "10m", "--json")) as { lab: string }
  const store = openStore(home.db)
  try {
    return await work({ store, lab: await openLab(store, getLab(store, id)!) })
  } finally {
    store.close()
    await home.run("down", id)
  }
}
