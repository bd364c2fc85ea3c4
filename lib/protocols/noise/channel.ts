/**
 * A secure channel over one byte stream: authenticates the peer, encrypts, carries three lanes, and notices when the
 * peer is lost.
 *
 * After the handshake (channel_handshake.ts) both sides send records (record.ts). Whenever the stream can take more,
 * all queued output is packed into as few records and writes as possible, control before data before bulk; so a burst
 * is one write, and a lone message goes out at once. Each lane is a stream of bytes in order;
 * between the lanes there is no order. A chunk is sent whole or dropped whole, so frames in it stay whole.
 *
 * Sources: Noise Protocol Framework, revision 34; the rest is in decisions and PROTOCOL.md.
 *
 * The caller's duties beyond those of `Machine`:
 * 1. While `hasOutput` is set and no write is under way, call `step({ type: "writable" })` and write what it says.
 * 2. Give every received byte once, in order, as `received`, and the end of the stream as `ended`.
 * 3. After `failed` or `closed`: finish the write under way, end the stream, and throw the channel away.
 */

import { freeBuffer } from "../../base/collections/free_buffer.ts";
import { concatBytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { saidByText } from "../../base/trust/name_answers.ts";
import type { PeerKey } from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { earliestMs, type Machine } from "../../base/machine/machine.ts";
import { STALL_MS_MIN } from "../../base/machine/slowness.ts";
import {
  type ChannelIdentity,
  DiallerHandshake,
  type DialTarget,
  type Handshake,
  type HandshakeEnvironment,
  type HandshakeResult,
  type HandshakeStep,
  type ListenAccess,
  ListenerHandshake,
  refusalText,
} from "./channel_handshake.ts";
import type { ChannelEffect, ChannelFailure, ChannelInput, Queue } from "./channel_io.ts";
import { CHANNEL_DEFAULTS, type ChannelConfig } from "./config.ts";
import { Liveness } from "./liveness.ts";
import { ChannelOutbox } from "./channel_outbox.ts";
import { CHANNEL_VERSION, isRefusal, type Refusal } from "./preface.ts";
import { EMPTY } from "./primitives.ts";
import {
  decodeCloseReason,
  decodePingNumber,
  type OpenedRecord,
  RecordReader,
  RecordWriter,
} from "./record.ts";

interface ChannelOptions {
  readonly identity: ChannelIdentity;
  readonly env: HandshakeEnvironment;
  readonly config?: Partial<ChannelConfig>;
}

/** Each phase of a channel: what it means, and which ones may follow. */
export const CHANNEL_PHASES = {
  handshake: {
    about: "bytes go to the handshake",
    next: ["welcome", "open", "refusing", "ended"],
  },
  welcome: { about: "the dialler waits for the listener's first record", next: ["open", "ended"] },
  open: { about: "records carry frames both ways", next: ["closing", "ended"] },
  closing: { about: "the owner has closed; queued output is being sent", next: ["ended"] },
  refusing: { about: "the last bytes of a failure wait to be written", next: ["ended"] },
  ended: { about: "nothing happens any more", next: [] },
} as const;
type Phase = keyof typeof CHANNEL_PHASES;

/** Texts for users, where the peer breaks the protocol before it has proven its identity, and after. */
const NOT_P2PCHAT_TEXT = "what answers there isn't p2pchat";
const BROKEN_TEXT = "invalid data came over the connection";

const NOTHING: readonly ChannelEffect[] = [];

export class Channel implements Machine<ChannelInput, ChannelEffect> {
  readonly #config: ChannelConfig;
  readonly #dialled: boolean;
  /** Dropped once it is over, and its ephemeral keys with it: they can't decrypt recorded traffic from then on. */
  #handshake: Handshake | null;
  readonly #liveness: Liveness;
  readonly #outbox: ChannelOutbox;
  #phase: Phase = "handshake";
  /** The received part of an incomplete handshake message or record: less than one of either. */
  #unread: Uint8Array = EMPTY;
  /** Set once the handshake is over. */
  #reader: RecordReader | null = null;
  #result: HandshakeResult | null = null;
  /** Deadline of the handshake, or in `closing` of sending the queued output. */
  #endsAtMs: number;
  #agesAtMs = Infinity;
  /** When we made our latest handshake message, which the peer's next one answers. */
  #askedMs: number;
  /** The last effect, emitted once everything is written. */
  #last: ChannelEffect | null = null;

  private constructor(
    handshake: Handshake,
    dialled: boolean,
    options: ChannelOptions,
    nowMs: number,
  ) {
    this.#config = { ...CHANNEL_DEFAULTS, ...options.config };
    this.#handshake = handshake;
    this.#dialled = dialled;
    this.#liveness = new Liveness(this.#config, dialled, nowMs);
    this.#outbox = new ChannelOutbox(this.#config);
    this.#endsAtMs = nowMs + this.#config.handshakeMs;
    this.#askedMs = nowMs;
  }

  /**
   * The dialler's side of a stream that was just connected.
   * @param endsAtMs Deadline of the handshake, where connecting has used up some of its time.
   */
  static dial(
    options: ChannelOptions,
    target: DialTarget,
    nowMs: number,
    endsAtMs: number | null = null,
  ): Channel {
    const handshake = new DiallerHandshake(options.identity, options.env, target);
    const channel = new Channel(handshake, true, options, nowMs);
    channel.#outbox.addOpening(handshake.opening);
    if (endsAtMs !== null) channel.#endsAtMs = endsAtMs;
    return channel;
  }

  /**
   * The listener's side of a stream that was accepted.
   * @param endsAtMs Deadline of the handshake, where the stream has waited for a part of its time.
   */
  static listen(
    options: ChannelOptions,
    access: ListenAccess,
    nowMs: number,
    endsAtMs: number | null = null,
  ): Channel {
    const handshake = new ListenerHandshake(options.identity, options.env, access);
    const channel = new Channel(handshake, false, options, nowMs);
    if (endsAtMs !== null) channel.#endsAtMs = endsAtMs;
    return channel;
  }

  /** Whether a `writable` would be answered with a write. */
  get hasOutput(): boolean {
    return this.#phase !== "ended" && !this.#outbox.isEmpty;
  }

  /** The latest measured round trip, ms, at first that of the handshake; `null` before. */
  get roundTripMs(): number | null {
    return this.#liveness.roundTripMs;
  }

  /** See `Liveness`. */
  longMissingMs(nowMs: number): number | null {
    return this.#liveness.longMissingMs(nowMs);
  }

  get isLongProven(): boolean {
    return this.#liveness.isLongProven;
  }

  step(input: ChannelInput, nowMs: number): readonly ChannelEffect[] {
    if (this.#phase === "ended") return NOTHING;
    switch (input.type) {
      case "received":
        return this.#received(input.bytes, nowMs);
      case "ended":
        return this.#lost(input.reason);
      case "writable":
        return this.#writable(nowMs);
      case "send":
        return this.#send(input.head, input.body, input.lane);
      case "close":
        return this.#close(input.reason, nowMs);
      case "pauseReading":
        this.#liveness.pauseReading(nowMs);
        return NOTHING;
      case "resumeReading":
        this.#liveness.resumeReading(nowMs);
        return NOTHING;
      case "tick":
        return this.#tick(nowMs);
      default:
        return unreachable(input);
    }
  }

  nextDeadlineMs(): number | null {
    switch (this.#phase) {
      case "ended":
        return null;
      case "open":
        return earliestMs(this.#liveness.nextDeadlineMs(), this.#agesAtMs);
      default:
        return this.#endsAtMs;
    }
  }

  // Receiving.

  #received(bytes: Uint8Array, nowMs: number): readonly ChannelEffect[] {
    this.#liveness.received(nowMs);
    if (this.#phase === "refusing") return NOTHING;
    const effects: ChannelEffect[] = [];
    let input = bytes;
    let offset = 0;
    let isAnyRead = false;
    try {
      if (this.#reader !== null && this.#unread.length > 0) {
        offset = this.#readRest(this.#reader, bytes, effects, nowMs);
        if (this.#isOver()) return effects;
        isAnyRead = this.#unread.length === 0;
      } else if (this.#unread.length > 0) input = concatBytes(this.#unread, bytes);
      while (offset < input.length) {
        const taken = this.#reader === null
          ? this.#readHandshake(input.subarray(offset), effects, nowMs)
          : this.#readRecord(this.#reader, input, offset, effects, nowMs);
        if (taken === 0) break;
        isAnyRead = true;
        offset += taken;
        if (this.#isOver()) return effects;
      }
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      effects.push(...this.#broken(error.message));
      return effects;
    }
    if (offset < input.length) this.#unread = input.slice(offset);
    else if (isAnyRead) this.#unread = EMPTY;
    this.#liveness.read(isAnyRead, this.#unread.length > 0, nowMs);
    return effects;
  }

  /**
   * Goes on with a record that began before. Only its rest is copied to it, and both are freed at once: of a file, 64 KiB
   * come at a time, and the collector would let them come together.
   * @returns How many of the bytes that took.
   */
  #readRest(
    reader: RecordReader,
    bytes: Uint8Array,
    effects: ChannelEffect[],
    nowMs: number,
  ): number {
    let offset = 0;
    while (this.#unread.length > 0 && offset < bytes.length) {
      const rest = bytes.subarray(offset, offset + reader.missingBytes(this.#unread));
      const record = concatBytes(this.#unread, rest);
      freeBuffer(this.#unread);
      this.#unread = record;
      offset += rest.length;
      if (this.#readRecord(reader, record, 0, effects, nowMs) === 0) continue;
      freeBuffer(record);
      this.#unread = EMPTY;
    }
    return offset;
  }

  // A method, so that the type checker doesn't hold on to the phase from before a step.
  #isOver(): boolean {
    return this.#phase === "ended" || this.#phase === "refusing";
  }

  #readHandshake(input: Uint8Array, effects: ChannelEffect[], nowMs: number): number {
    invariant(this.#handshake !== null, "before there are records there is a handshake");
    const { inputBytes, steps } = this.#handshake.read(input);
    for (const step of steps) this.#handshakeStep(step, effects, nowMs);
    return inputBytes;
  }

  #handshakeStep(step: HandshakeStep, effects: ChannelEffect[], nowMs: number): void {
    switch (step.type) {
      case "write":
        this.#outbox.addOpening(step.bytes);
        if (this.#dialled) this.#liveness.measured(nowMs - this.#askedMs);
        this.#askedMs = nowMs;
        return;
      case "failed":
        effects.push(...this.#fail(step.reason, step.text, step.key));
        return;
      case "done":
        this.#handshakeDone(step.result, step.admission, effects, nowMs);
        return;
      default:
        return unreachable(step);
    }
  }

  #handshakeDone(
    result: HandshakeResult,
    admission: Refusal | null,
    effects: ChannelEffect[],
    nowMs: number,
  ): void {
    this.#result = result;
    this.#handshake = null;
    this.#reader = new RecordReader(result.states.receiving, this.#config);
    this.#outbox.startRecords(new RecordWriter(result.states.sending, this.#config));
    if (this.#dialled) {
      this.#enter("welcome");
      return;
    }
    this.#liveness.measured(nowMs - this.#askedMs);
    if (admission === null) {
      this.#outbox.addWelcome();
      effects.push(this.#establish(nowMs));
    } else {
      this.#outbox.addGoodbye(admission);
      effects.push(
        ...this.#fail(
          admission,
          `refused ${fingerprintOf(result.peer)}: ${admission}`,
          result.peer,
        ),
      );
    }
  }

  #readRecord(
    reader: RecordReader,
    input: Uint8Array,
    offset: number,
    effects: ChannelEffect[],
    nowMs: number,
  ): number {
    const record = reader.read(input, offset);
    if (record === null) return 0;
    if (this.#phase === "welcome") this.#firstRecord(record, effects, nowMs);
    else this.#record(record, effects, nowMs);
    return record.inputBytes;
  }

  /** The listener's answer to the dialler's proof. */
  #firstRecord({ kind, content }: OpenedRecord, effects: ChannelEffect[], nowMs: number): void {
    if (kind === "welcome") {
      effects.push(this.#establish(nowMs));
      return;
    }
    if (kind !== "close") {
      throw new RemoteProtocolError(`Cannot begin: the first record is ${kind}, not welcome`);
    }
    const reason = decodeCloseReason(content);
    const peer = this.#result?.peer ?? null;
    if (isRefusal(reason)) {
      effects.push(...this.#fail(reason, refusalText(reason, CHANNEL_VERSION), peer));
    } else {
      const text = `the program there refused us; ${saidByText("it", reason)}`;
      effects.push(...this.#fail("refused", text, peer));
    }
  }

  #record({ kind, content }: OpenedRecord, effects: ChannelEffect[], nowMs: number): void {
    switch (kind) {
      case "control":
      case "data":
      case "bulk":
        if (content.length === 0) {
          throw new RemoteProtocolError(`Cannot use an empty ${kind} record`);
        }
        if (this.#phase === "open") effects.push({ type: "bytes", lane: kind, bytes: content });
        return;
      case "ping":
        decodePingNumber(content);
        this.#liveness.pinged(nowMs);
        this.#outbox.addPong(content);
        return;
      case "pong":
        this.#liveness.pong(decodePingNumber(content), nowMs);
        return;
      case "close":
        this.#enter("ended");
        effects.push({ type: "closed", closed: true, reason: decodeCloseReason(content) });
        return;
      case "welcome":
        throw new RemoteProtocolError("Cannot be welcomed twice");
      default:
        return unreachable(kind);
    }
  }

  #establish(nowMs: number): ChannelEffect {
    invariant(this.#result !== null, "a channel is established by a finished handshake");
    this.#enter("open");
    this.#agesAtMs = nowMs + this.#config.linkAgeMs;
    const { peer, processKey, secret, roomNamed, mode, binding } = this.#result;
    const process = processKey.toHex();
    const bound = mode === "words"
      ? { binding }
      : mode === "meeting"
      ? { isMeeting: true } as const
      : {};
    return { type: "established", peer, process, secret, roomNamed, ...bound };
  }

  // Sending.

  #send(head: Uint8Array, body: Uint8Array, lane: Queue | "bulk"): readonly ChannelEffect[] {
    if (this.#phase !== "open") return NOTHING;
    if (lane === "news") {
      this.#outbox.addNews(head, body);
      return NOTHING;
    }
    if (lane === "control") {
      if (this.#outbox.addControl(head, body)) return NOTHING;
      const detail = `over ${this.#config.controlBytesMax} bytes of control wait`;
      return this.#lost("too slow: too much waits to be sent", detail);
    }
    if (lane === "bulk") {
      this.#outbox.addBulk(head, body);
      return NOTHING;
    }
    const before = this.#outbox.congested;
    this.#outbox.addData(head, body);
    return !before && this.#outbox.congested ? [{ type: "congested" }] : NOTHING;
  }

  #close(reason: string, nowMs: number): readonly ChannelEffect[] {
    switch (this.#phase) {
      case "open":
        this.#enter("closing");
        this.#outbox.addGoodbye(reason);
        this.#last = { type: "closed", closed: true, reason };
        this.#endsAtMs = nowMs + this.#config.closeFlushMs;
        return NOTHING;
      case "handshake":
      case "welcome":
        return this.#fail("refused", `given up: ${reason}`, null);
      default:
        return NOTHING; // it is ending already
    }
  }

  #writable(nowMs: number): readonly ChannelEffect[] {
    if (!this.hasOutput) return NOTHING;
    const before = this.#outbox.congested;
    const hadBulk = this.#outbox.hasBulk;
    const bytes = this.#outbox.takeWrite(() => this.#liveness.pingWritten(nowMs));
    this.#liveness.written(nowMs);
    const isLong = this.#phase === "open" && bytes.length > this.#config.shortWriteBytesMax;
    if (isLong && this.#liveness.longWritten(nowMs)) this.#outbox.addPing();
    const effects: ChannelEffect[] = [{ type: "write", bytes }];
    if (before && !this.#outbox.congested && this.#phase === "open") {
      effects.push({ type: "drained" });
    }
    if (hadBulk && !this.#outbox.hasBulk && this.#phase === "open") {
      effects.push({ type: "bulk-drained" });
    }
    if (this.#phase === "open" && this.#outbox.takeMissed()) effects.push({ type: "missed" });
    if (this.#last !== null && this.#outbox.isEmpty) {
      effects.push(this.#last);
      this.#enter("ended");
    }
    return effects;
  }

  // Time.

  #tick(nowMs: number): readonly ChannelEffect[] {
    const dueMs = this.nextDeadlineMs();
    if (dueMs === null || nowMs < dueMs) return NOTHING;
    const lateMs = nowMs - dueMs;
    if (lateMs > this.#config.stallMs) {
      this.#endsAtMs = Math.max(this.#endsAtMs, nowMs + this.#config.deadAfterMs);
    }
    // Who only comes late, if each time, gives the other side more time, and not all of it again: see `Slowness`.
    if (lateMs > STALL_MS_MIN) this.#liveness.excuse(nowMs);
    if (this.#phase !== "open") return nowMs < this.#endsAtMs ? NOTHING : this.#outOfTime();
    const due = this.#liveness.check(nowMs, lateMs);
    if (due === "lost") return this.#lost(this.#lostText(nowMs));
    if (due === "ping") this.#outbox.addPing();
    if (this.#agesAtMs > nowMs) return NOTHING;
    this.#agesAtMs = Infinity;
    return [{ type: "aged" }];
  }

  #lostText(nowMs: number): string {
    const { deadAfterMs, recordMs } = this.#config;
    return this.#liveness.isRecordLate(nowMs)
      ? `a message was not complete within ${recordMs / 1_000} s`
      : `no answer for ${deadAfterMs / 1_000} s`;
  }

  #outOfTime(): readonly ChannelEffect[] {
    if (this.#phase === "closing") return this.#lost("what waited could not be sent in time");
    if (this.#last !== null) return this.#lost("");
    const text = `no p2pchat answered there within ${this.#config.handshakeMs / 1_000} s`;
    this.#enter("ended");
    const detail = "no complete handshake";
    return [{ type: "failed", reason: "timeout", text, key: null, detail }];
  }

  // Ends.

  /** Ends the channel since the received bytes are invalid. */
  #broken(detail: string): readonly ChannelEffect[] {
    // During the handshake any program may be answering; a bad sealed record can only have been changed on the way.
    const text = this.#handshake === null ? BROKEN_TEXT : NOT_P2PCHAT_TEXT;
    return this.#fail("protocol", text, null, detail);
  }

  /** The stream is of no more use: reports an unclean close; before `open`, the failure that waited, or a new one. */
  #lost(reason: string, detail?: string): readonly ChannelEffect[] {
    const phase = this.#phase;
    this.#enter("ended");
    if (phase === "open" || phase === "closing") {
      return [{
        type: "closed",
        closed: false,
        reason,
        ...(detail === undefined ? {} : { detail }),
      }];
    }
    if (this.#last !== null) return [this.#last];
    return [{
      type: "failed",
      reason: "protocol",
      text: `${reason} before it had answered as p2pchat does`,
      key: null,
    }];
  }

  /** Before the channel is established: reports the failure, after writing a queued refusal. Afterwards: a loss. */
  #fail(
    reason: ChannelFailure,
    text: string,
    key: PeerKey | null,
    detail?: string,
  ): readonly ChannelEffect[] {
    if (this.#phase === "open" || this.#phase === "closing") return this.#lost(text, detail);
    const failure: ChannelEffect = {
      type: "failed",
      reason,
      text,
      key,
      ...(detail === undefined ? {} : { detail }),
    };
    if (!this.#dialled && this.hasOutput) {
      this.#last = failure;
      this.#enter("refusing");
      return NOTHING;
    }
    this.#enter("ended");
    return [failure];
  }

  #enter(phase: Phase): void {
    const allowed: readonly Phase[] = CHANNEL_PHASES[this.#phase].next;
    invariant(
      allowed.includes(phase),
      `a channel goes from ${this.#phase} to ${allowed.join(" or ")}, not to ${phase}`,
    );
    this.#phase = phase;
    if (phase !== "ended") return;
    this.#unread = EMPTY;
    this.#outbox.clear();
  }
}
