/**
 * What the coordinator brings forth, and the time at which it is made. What comes after a write waits here until it is
 * on disk: where the disk refuses, nobody must hear of what it refused.
 */

import type { LinkId } from "../../base/ids.ts";
import { ModeOutput } from "../../base/mode_output.ts";
import { Pending } from "../../base/pending.ts";
import type { CoordinatorEffect } from "./coordinator_io.ts";
import type { CoordinatorEvent } from "./events.ts";
import { Fifo } from "./fifo.ts";
import type { GroupMessage } from "./messages.ts";
import type { CoordinatorRecord } from "./records.ts";

export class CoordinatorOutput extends ModeOutput<CoordinatorEvent, CoordinatorEffect> {
  readonly #written = new Pending<() => void>();
  /** Behind the write with this token; as much as a link to a slow disk would hold. */
  readonly #waiting = new Fifo<{ readonly effect: CoordinatorEffect; readonly token: number }>();
  /** The last write that was answered: they are in their order. */
  #answered = 0;
  /** Since when nothing is answered that was written. */
  #sinceMs = 0;

  /** Whether a write isn't answered, and what waits for it isn't said. */
  get isWriting(): boolean {
    return this.#written.size > 0;
  }

  /** How long the disk has answered nothing, and what is said waits; 0 where it doesn't. */
  get waitingMs(): number {
    return this.isWriting ? this.nowMs - this.#sinceMs : 0;
  }

  override push(effect: CoordinatorEffect): void {
    const token = this.#written.lastToken;
    if (token === this.#answered) super.push(effect);
    else this.#waiting.push({ effect, token });
  }

  /** Ends it all: what waits for the disk is never said. */
  stop(effect: CoordinatorEffect & { readonly type: "stop" }): void {
    this.#waiting.clear();
    super.push(effect);
  }

  send(link: LinkId, message: GroupMessage): void {
    this.push({ type: "send", link, message });
  }

  close(link: LinkId, reason: string): void {
    this.push({ type: "close", link, reason });
  }

  /** Writes and syncs, before anything that is pushed later goes out. */
  store(...records: readonly CoordinatorRecord[]): void {
    this.storeThen(records, () => {});
  }

  /** Writes and syncs; `done` is called in a later step, when it is on disk. */
  storeThen(records: readonly CoordinatorRecord[], done: () => void): void {
    if (!this.isWriting) this.#sinceMs = this.nowMs;
    const token = this.#written.add(done);
    super.push({ type: "persist", records, token, sync: true });
  }

  /** Writes; what is lost in a crash is found out again. */
  note(record: CoordinatorRecord): void {
    super.push({ type: "persist", records: [record], token: null, sync: false });
  }

  /** What waited for it goes out, then what `done` brings forth. */
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
