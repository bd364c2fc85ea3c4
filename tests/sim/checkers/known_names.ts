/**
 * Whom a user knows by a name: who was shown under it first. A name that a user types means that one, and no program
 * can know better: a member that a liar made up, and gave the name of one whom this user never met, is that name's
 * owner here until `/trust` (docs/security.md). Of two who come in at once the one who stays under the name is it.
 */

import { fingerprintOf } from "../../../lib/base/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/names.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/events.ts";
import { NAME_RACE_MS } from "../../../lib/protocols/mesh/names_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/records.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";

interface Known {
  /** A fingerprint. */
  readonly key: string;
  /** Since when, and to which process; null from before. */
  readonly since: { readonly process: MemberProcess; readonly atMs: number } | null;
  /** It has lost the name to somebody who came at once with it: who is shown under it next has it. */
  readonly isLost: boolean;
  /** It has left since. */
  readonly hasLeft?: true;
}

export class KnownNames {
  readonly #profiles = new Map<Member, Map<string, Known>>();

  /**
   * Whether the user of this profile may mean that member by this name: it was shown under it, or nobody was; who types
   * a name before any screen had it means the first who has it, whose line may be on its way.
   */
  mayMean(member: Member, name: string, key: PeerKey): boolean {
    const known = this.#of(member).get(foldName(name));
    return known === undefined || known.key === fingerprintOf(key);
  }

  /** The user remembers more than the disk does; its program knows what that has. */
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

  /** Who isn't there isn't shown to lose its name: who has it instead is. */
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
