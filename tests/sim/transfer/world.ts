/** A simulated room in which files are offered and fetched, by honest people and liars. */

import type { Hash, OfferId, PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { TransferEvent } from "../../../lib/protocols/transfer/events.ts";
import type { SignedOffer } from "../../../lib/protocols/transfer/messages.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import type { Transfers } from "../../../lib/protocols/transfer/transfers.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import type { Content } from "./content.ts";
import { Liar, type Lie } from "./liar.ts";
import { Person } from "./person.ts";
import { type End, Wires } from "./wires.ts";

export const CONTEXT = "c1".repeat(32) as Hash;

/** A promise was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Watches what machines do. Throws a `Violation`. */
export interface Checker {
  stepped?(person: Person, input: TransferInput, effects: readonly TransferEffect[]): void;
  killed?(person: Person): void;
  finished?(person: Person, file: OfferId, name: string, leaves: readonly Uint8Array[]): void;
}

/** A bug put into each machine. */
export interface Mutation {
  /** Completes "machines that". */
  readonly name: string;
  readonly wrap?: (transfers: Transfers, world: World) => Machine<TransferInput, TransferEffect>;
  readonly hasNoQuota?: true;
  /** Replaces methods. @returns A function that restores them. */
  readonly install?: () => () => void;
}

/** What an honest person has offered. */
export interface Offered {
  readonly by: Person;
  readonly to: PeerKey | null;
  readonly content: Content;
  readonly id: OfferId;
  /** Its offerer took it back, or changed the file. */
  isGone: boolean;
}

export interface WorldOptions {
  readonly seed: number;
  readonly people: number;
  readonly lies: readonly Lie[];
  readonly bytesPerMs: readonly number[];
  readonly print: ((line: string) => void) | null;
  readonly mutation: Mutation | null;
}

export class World {
  readonly seed: number;
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly people: readonly Person[];
  readonly liars: readonly Liar[];
  readonly wires: Wires;
  readonly mutation: Mutation | null;
  /** By id: what is offered by honest people, as it was when they offered it. */
  readonly offered = new Map<OfferId, Offered>();
  /** What each person was told of an offer, in the present process. */
  readonly numbers = new Map<Person, Map<number, OfferId>>();
  /** Files that somebody wants, until they are there or given up. */
  readonly wanted = new Map<Person, Set<OfferId>>();
  done = 0;
  /** What follows where links are wanted. */
  seeks:
    | ((person: Person, wanted: Extract<TransferEffect, { readonly type: "seek" }>) => void)
    | null = null;
  readonly #ends = new Map<PeerKey, End>();

  constructor(readonly options: WorldOptions, readonly checkers: readonly Checker[]) {
    const { seed, people, lies, bytesPerMs, mutation } = options;
    this.seed = seed;
    this.mutation = mutation;
    this.random = new Random(seed);
    this.people = Array.from(
      { length: people },
      (_, at) => new Person(this, at, this.random.fork()),
    );
    this.liars = lies.map((lie, at) => new Liar(this, people + at, lie, this.random.fork()));
    const ends = [...this.people, ...this.liars];
    for (const end of ends) this.#ends.set(end.key, end);
    this.wires = new Wires(this.time, this.random.fork(), ends, bytesPerMs);
    for (const person of this.people) this.wanted.set(person, new Set());
  }

  note(text: string): void {
    this.options.print?.(`${this.time.nowMs.toFixed(1).padStart(10)} ${text}`);
  }

  keyOf(end: End): PeerKey {
    return (end as Person | Liar).key;
  }

  endOf(key: PeerKey): End {
    return this.#ends.get(key)!;
  }

  isLiar(key: PeerKey): boolean {
    return this.liars.some((liar) => liar.key === key);
  }

  killed(person: Person): void {
    this.numbers.delete(person);
    for (const checker of this.checkers) checker.killed?.(person);
  }

  shown(person: Person, event: TransferEvent): void {
    if (event.event !== "transfer" || event.state !== "progress") {
      this.note(`${person.index} ${JSON.stringify(event).slice(0, 160)}`);
    }
    if (event.event === "offer") {
      const numbers = this.numbers.get(person) ?? new Map<number, OfferId>();
      this.numbers.set(person, numbers);
      numbers.set(event.file, event.id as OfferId);
    }
    if (event.event !== "transfer") return;
    const id = this.numbers.get(person)?.get(event.file);
    if (event.state === "done") this.done++;
    const isOver = event.state === "done" || event.state === "cancelled" ||
      (event.state === "failed" && (event.reason === "withdrawn" || event.reason === "changed"));
    if (id !== undefined && isOver) this.wanted.get(person)!.delete(id);
    if (id === undefined || event.state !== "failed") return;
    const offered = this.offered.get(id);
    if (offered !== undefined && event.reason === "changed") offered.isGone = true;
  }

  /** @returns The file as it is on the disk. */
  finished(
    person: Person,
    file: OfferId,
    { offer }: SignedOffer,
    name: string,
    found: ReadonlyMap<number, { readonly bytes: Uint8Array }>,
  ): Content {
    const leaves = [...found].sort(([one], [other]) => one - other).map(([, { bytes }]) => bytes);
    for (const checker of this.checkers) checker.finished?.(person, file, name, leaves);
    const offered = this.offered.get(file);
    if (offered === undefined) throw new Violation(`${offer.value.name} was finished, a lie`);
    return { ...offered.content, leaves };
  }

  /** An honest person offers a file. */
  offer(person: Person, content: Content, name: string, to: PeerKey | null): void {
    const source = `source ${person.sources.size}`;
    person.sources.set(source, content);
    person.feed({
      type: "command",
      command: { command: "send", source, name, to },
      ref: undefined,
    });
  }

  /** A machine says to whom links are wanted: where all are linked with all, nothing follows. */
  sought(person: Person, wanted: Extract<TransferEffect, { readonly type: "seek" }>): void {
    this.seeks?.(person, wanted);
  }

  /** The user takes an offer by its number. */
  get(person: Person, number: number): void {
    const id = this.numbers.get(person)?.get(number);
    if (id !== undefined && this.offered.has(id)) this.wanted.get(person)!.add(id);
    person.feed({ type: "command", command: { command: "get", file: number }, ref: undefined });
  }

  cancel(person: Person, number: number): void {
    const id = this.numbers.get(person)?.get(number);
    const offered = id === undefined ? undefined : this.offered.get(id);
    if (id !== undefined) this.wanted.get(person)!.delete(id);
    if (offered?.by === person) offered.isGone = true;
    person.feed({ type: "command", command: { command: "cancel", file: number }, ref: undefined });
  }

  /** The number under which a person was told of an offer; null: it wasn't. */
  numberOf(person: Person, id: OfferId): number | null {
    for (const [number, known] of this.numbers.get(person) ?? []) if (known === id) return number;
    return null;
  }
}
