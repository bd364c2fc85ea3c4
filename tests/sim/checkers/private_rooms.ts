/**
 * A private room: who comes in for the first time knows the secret that counts at whom it comes in through; nobody
 * comes in with none or a made-up one; after quiet the same secret counts everywhere.
 */

import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/events.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/messages.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

export class PrivateRooms implements MeshChecker {
  readonly name = "invites";
  /** Who has ever claimed a name in the room: nobody can know the claim of another. */
  readonly #claimed = new Set<PeerKey>();

  sent({ member }: MemberProcess, _link: LinkId, message: MeshMessage): void {
    if (message.type === "accept") this.#claimed.add(member.key);
  }

  shown({ member, label }: MemberProcess, event: MeshEvent): void {
    if (event.event !== "ready") return;
    this.#claimed.add(member.key);
    if (member.uninvited === "made up" || member.uninvited === "none") {
      throw new Violation(this.name, `${label} is in, its invite is ${member.uninvited}`);
    }
  }

  letThrough(listener: MemberProcess, dialler: MemberProcess, secret: ChannelSecret | null): void {
    const secrets = listener.probe?.secrets() ?? null;
    if (secrets === null || this.#claimed.has(dialler.member.key)) return;
    if (secret !== null && secrets.isCurrent(secret)) return;
    throw new Violation(
      this.name,
      `${listener.label} lets ${dialler.label} through with epoch ${secret?.epoch}, which doesn't count there`,
    );
  }

  atQuiet(world: World): void {
    const [first, ...others] = world.present();
    const wanted = first?.probe?.secrets()?.current() ?? null;
    if (first === undefined || wanted === null) return;
    for (const { label, probe } of others) {
      const secret = probe?.secrets()?.current() ?? null;
      if (secret?.epoch === wanted.epoch && secret.secret.toHex() === wanted.secret.toHex()) {
        continue;
      }
      throw new Violation(
        this.name,
        `at ${first.label} a secret of epoch ${wanted.epoch} counts, at ${label} one of ${secret?.epoch}`,
      );
    }
  }
}
