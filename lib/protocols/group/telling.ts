/**
 * The sequencer tells the coordinator which entries there are, without their texts: those that have just come from
 * memory, older ones from the log. As much as the link takes: some at each sign of life of the coordinator.
 *
 * An entry's number is its position: nothing else takes a position yet.
 */

import type { Crypto } from "../../base/crypto.ts";
import { Fifo } from "./fifo.ts";
import type { Held, HeldBatch } from "./held.ts";
import { type Batch, entryId } from "./history.ts";
import { HISTORY_BYTES_MAX, TOLD_ENTRIES_MAX } from "./limits.ts";
import type { GroupMessageOf } from "./messages.ts";
import type { Reads } from "./supplying.ts";

/** Messages between two signs of life: some 400 KB, less than half of a link's queue. */
const CHUNKS_MAX = 16;
/** Entries that wait in memory; more are read from the log when it is their turn. */
const WAITING_MAX = 4_096;

export interface TellingOwner {
  readonly held: Held;
  readonly reads: Reads;
  readonly crypto: Crypto;
  /** Whether one is the sequencer, and the coordinator is there. */
  readonly mayTell: boolean;
  send(message: GroupMessageOf<"entries">): void;
}

export class Telling {
  /** The coordinator knows of so many; null before it said so. */
  #told: number | null = null;
  #chunks = 0;
  readonly #waiting = new Fifo<HeldBatch>();
  #waitingTexts = 0;
  #isReading = false;

  constructor(readonly owner: TellingOwner) {}

  /** The coordinator says how many it knows of. */
  knows(told: number): void {
    this.#told = told;
    this.#chunks = CHUNKS_MAX;
    this.#tell();
  }

  /** The coordinator took what was sent before. */
  more(): void {
    this.#chunks = CHUNKS_MAX;
    this.#tell();
  }

  /** The log has these at its end. */
  logged(batches: readonly HeldBatch[]): void {
    if (!this.owner.mayTell) return;
    for (const batch of batches) {
      this.#waiting.push(batch);
      this.#waitingTexts += batch.entries.length;
    }
    if (this.#waitingTexts > WAITING_MAX) this.#forget();
    this.#tell();
  }

  /** The log begins anew. */
  restart(): void {
    this.#forget();
    this.#told = null;
  }

  #forget(): void {
    this.#waiting.clear();
    this.#waitingTexts = 0;
  }

  #tell(): void {
    while (this.#chunks > 0 && this.owner.mayTell && !this.#isReading && this.#told !== null) {
      const told = this.#told;
      if (told >= this.owner.held.logSeq) return;
      for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
        if (first.before.seq >= told) break;
        this.#shift();
      }
      if (this.#waiting.first?.before.seq !== told) return this.#read(told);
      const batches: Batch[] = [];
      let texts = 0;
      for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
        if (texts + first.entries.length > TOLD_ENTRIES_MAX) break;
        texts += first.entries.length;
        batches.push(first.signed.batch.value);
        this.#shift();
      }
      this.#send(batches);
    }
  }

  #shift(): void {
    this.#waitingTexts -= this.#waiting.shift()!.entries.length;
  }

  #read(told: number): void {
    this.#isReading = true;
    this.owner.reads.read(told, HISTORY_BYTES_MAX, ({ batches, digest }) => {
      this.#isReading = false;
      if (this.#told !== told) return this.#tell();
      const part: Batch[] = [];
      let texts = 0;
      for (const { batch: { value } } of batches) {
        if (texts + value.texts.length > TOLD_ENTRIES_MAX) break;
        texts += value.texts.length;
        part.push(value);
      }
      if (digest === null || texts === 0) this.#told = null; // it knows of others than we do
      else this.#send(part);
      this.#tell();
    });
  }

  #send(batches: readonly Batch[]): void {
    const { crypto } = this.owner;
    const entries = batches.flatMap((batch) =>
      batch.texts.map((_, index) => ({
        id: Uint8Array.fromHex(entryId(crypto, batch, index)),
        author: batch.author,
        name: batch.name,
      }))
    );
    this.#chunks--;
    const seq = this.#told! + 1;
    this.#told! += entries.length;
    this.owner.send({ type: "entries", seq, entries });
  }
}
