/**
 * The one table of what follows from the effects of the room's machines. A machine is added as one entry, an effect as
 * one handler, and the compiler names what is missing.
 */

import { DisseminationRoutes } from "./dissemination_routes.ts";
import { MembershipRoutes } from "./membership_routes.ts";
import type { RoutedMachines } from "./room_machines.ts";
import type { Give, RoomParts } from "./room_parts.ts";
import { Router } from "./router.ts";

export class RoomRoutes {
  readonly dissemination: DisseminationRoutes;
  readonly membership: MembershipRoutes;
  /** Gives a machine an input, and carries out what follows. */
  readonly give: Give = (name, input) => this.#router.give(name, input);
  readonly #router: Router<RoutedMachines>;

  constructor(readonly parts: RoomParts) {
    const { machines, out } = parts;
    const membership = new MembershipRoutes(parts, this.give);
    const dissemination = new DisseminationRoutes(parts, this.give);
    this.#router = new Router(machines.routed, {
      overlay: membership.overlay(),
      roster: membership.roster(),
      names: membership.names(),
      secrets: membership.secrets(),
      rulings: membership.rulings(),
      broadcast: dissemination.broadcast(),
      order: dissemination.order(),
      antiEntropy: dissemination.antiEntropy(),
      privateMessages: dissemination.privateMessages(),
    }, (machine, input) => machines.step(machine, input, out.nowMs));
    this.membership = membership;
    this.dissemination = dissemination;
  }

  /** Serves the machines that are due. */
  tick(): void {
    const { machines, out } = this.parts;
    this.#router.tick((machine) => machines.isDue(machine, out.nowMs));
  }

  /** Tells the machines how large the room is, where that has changed in this step. */
  stepEnds(): void {
    const { machines, neighbours } = this.parts;
    const live = machines.roster.liveCount;
    if (live === neighbours.liveMembers) return;
    neighbours.liveMembers = live;
    this.give("overlay", { type: "members", live });
    this.give("broadcast", { type: "members", live });
  }
}
