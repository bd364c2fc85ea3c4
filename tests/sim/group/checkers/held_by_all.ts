/**
 * Before a member appends an item to its log, it is synced on the disks of all members of its epoch; so each of them
 * alone knows it (G2). Exempt are members that have promised a later ballot: they have handed it over there.
 */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  type Ballot,
  compareBallots,
  NO_BALLOT,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import {
  type Entry,
  type Placed,
  type PlacedEdit,
  type PlacedRules,
  placesOf,
} from "../../../../lib/protocols/group/schema/history.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../../lib/protocols/group/schema/records.ts";
import { label } from "../canonical_history.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import { MemberParty, type Party } from "../world.ts";

/** What a member's disk contains, from its records read so far. */
class Held {
  promised: Ballot = NO_BALLOT;
  /** The index up to which synced records have been read. */
  #read = 0;
  #through = 0;

  constructor(readonly party: MemberParty) {
    this.wrote(party.disk.records);
  }

  wrote(records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    for (const record of records) {
      if (record.kind === "promised") this.promised = record.ballot;
    }
  }

  /** The position up to which all items survive a loss of power. */
  through(): number {
    const { disk } = this.party;
    for (; this.#read < disk.synced; this.#read++) {
      const record = disk.records[this.#read]!;
      if (record.kind === "held") {
        const end = record.after + placesOf(record.batch.batch.value);
        const reaches = Math.max(this.#through, disk.logDurableThrough) >= record.after;
        if (reaches) this.#through = Math.max(end, this.#through);
      } else if (record.kind === "dropped") {
        this.#through = Math.min(this.#through, record.position);
      } else if (record.kind === "begun") {
        this.#through = Math.min(this.#through, record.signed.epoch.value.start.position);
      } else if (record.kind === "new-log") this.#through = 0;
    }
    return Math.max(this.#through, disk.logDurableThrough);
  }
}

export class HeldByAll implements Checker {
  readonly #held = new Map<PeerKey, Held>();

  wrote(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    if (party instanceof MemberParty) this.#of(party).wrote(records);
  }

  replaced(party: Party): void {
    this.#held.delete(party.signer.key);
  }

  logged(party: Party, { entries, edits, rules }: Placed): void {
    const last = entries.at(-1) ?? edits.at(-1) ?? rules ?? undefined;
    if (!(party instanceof MemberParty) || last === undefined) return;
    const epoch = party.process?.member.epoch?.epoch.value ?? null;
    if (epoch === null || last.position <= epoch.start.position) return;
    // The member is being levelled for another epoch.
    if (compareBallots(this.#of(party).promised, epoch.ballot) > 0) return;
    for (const { key } of epoch.members) {
      const other = party.world.memberOf(key);
      const held = this.#of(other);
      if (other.isDamaged || other.hasLostLog || compareBallots(held.promised, epoch.ballot) > 0) {
        continue;
      }
      if (held.through() >= last.position) continue;
      const what = itemText(last);
      throw new Violation(
        `G2: ${party.name} has ${what} at ${last.position} and ${other.name} needn't have it`,
      );
    }
  }

  #of(party: MemberParty): Held {
    const known = this.#held.get(party.signer.key);
    if (known !== undefined) return known;
    const held = new Held(party);
    this.#held.set(party.signer.key, held);
    return held;
  }
}

function itemText(last: Entry | PlacedEdit | PlacedRules): string {
  if ("text" in last) return `"${label(last.text)}"`;
  return "edit" in last ? `edit ${last.edit.edit}` : `rules ${last.rules.edits}`;
}
