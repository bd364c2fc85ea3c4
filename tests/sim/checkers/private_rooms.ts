/**
 * A private room: a member that joins for the first time knows the secret that is current at the member that admits
 * it; nobody joins with no secret or an invented one; when the room is quiet, the same secret is current
 * everywhere.
 */

import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import {
  type Invite,
  latestEpoch,
  parseInvite,
} from "../../../lib/protocols/mesh/schema/rotations.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

export class PrivateRooms implements MeshChecker {
  readonly name = "invites";
  /** Members that have ever claimed a name in the room: only these can be known to a listener as members. */
  readonly #claimed = new Set<PeerKey>();

  sent({ member }: MemberProcess, _link: LinkId, message: MeshMessage): void {
    if (message.type === "accept") this.#claimed.add(member.key);
  }

  shown({ member, label }: MemberProcess, event: MeshEvent): void {
    if (event.event === "invite") this.#checkStored(member, label, parseInvite(event.invite));
    if (event.event !== "ready") return;
    this.#claimed.add(member.key);
    if (member.uninvited === "made up" || member.uninvited === "none") {
      throw new Violation(this.name, `${label} is in, its invite is ${member.uninvited}`);
    }
  }

  /** Once an invite is shown, its secret must be on disk, so that its maker enforces it whatever happens next. */
  #checkStored({ disk, diskFailed }: Member, label: string, { secret }: Invite): void {
    if (secret === null || diskFailed) return; // invites that others made may be shown even if the disk refuses them
    const wanted = secret.secret.toHex();
    const isStored = disk.records.slice(0, disk.synced).some((record) => {
      if (record.kind === "invited") return record.secret.secret.toHex() === wanted;
      return record.kind === "rotation" &&
        record.rotation.rotation.rotation.value.secret.toHex() === wanted;
    });
    if (isStored) return;
    throw new Violation(
      this.name,
      `${label} shows a secret of epoch ${secret.epoch} before it is synced`,
    );
  }

  letThrough(listener: MemberProcess, dialler: MemberProcess, secret: ChannelSecret | null): void {
    const secrets = listener.probe?.secrets() ?? null;
    if (secrets === null || this.#claimed.has(dialler.member.key)) return;
    if (!dialler.member.isJudged) return; // it is a member already, but what it sends isn't seen here
    if (secret !== null && secrets.isCurrent(secret)) return;
    throw new Violation(
      this.name,
      `${listener.label} lets ${dialler.label} through with epoch ${secret?.epoch}, which doesn't count there`,
    );
  }

  atQuiet(world: World): void {
    const secretOf = ({ probe }: MemberProcess) => probe?.secrets()?.current() ?? null;
    const [highest] = world.judged().toSorted((one, other) =>
      (secretOf(other)?.epoch ?? 0) - (secretOf(one)?.epoch ?? 0)
    );
    const wanted = highest === undefined ? null : secretOf(highest);
    if (highest === undefined || wanted === null) return;
    for (const process of world.judged()) {
      const secret = secretOf(process);
      if (secret?.epoch === wanted.epoch && secret.secret.toHex() === wanted.secret.toHex()) {
        continue;
      }
      if (this.#isBeforeItsTime(process, wanted.epoch)) continue;
      throw new Violation(
        this.name,
        `at ${highest.label} a secret of epoch ${wanted.epoch} counts, at ${process.label} one of ${secret?.epoch}`,
      );
    }
  }

  /** A member whose clock is slow accepts a liar's early rotation later than others: docs/security.md says so. */
  #isBeforeItsTime({ member }: MemberProcess, epoch: number): boolean {
    const founding = member.disk.records.find((record) => record.kind === "genesis");
    if (founding?.kind !== "genesis") return false;
    return epoch > latestEpoch(founding.genesis.genesis.value.time, member.wallMs(), false);
  }
}
