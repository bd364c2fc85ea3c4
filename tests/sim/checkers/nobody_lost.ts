/** No member that runs is ever shown as lost. For rooms without trouble but what liars do, and where all are slow. */

import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";

export class NobodyLost implements MeshChecker {
  readonly name = "nobody lost";

  shown({ label, member: { world } }: MemberProcess, event: MeshEvent): void {
    if (event.event !== "left" || event.reason !== "lost") return;
    const one = world.judged().find(({ shownKey }) => shownKey === event.key);
    if (one === undefined) return;
    throw new Violation(this.name, `${label} is told that ${one.label} is lost, which runs`);
  }
}
