/** No honest member is ever banned, whatever the network does to its words. */

import type { MeshEffect } from "../../../lib/protocols/mesh/mesh_io.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";

export class HonestLinks implements MeshChecker {
  readonly name = "honest links";

  effect(process: MemberProcess, effect: MeshEffect): void {
    if (effect.type !== "ban" || process.member.world.liars.has(process.lastBanned!)) return;
    throw new Violation(this.name, `${process.label} bans an honest member: ${effect.reason}`);
  }
}
