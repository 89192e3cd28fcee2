import { z } from "zod"
import { squeezed } from "../lib/text.ts"
import { type Platform, PLATFORMS } from "./lab.ts"

/** A text that is the same wherever a lab runs, or one for each platform. Where a platform has none, it has no such thing. */
export type PerPlatform = string | { [on in Platform]?: string | undefined }

export const perPlatform = (text: z.ZodType<string> = z.string()) =>
  z.union([text, z.strictObject({ docker: text.optional(), process: text.optional() } satisfies Texts)])

/** What stands for a platform. */
export function textFor(text: PerPlatform | undefined, platform: Platform): string | undefined {
  return typeof text === "object" ? text[platform] : text
}

/** In one line: the text, or each after its platform where they differ. */
export function showPerPlatform(text: PerPlatform): string {
  const texts = PLATFORMS.flatMap((platform) => {
    const one = textFor(text, platform)
    return one === undefined ? [] : [{ platform, one: squeezed(one) }]
  })
  const [first, ...others] = texts
  if (texts.length === PLATFORMS.length && others.every(({ one }) => one === first?.one)) return first?.one ?? ""
  return texts.map(({ platform, one }) => `${platform}: ${one}`).join("; ")
}

/** All of them, whatever the platform. */
export function textsOf(text: PerPlatform): string[] {
  return PLATFORMS.flatMap((platform) => textFor(text, platform) ?? [])
}

// internal

type Texts = Record<Platform, z.ZodType>
