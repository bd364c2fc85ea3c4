/** A member of a simulated room: the profile on its disk, and the processes that run on it one after the other. */

import { sameBytes } from "../../../lib/base/collections/bytes.ts";
import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { BundleId, Endpoint, LinkId, PeerKey, RoomId } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type {
  HistoryMessage,
  MeshCommand,
  MeshEvent,
  PeerView,
} from "../../../lib/protocols/mesh/schema/events.ts";
import type {
  DialFailureReason,
  MeetingPointNews,
  MeshConfig,
  MeshEffect,
  MeshInput,
} from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { Invite } from "../../../lib/protocols/mesh/schema/rotations.ts";
import type { MeshMessage } from "../../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import type { SimDisk } from "../disk.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import {
  freshProcess,
  type Persist,
  type ProcessPort,
  type SimClock,
  SimProcess,
} from "../process.ts";
import { Timer } from "../virtual_time.ts";
import { type Attack, ATTACKS } from "./attacks.ts";
import type { MeshProbe } from "./checker.ts";
import { type Said, ShownLog } from "./ledger.ts";
import { Liar } from "./liar.ts";
import { messageBytes } from "./message_bytes.ts";
import type { World } from "./world.ts";

export type MeshMachine = Machine<MeshInput, MeshEffect>;
export type StopOutcome = Extract<MeshEffect, { readonly type: "stop" }>["outcome"];

/** The wall time at which a simulation starts: 1 January 2026, UTC. */
const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
/** The record of what was shown is written within this time. */
const SHOWN_RECORD_MS_MAX = 200;
/** Output reaches the user's screen within this time. */
const OUTPUT_MS_MAX = 200;
const TICK: MeshInput = { type: "tick" };

/** The records on a member's disk at some time, and what its user had been shown by then. */
export interface DiskImage {
  readonly records: readonly MeshRecord[];
  /** The log of messages shown to its user, and its length then. */
  readonly shown: ShownLog;
  readonly shownCount: number;
  readonly withheld: ReadonlySet<Said>;
  readonly withheldLies: ReadonlyMap<string, number>;
  readonly wasReady: number | null;
  readonly diskFailed: boolean;
  readonly room: RoomId | null;
}

/** The configuration of a member: its machine, address and behaviour. */
export interface MemberConfig {
  readonly index: number;
  readonly signer: Signer;
  readonly name: string;
  /** Only dials, as with `--passive`. */
  readonly passive: boolean;
  /** Behind a NAT router that lets nobody in. */
  readonly natted: boolean;
  /** The address that others see behind that router; absent: one of another private network. */
  readonly seenHost?: string;
  /** How it deviates from the program: it equivocates, or runs an attack; null for an honest member. */
  readonly liar: "equivocates" | Attack | null;
  /** Whether it announces its own address; otherwise others announce the one that they see. */
  readonly knowsAddress: boolean;
  readonly historyShown: number;
  readonly eager: boolean;
}

/** A stranger's invite: made void by a rotation, invented, or none. */
export type Uninvited = "void" | "made up" | "none";

export class Member {
  process: MemberProcess | null = null;
  shown = new ShownLog();
  /** The name that it requests at its next start. */
  name: string;
  /** Every name that it ever requested. */
  readonly names = new Set<string>();
  /** Messages that its program has gone on without, on the word of liars only (`withheld.ts`). */
  withheld = new Set<Said>();
  /** The same for invented messages: the last counter, by `madeUpStream()`. */
  withheldLies = new Map<string, number>();
  /** When this profile was first in the room, by the world's clock; null: never. */
  readyAtMs: number | null = null;
  image: DiskImage | null = null;
  starts = 0;
  /** The error of its wall clock, ms. */
  wallOffsetMs = 0;
  /** Whether it has left or was killed for good: nothing starts it again. */
  over = false;
  /** Whether it is over since it was removed: it may be allowed to come again. */
  isKicked = false;
  /** Why it must be kept out of the room; null if it may join. */
  uninvited: Uninvited | null = null;
  /** The invite with which it joins; null if it uses that of its contact. */
  invite: Invite | null = null;
  /** Whether its disk ever refused writes: messages shown meanwhile aren't on the disk. */
  diskFailed = false;
  endpoint: Endpoint;
  /** The room on its disk; null for none yet. */
  room: RoomId | null = null;

  constructor(
    readonly world: World,
    readonly config: MemberConfig,
    readonly disk: SimDisk<MeshRecord>,
  ) {
    this.name = config.name;
    this.names.add(config.name);
    this.endpoint = { host: `10.0.${config.index >> 8}.${config.index & 255}`, port: 55_107 };
  }

  get index(): number {
    return this.config.index;
  }

  get key(): PeerKey {
    return this.config.signer.key;
  }

  get label(): string {
    return `n${this.index}`;
  }

  /** Whether the checkers judge its program. An equivocator's counts, as it is correct in all other respects. */
  get isJudged(): boolean {
    return this.config.liar === null || this.config.liar === "equivocates";
  }

  /** Its process if that is in the room, otherwise null. */
  get present(): MemberProcess | null {
    return this.process !== null && this.process.readyAtMs !== null ? this.process : null;
  }

  wallMs(): number {
    return Math.floor(WALL_EPOCH_MS + this.world.time.nowMs + this.wallOffsetMs);
  }
}

export class MemberProcess
  implements Station<MeshMessage>, ProcessPort<MeshInput, MeshEffect, MeshRecord> {
  readonly tick = TICK;
  readonly machine: MeshMachine;
  readonly probe: MeshProbe | null;
  readonly sim: SimProcess<MeshInput, MeshEffect, MeshRecord>;
  readonly links = new Map<LinkId, LinkEnd<MeshMessage>>();
  readonly stream: number;
  room: RoomId | null = null;
  readyAtMs: number | null = null;
  /** Its fingerprint, from its `ready` event. */
  shownKey = "";
  /** The member it banned last; the link may have been down by then. */
  lastBanned: PeerKey | null = null;
  /** The other end of the link that went down last. */
  lastLost: PeerKey | null = null;
  /** As its handshakes prove it: no two have the same. */
  readonly process = freshProcess();
  pausedBecause: string | null = null;
  outcome: StopOutcome | null = null;
  /** The last answers to `/history` and `/peers`; null before the first. */
  history: readonly HistoryMessage[] | null = null;
  peers: readonly PeerView[] | null = null;
  gone = false;
  powerLost = false;
  /** The mapped addresses at which others have dialled it. */
  readonly proven: Endpoint[] = [];
  readIntervalMs = 0;
  readableAtMs = 0;
  /** The number of further effects before it is killed; -1 for never. */
  effectsLeft = -1;
  /** By stream: the last place that the machine has accepted since the last lie, and can reference. */
  named: number[];
  /** The number of dials in progress. */
  dialling = 0;
  onDoom: (() => void) | null = null;
  #nextLink = 1;
  #shownThrough: BundleId | null = null;
  /** The last bundle that the program knows its user has seen. */
  #seenThrough: BundleId | null = null;
  readonly #shownTimer = new Timer(() => {
    if (this.gone || this.sim.stalled) return;
    this.#seenThrough = this.#shownThrough;
    if (!this.sim.hasGap) this.member.disk.write([{ kind: "shown", through: this.#seenThrough }]);
  });
  readonly #banned = new Map<string, number>();
  /** The other ends of all links that there ever were. */
  readonly #peers = new Map<LinkId, PeerKey>();

  constructor(
    readonly member: Member,
    begin: MeshConfig["begin"],
    clock: SimClock,
  ) {
    const { world, config } = member;
    this.named = [...member.shown.last];
    const random = world.random.fork();
    const environment: Environment = {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => member.wallMs(),
      crypto: fakeCrypto,
      log: SILENT_LOGGER,
    };
    const meshConfig: MeshConfig = {
      name: member.name,
      process: this.process,
      advertise: {
        // A newcomer is told its address by others; a returning member announces its machine's, as the program does.
        host: config.knowsAddress || begin.kind === "resume" ? member.endpoint.host : null,
        port: member.endpoint.port,
      },
      passive: config.passive,
      historyShown: config.historyShown,
      begin,
    };
    this.stream = world.ledger.newStream();
    const machine = world.subject.create(meshConfig, config.signer, environment);
    this.probe = world.subject.probe(machine);
    this.machine = this.#lying(machine, environment);
    this.sim = new SimProcess(this.machine, world.time, clock, member.disk, config.eager, this);
  }

  #lying(machine: MeshMachine, environment: Environment): MeshMachine {
    const { config: { liar, signer }, world } = this.member;
    if (liar === null) return machine;
    if (liar === "equivocates") return new Liar(machine, signer);
    return new ATTACKS[liar](machine, signer, environment, world.random.fork());
  }

  get host(): number {
    return this.member.index;
  }

  get seenHost(): string {
    const { config, endpoint } = this.member;
    if (config.seenHost !== undefined) return config.seenHost;
    return config.natted ? `10.254.${this.host >> 8}.${this.host & 255}` : endpoint.host;
  }

  /** The other end of a link, open or not; null where there never was such a link. */
  peerOf(link: LinkId): PeerKey | null {
    return this.#peers.get(link) ?? null;
  }

  get silent(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  get label(): string {
    return this.member.label;
  }

  /** Open links, including those that the machine hasn't been told of yet. */
  get linkCount(): number {
    return this.links.size;
  }

  command(command: MeshCommand, ref?: string): void {
    this.#input({ type: "command", command, ref });
  }

  /** How things stand with the meeting point where others are to reach it. */
  meetingPoint(news: MeetingPointNews): void {
    this.#input(news);
  }

  /** It looks which address its machine has. */
  looksAround(): void {
    const { host } = this.member.endpoint;
    this.#input({ type: "machine-addresses", hosts: [host], best: host });
  }

  #input(input: MeshInput): void {
    this.sim.deliver(input);
  }

  // What the network tells.

  refusal(call: Call<MeshMessage>): DialFailureReason | null {
    const { nowMs } = this.member.world.time;
    const caller = call.from as MemberProcess;
    const { member: { key } } = this;
    const isAnswer = call.expect === null || call.expect === fingerprintOf(key) ||
      caller.probe?.mayAnswer(call.expect as PeerKey, key) === true;
    if (!isAnswer) return "wrong-key";
    if (call.room !== null && call.room !== this.room) return "wrong-room";
    if (!this.#opensTo(call)) return "bad-credentials";
    if ((this.#banned.get(caller.member.key) ?? 0) > nowMs) return "refused";
    for (const checker of this.member.world.checkers) {
      checker.letThrough?.(this, caller, call.secret ?? null);
    }
    return null;
  }

  /** Checks a dialler as the channel does: a secret if the room is private and none otherwise, then its identity. */
  #opensTo(call: Call<MeshMessage>): boolean {
    const secret = call.secret ?? null;
    const secrets = this.probe?.secrets() ?? null;
    if (secret === null || secrets === null) return secret === null && secrets === null;
    const isOurs = secrets.opening(secret.epoch).some((key) => sameBytes(key, secret.key));
    const { key } = (call.from as MemberProcess).member;
    return isOurs && this.probe?.admit(key, secret) === null;
  }

  linkUp(end: LinkEnd<MeshMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    const { member: { key: peer }, process } = end.other.owner as MemberProcess;
    this.#peers.set(end.id, peer);
    if (end.dialled) this.dialling--;
    this.#input({
      type: "link-up",
      link: end.id,
      peer,
      process,
      dialled: end.dialled,
      remote: end.remote,
      localHost: this.member.endpoint.host,
      attempt: end.attempt,
      secret: end.secret,
    });
  }

  linkDown(end: LinkEnd<MeshMessage>, closed: boolean, reason: string): void {
    if (!this.links.delete(end.id)) return;
    this.lastLost = (end.other.owner as MemberProcess).member.key;
    this.#input({ type: "link-down", link: end.id, closed, reason });
  }

  message(end: LinkEnd<MeshMessage>, message: MeshMessage): void {
    this.member.world.messages++;
    this.#input({ type: "message", link: end.id, message });
  }

  congested(end: LinkEnd<MeshMessage>): void {
    this.#input({ type: "congested", link: end.id });
  }

  drained(end: LinkEnd<MeshMessage>): void {
    this.#input({ type: "drained", link: end.id });
  }

  missed(end: LinkEnd<MeshMessage>): void {
    this.#input({ type: "missed", link: end.id });
  }

  // What the machine asks for.

  persistOf(effect: MeshEffect): Persist<MeshRecord> | null {
    if (effect.type !== "persist") return null;
    return { records: effect.records, sync: effect.sync };
  }

  persisted(effect: MeshEffect, stored: boolean): MeshInput | null {
    if (effect.type !== "persist") return null;
    const { token } = effect;
    if (stored) return token === null ? null : { type: "persisted", token };
    this.member.diskFailed = true;
    return { type: "persist-failed", token, text: "Cannot write the room's log: the disk is full" };
  }

  stepped(input: MeshInput, effects: readonly MeshEffect[]): void {
    this.member.world.stepped(this, input, effects);
  }

  snapshot(): readonly MeshRecord[] | null {
    const { member } = this;
    const snapshot = this.probe?.snapshot(this.#seenThrough) ?? null;
    if (snapshot !== null) {
      for (const checker of member.world.watching(member)) checker.compacted?.(this, snapshot);
    }
    return snapshot;
  }

  carriedOut(): void {
    if (this.effectsLeft > 0 && --this.effectsLeft === 0) this.onDoom?.();
  }

  perform(effect: MeshEffect): void {
    const { world } = this.member;
    switch (effect.type) {
      case "send":
        return this.#send(effect);
      case "dial":
        this.dialling++;
        world.network.dial({
          from: this,
          attempt: effect.attempt,
          endpoint: effect.endpoint,
          expect: effect.fingerprint ?? effect.expect,
          room: effect.room,
          secret: effect.secret,
          failed: (reason) => this.#dialFailed(effect.attempt, reason as DialFailureReason),
        });
        break;
      case "ban": {
        const peer = this.#peers.get(effect.link)!;
        this.lastBanned = peer;
        const end = this.links.get(effect.link);
        if (end === undefined) break;
        this.#banned.set(peer, world.time.nowMs + effect.durationMs);
        end.close(effect.reason);
        break;
      }
      case "close":
        this.links.get(effect.link)?.close(effect.reason);
        break;
      case "show":
        this.#show(effect.event, effect.ref);
        break;
      case "input":
        this.pausedBecause = effect.pausedBecause;
        break;
      case "open-room":
        this.#openRoom(effect.room);
        break;
      case "shown":
        this.#wasShown(effect.through);
        break;
      case "await-output":
        this.#awaitOutput(effect.token);
        break;
      case "stop":
        this.outcome = effect.outcome;
        break;
      case "recall":
        this.#show(madeAtOnce(effect), effect.ref);
        break;
      case "keep":
        break; // the profile's, not the room's
      case "mapping-proven":
        this.proven.push(effect.endpoint);
        break;
      case "pin":
        break; // the record persisted with it does that
      case "persist":
        throw new Error("A persist is for the disk");
    }
    world.effect(this, effect);
    if (effect.type === "stop") world.end(this, false, 0);
  }

  #send(effect: Extract<MeshEffect, { readonly type: "send" }>): void {
    const end = this.links.get(effect.link);
    if (end === undefined) return; // the link broke after the machine had decided to send
    this.member.world.messageSent(this, effect.link, effect.message);
    if (effect.message.type === "bundle") {
      this.member.world.bundleSent(this, effect.message.bundle);
    }
    const message = this.member.world.throughCodec(effect.message);
    end.send(message, effect.lane, messageBytes(message));
  }

  #dialFailed(attempt: number, reason: DialFailureReason): void {
    this.dialling--;
    const text = `Cannot reach the other side: ${reason}`;
    this.#input({ type: "dial-failed", attempt, reason, text });
  }

  /** Reads the room's records, and gives them to the machine a little later. */
  #openRoom(room: RoomId): void {
    const { member } = this;
    this.room = room;
    member.room = room;
    const records = member.disk.records.slice();
    member.world.time.after(member.world.random.below(3), () => {
      this.#input({ type: "room-opened", records });
    });
  }

  /** Output reaches the user after a while. */
  #awaitOutput(token: number): void {
    const { time, random } = this.member.world;
    const afterMs = random.below(OUTPUT_MS_MAX);
    time.after(afterMs, () => this.#input({ type: "output-seen", token }));
  }

  /** Writes the record after a while, and never syncs because of it: a killed process repeats a few messages. */
  #wasShown(through: BundleId): void {
    this.#shownThrough = through;
    if (this.#shownTimer.armed) return;
    const { world } = this.member;
    world.time.arm(this.#shownTimer, world.time.nowMs + world.random.below(SHOWN_RECORD_MS_MAX));
  }

  #show(event: MeshEvent, ref: string | undefined): void {
    const { member } = this;
    const { nowMs } = member.world.time;
    if (event.event === "ready") {
      this.readyAtMs = nowMs;
      this.shownKey = event.key;
      member.readyAtMs ??= nowMs;
    }
    member.world.shown(this, event, ref);
  }
}

/** A long answer, which a host makes piece by piece. */
function madeAtOnce(
  { event, making }: Extract<MeshEffect, { readonly type: "recall" }>,
): MeshEvent {
  for (let next = making?.next(); next !== undefined; next = making?.next()) {
    if (next.done === true) return { ...event, messages: next.value };
  }
  return event;
}
