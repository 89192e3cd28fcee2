import type { ShellInput } from "../agent/model/model.ts"
import { OperatorError } from "../lib/errors.ts"
import type { Lab } from "../lab/lab.ts"
import { textFor } from "../lab/per-platform.ts"
import { KITCHEN_IMAGE } from "../lab/platforms/docker/kitchen-image.ts"
import type { Injection } from "../store/injections.ts"

/** The repair that a lab's subject declares for a fault on its platform, as a template; undefined when there is none. */
export function repairText(
  { subject, platform }: Pick<Lab, "subject" | "platform">,
  fault: string,
): string | undefined {
  return textFor(subject.faults[fault]?.repair, platform)
}

/**
 * The declared repair, filled in for what was really broken: a command for each node, or one for the lab as a whole. `{kitchen}` is
 * the image that whoever repairs may run beside a node.
 */
export function repairOf(lab: Lab, { fault, targets }: Pick<Injection, "fault" | "targets">): ShellInput[] {
  const template = repairText(lab, fault)
  if (template === undefined)
    throw new OperatorError(`${lab.subject.file}: ${fault} declares no repair for a ${lab.platform} lab`)
  const nodes = targets.length > 0 ? targets : [""]
  return nodes.map((node) => ({
    reasoning: `The declared repair of ${fault}${node === "" ? "" : ` at ${node}`}.`,
    command: lab.render(template, { node, kitchen: KITCHEN_IMAGE }),
  }))
}
