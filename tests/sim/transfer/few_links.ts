/**
 * A room whose members are linked with few others each, as `lib/protocols/mesh/membership/` links them: neighbours for
 * ever, and with others for a file as long as content goes over the link.
 */

import type { PeerKey } from "../../../lib/base/ids.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import type { Random } from "../random.ts";
import type { Person } from "./person.ts";
import type { End } from "./wires.ts";
import type { Checker, World } from "./world.ts";

const LOOK_MS = 1_000;
const OTHERS_MS = 2_000;
const IDLE_MS = 3_000;
const CARRIED_MS = 15_000;

type Wanted = Pick<Extract<TransferEffect, { readonly type: "seek" }>, "holders" | "others">;

export class FewLinks implements Checker {
  readonly #neighbours = new Set<string>();
  /** Links for files, each with the time at which it ends. */
  readonly #links = new Map<string, number>();
  readonly #wanted = new Map<Person, Wanted>();
  /** The most links for files at once. */
  most = 0;

  /** @param degree How many neighbours each has, roughly. */
  constructor(readonly world: World, readonly random: Random, degree: number) {
    const ends = this.#ends();
    for (const [at, end] of ends.entries()) {
      this.#neighbours.add(pair(end, ends[(at + 1) % ends.length]!));
      for (let more = 2; more < degree; more += 2) {
        this.#neighbours.add(pair(end, this.random.pick(ends)));
      }
    }
    world.seeks = (person, wanted) => {
      this.#wanted.set(person, wanted);
      this.#look();
    };
    this.#relink();
    this.#every(LOOK_MS, () => this.#look());
    this.#every(OTHERS_MS, () => this.#lookForOthers());
  }

  /** Links for files at this time among honest people: a liar may go on asking. */
  get links(): number {
    const isHonest = (index: string) => Number(index) < this.world.people.length;
    return [...this.#links.keys()].filter((key) => key.split("-").every(isHonest)).length;
  }

  areNeighbours(one: End, other: End): boolean {
    return this.#neighbours.has(pair(one, other));
  }

  killed(person: Person): void {
    this.#wanted.delete(person);
  }

  stepped(person: Person, input: TransferInput, effects: readonly TransferEffect[]): void {
    if (input.type === "message") this.#carried(person, input.from, input.message.type);
    for (const effect of effects) {
      if (effect.type === "send") this.#carried(person, effect.to, effect.message.type);
      if (effect.type === "send-bulk") this.#carried(person, effect.to, "leaf");
    }
  }

  #carried(person: Person, peer: PeerKey, type: string): void {
    if (type !== "request" && type !== "leaf") return;
    const key = pair(person, this.world.endOf(peer));
    if (this.#links.has(key)) this.#links.set(key, this.world.time.nowMs + CARRIED_MS);
  }

  #look(): void {
    for (const [person, { holders }] of this.#wanted) {
      for (const key of holders) this.#link(person, this.world.endOf(key));
    }
    for (const [key, untilMs] of this.#links) {
      if (untilMs <= this.world.time.nowMs) this.#links.delete(key);
    }
    this.#relink();
  }

  #lookForOthers(): void {
    for (const [person, { others }] of this.#wanted) {
      if (others) this.#link(person, this.random.pick(this.#ends()));
    }
    this.#relink();
  }

  #link(person: Person, other: End): void {
    const key = pair(person, other);
    if (!other.isUp || other === person || this.#neighbours.has(key) || this.#links.has(key)) {
      return;
    }
    this.#links.set(key, this.world.time.nowMs + IDLE_MS);
    this.most = Math.max(this.most, this.#links.size);
  }

  /** Not within a step of a machine. */
  #relink(): void {
    this.world.time.after(0, () => {
      this.world.wires.setCuts((one, other) => {
        const key = pair(one, other);
        return !this.#neighbours.has(key) && !this.#links.has(key);
      });
    });
  }

  #every(ms: number, work: () => void): void {
    this.world.time.after(ms, () => {
      work();
      this.#every(ms, work);
    });
  }

  #ends(): readonly End[] {
    return [...this.world.people, ...this.world.liars];
  }
}

function pair(one: End, other: End): string {
  return [one.index, other.index].sort((a, b) => a - b).join("-");
}
