/**
 * After its disk was lost or restored, a coordinator learns enough from its members: no view later than the one with
 * which it goes on had begun at all its members. Exempt are cases in which nobody can have reported it: all its
 * members had left or were given up, or none of the next view's members could expose the disk as an old one. A view
 * hasn't begun at a member that loses power while it writes so, unless the record stays on the disk: nothing may
 * follow from it before.
 */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import { compareBallots, type Epoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../../lib/protocols/group/schema/records.ts";
import type { Checker } from "../checker.ts";
import { begunOn, isKeptOut } from "../disasters.ts";
import { Violation } from "../violation.ts";
import { CoordinatorParty, MemberParty, type Party, type World } from "../world.ts";

interface Decided {
  readonly epoch: Epoch;
  readonly bytes: string;
  readonly begunAt: Set<PeerKey>;
}

export class Recounts implements Checker {
  /** The views in the order in which they were decided. */
  readonly #views: Decided[] = [];
  /** The last number recorded; after a recount, the one under which the coordinator goes on. */
  #number = 0;

  wrote(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    for (const record of records) {
      switch (record.kind) {
        case "begun":
          this.#begun(party, record.signed.epoch.value);
          break;
        case "decided":
          this.#decided(party.world, record.signed.epoch.value, record.signed.epoch.bytes.toHex());
          break;
        case "number":
          this.#number = record.number;
          break;
        case "recounted":
          party.world.coordinator.outdatedView = null;
          this.#recounted(party.world, record.signed.epoch.bytes.toHex());
          break;
        case "lost":
          if (party instanceof CoordinatorParty) party.outdatedView = null;
      }
    }
  }

  #begun({ signer }: Party, { view }: Epoch): void {
    for (const decided of this.#views) {
      const { members } = decided.epoch;
      const isIn = decided.epoch.view === view && members.some(({ key }) => key === signer.key);
      if (isIn) decided.begunAt.add(signer.key);
    }
  }

  lost(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    if (!(party instanceof MemberParty)) return;
    for (const record of records) {
      if (record.kind === "begun") this.#forgotten(party, record.signed.epoch.value);
    }
  }

  /** The member's disk has lost the record of a view; if the member has gone on with it, it has begun nevertheless. */
  #forgotten(party: MemberParty, { view }: Epoch): void {
    const isThere = party.disk.records.some((record) =>
      record.kind === "begun" && record.signed.epoch.value.view === view
    );
    const hasGoneOn = party.process?.member.epoch?.epoch.value.view === view;
    if (isThere || hasGoneOn) return;
    for (const { epoch, begunAt } of this.#views) {
      if (epoch.view === view) begunAt.delete(party.signer.key);
    }
    if (party.begunAtOutdated === view) party.begunAtOutdated = begunOn(party);
  }

  #decided(world: World, epoch: Epoch, bytes: string): void {
    const { coordinator, history } = world;
    const known = this.#views.some((other) => other.bytes === bytes);
    if (known) return;
    const { outdatedView } = coordinator;
    const isStale = outdatedView !== null &&
      this.#views.some(({ epoch: { view } }) => view > outdatedView);
    if (isStale) {
      history.forksMax++;
      coordinator.hasForked = true;
      for (const { key } of epoch.members) {
        const { name, begunAtOutdated, isDamaged, hasLostLog } = world.memberOf(key);
        if (begunAtOutdated <= outdatedView || isDamaged || hasLostLog) continue;
        throw new Violation(`An old disk decides with ${name}, who knew of later views`);
      }
      // From now on only later views can expose the disk as an old one.
      coordinator.outdatedView = epoch.view;
    }
    this.#views.push({ epoch, bytes, begunAt: new Set() });
  }

  #recounted(world: World, bytes: string): void {
    const at = this.#views.findLastIndex((decided) => decided.bytes === bytes);
    if (at === -1) throw new Violation("A view is known again that never was");
    const { members } = this.#views[at]!.epoch;
    const whole = members.filter(({ key }) => {
      const party = world.memberOf(key);
      return !party.isKicked && !isKeptOut(world, party) && !party.isDamaged;
    });
    const isGivenUp = whole.length < members.length;
    // Numbers that only given-up members had promised are on no disk any more.
    const used = this.#views.filter(({ epoch: { view } }) => view > this.#number);
    const usedBy = (isOne: (key: PeerKey) => boolean) =>
      used.some(({ epoch }) => epoch.members.some(({ key }) => isOne(key)));
    const canTell = usedBy((key) => whole.some((member) => member.key === key));
    // Members of a history that was given up before don't know those of the one that went on, either: whoever does and
    // is here is heard first, unless its disk is an older copy.
    const isHere = usedBy((key) => {
      const { process, disk } = world.memberOf(key);
      return (process?.links.size ?? 0) > 0 &&
        disk.records.some((one) => one.kind === "promised" && one.ballot.number > this.#number);
    });
    const mayLack = isGivenUp || (world.history.forksMax > 0 && !isHere);
    if (mayLack && used.length > 0 && !canTell) world.coordinator.hasForked = true;
    let isLeft = isGivenUp;
    for (const { epoch, begunAt } of this.#views.slice(at)) {
      if (epoch.members.length === 0) isLeft = true;
      const isLater = compareBallots(epoch.ballot, this.#views[at]!.epoch.ballot) > 0;
      if (!isLater || epoch.members.length === 0 || begunAt.size < epoch.members.length) continue;
      if (isLeft || world.history.forksMax > 0) {
        world.history.forksMax++;
        return;
      }
      const { view } = this.#views[at]!.epoch;
      throw new Violation(`View ${view} is taken for the last one, and ${epoch.view} had begun`);
    }
    if (isGivenUp) world.history.forksMax++;
  }
}
