import { sha256 } from "../../../lib/ids.ts"
import type { Engine } from "./engine.ts"
import { buildImage, provideImage } from "./provide.ts"
import dockerfile from "../../../../Dockerfile" with { type: "text" }

/** By what it is built from: one that has changed is built again. */
export const KITCHEN_IMAGE = `kitchen:${sha256(dockerfile).slice(0, 12)}`

/** Builds the kitchen's image where the engine lacks it, and says so. */
export async function provideKitchen(engine: Engine): Promise<void> {
  const make = () => buildImage(KITCHEN_IMAGE, ["--target", "kitchen", "-"], { stdin: dockerfile })
  await provideImage(engine, KITCHEN_IMAGE, { make, doing: "building" })
}
