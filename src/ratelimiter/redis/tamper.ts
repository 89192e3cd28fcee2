import type { Falsified, Falsifying } from "../tamper.ts"
import { openScript } from "./books.ts"
import { scriptOf } from "./scripts.ts"
import operations from "./tamper.lua" with { type: "text" }

export async function falsifyAtRedis(
  url: string,
  shown: string,
  { by, most, choose, clock }: Falsifying,
): Promise<Falsified[]> {
  const { call, close } = openScript(url, scriptOf(operations), { clock, shown })
  try {
    const falsified: Falsified[] = []
    for (const key of choose(await call<string[]>("in_use", most))) {
      const after = await call<number>("adjust", key, by)
      falsified.push({ key, before: after - by, after })
    }
    return falsified
  } finally {
    close()
  }
}
