import { z } from "zod"
import { DURATION, parseDuration } from "./duration.ts"

/** A duration in a file: arrives as text, leaves as milliseconds. */
export const duration = z.string().regex(DURATION, "a duration such as 500ms, 2s or 10m").transform(parseDuration)
