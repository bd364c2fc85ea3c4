/** What must hold after every step of every machine. Where it is broken, `Violation` says so. */

import type { OfferId, PeerKey } from "../../../lib/base/ids.ts";
import { sameBytes } from "../../../lib/base/collections/bytes.ts";
import {
  DOWNLOADS_MAX,
  LANE_LEAVES,
  LEAVES_HELD_MAX,
  OFFERS_EACH_MAX,
  PREPARED_MAX,
  PROGRESS_MS,
  SERVED_MAX,
  STALL_MS,
} from "../../../lib/protocols/transfer/limits.ts";
import { LeafChecker } from "../../../lib/protocols/transfer/merkle.ts";
import type { LeafMessage } from "../../../lib/protocols/transfer/messages.ts";
import { takenBytes } from "../../../lib/protocols/transfer/downloads.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import { simCrypto } from "./content.ts";
import type { Person } from "./person.ts";
import { type Checker, Violation, type World } from "./world.ts";

/** Nothing that isn't in the file is written, and each write stays within it. */
export class OnlyRightLeaves implements Checker {
  constructor(readonly world: World) {}

  stepped(person: Person, _: TransferInput, effects: readonly TransferEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "write") continue;
      const content = this.world.offered.get(effect.file)?.content;
      const right = content?.leaves[effect.leaf];
      if (right === undefined || !sameBytes(right, effect.bytes)) {
        throw new Violation(`${person.index} writes a leaf that isn't in the file`);
      }
      if (effect.offset < 0 || effect.offset + effect.bytes.length > content!.size) {
        throw new Violation(`${person.index} writes beyond the file`);
      }
    }
  }

  finished(person: Person, file: OfferId, _: string, leaves: readonly Uint8Array[]): void {
    const right = this.world.offered.get(file)?.content.leaves ?? [];
    const isSame = leaves.length === right.length &&
      leaves.every((leaf, at) => sameBytes(leaf, right[at]!));
    if (!isSame) throw new Violation(`${person.index} finished what isn't the file`);
  }
}

/** A file is saved under one part of a path that nothing obeys. */
export class HarmlessNames implements Checker {
  stepped(person: Person, _: TransferInput, effects: readonly TransferEffect[]): void {
    for (const effect of effects) {
      const name = effect.type === "finish"
        ? effect.name
        : effect.type === "show" && effect.event.event === "offer"
        ? effect.event.name
        : null;
      // deno-lint-ignore no-control-regex -- what must not be there
      if (name === null || !/[/\\\x00-\x1f\x7f\u202a-\u202e]|^\.|^$|^con(\.|$)/iu.test(name)) {
        continue;
      }
      throw new Violation(`${person.index} shows or saves a file as ${JSON.stringify(name)}`);
    }
  }
}

/** What is in memory doesn't grow with files, offers or peers. */
export class Bounded implements Checker {
  constructor(readonly world: World) {}

  stepped(person: Person): void {
    const { people, liars } = this.world;
    const { leaves, offers, requests } = person.process!.transfers.held;
    // Who takes nothing keeps what is in its lane, and its place is another one's.
    const lanesMax = Math.max(SERVED_MAX, people.length + liars.length);
    const leavesMax = DOWNLOADS_MAX * LEAVES_HELD_MAX + lanesMax * LANE_LEAVES;
    if (leaves > leavesMax) throw new Violation(`${person.index} holds ${leaves} leaves`);
    // Received ones don't count against those who offered them.
    const offersMax = (people.length + liars.length) * OFFERS_EACH_MAX + person.whole.size;
    if (offers > offersMax) throw new Violation(`${person.index} has ${offers} open offers`);
    const requestsMax = leavesMax + 2 * DOWNLOADS_MAX + PREPARED_MAX + 64;
    if (requests > requestsMax) {
      throw new Violation(`${person.index} waits for ${requests} answers`);
    }
  }
}

/** Leaves go out only where the lane has room, only as many as were asked for, and only right ones. */
export class LanesAndCredit implements Checker {
  readonly #inLane = new Map<string, number>();
  readonly #credit = new Map<string, number>();

  constructor(readonly world: World) {}

  killed(person: Person): void {
    for (const key of [...this.#inLane.keys()]) {
      if (key.startsWith(`${person.index} `)) this.#forget(key);
    }
  }

  stepped(person: Person, input: TransferInput, effects: readonly TransferEffect[]): void {
    if (input.type === "peer-down") this.#forget(`${person.index} ${input.peer}`);
    if (input.type === "bulk-drained") this.#add(this.#inLane, `${person.index} ${input.peer}`, -1);
    if (input.type === "message" && input.message.type === "request") {
      this.#add(this.#credit, `${person.index} ${input.from}`, input.message.count);
    }
    for (const effect of effects) {
      if (effect.type === "send" && effect.message.type === "offer") {
        const { to, from } = effect.message.offer.offer.value;
        if (to === null || effect.to === to || effect.to === from) continue;
        throw new Violation(`${person.index} shows a file to somebody that it isn't for`);
      }
      if (effect.type !== "send-bulk") continue;
      const key = `${person.index} ${effect.to}`;
      const { message } = effect;
      if (this.#add(this.#inLane, key, 1) > LANE_LEAVES) {
        throw new Violation(`${person.index} sends leaves into a lane that is full`);
      }
      if (this.#add(this.#credit, key, -1) < 0) {
        throw new Violation(`${person.index} sends more than it was asked for`);
      }
      const offer = this.world.offered.get(message.file);
      const file = offer && { size: offer.content.size, digest: offer.content.digest };
      if (
        !file ||
        !new LeafChecker(simCrypto, file).isLeaf(message.leaf, message.bytes, message.proof)
      ) {
        throw new Violation(`${person.index} sends a leaf that isn't in the file`);
      }
      if (offer.to !== null && effect.to !== offer.to && effect.to !== offer.by.key) {
        throw new Violation(`${person.index} sends a file to somebody that it isn't for`);
      }
    }
  }

  #add(counts: Map<string, number>, key: string, by: number): number {
    const count = (counts.get(key) ?? 0) + by;
    counts.set(key, count);
    return count;
  }

  #forget(key: string): void {
    this.#inLane.delete(key);
    this.#credit.delete(key);
  }
}

/** Who has sent a wrong leaf isn't asked for that file again; who sends unasked is cut off. */
export class LiarsLeft implements Checker {
  /** Person, file, leaf and who was asked for it. A leaf may be asked of a second one, and the first still owes it. */
  readonly #asked = new Set<string>();
  /** By person and peer: leaves that were asked of it and haven't come, on whatever link. */
  readonly #credit = new Map<string, number>();
  /** By person, file and peer: since when the peer has owed leaves, and sent none. */
  readonly #sinceMs = new Map<string, number>();
  /** By person and file: the peers that sent a wrong leaf. */
  readonly #lied = new Map<string, Set<PeerKey>>();

  constructor(readonly world: World) {}

  killed({ index }: Person): void {
    for (const all of [this.#asked, this.#credit, this.#lied]) {
      for (const key of [...all.keys()]) if (key.startsWith(`${index} `)) all.delete(key);
    }
  }

  stepped(person: Person, input: TransferInput, effects: readonly TransferEffect[]): void {
    const { index } = person;
    if (input.type === "peer-down") {
      for (const key of this.#asked) {
        if (key.startsWith(`${index} `) && key.endsWith(` ${input.peer}`)) this.#asked.delete(key);
      }
    }
    if (input.type === "message" && input.message.type === "leaf") {
      this.#leaf(person, input.from, input.message, effects);
    }
    for (const effect of effects) {
      if (effect.type === "begin") this.#begin(`${index} ${effect.file}`);
      // It may have been asked of a second one, whose leaf nobody looks at then.
      if (effect.type === "write") this.#unask(`${index} ${effect.file} ${effect.leaf} `);
      if (effect.type !== "send" || effect.message.type !== "request") continue;
      const { file, first, count } = effect.message;
      if (this.#lied.get(`${index} ${file}`)?.has(effect.to)) {
        throw new Violation(`${index} asks a liar again`);
      }
      const peer = `${index} ${effect.to}`;
      if (!this.#owes(`${index} ${file}`, effect.to)) {
        this.#sinceMs.set(`${index} ${file} ${effect.to}`, this.world.time.nowMs);
      }
      this.#credit.set(peer, (this.#credit.get(peer) ?? 0) + count);
      for (let leaf = first; leaf < first + count; leaf++) {
        this.#asked.add(`${index} ${file} ${leaf} ${effect.to}`);
      }
    }
  }

  /** A new attempt: what was asked for before isn't expected any more. */
  #begin(key: string): void {
    this.#lied.delete(key);
    this.#unask(key);
  }

  /** What begins so isn't expected any more. */
  #unask(key: string): void {
    for (const asked of this.#asked) if (asked.startsWith(key)) this.#asked.delete(asked);
  }

  /** Whether the peer owes a leaf of this file. */
  #owes(key: string, from: PeerKey): boolean {
    return this.#asked.values().some((asked) =>
      asked.startsWith(key) && asked.endsWith(` ${from}`)
    );
  }

  #leaf(
    { index }: Person,
    from: PeerKey,
    { file, leaf, bytes, proof }: LeafMessage,
    effects: readonly TransferEffect[],
  ): void {
    const penalised = effects.some((effect) => effect.type === "penalise");
    const peer = `${index} ${from}`;
    const credit = this.#credit.get(peer) ?? 0;
    if (credit === 0 && !penalised) {
      throw new Violation(`${index} takes a leaf that it hasn't asked for`);
    }
    if (!penalised) this.#credit.set(peer, credit - 1);
    if (penalised && !this.world.isLiar(from)) {
      throw new Violation(`${index} cuts off somebody honest`);
    }
    if (penalised) return; // nobody looked at it
    const asked = `${index} ${file} ${leaf} ${from}`;
    if (!this.#asked.has(asked)) return;
    this.#asked.delete(asked);
    const { nowMs } = this.world.time;
    // Later it may be that nobody looks at it: the peer was left as one that stalls.
    if (nowMs - this.#sinceMs.get(`${index} ${file} ${from}`)! >= STALL_MS) return;
    this.#sinceMs.set(`${index} ${file} ${from}`, nowMs);
    const content = this.world.offered.get(file)?.content;
    const right = content && { size: content.size, digest: content.digest };
    if (right && new LeafChecker(simCrypto, right).isLeaf(leaf, bytes, proof)) return;
    const key = `${index} ${file}`;
    this.#lied.set(key, (this.#lied.get(key) ?? new Set()).add(from));
  }
}

/** Progress of a file is told at most twice a second. */
export class ProgressSeldom implements Checker {
  readonly #toldMs = new Map<string, number>();

  constructor(readonly world: World) {}

  killed(): void {
    this.#toldMs.clear();
  }

  stepped(person: Person, _: TransferInput, effects: readonly TransferEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "show" || effect.event.event !== "transfer") continue;
      const { file, state } = effect.event;
      if (state !== "progress") continue;
      const { nowMs } = this.world.time;
      const key = `${person.index} ${file}`;
      if ((this.#toldMs.get(key) ?? -Infinity) + PROGRESS_MS > nowMs + 1e-6) {
        throw new Violation(`${person.index} tells of progress too often`);
      }
      this.#toldMs.set(key, nowMs);
    }
  }
}

/** No more is received than the user lets. */
export class WithinQuota implements Checker {
  readonly #begun = new Map<Person, Map<OfferId, number>>();

  constructor(readonly world: World) {}

  killed(person: Person): void {
    this.#begun.delete(person);
  }

  stepped(person: Person, _: TransferInput, effects: readonly TransferEffect[]): void {
    const begun = this.#begun.get(person) ?? new Map<OfferId, number>();
    this.#begun.set(person, begun);
    for (const effect of effects) {
      if (effect.type === "begin") {
        begun.set(effect.file, takenBytes(effect.offer.offer.value.size));
        const bytes = begun.values().reduce((sum, size) => sum + size, person.receivedBytes);
        if (bytes <= person.filesBytesMax) continue;
        throw new Violation(`${person.index} begins more than it may receive`);
      }
      if (effect.type !== "show" || effect.event.event !== "transfer") continue;
      const { file, state } = effect.event;
      const id = this.world.numbers.get(person)?.get(file);
      if (id !== undefined && state !== "started" && state !== "progress") begun.delete(id);
    }
  }
}

export function allCheckers(world: World): readonly Checker[] {
  return [
    new OnlyRightLeaves(world),
    new HarmlessNames(),
    new Bounded(world),
    new LanesAndCredit(world),
    new LiarsLeft(world),
    new ProgressSeldom(world),
    new WithinQuota(world),
  ];
}
