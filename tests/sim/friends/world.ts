/**
 * A simulated world of friends: each has a disk, a table and one process after the other, on a network that is
 * cut and healed. It records what was typed and shown, for the checkers.
 */

import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, PeerKey } from "../../../lib/base/ids.ts";
import type { FriendsEvent } from "../../../lib/protocols/friends/events.ts";
import type { FriendRow } from "../../../lib/protocols/friends/friends_io.ts";
import type { FriendsMessage } from "../../../lib/protocols/friends/messages.ts";
import { isSamePosition } from "../../../lib/protocols/friends/positions.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { SimDisk } from "../disk.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { Network } from "../network.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { Impostor } from "./impostor.ts";
import type { Mutation } from "./mutations.ts";
import { Process, Violation } from "./process.ts";

/** The prefix of the `ref` of a withdrawal (`/unsend`). */
const UNSEND = "unsend ";

/** A message that was typed; its text is unique. */
export interface Said {
  readonly text: string;
  readonly from: Person;
  readonly to: Person;
  /** Whether the sender was told that it is safe on disk. */
  queued: boolean;
  delivered: boolean;
  failed: boolean;
  /** Its id, once the sender was told that it is safe on disk. */
  id: string | null;
  /** Whether the sender has requested its withdrawal; a process that is killed doesn't report the result. */
  isAskedBack: boolean;
  /** Whether the sender was told that it is withdrawn. */
  takenBack: boolean;
  /** How often its receiver was shown it. */
  shown: number;
  /** The process in which it was typed, the only one that reports its delivery; null where none was running. */
  readonly process: Process | null;
  /** Whether its receiver was missing from the sender's table then. */
  readonly isToStranger: boolean;
}

/** The records on a disk at some time. */
interface DiskImage {
  readonly records: readonly FriendsRecord[];
}

export class Person {
  readonly signer;
  process: Process | null = null;
  endpoint: Endpoint;
  /** Where everybody's table says that it is. */
  row: Endpoint;
  wallOffsetMs = 0;
  readonly pins = new Map<string, Fingerprint>();
  /** The messages that this person was shown, in order, by sender. */
  readonly seen = new Map<Person, Said[]>();
  image: DiskImage | null = null;
  /** Whether the disk was restored to an earlier state: messages received since then may be missing. */
  restored = false;
  /**
   * Texts on the disk that weren't recorded as shown when the process started: that process shows them, as
   * history.
   */
  unshown = new Set<string>();
  /** The number of messages typed by everybody when the disk was last restored. */
  restoredAt = 0;
  /** The number of messages typed by everybody when the disk last began to refuse writes. */
  fullAt = 0;
  /** Whether the disk ever refused writes. */
  wasFull = false;
  /** People who are missing from this person's table for a while. */
  readonly forgotten = new Set<Person>();

  constructor(
    readonly world: World,
    readonly index: number,
    readonly disk: SimDisk<FriendsRecord>,
  ) {
    this.signer = fakeSigner(`${world.seed}/${index}`);
    this.row = this.endpoint = { host: `10.0.0.${index}`, port: 5_001 };
  }

  get name(): string {
    return `f${this.index}`;
  }

  get key(): PeerKey {
    return this.signer.key;
  }
}

export interface WorldOptions {
  readonly seed: number;
  readonly people: number;
  /** The probability that a person's rows in the tables contain the fingerprint. */
  readonly fingerprintChance: number;
  readonly delayMs: number;
  readonly bytesPerMs: number;
  readonly idleMs: number;
  readonly print: ((line: string) => void) | null;
  /** The bug in every machine; null for none. */
  readonly mutation: Mutation | null;
}

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<FriendsMessage>;
  readonly people: Person[];
  readonly said: Said[] = [];
  readonly seed: number;
  readonly idleMs: number;
  readonly #byText = new Map<string, Said>();
  readonly #withFingerprint: ReadonlySet<Person>;

  constructor(readonly options: WorldOptions) {
    const { seed, people, delayMs, bytesPerMs } = options;
    this.seed = seed;
    this.idleMs = options.idleMs;
    this.random = new Random(seed);
    const limits = { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 };
    this.network = new Network(this.time, this.random.fork(), limits, people + 1, () => ({
      delayMs,
      jitterMs: delayMs / 2,
      bytesPerMs,
    }));
    const disk = { syncMs: 1, slowChance: 0.02 };
    this.people = Array.from(
      { length: people },
      (_, index) => new Person(this, index, new SimDisk(this.time, this.random.fork(), disk)),
    );
    this.#withFingerprint = new Set(
      this.people.filter(() => this.random.chance(options.fingerprintChance)),
    );
  }

  /** The table of a person: without the person's own row and those of forgotten people. */
  rowsFor(person: Person): readonly FriendRow[] {
    const listed = this.people.filter((other) => other !== person && !person.forgotten.has(other));
    return listed.map((other) => ({
      name: other.name,
      endpoint: other.row,
      fingerprint: this.#withFingerprint.has(other) ? fingerprintOf(other.key) : null,
    }));
  }

  start(person: Person): void {
    // A program syncs its log when it opens it: what it then shows or reports from there must survive a power
    // loss.
    person.disk.restore(person.disk.records);
    person.unshown = unshownIn(person.disk.records);
    const process = new Process(person);
    person.process = process;
    this.network.listen(person.endpoint, process);
    process.sim.deliver({ type: "start" });
  }

  end(process: Process, powerLost: boolean): void {
    const { person } = process;
    if (person.process !== process) return;
    this.note(person.name, powerLost ? "power lost" : "end");
    process.sim.end();
    process.gone = true;
    process.powerLost = powerLost;
    if (powerLost) person.disk.powerLost();
    else person.disk.processEnds();
    if (this.network.listener(person.endpoint) === process) this.network.unlisten(person.endpoint);
    for (const end of [...process.links.values()]) end.abandon(powerLost, 0.5);
    person.process = null;
  }

  /** Restarts this person at another address, which everybody's table has from now on. */
  move(person: Person): void {
    const { host, port } = person.endpoint;
    if (this.people.some(({ row, endpoint }) => row !== endpoint)) return; // who was where it moves to isn't found any more
    if (person.process !== null) this.end(person.process, false);
    person.row = person.endpoint = { host, port: port + 1 };
    this.start(person);
    for (const other of this.people) this.tellTable(other);
  }

  /** Each gets the next one's address, while they run or restarted; the tables stay as they are. */
  handOut(isRestarted: boolean): void {
    if (!this.people.every((person) => this.#withFingerprint.has(person))) return;
    const people = this.random.shuffled(this.people);
    const [first, ...rest] = people.map(({ endpoint }) => endpoint);
    const endpoints = [...rest, first!];
    for (const { process } of people) {
      if (process === null) continue;
      if (isRestarted) this.end(process, false);
      else this.network.unlisten(process.person.endpoint);
    }
    people.forEach((person, at) => {
      person.endpoint = endpoints[at]!;
      if (isRestarted) this.start(person);
      else if (person.process !== null) this.network.listen(person.endpoint, person.process);
    });
    for (const end of this.network.ends) end.strand();
  }

  /** An impostor dials `victim` and claims to be `claimed`. */
  attack(victim: Person, claimed: Person): void {
    const { key } = fakeSigner(`${this.seed}/impostor`);
    new Impostor(this, this.people.length, { key }, victim, claimed).dial();
  }

  say(from: Person, to: Person, words: string): void {
    const text = `m${this.said.length} ${words}`;
    const said = {
      text,
      from,
      to,
      queued: false,
      delivered: false,
      failed: false,
      id: null,
      isAskedBack: false,
      takenBack: false,
      shown: 0,
      process: from.process,
      isToStranger: from === to || from.forgotten.has(to),
    };
    this.said.push(said);
    this.#byText.set(text, said);
    from.process?.command({ command: "msg", name: to.name, text }, String(this.said.length - 1));
  }

  /** The user goes away, or is back (null). */
  goes(person: Person, away: string | null): void {
    if (person.process === null) return;
    person.process.away = away;
    person.process.command({ command: "presence", change: { away } });
  }

  /** Checks that everybody is told of everybody whether it is away. @throws {Violation} */
  checkAway(): void {
    for (const { process, name } of this.people) {
      process?.command({ command: "list" });
      for (const other of this.people) {
        if (other.process === process) continue;
        const { away = null } = process?.listed.find((friend) => friend.name === other.name) ?? {};
        if (away === other.process?.away) continue;
        throw new Violation(`${name} takes ${other.name} for away: ${away}`);
      }
    }
  }

  shown(person: Person, event: FriendsEvent, ref: string | undefined): void {
    if (event.event === "message") return this.#message(person, event);
    if (event.event === "friends") person.process!.listed = event.friends;
    if (ref === undefined) return;
    if (ref.startsWith(UNSEND)) {
      const said = this.said[Number(ref.slice(UNSEND.length))]!;
      if (event.event === "delivery" && event.state === "failed") said.takenBack = true;
      return;
    }
    const said = this.said[Number(ref)];
    if (said === undefined) return;
    if (event.event === "error") {
      const isDue = (event.code === "unknown-user" && said.isToStranger) ||
        (event.code === "disk" && person.wasFull);
      if (!isDue) throw new Violation(`"${said.text.slice(0, 20)}" isn't sent: ${event.text}`);
      said.failed = true;
    }
    if (event.event !== "delivery") return;
    if (event.state === "failed" && !said.isAskedBack) {
      throw new Violation(`"${said.text.slice(0, 20)}" has failed: ${event.reason}`);
    }
    said[event.state] = true;
    said.id = event.id;
  }

  /** The sender requests the withdrawal of a message. */
  unsend(said: Said): void {
    if (said.id === null) return;
    said.isAskedBack = true;
    const ref = `${UNSEND}${this.said.indexOf(said)}`;
    said.from.process?.command({ command: "unsend", id: said.id }, ref);
  }

  /** Makes the person's process read its table again. */
  tellTable(person: Person): void {
    person.process?.sim.deliver({ type: "table", friends: this.rowsFor(person) });
  }

  #message(person: Person, event: Extract<FriendsEvent, { readonly event: "message" }>): void {
    const said = this.#byText.get(event.text);
    if (said === undefined) throw new Violation(`${person.name} sees what nobody typed`);
    if (said.to !== person || event.from !== said.from.name) {
      throw new Violation(`${person.name} sees "${said.text.slice(0, 20)}" from ${event.from}`);
    }
    // A message is sent even if the disk is full; a sender killed then doesn't remember having sent it.
    const couldForget = said.from.restored || this.said.indexOf(said) < said.from.fullAt;
    if (said.takenBack && !couldForget) {
      throw new Violation(`${person.name} sees "${said.text.slice(0, 20)}", which was taken back`);
    }
    said.shown++;
    const isEarlier = person.unshown.delete(said.text);
    if (event.history !== isEarlier && !person.restored) {
      throw new Violation(
        `${person.name} sees "${said.text.slice(0, 20)}", history: ${event.history}`,
      );
    }
    const seen = person.seen.get(said.from) ?? [];
    person.seen.set(said.from, seen);
    if (said.shown > 1) {
      if (!event.history && !person.restored) {
        throw new Violation(`${person.name} sees "${said.text.slice(0, 20)}" twice`);
      }
      return;
    }
    const last = seen.at(-1);
    const at = this.said.indexOf(said);
    // Messages that a restored disk brings back may be older than messages shown since.
    if (last !== undefined && this.said.indexOf(last) > at && at >= said.from.restoredAt) {
      throw new Violation(
        `${person.name} sees "${said.text.slice(0, 20)}" after "${last.text.slice(0, 20)}"`,
      );
    }
    seen.push(said);
  }

  /** Checks that every message reported as safe has arrived, and that each report is right. @throws {Violation} */
  checkAllDelivered(): void {
    for (const said of this.said) {
      if (said.failed || said.isAskedBack) continue;
      const { text, from, to, queued, delivered, shown } = said;
      const what = `"${text.slice(0, 20)}" from ${from.name} to ${to.name}`;
      if (queued && shown === 0) throw new Violation(`${what} was queued, and never shown`);
      const isTold = said.process !== null && said.process === from.process;
      if (isTold && !queued) throw new Violation(`${what}: its sender isn't told that it is safe`);
      // A restored disk doesn't contain what was sent or received since.
      if (isTold && !delivered && !from.restored && !to.restored) {
        throw new Violation(`${what}: its sender isn't told that it arrived`);
      }
      if (delivered && shown === 0) throw new Violation(`${what} was delivered, and never shown`);
    }
    for (const { process, name } of this.people) {
      if (process === null) throw new Violation(`${name} doesn't run at the end`);
    }
  }

  note(who: string, what: unknown): void {
    const { print } = this.options;
    if (print === null) return;
    const text = typeof what === "string" ? what : JSON.stringify(what);
    print(`${this.time.nowMs.toFixed(3).padStart(12)} ${who} ${text.slice(0, 300)}`);
  }
}

/** Texts of messages received after the last one that was recorded as shown. */
function unshownIn(records: readonly FriendsRecord[]): Set<string> {
  const shown = records.findLast((record) => record.kind === "shown");
  const from = shown === undefined
    ? -1
    : records.findLastIndex((record) =>
      record.kind === "received" && record.key === shown.key &&
      isSamePosition(record.position, shown.through)
    );
  return new Set(
    records.slice(from + 1).flatMap((record) => record.kind === "received" ? [record.text] : []),
  );
}
