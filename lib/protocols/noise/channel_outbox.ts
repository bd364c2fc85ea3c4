/**
 * The output that a channel still has to write, in order of precedence: handshake bytes, welcome, pong, ping, the
 * control lane, the data lane, the bulk lane, the goodbye. It is packed into as few records and writes as possible.
 */

import { type Bytes, concatBytes } from "../../base/crypto/crypto.ts";
import { invariant } from "../../base/invariant.ts";
import type { ChannelConfig } from "./config.ts";
import { EMPTY } from "./primitives.ts";
import {
  CLOSE_REASON_BYTES_MAX,
  encodeCloseReason,
  encodePingNumber,
  PING_NUMBER_BYTES,
  type RecordWriter,
} from "./record.ts";
import {
  RECORD_CONTENT_BYTES_MAX,
  RECORD_OVERHEAD_BYTES,
  RECORD_PLAINTEXT_BYTES_MAX,
  RecordLane,
} from "./record_lane.ts";

// Each lane may end in a record that isn't full; welcome, ping, pong and close have one each.
const PARTIAL_RECORDS_MAX = 7;

export class ChannelOutbox {
  readonly #config: ChannelConfig;
  /** At most two handshake messages, or a refusal. */
  #opening: Uint8Array = EMPTY;
  #writer: RecordWriter | null = null;
  readonly #control = new RecordLane();
  readonly #data = new RecordLane();
  readonly #bulk = new RecordLane();
  #congested = false;
  #missed = false;
  #welcomeWaits = false;
  /** The buffer of a whole write, for the next one: the collector would hold up chat for those of a file that is sent. */
  #spare: Bytes | null = null;
  #pingWaits = false;
  #pongWaits: Uint8Array | null = null;
  #goodbye: string | null = null;

  constructor(config: ChannelConfig) {
    invariant(
      config.writeBytesMax >= RECORD_PLAINTEXT_BYTES_MAX + RECORD_OVERHEAD_BYTES,
      "a write holds at least one record",
    );
    this.#config = config;
  }

  get isEmpty(): boolean {
    return this.#opening.length === 0 &&
      (this.#writer === null ||
        !(this.#welcomeWaits || this.#pingWaits || this.#pongWaits !== null ||
          this.#control.waitingBytes > 0 || this.#data.waitingBytes > 0 ||
          this.#bulk.waitingBytes > 0 || this.#goodbye !== null));
  }

  /** Whether bulk waits to be sent. */
  get hasBulk(): boolean {
    return this.#bulk.waitingBytes > 0;
  }

  /** Whether data is being dropped: from when the lane is full until it is half empty. */
  get congested(): boolean {
    return this.#congested;
  }

  /** Handshake bytes, in clear. */
  addOpening(bytes: Uint8Array): void {
    this.#opening = concatBytes(this.#opening, bytes);
  }

  /** The handshake is over: records can be written. */
  startRecords(writer: RecordWriter): void {
    this.#writer = writer;
  }

  addWelcome(): void {
    this.#welcomeWaits = true;
  }

  addPing(): void {
    this.#pingWaits = true;
  }

  /** Answers the latest ping; earlier ones need no answer any more. */
  addPong(number: Uint8Array): void {
    this.#pongWaits = number;
  }

  /** Ends this direction, after all that waits now but bulk: whoever asked for that asks somebody else. */
  addGoodbye(reason: string): void {
    this.#bulk.clear();
    this.#goodbye = reason;
  }

  /**
   * Copies the parts, as one chunk.
   * @returns `false` where the lane can't take them: the peer is too slow.
   */
  addControl(head: Uint8Array, body: Uint8Array): boolean {
    const waiting = this.#control.waitingBytes;
    // A chunk alone is always taken: its sender bounds it.
    if (waiting > 0 && waiting + head.length + body.length > this.#config.controlBytesMax) {
      return false;
    }
    this.#control.push(head, body);
    return true;
  }

  /** Copies the parts, as one chunk, or drops them where the control lane has no room to spare. */
  addNews(head: Uint8Array, body: Uint8Array): void {
    const waiting = this.#control.waitingBytes + head.length + body.length;
    if (waiting <= this.#config.newsBytesMax) this.#control.push(head, body);
    else this.#missed = true;
  }

  /** Whether news was dropped since this last returned true, and the control lane is empty again. */
  takeMissed(): boolean {
    if (!this.#missed || this.#control.waitingBytes > 0) return false;
    this.#missed = false;
    return true;
  }

  /** Copies the parts, as one chunk, or drops them while congested. The chunk that fills the lane is taken. */
  addData(head: Uint8Array, body: Uint8Array): void {
    if (this.#congested) return;
    this.#data.push(head, body);
    this.#congested = this.#data.waitingBytes >= this.#config.dataBytesMax;
  }

  /** Copies the parts, as one chunk. Its sender waits until the lane is empty before it adds more than may wait. */
  addBulk(head: Uint8Array, body: Uint8Array): void {
    const waiting = this.#bulk.waitingBytes + head.length + body.length;
    invariant(waiting <= this.#config.bulkBytesMax, "bulk is sent as the lane has room");
    this.#bulk.push(head, body);
  }

  /**
   * The next write, with as much output as it may have. The one before must be done, as its bytes may change.
   * @param pingNumber Called when a ping goes into it.
   */
  takeWrite(pingNumber: () => number): Bytes {
    const out = this.#buffer(this.#opening.length + this.#recordBytesAhead());
    out.set(this.#opening);
    let end = this.#opening.length;
    this.#opening = EMPTY;
    if (this.#writer !== null) end = this.#writeRecords(this.#writer, out, end, pingNumber);
    if (this.#data.waitingBytes < this.#config.dataBytesMax / 2) this.#congested = false;
    return end === out.length ? out : out.subarray(0, end);
  }

  /** Only where much is sent is a buffer kept: a thousand idle links hold none. */
  #buffer(length: number): Bytes {
    const isWhole = length === this.#config.writeBytesMax;
    const buffer = isWhole && this.#spare !== null ? this.#spare : new Uint8Array(length);
    this.#spare = isWhole ? buffer : null;
    return buffer;
  }

  /** Forgets everything. */
  clear(): void {
    this.#opening = EMPTY;
    this.#control.clear();
    this.#data.clear();
    this.#bulk.clear();
  }

  /** Upper bound of what #writeRecords writes. */
  #recordBytesAhead(): number {
    if (this.#writer === null) return 0;
    const content = this.#control.waitingBytes + this.#data.waitingBytes +
      this.#bulk.waitingBytes + 2 * PING_NUMBER_BYTES +
      (this.#goodbye === null ? 0 : CLOSE_REASON_BYTES_MAX);
    const records = Math.ceil(content / RECORD_CONTENT_BYTES_MAX) + PARTIAL_RECORDS_MAX;
    return Math.min(content + records * RECORD_OVERHEAD_BYTES, this.#config.writeBytesMax);
  }

  #writeRecords(
    writer: RecordWriter,
    out: Uint8Array,
    start: number,
    pingNumber: () => number,
  ): number {
    let end = start;
    if (this.#welcomeWaits) {
      this.#welcomeWaits = false;
      end = writer.write(out, end, "welcome", EMPTY);
    }
    if (this.#pongWaits !== null) {
      end = writer.write(out, end, "pong", this.#pongWaits);
      this.#pongWaits = null;
    }
    if (this.#pingWaits) {
      this.#pingWaits = false;
      end = writer.write(out, end, "ping", encodePingNumber(pingNumber()));
    }
    const lanes = [["control", this.#control], ["data", this.#data], ["bulk", this.#bulk]] as const;
    for (const [kind, lane] of lanes) {
      while (lane.waitingBytes > 0) {
        if (end + lane.nextRecordBytes + RECORD_OVERHEAD_BYTES > out.length) return end;
        end = writer.writePage(out, end, kind, lane.take()!);
      }
    }
    if (this.#goodbye === null) return end;
    const reason = encodeCloseReason(this.#goodbye);
    if (end + reason.length + RECORD_OVERHEAD_BYTES > out.length) return end;
    this.#goodbye = null;
    return writer.write(out, end, "close", reason);
  }
}
