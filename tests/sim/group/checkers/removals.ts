/**
 * Whoever was removed gets nothing more once they are out: no entry, view, history or invite; nor are they let in
 * before `/allow`. In a private group the invite that they
 * know is void from then on, and nobody becomes a newcomer or a member by an invite that is void: who was never a
 * member has come by the one that counts at that moment. Looks at each step's effects in their order, before any is
 * performed; what is known of the group is taken from its records alone.
 */

import { type Fingerprint, fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import {
  compareBallots,
  type Epoch,
  isSameBallot,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import { type GroupMessage, isContent } from "../../../../lib/protocols/group/schema/messages.ts";
import type { CoordinatorRecord } from "../../../../lib/protocols/group/schema/records.ts";
import {
  groupChannelSecret,
  type GroupSecret,
} from "../../../../lib/protocols/group/schema/group_secrets.ts";
import type { Checker } from "../checker.ts";
import { CoordinatorProcess } from "../coordinator_process.ts";
import { MemberProcess } from "../member_process.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "../process.ts";
import { Violation } from "../violation.ts";

/** What says no more than that somebody is out, or says nothing. */
const EMPTY = new Set<GroupMessage["type"]>(["refuse", "parted", "unknown"]);
/** What is for newcomers, and for members that stay. */
const FOR_OTHERS = new Set<GroupMessage["type"]>(["welcome", "secret", "catch-up", "history"]);

/** What the coordinator's records say, as far as they are on its disk. */
class Known {
  readonly removed = new Set<Fingerprint>();
  /** Removed, and out of a view that has begun at all its members. */
  readonly out = new Set<Fingerprint>();
  secret: GroupSecret | null = null;
  /** Decided views that were neither given up nor followed by one that has begun at all its members. */
  #open: readonly Epoch[] = [];
  /** The last view that has begun at all its members. */
  confirmed: Epoch | null = null;
  readonly #writing = new Map<number, readonly CoordinatorRecord[]>();

  constructor(records: readonly CoordinatorRecord[]) {
    for (const record of records) this.take(record);
  }

  written(token: number | null, records: readonly CoordinatorRecord[]): void {
    if (token !== null) this.#writing.set(token, records);
    else for (const record of records) this.take(record);
  }

  stored(token: number): void {
    for (const record of this.#writing.get(token) ?? []) this.take(record);
    this.#writing.delete(token);
  }

  get view(): Epoch | null {
    return this.#open.at(-1) ?? null;
  }

  isIn(key: PeerKey): boolean {
    return this.view?.members.some((member) => member.key === key) ?? false;
  }

  isRemoved(key: PeerKey): boolean {
    return this.removed.has(fingerprintOf(key));
  }

  take(record: CoordinatorRecord): void {
    switch (record.kind) {
      case "kicked":
        this.removed.add(record.key);
        break;
      case "allowed":
        this.removed.delete(record.key);
        this.out.delete(record.key);
        break;
      case "secret":
        this.secret = record.secret;
        break;
      case "decided":
        this.#open = [...this.#open, record.signed.epoch.value];
        break;
      case "recounted":
        this.#open = [record.signed.epoch.value];
        break;
      case "given-up":
        this.#open = this.#open.filter(({ ballot }) => !isSameBallot(ballot, record.ballot));
        break;
      case "confirmed":
        this.#open = this.#open.filter(({ ballot }) => compareBallots(ballot, record.ballot) >= 0);
        this.confirmed = this.view;
        for (const key of this.removed) {
          if (!this.view?.members.some((member) => fingerprintOf(member.key) === key)) {
            this.out.add(key);
          }
        }
        break;
    }
  }
}

export class Removals implements Checker {
  readonly #known = new WeakMap<CoordinatorProcess, Known>();
  #last: Known | null = null;
  /** Keys that were ever in a view. */
  readonly #were = new Set<PeerKey>();

  took(process: AnyProcess, input: AnyInput, effects: readonly AnyEffect[]): void {
    if (process instanceof MemberProcess) return this.#member(process, effects);
    const known = this.#known.get(process) ?? new Known(process.disk.stateRecords);
    this.#known.set(process, known);
    this.#last = known;
    // What was said before a removal may still wait for the disk.
    if (input.type === "persisted") known.stored(input.token);
    for (const effect of effects) {
      if (effect.type === "persist") {
        const records = effect.records as readonly CoordinatorRecord[];
        for (const record of records) this.#decides(known, record);
        const removed = records.find(({ kind }) => kind === "kicked");
        if (
          removed?.kind === "kicked" && known.secret !== null && !known.removed.has(removed.key)
        ) {
          const isAnew = records.some(({ kind }) => kind === "secret");
          if (!isAnew) throw new Violation(`${removed.name} was removed, and its invite stays`);
        }
        known.written(effect.token, records);
      } else if (effect.type === "send") this.#sends(process, known, effect.link, effect.message);
      else if (effect.type === "show") this.#shows(process, known, effect.event);
    }
  }

  #decides(known: Known, record: CoordinatorRecord): void {
    if (record.kind === "decided") {
      const { members, view } = record.signed.epoch.value;
      const back = members.find(({ key }) => known.isRemoved(key) && !known.isIn(key));
      if (back !== undefined) {
        throw new Violation(`${back.name} was removed, and is in view ${view}`);
      }
      for (const { key } of members) this.#were.add(key);
    }
  }

  #sends(process: CoordinatorProcess, known: Known, id: LinkId, message: GroupMessage): void {
    const end = process.links.get(id);
    const { type } = message;
    if (end === undefined || EMPTY.has(type)) return;
    // Whether this disk is an old one, a removed member may know, too.
    if (type === "recount" && message.awaited.length === 0) return;
    const { key } = end.other.owner as unknown as { readonly key: PeerKey };
    const said = `The coordinator sends ${type} to ${fingerprintOf(key)}, `;
    if (known.isRemoved(key) && (!known.isIn(key) || FOR_OTHERS.has(type))) {
      throw new Violation(`${said}which was removed`);
    }
    if (known.secret === null || this.#were.has(key) || type === "probe") return;
    const current = groupChannelSecret(known.secret);
    if (end.secret?.epoch !== current.epoch || end.secret.key.toHex() !== current.key.toHex()) {
      throw new Violation(`${said}which came by a void invite`);
    }
  }

  #shows(
    process: CoordinatorProcess,
    known: Known,
    event: Extract<AnyEffect, { readonly type: "show" }>["event"],
  ): void {
    if (event.event !== "joining") return;
    const keys = [...process.links.values()]
      .map(({ other }) => (other.owner as unknown as { readonly key: PeerKey }).key);
    const removed = keys.find((key) =>
      known.isRemoved(key) && fingerprintOf(key) === event.key && !known.isIn(key)
    );
    if (removed !== undefined) throw new Violation(`${event.name} was removed, and is joining`);
  }

  /**
   * Whoever is in a view without them sends nothing more to those that are out. A view may have them that the
   * coordinator, whose disk was restored to an earlier state, doesn't know of.
   */
  #member(process: MemberProcess, effects: readonly AnyEffect[]): void {
    const known = this.#last;
    const epoch = process.member.epoch?.epoch.value ?? null;
    if (known === null || known.confirmed === null || epoch === null) return;
    if (process.party.lie !== null || compareBallots(epoch.ballot, known.confirmed.ballot) < 0) {
      return;
    }
    for (const effect of effects) {
      if (effect.type !== "tell" || !isContent(effect.message)) continue;
      const out = effect.peers.find((peer) =>
        known.out.has(fingerprintOf(peer)) && !epoch.members.some(({ key }) => key === peer)
      );
      if (out === undefined) continue;
      const what = `${process.name} sends ${effect.message.type} to ${fingerprintOf(out)}`;
      throw new Violation(`${what}, which was removed`);
    }
  }
}
