/** Five members that lose each other and die, and what must hold of what they show. */

import { assert, assertEquals } from "@std/assert";
import type { MemberOptions } from "./order_members.ts";
import { type SyncMember, SyncNetwork } from "./sync_network.ts";

const NAMES = ["ann", "bob", "carl", "dora", "emil"];
const PAIRS = NAMES.flatMap((_, a) => NAMES.slice(a + 1).map((_, b) => [a, a + 1 + b] as const));

/** Five members, of whom some see each other; what each has shown, through its restarts. */
export class CutRoom {
  readonly network = new SyncNetwork();
  readonly members: SyncMember[];
  readonly shown = new Map<string, string[]>();
  readonly penalties: string[] = [];
  /** How many messages each was told that it missed, in its earlier processes. */
  readonly missed = new Map<string, number>();
  /** By text: what its author had been shown. */
  readonly knew = new Map<string, readonly string[]>();
  readonly #linked = new Set<number>();
  #incarnation = 1;
  #said = 0;

  constructor(floods: boolean, readonly options: MemberOptions = {}) {
    this.network.floods = floods;
    // Each direction of each link has a delay of its own: messages overtake each other.
    this.network.delayMs = (from, to) =>
      1 + (from.key.charCodeAt(0) * 37 + to.key.charCodeAt(1)) % 120;
    this.members = NAMES.map((name) => this.network.add(name, options));
    for (const member of this.members) this.shown.set(member.member.name, member.member.shown);
    for (const place of PAIRS.keys()) this.heal(place);
  }

  pair(place: number): readonly [SyncMember, SyncMember] {
    const [a, b] = PAIRS[place]!;
    return [this.members[a]!, this.members[b]!];
  }

  heal(place: number): void {
    if (this.#linked.has(place)) return;
    this.#linked.add(place);
    this.network.link(...this.pair(place));
  }

  cut(place: number): void {
    if (this.#linked.delete(place)) this.network.unlink(...this.pair(place));
  }

  say(who: number): void {
    const speaker = this.members[who]!;
    const texts = [{ text: `${NAMES[who]} ${this.#said}`, token: this.#said++ }];
    this.knew.set(texts[0]!.text, [...this.shown.get(NAMES[who]!)!]);
    speaker.order(speaker.member.step({ type: "say", texts }, this.network.nowMs));
  }

  /** Only who is on the same side, by the bits of `sides`, sees each other. */
  split(sides: number): void {
    for (const [place, [a, b]] of PAIRS.entries()) {
      if (((sides >> a) & 1) !== ((sides >> b) & 1)) this.cut(place);
    }
  }

  /** The process dies, and a new one begins with what is on disk. */
  crash(who: number): void {
    const old = this.members[who]!;
    const links = [...this.#linked].filter((place) => this.pair(place).includes(old));
    for (const place of links) this.cut(place);
    this.network.remove(old);
    const { name, disk, shown } = old.member;
    const options = { ...this.options, records: disk, incarnation: ++this.#incarnation };
    const reborn = this.network.add(name, options);
    // One list for all processes of a member.
    reborn.member.shown.push(...shown);
    this.shown.set(name, reborn.member.shown);
    this.penalties.push(...old.penalties);
    this.missed.set(name, this.missedBy(old));
    this.members[who] = reborn;
    for (const place of links) this.heal(place);
  }

  quiet(): void {
    for (const place of PAIRS.keys()) this.heal(place);
    this.network.run(60_000);
    for (const { penalties } of this.members) this.penalties.push(...penalties);
  }

  missedBy({ member: { name, effects } }: SyncMember): number {
    let missed = this.missed.get(name) ?? 0;
    for (const effect of effects) if (effect.type === "skipped") missed += effect.messages;
    return missed;
  }

  get said(): number {
    return this.#said;
  }
}

export function assertOneRoom(room: CutRoom): void {
  const [first, ...others] = room.members;
  for (const other of others) {
    assertEquals(other.member.history(), first!.member.history());
    assertEquals(other.member.order.root(), first!.member.order.root());
  }
  for (const [name, shown] of room.shown) assertEquals(new Set(shown).size, shown.length, name);
  assertEquals(room.penalties, []);
}

/** M3: nothing is shown after what its author had been shown before. */
export function assertCausal(room: CutRoom): void {
  for (const [name, shown] of room.shown) {
    const places = new Map(shown.map((text, place) => [text, place]));
    for (const [place, text] of shown.entries()) {
      for (const before of room.knew.get(text) ?? []) {
        assert((places.get(before) ?? -1) < place, `${name} is shown "${before}" after "${text}"`);
      }
    }
  }
}
