/** The Docker engine that runs a lab, and the images of which the lab is made there. */
export interface RunsOn {
  engine: { version: string; api: string; os: string; kernel: string }
  /** By service: the image by its name and its id, and, when a registry gave it, by its digest there. */
  images: Record<string, { name: string; id: string; digest?: string }>
}
