import { sha256 } from "../../../lib/ids.ts"

const PLACE_DIGITS = 12

/** The label by which everything of a lab is known that Operator has made: containers, networks, volumes. Its value is the lab's id. */
export const LAB_LABEL = "lab"

/**
 * The label that says below which folder a lab has its own, in a form that tells nobody: when a store is deleted, what is left of its
 * labs is known by it. On what Compose makes; helpers and kitchens go with the lab that they name.
 */
export const PLACE_LABEL = "place"

/** Its value for labs below a folder. */
export function placeOf(labs_folder: string): string {
  return sha256(labs_folder).slice(0, PLACE_DIGITS)
}

/** The label of what agents do not see: the kitchen in which one works, whose value is the lab's id, and what the harness has beside nodes. */
export const KITCHEN_LABEL = "kitchen"

/** The label by which Compose knows what is a project's. */
export const PROJECT_LABEL = "com.docker.compose.project"

/** The label that what belongs to a lab carries. */
export interface Membership {
  label: string
  value: string
}

/** A lab's own label; in a project that somebody else runs the project's, since nothing of ours is written on it. */
export function membershipOf({ id, adopted }: { id: string; adopted?: string | undefined }): Membership {
  return adopted === undefined ? { label: LAB_LABEL, value: id } : { label: PROJECT_LABEL, value: adopted }
}

/** As the engine's filters have it; without a value, whatever has the label. */
export function labelOf({ label, value }: Filter): string {
  return value === undefined ? label : `${label}=${value}`
}

export type Filter = Pick<Membership, "label"> & Partial<Membership>

/** Whether what has these labels belongs to the lab. */
export function isMember(labels: unknown, { label, value }: Membership): boolean {
  if (typeof labels !== "object" || labels === null) return false
  return Object.hasOwn(labels, label) && (labels as Record<string, unknown>)[label] === value
}
