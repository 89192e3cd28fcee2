import { isMember, labelOf, type Membership, membershipOf } from "../../../lab/platforms/docker/membership.ts"

/** What one lab may do through its socket. Everything that is not named here is refused. */
export interface Terms {
  /** The lab's id: what belongs to it carries the label `lab=<id>`, and so does what is created. */
  lab: string
  /** The Compose project; the names of what is created begin with it. */
  project: string
  /** The project is somebody else's: in place of the lab's label it is the project's that tells what belongs to it. */
  adopted?: boolean
  /** Names or ids of the images that exist for the lab, its own and the kitchen's. */
  allowed_images: readonly string[]
  /** The host mounts that the lab's Compose file declares, with the source as an absolute path. None when left out. */
  binds?: readonly DeclaredBind[]
  /** The mount points at which the lab's Compose file declares a tmpfs. None when left out. */
  tmpfs?: readonly string[]
  /** The subnets that the lab's networks may be created with. None when left out: the engine chooses. */
  subnets?: readonly string[]
  /** With `false`, only internal networks can be created. True when left out. */
  egress?: boolean
  /** A container with this label does not exist for the lab, although it carries the lab's: its helpers and its kitchen. */
  hidden_label?: string
  /** How whoever enters a container, as the engine describes it, would get out of the lab; undefined for one that may be entered. All when left out. */
  wayOut?: (described: Record<string, unknown>) => string | undefined
}

export interface DeclaredBind {
  source: string
  target: string
  read_only: boolean
}

/** As many networks as a lab may have: the engine's address pool ends at about thirty, for all labs together. */
export const NETWORKS_MAX = 6

/** The label that is on everything of the lab's. */
export function membershipIn({ lab, project, adopted }: Terms): Membership {
  return membershipOf({ id: lab, adopted: adopted ? project : undefined })
}

/** The same as the engine's filters have it. */
export function ownLabel(terms: Terms): string {
  return labelOf(membershipIn(terms))
}

/** Whether an object with these labels is the lab's, and not one of those that are hidden from it. */
export function belongs(labels: unknown, terms: Terms): boolean {
  const hidden = terms.hidden_label !== undefined && Object.hasOwn(Object(labels), terms.hidden_label)
  return isMember(labels, membershipIn(terms)) && !hidden
}

/**
 * Whether something of this lab may be called so. Names are shared by all labs of the engine: one that does not begin with the project's
 * could take another lab's, or be read as the beginning of a foreign id. Compose puts twelve digits in front while it replaces a container.
 */
export function mayBeNamed(name: string, project: string): boolean {
  const plain = name.replace(/^[0-9a-f]{12}_/, "")
  return /^[a-zA-Z0-9_.-]{1,200}$/.test(name) && plain.startsWith(project) && /^[-_]./.test(plain.slice(project.length))
}
