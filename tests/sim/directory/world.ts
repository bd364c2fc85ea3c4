/**
 * A directory and its clients in a simulated world: each with a disk and processes in turn, on a network that is cut
 * and healed. What was told, said and seen is written down, for the checkers.
 */

import { type Fingerprint } from "../../../lib/base/fingerprint.ts";
import type { Endpoint, PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine.ts";
import type { Client } from "../../../lib/protocols/directory/client.ts";
import type {
  ClientEffect,
  ClientInput,
  Entry,
} from "../../../lib/protocols/directory/client_io.ts";
import type { ClientRecord } from "../../../lib/protocols/directory/client_records.ts";
import type { Directory } from "../../../lib/protocols/directory/directory.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/directory_io.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/messages.ts";
import type { DirectoryRecord } from "../../../lib/protocols/directory/records.ts";
import { SimDisk } from "../disk.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { Network } from "../network.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { Accounts } from "./accounts.ts";
import { ClientProcess } from "./client_process.ts";
import { type DatagramRates, SimDatagrams } from "./datagrams.ts";
import { DirectoryProcess } from "./directory_process.ts";
import { Ledger } from "./ledger.ts";
import { Talks } from "./talks.ts";
import { Violation } from "./violation.ts";

const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
const PASSWORD = "longenough";

/** Something wrong with every machine. */
export interface Mutation {
  /** In words that follow "a directory, or a client, that". */
  readonly name: string;
  readonly wrapClient?: (client: Client) => Machine<ClientInput, ClientEffect>;
  readonly wrapDirectory?: (directory: Directory) => Machine<DirectoryInput, DirectoryEffect>;
  /** What a process finds on its disk. */
  readonly clientRecords?: (records: readonly ClientRecord[]) => readonly ClientRecord[];
  readonly directoryRecords?: (records: readonly DirectoryRecord[]) => readonly DirectoryRecord[];
  /** Replaces methods; what it returns puts them back. */
  readonly install?: () => () => void;
}

export class Person {
  readonly signer;
  readonly disk: SimDisk<ClientRecord>;
  process: ClientProcess | null = null;
  readonly pins = new Map<string, Fingerprint>();
  wallOffsetMs = 0;
  /** Nobody reaches it by dialling. */
  isHidden = false;
  isSlow = false;
  /** Its disk was put back: what it stored since may never be shown. */
  isExcused = false;
  image: readonly ClientRecord[] | null = null;

  constructor(readonly world: World, readonly index: number) {
    this.signer = fakeSigner(`${world.options.seed}/${index}`);
    const disk = { syncMs: 1, slowChance: 0.02 };
    this.disk = new SimDisk(world.time, world.random.fork(), disk);
  }

  get name(): string {
    return `p${this.index}`;
  }

  get key(): PeerKey {
    return this.signer.key;
  }

  get address(): string {
    return `10.0.0.${this.index}`;
  }

  get endpoint(): Endpoint {
    return { host: this.address, port: 6_000 };
  }
}

export interface WorldOptions {
  readonly seed: number;
  readonly people: number;
  readonly delayMs: number;
  readonly bytesPerMs: number;
  readonly datagrams: DatagramRates;
  /** Of the people, how many can't be dialled at first. */
  readonly hiddenChance: number;
  readonly relays: boolean;
  readonly ttlMs: number;
  readonly print: ((line: string) => void) | null;
  readonly mutation: Mutation | null;
}

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<DirectoryMessage>;
  readonly datagrams: SimDatagrams;
  readonly accounts = new Accounts();
  readonly ledger = new Ledger();
  readonly talks = new Talks();
  readonly people: readonly Person[];
  readonly endpoint: Endpoint = { host: "10.0.0.100", port: 4_400 };
  readonly signer;
  readonly disk: SimDisk<DirectoryRecord>;
  directory: DirectoryProcess | null = null;
  /** Whoever is called answers it. */
  answers: "somehow" | "always" = "somehow";
  #lines = 0;

  constructor(readonly options: WorldOptions) {
    const { seed, people, delayMs, bytesPerMs } = options;
    this.random = new Random(seed);
    this.signer = fakeSigner(`${seed}/directory`);
    const limits = { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 };
    this.network = new Network(this.time, this.random.fork(), limits, people + 1, () => ({
      delayMs,
      jitterMs: delayMs / 2,
      bytesPerMs,
    }));
    const random = this.random.fork();
    this.datagrams = new SimDatagrams(this.time, random, this.network, options.datagrams);
    this.disk = new SimDisk(this.time, this.random.fork(), { syncMs: 1, slowChance: 0.02 });
    this.people = Array.from({ length: people }, (_, index) => new Person(this, index + 1));
    for (const person of this.people) {
      person.isHidden = this.random.chance(options.hiddenChance);
    }
  }

  wallMs(): number {
    return Math.floor(WALL_EPOCH_MS + this.time.nowMs);
  }

  /** Those that run. */
  get processes(): readonly ClientProcess[] {
    return this.people.flatMap(({ process }) => process === null ? [] : [process]);
  }

  startDirectory(): void {
    if (this.directory !== null) return;
    // Whoever opens a log syncs it first.
    this.disk.restore(this.disk.records);
    const process = this.directory = new DirectoryProcess(this);
    this.network.listen(this.endpoint, process);
    this.datagrams.listen(this.endpoint, process);
    process.sim.deliver({ type: "start" });
  }

  endDirectory(powerLost: boolean): void {
    const process = this.directory;
    if (process === null) return;
    this.note("directory", powerLost ? "power lost" : "end");
    process.sim.end();
    process.gone = true;
    process.powerLost = powerLost;
    if (powerLost) this.disk.powerLost();
    else this.disk.processEnds();
    this.network.unlisten(this.endpoint);
    this.datagrams.unlisten(this.endpoint);
    for (const end of [...process.links.values()]) end.abandon(powerLost, 0.5);
    this.directory = null;
  }

  /** As itself: logged in, or signed up where it has no account yet. */
  ownEntry({ name }: Person): Entry {
    const how = this.accounts.has(name) ? "log-in" : "sign-up";
    return { how, name, password: PASSWORD, newPassword: "" };
  }

  /** As itself mostly, as a guest, or on another one's account. */
  anyEntry(person: Person): Entry {
    const { random } = this;
    if (random.chance(0.15)) {
      return { how: "guest", name: `g${person.index}`, password: "", newPassword: "" };
    }
    const other = random.pick(this.people);
    const isOther = random.chance(0.25) && this.accounts.has(other.name);
    return this.ownEntry(isOther ? other : person);
  }

  start(person: Person, entry: Entry): void {
    if (person.process !== null) return;
    person.disk.restore(person.disk.records);
    const process = person.process = new ClientProcess(person, entry);
    if (!person.isHidden) this.network.listen(person.endpoint, process);
    this.datagrams.listen(person.endpoint, process);
    process.sim.deliver({ type: "start" });
  }

  end(process: ClientProcess, powerLost: boolean): void {
    const { person } = process;
    if (person.process !== process) return;
    this.note(person.name, powerLost ? "power lost" : `end ${process.ended ?? ""}`);
    process.end();
    process.powerLost = powerLost;
    if (powerLost) person.disk.powerLost();
    else person.disk.processEnds();
    if (this.network.listener(person.endpoint) === process) this.network.unlisten(person.endpoint);
    this.datagrams.unlisten(person.endpoint);
    // Whoever leaves by itself has closed its links: what it sent goes out.
    const isLeaving = process.ended !== null;
    for (const end of [...process.links.values()]) end.abandon(powerLost, isLeaving ? 0 : 0.5);
    person.process = null;
  }

  /** Somebody is called. */
  asked(process: ClientProcess): void {
    const { random, answers } = this;
    const answer = answers === "always" || random.chance(0.6)
      ? { command: "accept" } as const
      : random.chance(0.5)
      ? { command: "decline", reason: "not now" } as const
      : null;
    if (answer === null) return;
    this.time.after(random.exponential(1_000), () => {
      if (process.sight.call !== null) process.command(answer);
    });
  }

  say(process: ClientProcess, words: string): void {
    process.command({ command: "say", text: `l${this.#lines++} ${words}` });
  }

  // What holds when all is quiet.

  checkQuiet(): void {
    this.#checkAllIn();
    this.#checkLists();
    this.#checkCalls();
    this.ledger.checkAll(this.processes);
  }

  #checkAllIn(): void {
    for (const { person, sight } of this.processes) {
      if (sight.state !== "up") throw new Violation(`${person.name} isn't in: ${sight.state}`);
    }
  }

  #checkLists(): void {
    const truth = this.processes.map(({ sight }) =>
      `${sight.name} ${sight.talk === null ? "free" : "busy"}`
    ).sort().join(", ");
    for (const { person, sight } of this.processes) {
      const list = [...sight.users].map(([name, state]) => `${name} ${state}`).sort().join(", ");
      if (list !== truth) throw new Violation(`${person.name} sees [${list}], not [${truth}]`);
    }
  }

  #checkCalls(): void {
    for (const { person, sight, machine } of this.processes) {
      const { call } = machine.calling;
      if ((sight.call === null) !== (call === null)) {
        throw new Violation(`${person.name} isn't told what becomes of a call`);
      }
      const { talk } = sight;
      if (talk === null || call?.isSelf) continue;
      const other = this.talks.other(talk);
      if (other === null || other.end !== null || other.process.gone) {
        throw new Violation(`${person.name} talks to nobody`);
      }
      if (other.process.sight.name !== talk.peer) {
        throw new Violation(
          `${person.name} talks to ${other.process.sight.name}, not ${talk.peer}`,
        );
      }
    }
  }

  note(who: string, what: unknown): void {
    const { print } = this.options;
    if (print === null) return;
    const text = typeof what === "string"
      ? what
      : JSON.stringify(what, (_, value) =>
        value instanceof Uint8Array ? value.toHex().slice(0, 32) : value);
    print(`${this.time.nowMs.toFixed(3).padStart(12)} ${who} ${text.slice(0, 300)}`);
  }
}
