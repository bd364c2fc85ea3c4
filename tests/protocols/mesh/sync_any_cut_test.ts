import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { MemberOptions } from "./order_members.ts";
import { type SyncMember, SyncNetwork } from "./sync_network.ts";

const NAMES = ["ann", "bob", "carl", "dora", "emil"];
const PAIRS = NAMES.flatMap((_, a) => NAMES.slice(a + 1).map((_, b) => [a, a + 1 + b] as const));

/** What happens, step by step; numbers are taken modulo what there is. */
const happenings = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("say" as const), who: fc.nat(4) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), who: fc.nat(9) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("heal" as const), who: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), who: fc.nat(4) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), who: fc.nat(15_000) }),
    },
  ),
  { minLength: 5, maxLength: 60 },
);

/**
 * What dora says is too old to be kept anywhere but for its end, which alone others get from her: she can't supply what
 * comes before it, and nobody's hash says so.
 */
const OVERTAKEN = [0, 0, 4, 0, 0, 2, 2, 3, 2, 2, 3].map((who) => ({ kind: "say" as const, who }));

/** Five members, of whom some see each other; what each has shown, through its restarts. */
class CutRoom {
  readonly network = new SyncNetwork();
  readonly members: SyncMember[];
  readonly shown = new Map<string, string[]>();
  readonly penalties: string[] = [];
  /** How many messages each was told that it missed, in its earlier processes. */
  readonly missed = new Map<string, number>();
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
    speaker.order(speaker.member.step({ type: "say", texts }, this.network.nowMs));
  }

  /** The process dies, and a new one begins with what is on disk. */
  crash(who: number): void {
    const old = this.members[who]!;
    const links = [...this.#linked].filter((place) => this.pair(place).includes(old));
    for (const place of links) this.cut(place);
    this.network.members.splice(this.network.members.indexOf(old), 1);
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
    this.network.run(this.network.nowMs + 60_000);
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

function play(room: CutRoom, script: readonly { kind: keyof CutRoom | "wait"; who: number }[]) {
  for (const { kind, who } of script) {
    if (kind === "wait") room.network.run(room.network.nowMs + who);
    else (room[kind] as (who: number) => void).call(room, who);
  }
  room.quiet();
}

function assertOneRoom(room: CutRoom): void {
  const [first, ...others] = room.members;
  for (const other of others) {
    assertEquals(other.member.history(), first!.member.history());
    assertEquals(other.member.order.root(), first!.member.order.root());
  }
  for (const [name, shown] of room.shown) assertEquals(new Set(shown).size, shown.length, name);
  assertEquals(room.penalties, []);
}

for (const floods of [false, true]) {
  const how = floods ? "flooded" : "by anti-entropy alone";
  Deno.test(`Order and AntiEntropy, ${how}: all get all once through any cuts and crashes`, () => {
    fc.assert(
      fc.property(happenings, (script) => {
        const room = new CutRoom(floods);
        play(room, script);

        assertOneRoom(room);
        for (const [name, shown] of room.shown) assertEquals(shown.length, room.said, name);
      }),
      { numRuns: 40 },
    );
  });
}

for (const floods of [false, true]) {
  const how = floods ? "flooded" : "by anti-entropy alone";
  Deno.test(`Order and AntiEntropy, ${how}: nobody is told of more than was missed`, () => {
    fc.assert(
      fc.property(happenings, (script) => {
        const room = new CutRoom(floods, { keptMessagesMax: 6 });
        play(room, script);

        assertOneRoom(room);
        for (const member of room.members) {
          const shown = member.member.shown.length;
          assert(shown + room.missedBy(member) <= room.said);
        }
      }),
      { numRuns: 40, examples: [[OVERTAKEN]] },
    );
  });
}
