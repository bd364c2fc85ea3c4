/**
 * M7: who is listed is who receives. After every step, everything of the room that the step sends goes to keys that
 * `/peers` would list at the sender then, and no other is among its neighbours.
 */

import type { PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEffect, MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";

/** What is said on the way in, and tells nothing of the room. */
const OF_ENTRANCE: ReadonlySet<MeshMessage["type"]> = new Set([
  "hello",
  "join",
  "offer",
  "accept",
  "welcome",
  "refuse",
  "renew",
  "removed",
  "overlay-join",
  "neighbor",
  "neighbor-reply",
  "disconnect",
  "dial-back",
  "dialled-back",
  "unknown",
]);

export class Recipients implements MeshChecker {
  readonly name = "M7";

  stepped(process: MemberProcess, _input: MeshInput, effects: readonly MeshEffect[]): void {
    const { probe, label, member } = process;
    if (probe === null) return;
    for (const effect of effects) {
      if (effect.type !== "send" || isOfEntrance(effect.message, member.key)) continue;
      const peer = process.peerOf(effect.link);
      if (peer !== null && probe.lists(peer) !== false) continue;
      throw new Violation(
        this.name,
        `${label} sends ${effect.message.type} to ${
          this.#who(process, peer)
        }, whom it doesn't list`,
      );
    }
    for (const peer of probe.activeView()) {
      if (probe.lists(peer) !== false) continue;
      throw new Violation(
        this.name,
        `${label} has ${this.#who(process, peer)} as a neighbour, whom it doesn't list`,
      );
    }
  }

  #who(process: MemberProcess, peer: PeerKey | null): string {
    const { members } = process.member.world;
    return members.find(({ key }) => key === peer)?.label ?? "somebody";
  }
}

/** Whether the message tells nothing of the room, sent by who has the key `self`. */
export function isOfEntrance(message: MeshMessage, self: PeerKey): boolean {
  if (message.type !== "beacons") return OF_ENTRANCE.has(message.type);
  return message.beacons.every(({ signed }) => signed.beacon.value.key === self);
}
