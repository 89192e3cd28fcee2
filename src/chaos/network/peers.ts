import { z } from "zod"

/** Services or groups, as a list or as one text with commas: `--param peers=pd,tikv`. */
export const peers = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((name) => name.trim()))])
  .optional()
  .describe("services or groups on the other side; the rest of the group unless said otherwise")
