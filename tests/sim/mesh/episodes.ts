/** Faults that last for a while: the members affected go on talking, lose each other, and return. */

import { KEPT_MESSAGES_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import type { Random } from "../random.ts";
import type { Member, MemberProcess } from "./member.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;
/** In larger rooms an hour takes too long to simulate. */
const SLEEP_HOUR_MEMBERS_MAX = 8;

/** Joining takes about this many one-way delays. */
const COMING_IN_WORDS = 12;

/** At which every member listens at first. */
const PORT = 55_107;

type IsCut = (from: number, to: number) => boolean;

/** The cuts of the network: temporary ones, and permanent deafness. */
export class Cuts {
  /** By host: the one host that it never hears. No host is in two such pairs. */
  readonly #deaf = new Map<number, number>();
  #isCut: IsCut = () => false;

  constructor(readonly world: World) {}

  set(isCut: IsCut): void {
    this.#isCut = isCut;
    this.world.network.setCuts((from, to) => this.#deaf.get(to) === from || isCut(from, to));
  }

  deafen(to: number, from: number): void {
    const paired = new Set([...this.#deaf].flat());
    if (to === from || paired.has(to) || paired.has(from)) return;
    this.#deaf.set(to, from);
    this.set(this.#isCut);
  }

  get someAreDeaf(): boolean {
    return this.#deaf.size > 0;
  }

  endDeafness(): void {
    this.#deaf.clear();
    this.set(this.#isCut);
  }
}

/** How episodes pass the time. */
interface Pace {
  pass(forMs: number): void;
  /** Somebody sends a message. */
  talk(): void;
}

export class Episodes {
  /** Members whose address has changed while they ran. */
  readonly roamed = new Set<Member>();
  #addresses = 0;

  constructor(
    readonly world: World,
    readonly random: Random,
    readonly cuts: Cuts,
    readonly pace: Pace,
  ) {}

  /** Assigns each host to one of two or three parts. */
  parts(): readonly number[] {
    const parts = 2 + this.random.below(2);
    return Array.from({ length: this.world.config.hosts }, () => this.random.below(parts));
  }

  split(): void {
    const random = this.random;
    const partOf = this.parts();
    this.cuts.set((from, to) => partOf[from] !== partOf[to]);
    this.#talkFor(random.between(3_000, 40_000));
    if (random.chance(0.4)) this.#restartAll(() => {});
    this.cuts.set(() => false);
    if (random.chance(0.5)) return;
    // Cuts the network again while it heals from the first cut.
    this.#talkFor(random.exponential(2_000));
    const others = this.parts();
    this.cuts.set((from, to) => others[from] !== others[to]);
    this.#talkFor(random.between(1_000, 10_000));
    this.cuts.set(() => false);
  }

  #restartAll(meanwhile: () => void): void {
    const { world } = this;
    for (const process of world.present()) world.end(process, this.random.chance(0.3), 0.5);
    this.pace.pass(this.random.between(0, 6_000));
    meanwhile();
    for (const member of world.members) {
      const { process, over } = member;
      if (process !== null || over || !knowsRoom(member)) continue;
      world.start(member, { kind: "resume", room: member.room! });
    }
    this.#talkFor(this.random.between(2_000, 20_000));
  }

  deadMiddle(middle: MemberProcess): void {
    const random = this.random;
    const { host } = middle;
    const partOf = Array.from({ length: this.world.config.hosts }, () => random.below(2));
    this.cuts.set((from, to) => from !== host && to !== host && partOf[from] !== partOf[to]);
    this.#talkFor(random.between(3_000, 15_000));
    this.world.end(middle, random.chance(0.5), 0.5);
    this.#talkFor(random.between(500, 15_000));
    this.cuts.set(() => false);
  }

  quietHalf(): void {
    const { world } = this;
    const partOf = Array.from({ length: world.config.hosts }, () => this.random.below(2));
    this.cuts.set((from, to) => partOf[from] !== partOf[to]);
    const half = (part: number) => world.present().filter(({ host }) => partOf[host] === part);
    for (let said = 0; said < KEPT_MESSAGES_MAX + 500; said++) {
      const busy = half(0).filter(({ pausedBecause, sim }) =>
        pausedBecause === null && !sim.stalled
      );
      if (busy.length > 0) world.say(this.random.pick(busy), "", null);
      if (said % 250 === 0) this.pace.pass(2_000);
      if (said % 1_000 === 0 && half(1).length > 0) world.say(half(1)[0]!, "", null);
    }
    this.cuts.set(() => false);
  }

  /** Gives the member a new address; in some cases another member gets the old one, and this one the other's. */
  roam(process: MemberProcess): void {
    const { member } = process;
    const { world } = this;
    if (member.config.natted) return;
    const { host, port } = member.endpoint;
    const awake = world.present().filter(({ sim }) => !sim.stalled);
    const other = awake.length === 0 ? undefined : this.random.pick(awake).member;
    const changePlaces = other !== undefined && other !== member && !other.config.natted &&
      other.endpoint.port === port && this.random.chance(0.3);
    const left = changePlaces ? other.endpoint : null;
    const elsewhere = { host: `10.1.${this.#addresses >> 8}.${this.#addresses++ & 255}`, port };
    world.roam(member, elsewhere);
    this.roamed.add(member);
    if (changePlaces) {
      this.roamed.add(other);
      world.roam(other, { host, port });
      world.roam(member, left!);
    }
  }

  /** Addresses are handed out anew, to one another, while all run or while all are off. */
  permute(): void {
    // Who has just typed an address that is another's by then may find itself there.
    if (this.world.members.some(({ process }) => process?.readyAtMs === null)) return;
    if (this.random.chance(0.5)) this.#restartAll(() => this.#handOut());
    else this.#handOut();
  }

  #handOut(): void {
    const movers = this.world.members.filter(({ config, over, process, endpoint }) =>
      !config.natted && (process !== null || !over) && endpoint.port === PORT
    );
    this.world.handOut(this.random.shuffled(movers));
  }

  sleep(process: MemberProcess): void {
    const random = this.random;
    const present = this.world.present().length;
    const longest = present <= SLEEP_HOUR_MEMBERS_MAX ? HOUR_MS : 240_000;
    const forMs = random.pick([random.between(5_000, 60_000), longest]);
    this.world.stall(process, forMs, random.chance(0.5));
    // Stalled members aren't asked to talk. This one wakes when all others are there.
    this.#talkFor(forMs);
  }

  /** A few quick messages, for about as long as joining takes. */
  talkTo(): void {
    for (let words = COMING_IN_WORDS; words > 0; words--) {
      this.pace.pass(this.random.exponential(this.world.config.delayMs));
      this.pace.talk();
    }
  }

  #talkFor(forMs: number): void {
    const { time } = this.world;
    for (const untilMs = time.nowMs + forMs; time.nowMs < untilMs;) {
      this.pace.pass(Math.min(untilMs - time.nowMs, this.random.exponential(forMs / 8)));
      this.pace.talk();
    }
  }
}

/** Whether the member can find its room from its disk. */
export function knowsRoom(member: Member): boolean {
  return member.room !== null && member.disk.records.some(({ kind }) => kind === "genesis");
}
