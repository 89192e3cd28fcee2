import { expect, test } from "bun:test"
import { sleepyLab } from "../../../test/support/sleepy-lab.ts"
import { findFault } from "../catalogue.ts"

test("a healed page breaks the lab with the defaults of the other fault, where the subject gives no parameters", async () => {
  await using sleepy = await sleepyLab({})
  const { lab } = sleepy
  const [node] = await lab.nodes()
  const draw = { id: "i-000000", seed: 1 }
  const { plan } = await findFault("healed_page", lab.subject).plan(lab, [node!], { fault: "cpu_hog" }, draw)
  const alone = { workers: 4, max_s: 900 }
  expect(plan).toEqual(await findFault("cpu_hog", lab.subject).plan(lab, [node!], alone, draw))
})
