/**
 * Broadcasts at a client: each is shown once, in the directory's order, and on disk before it is acknowledged to the
 * directory.
 */

import { dateText } from "../../base/dates.ts";
import { Deadlines } from "../../base/machine.ts";
import { foldName, nameFault } from "../../base/names.ts";
import type { ClientLog } from "./client_log.ts";
import type { ClientOutput } from "./client_output.ts";
import type { Heard, HeardPlace, Listener } from "./client_records.ts";
import { DIRECTORY_NAME } from "./events.ts";
import { DISK_RETRY_MS } from "./client_limits.ts";
import { WINDOW_MAX } from "./limits.ts";
import type { DirectoryMessageOf } from "./messages.ts";

const DEADLINES = ["write"] as const;

/** How a broadcast came, and how it is acknowledged. */
export type Way = "link" | "datagram";

export interface HearingOwner {
  readonly out: ClientOutput;
  /** Tells the directory. */
  acknowledge(message: DirectoryMessageOf<"got">, way: Way): void;
  /** The directory broke the protocol. */
  offends(text: string): void;
}

export class Hearing {
  /** Null while we aren't in. */
  #listener: Listener | null = null;
  /** Number of the last broadcast taken from those sent on this link. */
  #last = 0;
  /** Highest number taken from the store, whether it is on disk or not. */
  #taken = 0;
  /** Broadcasts that came before the one they follow, by the number of that. */
  readonly #early = new Map<number, DirectoryMessageOf<"told">>();
  readonly #waiting: Heard[] = [];
  #writing = 0;
  /** Whether the disk has refused, and the user was told. */
  #isRefused = false;
  readonly #ways = new Set<Way>();
  readonly #deadlines = new Deadlines(DEADLINES);

  constructor(readonly log: ClientLog, readonly owner: HearingOwner) {}

  /** Whether the disk refuses broadcasts. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The `seen` of an `enter` under this name. */
  seen(name: string): DirectoryMessageOf<"enter">["seen"] {
    const last = this.log.last(foldName(name));
    return last === null ? null : { store: Uint8Array.fromHex(last.store), through: last.number };
  }

  /** Shows broadcasts that an earlier process stored and didn't show. */
  start(): void {
    const unshown = this.log.takeUnshown();
    for (const heard of unshown) this.#show(heard, true);
    this.#shownThrough(unshown.at(-1));
  }

  entered({ store: bytes, name }: DirectoryMessageOf<"entered">): void {
    const { store, as } = this.#listener = { store: bytes.toHex(), as: foldName(name) };
    this.#last = 0;
    const waiting = this.#waiting.filter((heard) => heard.store === store && heard.as === as);
    const through = this.log.through(this.#listener);
    this.#taken = Math.max(through, ...waiting.map(({ number }) => number));
  }

  left(): void {
    this.#listener = null;
    // Broadcasts that aren't being written come again, here or to another device of the account.
    this.#waiting.splice(this.#writing);
    this.#early.clear();
    this.#ways.clear();
  }

  told(message: DirectoryMessageOf<"told">, way: Way): void {
    const { number, after, from } = message;
    if (this.#listener === null) return;
    if (number <= after || (nameFault(from) !== null && from !== DIRECTORY_NAME)) {
      return this.owner.offends("a broadcast that can't be");
    }
    this.#ways.add(way);
    if (after > this.#last) {
      if (this.#early.size < WINDOW_MAX) this.#early.set(after, message);
      return;
    }
    for (
      let next: typeof message | undefined = message;
      next !== undefined;
      next = this.#early.get(this.#last)
    ) {
      this.#early.delete(next.after);
      // A repetition: our acknowledgement was lost.
      if (next.number <= this.#last) break;
      this.#take(next);
    }
    if (this.#waiting.length > 2 * WINDOW_MAX) {
      return this.owner.offends("more than may be unacknowledged");
    }
    if (this.#waiting.length === 0) this.#acknowledge();
    else this.#write();
  }

  #take({ number, from, sentAt, text }: DirectoryMessageOf<"told">): void {
    this.#last = number;
    if (number <= this.#taken) return; // it came on an earlier link
    this.#taken = number;
    this.#waiting.push({ ...this.#listener!, number, from, sentAt, text });
  }

  #write(): void {
    if (this.#writing > 0 || this.#waiting.length === 0) return;
    if (this.#deadlines.get("write") !== null) return;
    const heard = [...this.#waiting];
    this.#writing = heard.length;
    this.owner.out.write(heard.map((each) => ({ kind: "heard", ...each })), {
      done: () => this.#stored(),
      failed: (text) => this.#refused(text),
    });
  }

  #stored(): void {
    const stored = this.#waiting.splice(0, this.#writing);
    this.#writing = 0;
    this.#isRefused = false;
    for (const heard of stored) {
      this.log.stored(heard);
      this.#show(heard, false);
    }
    this.#shownThrough(stored.at(-1));
    this.#acknowledge();
    this.#write();
  }

  #refused(text: string): void {
    this.#writing = 0;
    if (this.#listener === null) this.#waiting.length = 0;
    this.#deadlines.set("write", this.owner.out.nowMs + DISK_RETRY_MS);
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.owner.out.error("disk", `${text}; broadcasts are shown once they can be stored`);
  }

  /** Tells the directory up to which number all broadcasts sent on this link are on disk. */
  #acknowledge(): void {
    if (this.#listener === null) return;
    const through = Math.min(this.#last, this.log.through(this.#listener));
    if (through === 0) return;
    for (const way of this.#ways) this.owner.acknowledge({ type: "got", through }, way);
    // What still waits may have come either way.
    if (this.#waiting.length === 0) this.#ways.clear();
  }

  #shownThrough(last: HeardPlace | undefined): void {
    if (last === undefined) return;
    const { store, as, number } = last;
    this.owner.out.push({ type: "shown", through: { store, as, number } });
  }

  #show({ number, from, sentAt, text }: Heard, history: boolean): void {
    const id = String(number);
    this.owner.out.show({
      event: "broadcast",
      id,
      from,
      text,
      sentAt: dateText(sentAt),
      history,
    });
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    if (this.#deadlines.takeDue(this.owner.out.nowMs).length > 0) this.#write();
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
  }
}
