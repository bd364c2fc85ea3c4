/**
 * Whether the other side of an established channel is alive, and that it knows us to be: any byte is a sign of life,
 * as long as a record that was begun is whole in time: until then nobody knows who has sent it;
 * after a silence the other side is asked with a ping; after a longer one it counts as lost: the later we come, or its
 * answers do, the longer. Who has said nothing
 * itself for a while pings too, whatever comes in: where more comes than it can read, the other side's ping lies
 * behind megabytes in the kernels' buffers.
 */

import { RemoteProtocolError } from "../../base/errors.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import { Slowness } from "../../base/machine/slowness.ts";
import { TokenBucket } from "../../base/rates/token_bucket.ts";
import type { ChannelConfig } from "./config.ts";

/** As often as whoever listens looks whether to ask, at most; whoever dials does so more seldom. */
const PINGS_PER_SECOND = 4;
/** Those of some minutes, which come at once where the program was stopped for so long; what a pause adds isn't counted. */
const PINGS_BURST = 1_024;

type LivenessConfig = Pick<
  ChannelConfig,
  | "pingAfterMs"
  | "pingGridMs"
  | "listenerPingLagMs"
  | "listenerPingGridMs"
  | "deadAfterMs"
  | "recordMs"
>;

export class Liveness {
  readonly #config: LivenessConfig;
  /** Silence, of the other side or of our own, after which a ping is due, and of what it then waits for a multiple. */
  readonly #pingAfterMs: number;
  readonly #pingGridMs: number;
  #lastReceivedMs: number;
  #lastWrittenMs: number;
  /** When the last ping was asked for; later than the last byte while it is unanswered. */
  #lastPingMs: number;
  #pingNumber = 0;
  /** How many of our pings haven't been answered. */
  #unanswered = 0;
  /** When the ping of that number was written; `null` once answered. */
  #pingWrittenMs: number | null = null;
  /** When the record began of which only a part came; null where there is none. */
  #recordBeganMs: number | null = null;
  /** Since when nothing is read; null where it is. */
  #pausedMs: number | null = null;
  /** How many pings may lie there since nothing was read. */
  #piledUp = 0;
  /** Bounds what the other side's pings cost us. */
  readonly #asked = new TokenBucket(PINGS_PER_SECOND, PINGS_BURST);
  /** The first long write: when it went out, and the number of the ping behind it, once that has gone out, too. */
  #long: { readonly atMs: number; ping: number | null } | null = null;
  #isLongProven = false;
  #roundTripMs: number | null = null;
  /** The shortest one that a ping has measured. */
  #pingedMsMin = Infinity;
  /** How late we are, and the answers to our pings. */
  readonly #slowness = new Slowness();

  /** `dialled`: the side that asks first: its pings and the answers are signs of life of both. */
  constructor(config: LivenessConfig, dialled: boolean, nowMs: number) {
    this.#config = config;
    this.#pingAfterMs = config.pingAfterMs + (dialled ? 0 : config.listenerPingLagMs);
    this.#pingGridMs = dialled ? config.pingGridMs : config.listenerPingGridMs;
    this.#lastReceivedMs = nowMs;
    this.#lastWrittenMs = nowMs;
    this.#lastPingMs = nowMs;
  }

  /** The last measured time there and back, the handshake's at first; `null` before. */
  get roundTripMs(): number | null {
    return this.#roundTripMs;
  }

  /** A time there and back that was measured otherwise: by the handshake. */
  measured(roundTripMs: number): void {
    this.#roundTripMs = roundTripMs;
  }

  received(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  /**
   * What came was read.
   * @param isNew Whether a record was whole: what is left began with this.
   * @param isPart Whether a part of a record is left.
   */
  read(isNew: boolean, isPart: boolean, nowMs: number): void {
    if (!isPart) this.#recordBeganMs = null;
    else if (isNew) this.#recordBeganMs = nowMs;
    else this.#recordBeganMs ??= nowMs;
  }

  /** Bytes of ours were given to the stream. */
  written(nowMs: number): void {
    this.#lastWrittenMs = nowMs;
  }

  /**
   * A write was so long that not every path may take it.
   * @returns Whether a ping is to follow it, to learn whether it came: behind the first one.
   */
  longWritten(nowMs: number): boolean {
    if (this.#long !== null) return false;
    this.#long = { atMs: nowMs, ping: null };
    this.#lastPingMs = nowMs;
    return true;
  }

  /** Whether the first long write is known to have come. */
  get isLongProven(): boolean {
    return this.#isLongProven;
  }

  /** How long it isn't known whether the first long write has come; null where it is, or there was none. */
  longMissingMs(nowMs: number): number | null {
    return this.#long === null || this.#isLongProven ? null : nowMs - this.#long.atMs;
  }

  /** From now on nothing is read, so that silence means nothing, and only our pings keep us alive over there. */
  pauseReading(nowMs: number): void {
    this.#pausedMs ??= nowMs;
  }

  resumeReading(nowMs: number): void {
    const pausedMs = nowMs - (this.#pausedMs ?? nowMs);
    const piledUp = Math.floor(pausedMs / 1_000 * PINGS_PER_SECOND);
    this.#piledUp = Math.max(this.#piledUp, piledUp);
    this.#pausedMs = null;
    this.#lastReceivedMs = nowMs;
    this.#recordBeganAgain(nowMs);
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.#pingDueMs(), this.#signDueMs(), this.#lostDueMs());
  }

  /** We were stopped for a while, and the signs of life may lie unread: the other side is asked once more. */
  excuse(nowMs: number): void {
    const askedMs = nowMs - this.#pingAfterMs - this.#pingGridMs; // long enough ago for a ping to be due now
    this.#lastReceivedMs = Math.max(this.#lastReceivedMs, askedMs);
    this.#recordBeganAgain(nowMs);
  }

  /** Its other part may lie unread. */
  #recordBeganAgain(nowMs: number): void {
    if (this.#recordBeganMs !== null) this.#recordBeganMs = nowMs;
  }

  /** Whether it isn't silence for which the other side counts as lost, but a record that isn't whole in time. */
  isRecordLate(nowMs: number): boolean {
    return this.#recordBeganMs !== null && this.#recordBeganMs + this.#config.recordMs <= nowMs;
  }

  /**
   * What is due at `nowMs`. A `ping` is said once, then `pingWritten` is expected.
   * @param lateMs How long something has been due by now.
   */
  check(nowMs: number, lateMs: number): "lost" | "ping" | null {
    this.#slowness.stepped(lateMs, nowMs);
    const lostDueMs = this.#lostDueMs();
    if (lostDueMs !== null && lostDueMs <= nowMs) return "lost";
    const pingDueMs = earliestMs(this.#pingDueMs(), this.#signDueMs());
    if (pingDueMs === null || pingDueMs > nowMs) return null;
    this.#lastPingMs = nowMs;
    return "ping";
  }

  /** A ping goes out now. @returns Its number. */
  pingWritten(nowMs: number): number {
    this.#pingNumber = (this.#pingNumber + 1) >>> 0;
    this.#unanswered += 1;
    this.#pingWrittenMs = nowMs;
    if (this.#long !== null) this.#long.ping ??= this.#pingNumber;
    return this.#pingNumber;
  }

  /**
   * An answer to a ping. One that answers an older ping says no more than any other byte.
   * @throws {RemoteProtocolError} Where each of our pings was answered already.
   */
  pong(number: number, nowMs: number): void {
    if (this.#unanswered === 0) throw new RemoteProtocolError("Cannot take an answer to no ping");
    this.#unanswered -= 1;
    const behind = this.#long?.ping ?? null;
    if (behind !== null && number >= behind) this.#isLongProven = true;
    if (this.#pingWrittenMs === null || number !== this.#pingNumber) return;
    // Behind a long write it took as long as that one.
    if (number !== behind) this.#answeredAfter(nowMs - this.#pingWrittenMs, nowMs);
    this.#pingWrittenMs = null;
  }

  /** The other side asks. @throws {RemoteProtocolError} Where it asks too often. */
  pinged(nowMs: number): void {
    if (this.#piledUp > 0) return void (this.#piledUp -= 1);
    if (this.#asked.take(nowMs)) return;
    throw new RemoteProtocolError(`Cannot take more than ${PINGS_PER_SECOND} pings a second`);
  }

  #answeredAfter(tookMs: number, nowMs: number): void {
    this.#roundTripMs = tookMs;
    this.#pingedMsMin = Math.min(this.#pingedMsMin, tookMs);
    this.#slowness.came(tookMs - this.#pingedMsMin, nowMs);
  }

  #pingDueMs(): number | null {
    if (this.#pausedMs !== null) return this.#onGrid(this.#lastPingMs + this.#pingAfterMs);
    return this.#lastPingMs > this.#lastReceivedMs
      ? null
      : this.#onGrid(this.#lastReceivedMs + this.#pingAfterMs);
  }

  /** Null while a ping waits to be written: the stream takes nothing, and another one would say no more. */
  #signDueMs(): number | null {
    return this.#lastPingMs > this.#lastWrittenMs
      ? null
      : this.#onGrid(this.#lastWrittenMs + this.#pingAfterMs);
  }

  #onGrid(atMs: number): number {
    return Math.ceil(atMs / this.#pingGridMs) * this.#pingGridMs;
  }

  #lostDueMs(): number | null {
    if (this.#pausedMs !== null) return null;
    const { deadAfterMs, recordMs } = this.#config;
    const recordDueMs = this.#recordBeganMs === null ? null : this.#recordBeganMs + recordMs;
    return earliestMs(this.#lastReceivedMs + deadAfterMs, recordDueMs)! +
      this.#slowness.graceMs;
  }
}
