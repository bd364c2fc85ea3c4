/**
 * A simulated room: members on hosts, the network between them, and the checkers that watch. The scenario decides
 * what happens in it and when.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { Environment } from "../../../lib/base/machine/environment.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../../../lib/base/ids.ts";
import type { MeshEvent } from "../../../lib/protocols/mesh/schema/events.ts";
import type {
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import { type Invite, parseInvite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import { MESH_MESSAGES, type MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { Bundle } from "../../../lib/protocols/mesh/schema/structures.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { type DiskConfig, SimDisk } from "../disk.ts";
import type { QueueLimits } from "../link.ts";
import { Network, type Path } from "../network.ts";
import { Random } from "../random.ts";
import { Trace } from "../trace.ts";
import { VirtualTime } from "../virtual_time.ts";
import { isMadeUp } from "./adversary.ts";
import { type MeshChecker, type MeshProbe, Violation } from "./checker.ts";
import { Ledger, raise, type Said } from "./ledger.ts";
import { withoutLie } from "./liar.ts";
import { noteWithheld } from "./withheld.ts";
import {
  type DiskImage,
  Member,
  type MemberConfig,
  MemberProcess,
  type MeshMachine,
} from "./member.ts";

/** The machine under test, and how checkers query it. */
export interface Subject {
  readonly name: string;
  /** The size of the largest room that it supports. */
  readonly membersMax: number;
  /** What scenarios may use besides talking, joining and leaving. */
  readonly features: {
    readonly privateMessages: boolean;
    /** Whether an author's claim must be on disk before that author's messages. */
    readonly claims: boolean;
    /** Name clashes, and `/name`. */
    readonly names: boolean;
    /** Two processes with one key, and restored profiles. */
    readonly copies: boolean;
    /** Disks that refuse to write for a while. */
    readonly fullDisk: boolean;
    /** Members that don't know their own address. */
    readonly unknownAddress: boolean;
    /** Equivocating authors. */
    readonly liars: boolean;
    /** Rooms that need an invite. */
    readonly privateRooms: boolean;
    /** Running processes whose host gets another address. */
    readonly roams: boolean;
    /** Two members of which one never hears the other. */
    readonly deaf: boolean;
    /** Removing members, and naming others who may. */
    readonly removals: boolean;
  };
  create(config: MeshConfig, signer: Signer, environment: Environment): MeshMachine;
  probe(machine: MeshMachine): MeshProbe | null;
}

export interface WorldConfig {
  readonly seed: number;
  /** The source of all randomness; by default one derived from the seed. */
  readonly random?: Random;
  /** The number of hosts, one for each member that there ever is. */
  readonly hosts: number;
  readonly disk: DiskConfig;
  readonly limits: QueueLimits;
  /** The mean one-way delay between two hosts, ms; `jitterMs` is the mean of the additional jitter. */
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  /** The bandwidth to a host, where it differs from `bytesPerMs`. */
  readonly bytesPerMsTo?: (host: number) => number;
  /** Whether every message is encoded and decoded in transit. */
  readonly codec: boolean;
  /** The largest error of the clocks' rates. */
  readonly clockDrift: number;
  readonly print: ((line: string) => void) | null;
}

const codec = createCodec(MESH_MESSAGES);
const NONE: readonly MeshChecker[] = [];
/** Codes of ends after which another start would end in the same way. */
const FINAL: ReadonlySet<string> = new Set(["name-taken", "replaced", "kicked"]);

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<MeshMessage>;
  readonly ledger = new Ledger();
  readonly trace: Trace;
  readonly members: Member[] = [];
  /** Every invite that a user was shown. */
  readonly invites = new Map<string, Invite>();
  /** The keys of all that somebody has ever asked to be removed. */
  readonly removals = new Set<PeerKey>();
  /** The keys of members that deviate from the program. */
  readonly liars = new Set<PeerKey>();
  /** Whether everything was right, and nothing has happened since except that links are redialled. */
  isAtPeace = false;
  /** The number of messages delivered to machines. */
  messages = 0;
  steps = 0;
  readonly #paths: (Path | undefined)[];
  /** The checkers that look at every message: only few do, as there are many messages. */
  readonly #readers: readonly MeshChecker[];
  readonly #labelByKey = new Map<string, string>();

  constructor(
    readonly config: WorldConfig,
    readonly subject: Subject,
    readonly checkers: readonly MeshChecker[],
  ) {
    const { hosts } = config;
    this.#readers = checkers.filter(({ sent }) => sent !== undefined);
    this.random = config.random ?? new Random(config.seed);
    this.#paths = new Array<Path | undefined>(hosts * hosts);
    const path = (from: number, to: number) => this.#paths[from * hosts + to] ??= this.#newPath(to);
    this.network = new Network(this.time, this.random.fork(), config.limits, hosts, path);
    this.trace = new Trace((detail) => this.#describe(detail), config.print);
  }

  addMember(config: Omit<MemberConfig, "index">): Member {
    const disk = new SimDisk<MeshRecord>(this.time, this.random.fork(), this.config.disk);
    const member = new Member(this, { ...config, index: this.members.length }, disk);
    disk.wrote = (records, from) => {
      const { process } = member;
      if (process === null) return;
      for (const checker of this.watching(member)) checker.wrote?.(process, records, from);
    };
    this.members.push(member);
    if (config.liar !== null) this.liars.add(member.key);
    if (!this.#labelByKey.has(member.key)) this.#labelByKey.set(member.key, member.label);
    return member;
  }

  /** Whether the key is that of an honest member, neither a liar's nor invented. */
  isHonest(key: PeerKey): boolean {
    return this.#labelByKey.has(key) && !this.liars.has(key);
  }

  /** Processes that run and are in the room. */
  present(): MemberProcess[] {
    const present: MemberProcess[] = [];
    for (const member of this.members) {
      if (member.present !== null) present.push(member.present);
    }
    return present;
  }

  /** The present processes whose program the checkers judge. */
  judged(): MemberProcess[] {
    return this.present().filter(({ member }) => member.isJudged);
  }

  /** The checkers that judge a member's program. */
  watching({ isJudged }: Member): readonly MeshChecker[] {
    return isJudged ? this.checkers : NONE;
  }

  /** Starts a process on the profile of a member that has none. */
  start(member: Member, begin: MeshConfig["begin"]): MemberProcess {
    const clock = {
      offsetMs: this.random.between(0, 1e7),
      rate: 1 + this.random.between(-this.config.clockDrift, this.config.clockDrift),
    };
    this.note(member.label, "start", member.starts++, begin);
    if (member.diskFailed) this.#knowOnlyStored(member);
    const process = new MemberProcess(member, begin, clock);
    member.process = process;
    if (!member.config.natted && !member.config.passive) {
      this.network.listen(member.endpoint, process);
    }
    for (const checker of this.watching(member)) checker.started?.(process, member.disk.records);
    process.sim.deliver({ type: "start" });
    return process;
  }

  #knowOnlyStored({ disk, shown }: Member): void {
    const stored = new Set<Said | undefined>();
    for (const record of disk.records) {
      if (record.kind !== "bundle") continue;
      for (const text of record.bundle.texts.value) stored.add(this.ledger.byText(text));
    }
    shown.knowOnly((said) => stored.has(said));
  }

  /** Stalls the process for this time: stops it alone, or suspends its host. */
  stall(process: MemberProcess, forMs: number, machineSleeps = false): void {
    if (machineSleeps) process.sim.suspend(forMs);
    else process.sim.stall(forMs);
    this.network.refresh();
    this.time.after(forMs + 0.001, () => this.network.refresh());
  }

  /** Gives the member's host another address while its process runs on. */
  roam(member: Member, endpoint: Endpoint): void {
    const { process } = member;
    if (process !== null && this.network.listener(member.endpoint) === process) {
      this.network.unlisten(member.endpoint);
      this.network.listen(endpoint, process);
    }
    member.endpoint = endpoint;
    // Includes links of which the process doesn't know yet.
    for (const end of this.network.ends) {
      if (end.owner === process || end.other.owner === process) end.strand();
    }
  }

  /** Gives each of them the next one's address, at once; a process that runs notices it within 2 s. */
  handOut(members: readonly Member[]): void {
    const [first, ...rest] = members.map(({ endpoint }) => endpoint);
    const endpoints = [...rest, first!];
    members.forEach((member, at) => this.roam(member, { host: "10.2.0.0", port: at }));
    members.forEach((member, at) => this.roam(member, endpoints[at]!));
    for (const { process } of members) {
      this.time.after(this.random.between(0, 2_000), () => {
        if (process?.gone === false) process.looksAround();
      });
    }
  }

  /** Ends the process: it has stopped, was killed, or its host has lost power. */
  end(process: MemberProcess, powerLost: boolean, lossChance: number): void {
    const { member } = process;
    if (member.process !== process) return;
    this.note(member.label, powerLost ? "power-loss" : "end", process.sim.steps, process.outcome);
    process.sim.end();
    process.gone = true;
    process.powerLost = powerLost;
    if (this.network.listener(member.endpoint) === process) this.network.unlisten(member.endpoint);
    for (const end of [...process.links.values()]) end.abandon(powerLost, lossChance);
    if (powerLost) member.disk.powerLost();
    else member.disk.processEnds();
    for (const checker of this.watching(member)) checker.ended?.(process);
    member.process = null;
    const { outcome } = process;
    const again = outcome?.kind !== "fatal" ||
      (!FINAL.has(outcome.code) && member.uninvited === null);
    if (again) return;
    if (!member.over) member.isKicked = outcome.code === "kicked";
    member.over = true;
  }

  /** An image of the member's disk, to be restored later, there or on another member's disk. */
  imageOf(member: Member): DiskImage {
    return {
      records: [...member.disk.records],
      shownCount: member.shown.order.length,
      wasReady: member.readyAtMs,
      diskFailed: member.diskFailed,
      room: member.room,
      shown: member.shown,
      withheld: new Set(member.withheld),
      withheldLies: new Map(member.withheldLies),
    };
  }

  /** Restores an image on the disk of a member that has no process. */
  restore(member: Member, image: DiskImage): void {
    member.disk.restore(image.records);
    member.shown = image.shown.copy(image.shownCount);
    member.withheld = new Set(image.withheld);
    member.withheldLies = new Map(image.withheldLies);
    member.readyAtMs = image.wasReady;
    member.diskFailed ||= image.diskFailed;
    member.room = image.room;
    for (const checker of this.watching(member)) checker.restored?.(member);
  }

  /** The member's user types `words` to all, or to one member. */
  say(process: MemberProcess, words: string, to: { name: string; key: string } | null): Said {
    const { member } = process;
    const { ledger, time } = this;
    const said = ledger.type(member, process.stream, words, time.nowMs, to?.key ?? null);
    const { text } = said;
    process.command(
      to === null ? { command: "say", text } : { command: "msg", name: to.name, text },
      refOf(said),
    );
    return said;
  }

  stepped(process: MemberProcess, input: MeshInput, effects: readonly MeshEffect[]): void {
    this.steps++;
    const kind = input.type === "message" ? `< ${input.message.type}` : input.type;
    this.note(process.label, kind, effects.length, input);
    for (const effect of effects) this.#follow(process, effect);
    for (const checker of this.watching(process.member)) checker.stepped?.(process, input, effects);
  }

  /** Notes what the machine knows after a step; what it shows may wait for the disk. */
  #follow(process: MemberProcess, effect: MeshEffect): void {
    noteWithheld(process, effect);
    if (effect.type === "show" && effect.event.event === "message") {
      const said = this.ledger.byText(withoutLie(effect.event.text));
      if (said?.lie) process.named = [];
      else if (said?.to === null) raise(process.named, said.stream, said.place);
    } else if (effect.type === "persist" && effect.token !== null) {
      for (const record of effect.records) {
        if (record.kind !== "bundle") continue;
        for (const text of record.bundle.texts.value) {
          const said = this.ledger.byText(text);
          if (said === undefined) continue;
          this.ledger.limit(said, process.named);
          this.ledger.bundled(said, record.bundle.header.value);
        }
      }
    }
  }

  effect(process: MemberProcess, effect: MeshEffect): void {
    this.note(process.label, `> ${effect.type}`, 0, effect);
    for (const checker of this.watching(process.member)) checker.effect?.(process, effect);
  }

  messageSent(process: MemberProcess, link: LinkId, message: MeshMessage): void {
    if (!process.member.isJudged) return;
    for (const checker of this.#readers) checker.sent?.(process, link, message);
  }

  bundleSent(process: MemberProcess, bundle: Bundle): void {
    for (const checker of this.watching(process.member)) checker.bundleSent?.(process, bundle);
  }

  shown(process: MemberProcess, event: MeshEvent, ref: string | undefined): void {
    const checkers = this.watching(process.member);
    if (event.event === "message") {
      if (isMadeUp(event.text)) {
        this.ledger.madeUp.add(event.text);
        return;
      }
      const said = this.ledger.byText(withoutLie(event.text));
      if (said?.lie) return process.member.shown.addLie();
      if (said === undefined) {
        if (!process.member.isJudged) return;
        throw new Violation("integrity", `${process.label} shows "${event.text}", typed by nobody`);
      }
      const { shown } = process.member;
      const again = shown.has(said);
      for (const checker of checkers) checker.message?.(process, said, event, again);
      shown.add(said);
    } else if (ref !== undefined && isRefusal(event)) {
      const said = this.ledger.said[indexOfRef(ref)];
      if (said !== undefined) said.refused = true;
    }
    if (event.event === "invite") this.invites.set(event.invite, parseInvite(event.invite));
    if (event.event === "history") process.history = event.messages;
    else if (event.event === "peers") process.peers = event.peers;
    for (const checker of checkers) checker.shown?.(process, event, ref);
  }

  throughCodec(message: MeshMessage): MeshMessage {
    if (!this.config.codec) return message;
    const decoded = codec.decode(codec.encode(message));
    if (decoded.type === "unknown-message") throw new Error(`No message has code ${decoded.code}`);
    return decoded;
  }

  note(who: string, kind: string, digest: number, detail: unknown): void {
    this.trace.note(this.time.nowMs, who, kind, digest, detail);
  }

  #newPath(to: number): Path {
    const { delayMs, jitterMs, bytesPerMs, bytesPerMsTo } = this.config;
    return {
      delayMs: this.random.between(0.2, 1.8) * delayMs,
      jitterMs,
      bytesPerMs: bytesPerMsTo?.(to) ?? bytesPerMs,
    };
  }

  #describe(detail: unknown): string {
    const words = JSON.stringify(detail, (_, value: unknown) => {
      if (value instanceof Uint8Array) return `${value.length} B`;
      if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) {
        return this.#labelByKey.get(value) ?? `#${value.slice(0, 6)}`;
      }
      if (value instanceof Object && "host" in value && "port" in value) {
        return endpointText(value as { host: string; port: number });
      }
      return value;
    }) ?? "";
    return words.length > 400 ? `${words.slice(0, 400)}…` : words;
  }
}

/** Whether the event says that a message isn't sent, or won't arrive because its receiver has left. */
function isRefusal(event: MeshEvent): boolean {
  return event.event === "error" || (event.event === "delivery" && event.state === "failed");
}

function refOf(said: Said): string {
  return `say-${said.index}`;
}

function indexOfRef(ref: string): number {
  return ref.startsWith("say-") ? Number(ref.slice(4)) : -1;
}
