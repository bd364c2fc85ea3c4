/**
 * Answers `fetch`: history comes from the log, which is read in parts, and then from what is held beyond it. Members
 * and the coordinator do it in the same way.
 *
 * One `fetch` is answered with at most `FETCH_BYTES`; a later one of the same asker replaces an earlier one. For each
 * asker one read of the log is under way at most, and none while much waits to be sent to it: an asker that asks
 * without end costs no more than one that behaves.
 */

import type { Hash } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import { batchBytes, type HistoryPoint, placesOf, type SignedBatch } from "../schema/history.ts";
import { FETCH_BYTES, HISTORY_BATCHES_MAX, HISTORY_BYTES_MAX } from "../schema/limits.ts";
import type { HistoryRead } from "../schema/member_io.ts";
import type { GroupMessageOf } from "../schema/messages.ts";

/** Reads the log; the same effect for members and the coordinator. */
export interface ReadEffect {
  readonly type: "read";
  readonly token: number;
  readonly after: number;
  readonly bytesMax: number;
}

/** Reads of the log that are under way, and what each is for. */
export class Reads {
  readonly #pending = new Pending<(read: HistoryRead) => void>();

  constructor(readonly push: (effect: ReadEffect) => void) {}

  read(after: number, bytesMax: number, done: (read: HistoryRead) => void): void {
    const token = this.#pending.add(done);
    this.push({ type: "read", token, after, bytesMax });
  }

  answered(token: number, read: HistoryRead): void {
    this.#pending.take(token)?.(read);
  }

  /** The log is another group's now: answers of the former one are ignored. */
  forget(): void {
    this.#pending.forget();
  }
}

/** What can be supplied. */
export interface Supply<Asker> {
  /** The log's end: history before it is read from disk. */
  readonly log: HistoryPoint;
  /** The end of all that is on disk, in the log or held beyond it. */
  readonly held: HistoryPoint;
  /** What is held after a position, which is the log's end or beyond; null where no batch ends there. */
  heldAfter(position: number): HistoryRead | null;
  /** Whether much waits to be sent to the asker already: `resume` is called when there is room again. */
  isCongested(asker: Asker): boolean;
  answer(asker: Asker, message: GroupMessageOf<"history"> | GroupMessageOf<"unlike">): void;
}

interface Request {
  readonly after: HistoryPoint;
  readonly through: number;
  bytesLeft: number;
  /** The position up to which the request is answered. */
  position: number;
  /** Whether the request waits until there is room. */
  isWaiting: boolean;
}

export class Supplier<Asker> {
  /** One for each asker; the caller bounds the askers. */
  readonly #requests = new Map<Asker, Request>();
  /** Askers for whom the log is being read. */
  readonly #reading = new Set<Asker>();
  /** Askers that were sent history: some of it may still wait to go out to them. */
  readonly #sent = new Set<Asker>();

  constructor(readonly supply: Supply<Asker>, readonly reads: Reads) {}

  /** The asker wants history. */
  fetch(asker: Asker, { after, through }: GroupMessageOf<"fetch">): void {
    const { position } = after;
    const request = { after, through, bytesLeft: FETCH_BYTES, position, isWaiting: false };
    this.#requests.set(asker, request);
    if (!this.#reading.has(asker)) this.#supply(asker, request);
  }

  /** There is room again for messages to the asker. */
  resume(asker: Asker): void {
    const request = this.#requests.get(asker);
    if (request?.isWaiting !== true) return;
    request.isWaiting = false;
    this.#supply(asker, request);
  }

  /** Nothing reaches the asker any more, nor what was sent to it and hasn't arrived. */
  forget(asker: Asker): void {
    this.#requests.delete(asker);
    this.#sent.delete(asker);
  }

  hasSent(asker: Asker): boolean {
    return this.#sent.has(asker);
  }

  /** The log starts anew: if requested history is missing now, that says nothing about the asker's. */
  restart(): void {
    this.#requests.clear();
  }

  #supply(asker: Asker, request: Request): void {
    const { log, held } = this.supply;
    const { position } = request;
    request.isWaiting = this.supply.isCongested(asker);
    if (request.isWaiting) return;
    if (position > held.position) return this.#unlike(asker, request);
    if (position >= log.position) {
      const part = this.supply.heldAfter(position);
      return part === null
        ? this.#unlike(asker, request)
        : this.#send(asker, request, position, part);
    }
    const bytesMax = Math.min(request.bytesLeft, HISTORY_BYTES_MAX);
    this.#reading.add(asker);
    this.reads.read(position, bytesMax, (read) => {
      this.#reading.delete(asker);
      const last = this.#requests.get(asker);
      if (last === request) this.#send(asker, request, position, read);
      else if (last !== undefined) this.#supply(asker, last);
    });
  }

  #send(asker: Asker, request: Request, after: number, { batches, digest }: HistoryRead): void {
    if (!isAt(request.after, after, digest)) return this.#unlike(asker, request);
    const part: SignedBatch[] = [];
    let position = after;
    let bytes = 0;
    for (const batch of batches) {
      if (position >= request.through || part.length === HISTORY_BATCHES_MAX) break;
      if (part.length > 0 && bytes + batchBytes(batch) > HISTORY_BYTES_MAX) break;
      part.push(batch);
      bytes += batchBytes(batch);
      position += placesOf(batch.batch.value);
    }
    request.bytesLeft -= bytes;
    request.position = position;
    const { log, held } = this.supply;
    const isLast = part.length === 0 || request.bytesLeft <= 0 ||
      position >= Math.min(request.through, held.position);
    if (isLast) this.#requests.delete(asker);
    if (part.length > 0) this.#sent.add(asker);
    this.supply.answer(asker, {
      type: "history",
      after,
      batches: part,
      isLast,
      stable: log.position,
    });
    if (!isLast) this.#supply(asker, request);
  }

  #unlike(asker: Asker, { after }: Request): void {
    this.#requests.delete(asker);
    this.supply.answer(asker, { type: "unlike", after });
  }
}

/** Whether the asker's history is ours, at its end; known once the first part fits. */
function isAt(asked: HistoryPoint, position: number, digest: Hash | null): boolean {
  return position !== asked.position ? digest !== null : digest === asked.digest;
}
