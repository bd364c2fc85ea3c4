/**
 * The sequencer reports to the coordinator which entries there are, without their texts: the latest from memory,
 * older ones from the log. It sends as much as the link takes: some at each sign of life of the coordinator.
 */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import { Fifo } from "../../../base/collections/fifo.ts";
import type { CoordinatorPort } from "../detector/coordinator_port.ts";
import type { HeldBatch, HeldBatches } from "../log/held_batches.ts";
import type { Sequencing } from "../log/sequencing.ts";
import { type Batch, entryId, placesOf } from "../schema/history.ts";
import { HISTORY_BYTES_MAX, TOLD_ENTRIES_MAX } from "../schema/limits.ts";
import type { Reads } from "./supplying.ts";

/** Messages between two signs of life of the coordinator: some 400 KB, less than half of a link's queue. */
const CHUNKS_MAX = 16;
/** Entries and edits that wait in memory; if there are more, they are read from the log when it is their turn. */
const WAITING_MAX = 4_096;

interface OrderReportParts {
  readonly held: Pick<HeldBatches, "log">;
  readonly reads: Pick<Reads, "read">;
  readonly crypto: Crypto;
  readonly coordinator: Pick<CoordinatorPort, "isUp" | "tell">;
  /** Null while in no epoch. */
  readonly ordering: () => Pick<Sequencing, "isSequencer"> | null;
}

export class OrderReport {
  /** The position up to which the coordinator knows all entries; null before it said so. */
  #told: number | null = null;
  #chunks = 0;
  #messages = 0;
  readonly #waiting = new Fifo<HeldBatch>();
  #waitingPlaces = 0;
  #isReading = false;

  constructor(readonly parts: OrderReportParts) {}

  get #mayTell(): boolean {
    return this.parts.coordinator.isUp && this.parts.ordering()?.isSequencer === true;
  }

  /** How many messages were sent on the present link. */
  get messages(): number {
    return this.#messages;
  }

  /** The coordinator is connected on another link. */
  linked(): void {
    this.#messages = 0;
  }

  /** The coordinator says up to which position it knows all entries. */
  knows(told: number): void {
    this.#told = told;
    this.#chunks = CHUNKS_MAX;
    this.#tell();
  }

  /** The coordinator has taken what was sent before. */
  more(): void {
    this.#chunks = CHUNKS_MAX;
    this.#tell();
  }

  /** These batches came into the log. */
  logged(batches: readonly HeldBatch[]): void {
    if (!this.#mayTell) return;
    for (const batch of batches) {
      this.#waiting.push(batch);
      this.#waitingPlaces += placesOf(batch.signed.batch.value);
    }
    if (this.#waitingPlaces > WAITING_MAX) this.#forget();
    this.#tell();
  }

  /** The log starts anew, empty. */
  restart(): void {
    this.#forget();
    this.#told = null;
  }

  #forget(): void {
    this.#waiting.clear();
    this.#waitingPlaces = 0;
  }

  #tell(): void {
    while (this.#chunks > 0 && this.#mayTell && !this.#isReading && this.#told !== null) {
      const told = this.#told;
      if (told >= this.parts.held.log.position) return;
      for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
        if (first.before.position >= told) break;
        this.#shift();
      }
      const next = this.#waiting.first;
      if (next?.before.position !== told) return this.#read(told);
      const batches: Batch[] = [];
      let places = 0;
      for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
        const { value } = first.signed.batch;
        if (places + placesOf(value) > TOLD_ENTRIES_MAX) break;
        places += placesOf(value);
        batches.push(value);
        this.#shift();
      }
      this.#send(told, next.before.seq, batches);
    }
  }

  #shift(): void {
    this.#waitingPlaces -= placesOf(this.#waiting.shift()!.signed.batch.value);
  }

  #read(told: number): void {
    this.#isReading = true;
    this.parts.reads.read(told, HISTORY_BYTES_MAX, ({ batches, digest, seq }) => {
      this.#isReading = false;
      if (this.#told !== told) return this.#tell();
      const part: Batch[] = [];
      let places = 0;
      for (const { batch: { value } } of batches) {
        if (places + placesOf(value) > TOLD_ENTRIES_MAX) break;
        places += placesOf(value);
        part.push(value);
      }
      if (digest === null || places === 0) this.#told = null; // the coordinator knows of other entries than we have
      else this.#send(told, seq, part);
      this.#tell();
    });
  }

  /** @param seq Number of the last entry at `after`. */
  #send(after: number, seq: number, batches: readonly Batch[]): void {
    const { crypto } = this.parts;
    const entries = batches.flatMap((batch) =>
      batch.texts.map((_, index) => ({
        id: Uint8Array.fromHex(entryId(crypto, batch, index)),
        author: batch.author,
        name: batch.name,
      }))
    );
    this.#chunks--;
    this.#messages++;
    const through = this.#told = batches.reduce((sum, batch) => sum + placesOf(batch), after);
    this.parts.coordinator.tell({ type: "entries", after, through, seq: seq + 1, entries });
  }
}
