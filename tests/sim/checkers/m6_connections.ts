/**
 * M6: a member's number of connections doesn't grow with the room: at every step its links fit into its active
 * view, its inbound slots and the admissions in progress, whatever the room's size.
 */

import {
  ACTIVE_VIEW_MAX,
  ADMITTING_LINKS_MAX,
  INBOUND_LINKS_MAX,
} from "../../../lib/protocols/mesh/schema/limits.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

/** Including links about to become neighbours or to be refused. */
const LINKS_MAX = ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX + ADMITTING_LINKS_MAX;
/** In quiet, there are no admissions. */
const QUIET_LINKS_MAX = ACTIVE_VIEW_MAX + INBOUND_LINKS_MAX;

export class Connections implements MeshChecker {
  readonly name = "M6";

  stepped(process: MemberProcess): void {
    if (process.links.size > LINKS_MAX) {
      throw new Violation(this.name, `${process.label} has ${process.links.size} links`);
    }
  }

  atQuiet(world: World): void {
    for (const { label, links } of world.judged()) {
      if (links.size > QUIET_LINKS_MAX) {
        throw new Violation(this.name, `${label} has ${links.size} links in a quiet room`);
      }
    }
  }
}
