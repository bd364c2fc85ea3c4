/**
 * The coordinator's effects, and the time at which they are made. What follows a write waits here until that is on
 * disk: if the disk refuses it, nobody must hear of what was refused.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Endpoint, LinkId } from "../../../base/ids.ts";
import { ModeOutput } from "../../../base/machine/mode_output.ts";
import { Pending } from "../../../base/machine/pending.ts";
import type { CoordinatorEffect } from "./coordinator_io.ts";
import type { CoordinatorEvent } from "./events.ts";
import { Fifo } from "../../../base/collections/fifo.ts";
import { type GroupMessage, isContent } from "./messages.ts";
import type { CoordinatorRecord } from "./records.ts";

export class CoordinatorOutput extends ModeOutput<CoordinatorEvent, CoordinatorEffect> {
  readonly #written = new Pending<() => void>();
  /** Effects behind the write with this token; as many as a link to a slow disk would hold. */
  readonly #waiting = new Fifo<{ readonly effect: CoordinatorEffect; readonly token: number }>();
  /** The last write that was answered; writes are answered in order. */
  #answered = 0;
  /** Since when no write has been answered. */
  #sinceMs = 0;

  /** @param mayReceive Whether what was said in the group may be sent on this link. */
  constructor(readonly mayReceive: (link: LinkId) => boolean) {
    super();
  }

  /** Whether a write isn't answered yet, so that later effects wait. */
  get isWriting(): boolean {
    return this.#written.size > 0;
  }

  /** How long the disk hasn't answered while effects wait; 0 where nothing waits. */
  get waitingMs(): number {
    return this.isWriting ? this.nowMs - this.#sinceMs : 0;
  }

  override push(effect: CoordinatorEffect): void {
    const token = this.#written.lastToken;
    if (token === this.#answered) super.push(effect);
    else this.#waiting.push({ effect, token });
  }

  /** Ends the coordinator: effects that wait for the disk are dropped. */
  stop(effect: CoordinatorEffect & { readonly type: "stop" }): void {
    this.#waiting.clear();
    super.push(effect);
  }

  /** The one way to members. What was said in the group goes only to those that are listed. */
  send(link: LinkId, message: GroupMessage): void {
    if (isContent(message) && !this.mayReceive(link)) return;
    this.push({ type: "send", link, message });
  }

  /** Waits for nothing: a datagram says nothing of what is on disk. */
  datagram(to: Endpoint, bytes: Bytes): void {
    super.push({ type: "datagram", to, bytes });
  }

  close(link: LinkId, reason: string): void {
    this.push({ type: "close", link, reason });
  }

  /** Writes and syncs before any later effect goes out. */
  store(...records: readonly CoordinatorRecord[]): void {
    this.storeThen(records, () => {});
  }

  /** Writes and syncs; `done` is called in a later step, when the records are on disk. */
  storeThen(records: readonly CoordinatorRecord[], done: () => void): void {
    if (!this.isWriting) this.#sinceMs = this.nowMs;
    const token = this.#written.add(done);
    super.push({ type: "persist", records, token, sync: true });
  }

  /** Writes without syncing: what is lost in a crash can be found out again. */
  note(record: CoordinatorRecord): void {
    super.push({ type: "persist", records: [record], token: null, sync: false });
  }

  /** Effects that waited for this write go out, then those of `done`. */
  persisted(token: number): void {
    this.#answered = token;
    this.#sinceMs = this.nowMs;
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      if (first.token > token) break;
      super.push(first.effect);
      this.#waiting.shift();
    }
    this.#written.take(token)?.();
  }
}
