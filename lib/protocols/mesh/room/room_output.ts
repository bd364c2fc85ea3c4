/**
 * What one step of the room gives: the sends first, then what the disk and the user get, so that a bundle is relayed
 * before it is synced here. Only what must be on disk before anybody hears of it goes before the sends.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import { type MeshMessage, MESSAGE_LANES } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Bundle } from "../schema/structures.ts";
import type { RoomEffect } from "./room_io.ts";

/** The machines whose records are synced before anything else of the step. */
type Writer = "order" | "privateMessages" | "secrets" | "rulings";

interface Write {
  readonly of: Writer;
  /** The machine's own. */
  readonly token: number;
}

export class RoomOutput {
  #nowMs = 0;
  #first: RoomEffect[] = [];
  #later: RoomEffect[] = [];
  /** Writes under way for which a machine waits. */
  readonly #writes = new Pending<Write>();

  /** When the step is. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /**
   * Whether what is being written isn't in a snapshot yet: a ruling or a secret, which count once they are on disk. These
   * are rare; words are written all the time, and are in the snapshot at once.
   */
  get isWriting(): boolean {
    return [...this.#writes.all()].some(({ of }) => of === "rulings" || of === "secrets");
  }

  stepBegins(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#first = [];
    this.#later = [];
  }

  stepEnds(): readonly RoomEffect[] {
    return this.#later.length === 0 ? this.#first : [...this.#first, ...this.#later];
  }

  /** Goes out among the sends, in their order. */
  first(effect: RoomEffect): void {
    this.#first.push(effect);
  }

  /** Comes after all sends of the step. */
  later(effect: RoomEffect): void {
    this.#later.push(effect);
  }

  send(peer: PeerKey, message: MeshMessage, lane: Queue = MESSAGE_LANES[message.type]): void {
    this.#first.push({ type: "to", peer, message, lane });
  }

  sendBundle(
    peer: PeerKey,
    bundle: Bundle,
    hop: number,
    reason: "push" | "graft" | "range",
  ): void {
    this.#first.push({ type: "bundle-to", peer, bundle, hop, reason });
  }

  /** Writes what others rely on us to remember: it is synced before anything that goes out after it. */
  persistFirst(records: readonly MeshRecord[], sync = true): void {
    this.#first.push({ type: "persist", records, token: null, sync });
  }

  persistLater(records: readonly MeshRecord[], sync: boolean): void {
    this.#later.push({ type: "persist", records, token: null, sync });
  }

  /**
   * Writes a machine's records: synced before anything that goes out after it where the machine waits for them, by its
   * `token`, and otherwise later.
   */
  persistOf(
    of: Writer,
    { records, token }: { readonly records: readonly MeshRecord[]; readonly token: number | null },
  ): void {
    if (token === null) return this.persistLater(records, true);
    const write = this.#writes.add({ of, token });
    this.#first.push({ type: "persist", records, token: write, sync: true });
  }

  /** Who waited for a write that has come to its end; undefined where nobody did. */
  takeWrite(token: number | null): Write | undefined {
    return this.#writes.take(token);
  }
}
