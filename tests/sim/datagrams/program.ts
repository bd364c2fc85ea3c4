/** A program of the simulated network: one process, its effects and events, and what must hold at each step. */

import { type Endpoint, endpointText, type PeerKey } from "../../../lib/base/ids.ts";
import { type ChannelIdentity } from "../../../lib/protocols/noise/identity_handshake.ts";
import { keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import type { Lane } from "../../../lib/protocols/reliable_datagram/packet.ts";
import {
  CONGESTION_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  SEND_BYTES_MAX,
} from "../../../lib/protocols/reliable_datagram/limits.ts";
import { ReliableDatagrams } from "../../../lib/protocols/reliable_datagram/reliable_datagrams.ts";
import type {
  ReliableEffect,
  ReliableInput,
} from "../../../lib/protocols/reliable_datagram/reliable_io.ts";
import { DATAGRAM_TYPES } from "../../../lib/protocols/sealed_datagram/formats.ts";
import {
  HALF_OPEN_MAX,
  HALF_OPEN_PROVEN_MAX,
} from "../../../lib/protocols/sealed_datagram/limits.ts";
import { environment, seedOf } from "../../protocols/noise/channel_pair.ts";
import { Timer } from "../virtual_time.ts";
import { Amplification, type Forgery, type Seen } from "./attacker.ts";
import { Violation } from "./exactly_once.ts";
import type { World } from "./world.ts";

/** How many datagrams a socket buffers for a program that doesn't read. */
const SOCKET_DATAGRAMS = 90;
/** A machine that wants more ticks than this at one instant would never let time advance. */
const TICKS_AT_ONCE_MAX = 200;

type Told = Exclude<ReliableEffect, { readonly type: "transmit" }>;

/** A user of the network: one process after the other, at one endpoint after the other. */
export interface Person {
  readonly name: string;
  readonly identity: ChannelIdentity & { readonly key: PeerKey };
  endpoint: Endpoint;
  starts: number;
  program: Program | null;
}

/** One process, from its start to its end. */
export class Program {
  /** For example `Ann 2`: Ann's second process. */
  readonly name: string;
  readonly machine: ReliableDatagrams;
  readonly #timer: Timer;
  readonly #amplification = new Amplification();
  /** The state of each known peer, from `connect` or `up` to `failed` or `ended`. */
  readonly states = new Map<PeerKey, "connecting" | "up" | "silent">();
  readonly congested = new Set<PeerKey>();
  readonly #waiting: Seen[] = [];
  readonly #delivered = new Set<string>();
  readonly #once = new Set<string>();
  #stalledUntilMs = 0;
  #isStopped = false;
  #ticksAtOnce = 0;
  #lastTickMs = -1;

  constructor(readonly world: World, readonly person: Person) {
    const { name, starts, identity } = person;
    this.name = `${name} ${starts}`;
    this.machine = new ReliableDatagrams({
      identity: {
        signer: identity.signer,
        static: keyPairFromSeed(seedOf(`${world.seed} static of ${this.name}`)),
      },
      env: environment(`${world.seed} ${this.name}`),
      access: { mode: "group", admit: () => true },
    });
    this.#timer = new Timer(() => this.#tick());
  }

  stop(): void {
    this.#isStopped = true;
    this.world.time.disarm(this.#timer);
  }

  stall(ms: number): void {
    this.#stalledUntilMs = this.world.time.nowMs + ms;
    this.#arm();
  }

  connect(other: Person): void {
    if (this.#isStopped) return;
    const { key } = other.identity;
    if (!this.states.has(key)) {
      this.states.set(key, "connecting");
      this.world.history.begin(this.name, other.name);
    }
    this.step({ type: "connect", peer: key, endpoint: other.endpoint });
  }

  say(other: Person, lane: Lane, bytes: number): void {
    const { key } = other.identity;
    if (!this.states.has(key) || this.congested.has(key)) return;
    const message = this.world.history.say(this.name, other.name, lane, bytes);
    this.step({ type: "send", peer: key, lane, message });
  }

  /** Sends an unreliable message, such as a heartbeat. */
  sayOnce(other: Person): void {
    const { key: peer } = other.identity;
    const message = Uint8Array.of(this.person.starts, ...this.world.random.bytes(8));
    this.step({ type: "send-once", peer, message });
  }

  receive(datagram: Seen): void {
    if (this.#isStalled) {
      if (this.#waiting.length < SOCKET_DATAGRAMS) this.#waiting.push(datagram);
      return;
    }
    const { from, bytes } = datagram;
    this.#amplification.received(from, bytes);
    const { repeated } = this.machine.statistics;
    const isFirst = this.#isFirst(bytes);
    this.step({ type: "datagram", from, bytes: new Uint8Array(bytes) });
    if (isFirst && this.machine.statistics.repeated > repeated) {
      throw new Violation(`${this.name} took a true datagram for a repetition`);
    }
  }

  /** Whether this datagram is delivered for the first time; remembers it. */
  #isFirst(bytes: Uint8Array): boolean {
    const name = bytes.subarray(0, 40).toHex();
    if (this.#delivered.has(name)) return false;
    this.#delivered.add(name);
    return true;
  }

  /** Checks that a datagram that isn't authentic causes at most one answer to its sender, no larger than itself. */
  receiveForged({ from, bytes, isRepeated }: Forgery): void {
    if (this.#isStalled) return;
    this.#amplification.received(from, bytes);
    if (isRepeated) this.#isFirst(bytes);
    const { machine, world: { time: { nowMs } } } = this;
    const opened = machine.statistics.opened;
    const dueMs = machine.nextDeadlineMs();
    const effects = machine.step({ type: "datagram", from, bytes: new Uint8Array(bytes) }, nowMs);
    const isAuthentic = machine.statistics.opened > opened;
    if (isAuthentic && !isRepeated) throw new Violation(`${this.name} took a forged datagram in`);
    // A replayed datagram is authentic if the original was lost.
    if (!isAuthentic) this.#checkAnswer(effects, bytes, isRepeated);
    const isHandshake = bytes[0] !== undefined && bytes[0] !== DATAGRAM_TYPES.transport;
    if (!isAuthentic && !isHandshake && machine.nextDeadlineMs() !== dueMs) {
      throw new Violation(`${this.name}'s deadlines were moved by a forged datagram`);
    }
    this.#perform(effects);
  }

  #checkAnswer(
    effects: readonly ReliableEffect[],
    bytes: Uint8Array,
    isRepeated: boolean,
  ): void {
    let sent = 0;
    for (const effect of effects) {
      // A replayed handshake message may be the first copy to arrive, and so have an effect.
      if (effect.type !== "transmit") {
        if (isRepeated && bytes[0] !== DATAGRAM_TYPES.transport) continue;
        throw new Violation(`${this.name} told of ${effect.type} after a forged datagram`);
      }
      sent += effect.bytes.length;
    }
    const answers: readonly number[] = [DATAGRAM_TYPES.initiation, DATAGRAM_TYPES.cookie];
    const mayAnswer = isRepeated || answers.includes(bytes[0]!);
    const limit = bytes[0] === DATAGRAM_TYPES.cookie ? Infinity : bytes.length;
    if (sent > (mayAnswer ? limit : 0)) {
      throw new Violation(`${this.name} sent ${sent} bytes after a forged datagram`);
    }
  }

  step(input: ReliableInput): void {
    if (this.#isStopped) return;
    this.#perform(this.machine.step(input, this.world.time.nowMs));
  }

  #perform(effects: readonly ReliableEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "transmit") this.#transmit(effect.to, effect.bytes);
      else this.#told(effect);
    }
    this.#checkBounds();
    this.#arm();
  }

  #transmit(to: Endpoint, bytes: Uint8Array): void {
    if (bytes.length >= 1_200) throw new Violation(`${this.name} sent ${bytes.length} bytes`);
    if (!this.#amplification.sent(to, bytes)) {
      throw new Violation(`${this.name} sent too much to ${endpointText(to)}`);
    }
    this.world.carry(this.person, to, bytes);
  }

  #told(effect: Told): void {
    const { world } = this;
    const { peer } = effect;
    const other = world.personOf(peer);
    const state = this.states.get(peer);
    if (effect.type === "once") {
      const name = `${effect.bytes[0]} ${effect.bytes.subarray(1).toHex()} ${other.name}`;
      if (this.#once.has(name)) throw new Violation(`${this.name} was given ${name} twice`);
      return void this.#once.add(name);
    }
    if (effect.type === "message") {
      if (state === undefined || state === "connecting") {
        throw new Violation(`${this.name} was given a message of ${other.name} before it was up`);
      }
      return world.history.heard(this.name, other.name, effect.lane, effect.bytes);
    }
    world.note(this.name, `${effect.type} ${other.name} ${"cause" in effect ? effect.text : ""}`);
    switch (effect.type) {
      case "up":
        if (state === undefined) world.history.begin(this.name, other.name);
        else if (state !== "connecting") throw new Violation(`${this.name}: up twice`);
        world.history.up(this.name, other.name);
        this.states.set(peer, "up");
        return;
      case "reset":
        if (state === undefined || state === "connecting") throw new Violation("reset before up");
        this.congested.delete(peer);
        return world.history.begin(this.name, other.name);
      case "silent":
        if (state !== "up") throw new Violation(`${this.name}: silent when ${state}`);
        this.states.set(peer, "silent");
        return this.#seek(other);
      case "heard":
        if (state !== "silent") throw new Violation(`${this.name}: heard when ${state}`);
        this.states.set(peer, "up");
        return;
      case "congested":
        return void this.congested.add(peer);
      case "drained":
        return void this.congested.delete(peer);
      case "failed":
        if (state !== "connecting") throw new Violation(`${this.name}: failed when ${state}`);
        return this.#over(other);
      case "ended":
        if (effect.cause === "protocol") {
          throw new Violation(`${this.name} blames ${other.name}: ${effect.text}`);
        }
        return this.#over(other);
      default:
        return;
    }
  }

  /** Dials a silent peer at its present address, as whoever introduced the two would tell it. */
  #seek(other: Person): void {
    this.#later(() => {
      if (this.states.get(other.identity.key) !== "silent") return;
      this.connect(other);
      this.#seek(other);
    });
  }

  #over(other: Person): void {
    this.states.delete(other.identity.key);
    this.congested.delete(other.identity.key);
    this.#later(() => {
      if (!this.states.has(other.identity.key)) this.connect(other);
    });
  }

  #later(action: () => void): void {
    const { time, random } = this.world;
    time.after(random.between(100, 2_000), () => {
      if (!this.#isStopped && !this.#isStalled) action();
      else if (!this.#isStopped) this.#later(action);
    });
  }

  #checkBounds(): void {
    const { machine } = this;
    if (machine.halfOpenCount > HALF_OPEN_MAX + HALF_OPEN_PROVEN_MAX) {
      throw new Violation(`${this.name} has ${machine.halfOpenCount} half-open handshakes`);
    }
    for (const peer of this.states.keys()) {
      if (machine.waitingBytes(peer) > SEND_BYTES_MAX + MESSAGE_BYTES_MAX) {
        throw new Violation(`${this.name} keeps ${machine.waitingBytes(peer)} bytes`);
      }
      const inFlight = machine.figures(peer)?.inFlightBytes ?? 0;
      if (inFlight < 0 || inFlight > 3 * CONGESTION_BYTES_MAX) {
        throw new Violation(`${this.name} has ${inFlight} bytes under way`);
      }
    }
  }

  get #isStalled(): boolean {
    return this.#stalledUntilMs > this.world.time.nowMs;
  }

  #arm(): void {
    if (this.#isStopped) return;
    const dueMs = this.machine.nextDeadlineMs();
    if (this.#isStalled) this.world.time.arm(this.#timer, this.#stalledUntilMs);
    else if (dueMs === null) this.world.time.disarm(this.#timer);
    else this.world.time.arm(this.#timer, dueMs);
  }

  #tick(): void {
    const { nowMs } = this.world.time;
    if (nowMs === this.#lastTickMs) this.#ticksAtOnce += 1;
    else this.#ticksAtOnce = 0;
    this.#lastTickMs = nowMs;
    if (this.#ticksAtOnce > TICKS_AT_ONCE_MAX) {
      throw new Violation(`${this.name} keeps time from going on`);
    }
    // The timer fires before the datagrams in the socket are read: the worst order for judging that others are
    // silent.
    this.step({ type: "tick" });
    for (const datagram of this.#waiting.splice(0)) this.receive(datagram);
  }
}
