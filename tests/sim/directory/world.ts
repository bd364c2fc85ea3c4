/**
 * A simulated world with a directory and its clients: each has a disk and one process after the other, on a network
 * that is cut and healed. It records what is sent, said and shown, for the checkers.
 */

import { stateText } from "./sight.ts";
import { type Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { Client } from "../../../lib/protocols/directory/client/client.ts";
import type {
  ClientEffect,
  ClientInput,
  Entry,
} from "../../../lib/protocols/directory/schema/client_io.ts";
import type { ClientRecord } from "../../../lib/protocols/directory/schema/client_records.ts";
import type { Directory } from "../../../lib/protocols/directory/directory.ts";
import type {
  DirectoryEffect,
  DirectoryInput,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import type {
  BroadcastPolicy,
  DirectoryConfig,
} from "../../../lib/protocols/directory/schema/directory_io.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";
import type { DirectoryRecord } from "../../../lib/protocols/directory/schema/records.ts";
import { SimDisk } from "../disk.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { Network } from "../network.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { watchAbsence } from "./absence.ts";
import { Accounts, type AccountsImage } from "./accounts.ts";
import { ClientProcess } from "./client_process.ts";
import { type DatagramRates, SimDatagrams } from "./datagrams.ts";
import { DirectoryProcess } from "./directory_process.ts";
import { HostileClient } from "./hostile_client.ts";
import { Ledger } from "./ledger.ts";
import { Roster } from "./roster.ts";
import { Talks } from "./talks.ts";
import { Violation } from "./violation.ts";

const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
const PASSWORD = "longenough";
const WRONG_PASSWORD = "not the password";
/** A caller is told the outcome of ringing within this time. */
const OUTCOME_MS = 50_000;

/** A bug in every machine. */
export interface Mutation {
  /** What they do wrong: completes "a directory, or a client, that". */
  readonly name: string;
  readonly wrapClient?: (client: Client) => Machine<ClientInput, ClientEffect>;
  readonly wrapDirectory?: (directory: Directory) => Machine<DirectoryInput, DirectoryEffect>;
  /** Changes of the directory's configuration. */
  readonly directoryConfig?: Partial<DirectoryConfig>;
  /** Changes the records that a process finds on its disk. */
  readonly clientRecords?: (records: readonly ClientRecord[]) => readonly ClientRecord[];
  readonly directoryRecords?: (records: readonly DirectoryRecord[]) => readonly DirectoryRecord[];
  /** Replaces methods. @returns A function that restores them. */
  readonly install?: () => () => void;
}

export class Person {
  signer: Signer;
  readonly disk: SimDisk<ClientRecord>;
  process: ClientProcess | null = null;
  readonly pins = new Map<string, Fingerprint>();
  /** When a name was last pinned, or the user accepted another key, by folded name. */
  readonly trustedAtMs = new Map<string, number>();
  /** The broadcasts that it was shown. */
  readonly shown = new Set<string>();
  /** The names under which it has entered. */
  readonly names = new Set<string>();
  wallOffsetMs = 0;
  starts = 0;
  /** Whether nobody can reach it by dialling. */
  isHidden = false;
  isSlow = false;
  /** Whether its disk was restored: what it had stored since may never be shown. */
  isExcused = false;
  #devices = 0;
  /** Whether it isn't started for now. */
  isAway = false;
  image: readonly ClientRecord[] | null = null;
  /** The person of whose profile it has a copy; null: it has its own. */
  original: Person | null = null;

  /** @param isGuest Whether it never has an account of its own. */
  constructor(readonly world: World, readonly index: number, readonly isGuest: boolean) {
    this.signer = fakeSigner(`${world.options.seed}/${index}`);
    const disk = { syncMs: 1, slowChance: 0.02 };
    this.disk = new SimDisk(world.time, world.random.fork(), disk);
  }

  /** Its device is lost: it returns with a new one, unknown to everybody. */
  losesDevice(): void {
    this.signer = fakeSigner(`${this.world.options.seed}/${this.index}/${++this.#devices}`);
    this.pins.clear();
    this.disk.restore([]);
    this.image = null;
    this.isExcused = true;
    this.original = null;
  }

  /** From now on it runs a copy of the other person's profile. */
  copies(original: Person): void {
    this.losesDevice();
    this.signer = original.signer;
    for (const [name, pin] of original.pins) this.pins.set(name, pin);
    this.disk.restore([...original.disk.records]);
    for (const name of original.names) this.names.add(name);
    this.original = original;
  }

  /** The name under which it is present in the end. */
  get name(): string {
    return this.isGuest ? `v${this.index}` : `p${this.index}`;
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
  /** The share of people who can't be dialled at first. */
  readonly hiddenChance: number;
  /** The share of guests among the people. */
  readonly guestChance: number;
  readonly relays: boolean;
  /** Whether guests are admitted. */
  readonly guests: boolean;
  readonly broadcast: BroadcastPolicy;
  readonly clientsMax: number;
  /** The number of hostile clients. */
  readonly hostiles: number;
  /** Whether the directory lies at first. */
  readonly lies: boolean;
  /** Whether the directory's files may be restored; otherwise its clock may jump. */
  readonly oldDisks: boolean;
  readonly ttlMs: number;
  readonly print: ((line: string) => void) | null;
  readonly mutation: Mutation | null;
}

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<DirectoryMessage>;
  readonly datagrams: SimDatagrams;
  readonly accounts: Accounts;
  readonly ledger: Ledger;
  readonly roster = new Roster(this);
  readonly talks = new Talks();
  readonly people: readonly Person[];
  readonly endpoint: Endpoint = { host: "10.0.0.100", port: 4_400 };
  readonly signer;
  readonly disk: SimDisk<DirectoryRecord>;
  /** An image of the directory's files; null: none was made. */
  image: { readonly records: readonly DirectoryRecord[]; readonly accounts: AccountsImage } | null =
    null;
  /** By how much the directory's wall clock is ahead. */
  wallOffsetMs = 0;
  readonly hostiles: readonly HostileClient[];
  directory: DirectoryProcess | null = null;
  /** Whether the directory lies now: promises that depend on its honesty aren't checked. */
  isLying: boolean;
  /** Whether all programs only wait for their turns, and datagrams with them. */
  areSlow = false;
  /** How callees answer. */
  answers: "somehow" | "always" = "somehow";
  #lines = 0;

  constructor(readonly options: WorldOptions) {
    const { seed, people, delayMs, bytesPerMs } = options;
    this.isLying = options.lies;
    this.random = new Random(seed);
    this.signer = fakeSigner(`${seed}/directory`);
    const limits = { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 };
    const hosts = 1 + people + options.hostiles;
    this.network = new Network(this.time, this.random.fork(), limits, hosts, () => ({
      delayMs,
      jitterMs: delayMs / 2,
      bytesPerMs,
    }));
    const random = this.random.fork();
    const { time, network, endpoint } = this;
    const isLying = () => this.isLying;
    this.datagrams = new SimDatagrams(time, random, network, options.datagrams, endpoint, isLying);
    this.disk = new SimDisk(this.time, this.random.fork(), { syncMs: 1, slowChance: 0.02 });
    this.accounts = new Accounts(this.time);
    this.ledger = new Ledger(this);
    this.people = Array.from({ length: people }, (_, index) => {
      const isGuest = this.random.chance(options.guestChance);
      return new Person(this, index + 1, isGuest);
    });
    this.hostiles = Array.from({ length: options.hostiles }, (_, index) => {
      return new HostileClient(this, 1 + people + index, `h${index + 1}`);
    });
    for (const person of this.people) {
      person.isHidden = this.random.chance(options.hiddenChance);
    }
  }

  wallMs(): number {
    return Math.floor(WALL_EPOCH_MS + this.time.nowMs);
  }

  directoryWallMs(): number {
    return this.wallMs() + this.wallOffsetMs;
  }

  isHostile(label: string): boolean {
    return this.hostiles.some((hostile) => hostile.label === label);
  }

  /** The running processes. */
  get processes(): readonly ClientProcess[] {
    return this.people.flatMap(({ process }) => process === null ? [] : [process]);
  }

  /** A client that is no longer admitted stays until its call is over, which may be never: makes it quit. */
  sendAwayWhoIsOut(): void {
    for (const process of this.processes) {
      if (process.machine.session.isOut) process.command({ command: "quit" });
    }
  }

  startDirectory(): void {
    if (this.directory !== null) return;
    // A program syncs its log when it opens it.
    this.disk.restore(this.disk.records);
    this.accounts.restarted();
    this.ledger.directoryRestarted();
    this.roster.directoryStarts();
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
    this.roster.directoryEnds();
    process.powerLost = powerLost;
    if (powerLost) this.disk.powerLost();
    else this.disk.processEnds();
    this.network.unlisten(this.endpoint);
    this.datagrams.unlisten(this.endpoint);
    for (const end of [...process.links.values()]) end.abandon(powerLost, 0.5);
    this.directory = null;
  }

  /** An account of this name was removed. */
  accountGone(name: string, isNoticed: boolean): void {
    this.ledger.accountGone(name);
    if (isNoticed) this.directory?.noticesRemoval(name);
  }

  /** The person's own way in: as a guest, by log-in, or by sign-up if it has no account yet. */
  ownEntry({ name, isGuest }: Person): Entry {
    return isGuest ? guestEntry(name) : this.#accountEntry(name);
  }

  #accountEntry(name: string): Entry {
    const password = this.accounts.passwordOf(name);
    const how = password === null ? "sign-up" : "log-in";
    return { how, name, password: password ?? PASSWORD, newPassword: "" };
  }

  /** Mostly the person's own way in; else as a guest or by any account, sometimes with a wrong or new password. */
  anyEntry(person: Person): Entry {
    const { random } = this;
    if (person.original !== null && random.chance(0.5)) return this.ownEntry(person.original);
    const other = random.pick(this.people);
    const guestName = `g${random.chance(0.8) ? person.index : other.index}`;
    if (random.chance(0.15)) return guestEntry(random.chance(0.9) ? guestName : other.name);
    if (random.chance(0.05)) return this.#accountEntry(guestName);
    if (random.chance(0.6)) return this.ownEntry(person);
    const entry = this.#accountEntry(`p${random.chance(0.25) ? person.index : other.index}`);
    if (random.chance(0.2)) return { ...entry, password: WRONG_PASSWORD };
    if (entry.how === "sign-up" || random.chance(0.8)) return entry;
    return { ...entry, newPassword: this.newPassword() };
  }

  newPassword(): string {
    return `${PASSWORD} ${this.random.below(1_000)}`;
  }

  start(person: Person, entry: Entry): void {
    if (person.process !== null || person.isAway) return;
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
    watchAbsence(this, process);
    process.end();
    if (process.ended !== null) process.sight.checkEnded();
    else process.sight.killed();
    process.powerLost = powerLost;
    if (powerLost) person.disk.powerLost();
    else person.disk.processEnds();
    if (this.network.listener(person.endpoint) === process) this.network.unlisten(person.endpoint);
    this.datagrams.unlisten(person.endpoint);
    // A process that ends by itself has closed its links, so that its messages still go out.
    const isLeaving = process.ended !== null;
    for (const end of [...process.links.values()]) end.abandon(powerLost, isLeaving ? 0 : 0.5);
    person.process = null;
  }

  /** The user of the process is called. */
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
    const text = `l${this.#lines++} ${words}`;
    this.talks.said(text, process.key);
    process.command({ command: "say", text });
  }

  // Checks of a quiet world.

  checkQuiet(): void {
    this.#checkAllIn();
    this.#checkLists();
    this.#checkCalls();
    this.talks.checkLost();
    this.roster.checkAccounts();
    // Users to whom the directory lied may take the truth for known.
    if (!this.options.lies) this.ledger.checkAll(this.processes);
  }

  /** The processes that are logged in, by what they have shown. */
  get #in(): readonly ClientProcess[] {
    return this.processes.filter(({ sight }) => sight.state === "up");
  }

  #checkAllIn(): void {
    const expected = Math.min(this.options.clientsMax, this.processes.length);
    const { length } = this.#in;
    if (length === expected && this.roster.size === length) return;
    const states = this.processes.map(({ label, sight }) => `${label} ${sight.state}`).join(", ");
    throw new Violation(`${this.roster.size} of ${expected} are in: ${states}`);
  }

  #checkLists(): void {
    const truth = this.#in.map(({ sight: { name, talk, away } }) =>
      `${name} ${stateText({ state: talk === null ? "free" : "busy", away })}`
    ).sort().join(", ");
    for (const { person, sight } of this.#in) {
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
      const ringsMs = this.time.nowMs - (sight.call?.sinceMs ?? Infinity);
      if (sight.call?.isConnected === false && ringsMs > OUTCOME_MS) {
        throw new Violation(`${person.name} waits for the outcome of a call`);
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

function guestEntry(name: string): Entry {
  return { how: "guest", name, password: "", newPassword: "" };
}
