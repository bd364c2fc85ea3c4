/** No honest member is ever banned, nor dropped because others cause more messages to it than its link can carry. */

import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { CONTROL_FULL } from "../link.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";

export class HonestLinks implements MeshChecker {
  readonly name = "honest links";

  effect(process: MemberProcess, effect: MeshEffect): void {
    if (effect.type !== "ban" || process.member.world.liars.has(process.lastBanned!)) return;
    throw new Violation(this.name, `${process.label} bans an honest member: ${effect.reason}`);
  }

  stepped({ label, lastLost, member: { world } }: MemberProcess, input: MeshInput): void {
    if (input.type !== "link-down" || input.reason !== CONTROL_FULL || world.liars.size === 0) {
      return;
    }
    if (lastLost === null || world.liars.has(lastLost)) return;
    throw new Violation(this.name, `${label} gives up an honest member: ${input.reason}`);
  }
}
