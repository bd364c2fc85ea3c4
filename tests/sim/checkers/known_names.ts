/**
 * Whom a user knows by a name: the member first shown under it. A name that a user types means that member, and no
 * program can know better. If a liar gives an invented member the name of somebody whom this user never met, the
 * invented member owns the name here until `/trust` (docs/security.md). If two members arrive at once with the same
 * name, the one that keeps it is the owner.
 */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import { NAME_RACE_MS } from "../../../lib/protocols/mesh/names/names_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";

interface Known {
  /** Its fingerprint. */
  readonly key: string;
  /** When it was shown, and to which process; null for a name from an earlier process. */
  readonly since: { readonly process: MemberProcess; readonly atMs: number } | null;
  /** It lost the name to a member that arrived at the same time: the next one shown under the name owns it. */
  readonly isLost: boolean;
  /** It has left since. */
  readonly hasLeft?: true;
}

export class KnownNames {
  readonly #profiles = new Map<Member, Map<string, Known>>();

  /**
   * Whether the user of this profile may mean that member by this name: it was shown under the name, or nobody was.
   * A user who types a name that was never on the screen means the first member that has it, which may be about to
   * be shown.
   */
  mayMean(member: Member, name: string, key: PeerKey): boolean {
    const known = this.#of(member).get(foldName(name));
    return known === undefined || known.key === fingerprintOf(key);
  }

  /** Resets the names to those on the disk: the user remembers more, but the program doesn't. */
  knowOnly(member: Member, records: readonly MeshRecord[]): void {
    const known = new Map<string, Known>();
    for (const record of records) {
      if (record.kind !== "pin") continue;
      known.set(foldName(record.name), {
        key: fingerprintOf(record.key),
        since: null,
        isLost: false,
      });
    }
    this.#profiles.set(member, known);
  }

  shown(process: MemberProcess, event: MeshEvent): void {
    if (event.event === "renamed") {
      this.#lost(process, event.key, event.from);
      this.#takesOver(process, event.key, event.name);
    }
    if (event.event === "left") this.#left(process, event.key, event.name);
    if (event.event === "joined" || event.event === "renamed") {
      this.#met(process, event.key, event.name);
    }
  }

  #met(process: MemberProcess, key: string, name: string): void {
    const names = this.#of(process.member);
    const folded = foldName(name);
    const before = names.get(folded);
    if (before !== undefined && !before.isLost) return;
    const since = { process, atMs: process.member.world.time.nowMs };
    names.set(folded, { key, since, isLost: false });
  }

  #lost(process: MemberProcess, key: string, name: string): void {
    const names = this.#of(process.member);
    const known = names.get(foldName(name));
    if (known?.key !== key || known.since?.process !== process) return;
    const isRace = process.member.world.time.nowMs - known.since.atMs < NAME_RACE_MS;
    if (isRace) names.set(foldName(name), { ...known, isLost: true });
  }

  /** The loss of a name by an absent member isn't shown; only the new owner is. */
  #takesOver(process: MemberProcess, key: string, name: string): void {
    const known = this.#of(process.member).get(foldName(name));
    if (known?.hasLeft && known.key !== key) this.#lost(process, known.key, name);
  }

  #left(process: MemberProcess, key: string, name: string): void {
    const names = this.#of(process.member);
    const known = names.get(foldName(name));
    if (known?.key === key) names.set(foldName(name), { ...known, hasLeft: true });
  }

  #of(member: Member): Map<string, Known> {
    const names = this.#profiles.get(member) ?? new Map<string, Known>();
    this.#profiles.set(member, names);
    return names;
  }
}
