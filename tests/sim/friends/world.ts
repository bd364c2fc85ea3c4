/**
 * Friends in a simulated world: each with a disk, a table and processes in turn, on a network that is cut and
 * healed. What was typed and what was seen is written down, for the checkers.
 */

import type { Environment } from "../../../lib/base/environment.ts";
import { SILENT_LOGGER } from "../../../lib/base/environment.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/names.ts";
import type { FriendsCommand, FriendsEvent } from "../../../lib/protocols/friends/events.ts";
import { Friends } from "../../../lib/protocols/friends/friends.ts";
import type {
  FriendRow,
  FriendsEffect,
  FriendsInput,
} from "../../../lib/protocols/friends/friends_io.ts";
import { FRIENDS_LANES, type FriendsMessage } from "../../../lib/protocols/friends/messages.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { SimDisk } from "../disk.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import { type Call, Network, type Station } from "../network.ts";
import { type Persist, type ProcessPort, SimProcess } from "../process.ts";
import { Random } from "../random.ts";
import { Timer, VirtualTime } from "../virtual_time.ts";

const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
const SHOWN_RECORD_MS_MAX = 200;

/** One message that was typed: its text is its own. */
export interface Said {
  readonly text: string;
  readonly from: Person;
  readonly to: Person;
  /** The sender was told that it is safe. */
  queued: boolean;
  delivered: boolean;
  failed: boolean;
  /** How often its receiver has been shown it. */
  shown: number;
}

export class Violation extends Error {
  override readonly name = "Violation";
}

/** What was on a disk, and what its user had been told by then. */
interface DiskImage {
  readonly records: readonly FriendsRecord[];
}

export class Person {
  readonly signer;
  process: Process | null = null;
  endpoint: Endpoint;
  wallOffsetMs = 0;
  readonly pins = new Map<string, Fingerprint>();
  /** What it has been shown, in order, by sender. */
  readonly seen = new Map<Person, Said[]>();
  image: DiskImage | null = null;
  /** Its disk was put back to an old state: what was received since may come to be missing. */
  restored = false;

  constructor(
    readonly world: World,
    readonly index: number,
    readonly disk: SimDisk<FriendsRecord>,
  ) {
    this.signer = fakeSigner(`${world.seed}/${index}`);
    this.endpoint = { host: `10.0.0.${index}`, port: 5_001 };
  }

  get name(): string {
    return `f${this.index}`;
  }

  get key(): PeerKey {
    return this.signer.key;
  }
}

export class Process
  implements Station<FriendsMessage>, ProcessPort<FriendsInput, FriendsEffect, FriendsRecord> {
  readonly tick: FriendsInput = { type: "tick" };
  readonly machine: Friends;
  readonly sim: SimProcess<FriendsInput, FriendsEffect, FriendsRecord>;
  readonly links = new Map<LinkId, LinkEnd<FriendsMessage>>();
  gone = false;
  powerLost = false;
  readIntervalMs = 0;
  readableAtMs = 0;
  /** Killed when so many more effects were carried out; -1 for never. */
  effectsLeft = -1;
  ended: string | null = null;
  #nextLink = 1;
  #shownThrough: string | null = null;
  readonly #shownTimer = new Timer(() => {
    if (this.gone || this.sim.stalled || this.#shownThrough === null) return;
    this.person.disk.write([{ kind: "shown", through: this.#shownThrough }]);
  });

  constructor(readonly person: Person) {
    const { world } = person;
    const random = world.random.fork();
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => Math.floor(WALL_EPOCH_MS + world.time.nowMs + person.wallOffsetMs),
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    this.machine = new Friends(
      {
        name: person.name,
        listening: person.endpoint,
        users: "users.txt",
        friends: world.rowsFor(person),
        pins: new Map(person.pins),
        records: [...person.disk.records],
        idleMs: world.idleMs,
        queue: true,
      },
      person.signer,
      environment,
    );
    const clock = { offsetMs: random.between(0, 1e6), rate: 1 };
    this.sim = new SimProcess(
      this.machine,
      world.time,
      clock,
      person.disk,
      random.chance(0.5),
      this,
    );
  }

  get host(): number {
    return this.person.index;
  }

  get seenHost(): string {
    return this.person.endpoint.host;
  }

  get silent(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  command(command: FriendsCommand, ref?: string): void {
    this.sim.deliver({ type: "command", command, ref });
  }

  refusal(call: Call<FriendsMessage>): string | null {
    const own = fingerprintOf(this.person.key);
    return call.expect !== null && call.expect !== own ? "wrong-key" : null;
  }

  linkUp(end: LinkEnd<FriendsMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    const peer = (end.other.owner as Process).person.key;
    const { dialled, attempt } = end;
    this.sim.deliver({ type: "link-up", link: end.id, peer, dialled, attempt });
  }

  linkDown(end: LinkEnd<FriendsMessage>, closed: boolean, reason: string): void {
    if (!this.links.delete(end.id)) return;
    this.sim.deliver({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<FriendsMessage>, message: FriendsMessage): void {
    this.sim.deliver({ type: "message", link: end.id, message });
  }

  congested(): void {
    throw new Violation(`${this.person.name} has filled a link's queue`);
  }

  drained(end: LinkEnd<FriendsMessage>): void {
    this.sim.deliver({ type: "drained", link: end.id });
  }

  persistOf(effect: FriendsEffect): Persist<FriendsRecord> | null {
    return effect.type === "persist" ? effect : null;
  }

  persisted(effect: FriendsEffect, stored: boolean): FriendsInput | null {
    if (effect.type !== "persist") return null;
    const { token } = effect;
    if (!stored) return { type: "persist-failed", token, text: "Cannot write: the disk is full" };
    return token === null ? null : { type: "persisted", token };
  }

  stepped(input: FriendsInput): void {
    this.person.world.note(this.person.name, input);
  }

  carriedOut(): void {
    if (this.effectsLeft > 0 && --this.effectsLeft === 0) this.person.world.end(this, false);
  }

  perform(effect: FriendsEffect): void {
    const { world } = this.person;
    world.note(`${this.person.name} >`, effect);
    switch (effect.type) {
      case "dial":
        return this.#dial(effect);
      case "send": {
        const end = this.links.get(effect.link);
        end?.send(effect.message, FRIENDS_LANES[effect.message.type], sizeOf(effect.message));
        return;
      }
      case "ban":
        throw new Violation(`${this.person.name} bans a friend: ${effect.reason}`);
      case "close":
        this.links.get(effect.link)?.close(effect.reason);
        return;
      case "show":
        return world.shown(this.person, effect.event, effect.ref);
      case "shown":
        this.#shownThrough = effect.through;
        if (!this.#shownTimer.armed) {
          world.time.arm(
            this.#shownTimer,
            world.time.nowMs + world.random.below(SHOWN_RECORD_MS_MAX),
          );
        }
        return;
      case "pin":
        this.person.pins.set(foldName(effect.name), fingerprintOf(effect.key));
        return;
      case "stop":
        this.ended = effect.outcome.kind;
        return world.end(this, false);
      case "input":
      case "persist":
        return;
    }
  }

  #dial({ attempt, endpoint, expect }: Extract<FriendsEffect, { readonly type: "dial" }>): void {
    const { world } = this.person;
    const failed = (reason: string) => {
      const listener = world.network.listener(endpoint);
      const key = reason === "wrong-key" && listener !== undefined && "person" in listener
        ? (listener as Process).person.key
        : null;
      const text = `cannot be reached: ${reason}`;
      this.sim.deliver({ type: "dial-failed", attempt, reason, text, key });
    };
    world.network.dial({ from: this, attempt, endpoint, expect, room: null, failed });
  }
}

function sizeOf(message: FriendsMessage): number {
  if (message.type !== "texts") return 50;
  return message.entries.reduce((sum, { text }) => sum + text.length + 30, 10);
}

export interface WorldOptions {
  readonly seed: number;
  readonly people: number;
  /** Of the rows, how many say whose key it is. */
  readonly fingerprintChance: number;
  readonly delayMs: number;
  readonly idleMs: number;
  readonly print: ((line: string) => void) | null;
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
    const { seed, people, delayMs } = options;
    this.seed = seed;
    this.idleMs = options.idleMs;
    this.random = new Random(seed);
    const limits = { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 };
    this.network = new Network(this.time, this.random.fork(), limits, people, () => ({
      delayMs,
      jitterMs: delayMs / 2,
      bytesPerMs: Infinity,
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

  /** The table without one's own row. */
  rowsFor(person: Person): readonly FriendRow[] {
    return this.people.filter((other) => other !== person).map((other) => ({
      name: other.name,
      endpoint: other.endpoint,
      fingerprint: this.#withFingerprint.has(other) ? fingerprintOf(other.key) : null,
    }));
  }

  start(person: Person): void {
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

  /** Everybody's table says that this person listens elsewhere now. */
  move(person: Person): void {
    const { host, port } = person.endpoint;
    if (person.process !== null) this.end(person.process, false);
    person.endpoint = { host, port: port + 1 };
    this.start(person);
    for (const other of this.people) {
      other.process?.sim.deliver({ type: "table", friends: this.rowsFor(other) });
    }
  }

  say(from: Person, to: Person, words: string): void {
    const text = `m${this.said.length} ${words}`;
    const said = { text, from, to, queued: false, delivered: false, failed: false, shown: 0 };
    this.said.push(said);
    this.#byText.set(text, said);
    from.process?.command({ command: "msg", name: to.name, text }, String(this.said.length - 1));
  }

  shown(person: Person, event: FriendsEvent, ref: string | undefined): void {
    if (event.event === "message") return this.#message(person, event);
    if (ref === undefined) return;
    const said = this.said[Number(ref)];
    if (said === undefined) return;
    if (event.event === "delivery") said[event.state] = true;
    if (event.event === "error") said.failed = true;
  }

  #message(person: Person, event: Extract<FriendsEvent, { readonly event: "message" }>): void {
    const said = this.#byText.get(event.text);
    if (said === undefined) throw new Violation(`${person.name} sees what nobody typed`);
    if (said.to !== person || event.from !== said.from.name) {
      throw new Violation(`${person.name} sees "${said.text}" from ${event.from}`);
    }
    said.shown++;
    const seen = person.seen.get(said.from) ?? [];
    person.seen.set(said.from, seen);
    if (said.shown > 1) {
      if (!event.history && !person.restored) {
        throw new Violation(`${person.name} sees "${said.text}" twice`);
      }
      return;
    }
    const last = seen.at(-1);
    if (last !== undefined && this.said.indexOf(last) > this.said.indexOf(said)) {
      throw new Violation(`${person.name} sees "${said.text}" after "${last.text}"`);
    }
    seen.push(said);
  }

  note(who: string, what: unknown): void {
    const { print } = this.options;
    if (print === null) return;
    const text = typeof what === "string" ? what : JSON.stringify(what);
    print(`${this.time.nowMs.toFixed(3).padStart(12)} ${who} ${text.slice(0, 300)}`);
  }
}
