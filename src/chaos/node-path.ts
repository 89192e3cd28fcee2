import { z } from "zod"

/** A path in a node, which stays where it says. */
export const nodePath = z
  .string()
  .startsWith("/", "`path` begins with /")
  .refine((path) => !path.split("/").includes(".."), "`path` goes down alone, without ..")
