/** What the directory is told anew of a call that goes on without it, as it may not know of it. */

import { Deadlines } from "../../base/machine.ts";
import type { ClientCall } from "./client_call.ts";
import { DECIDED_MS } from "./client_limits.ts";
import type { ClientOutput } from "./client_output.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "./messages.ts";

export interface RetellingOwner {
  readonly out: ClientOutput;
  /** To the directory, if we are in. */
  tell(message: DirectoryMessage): void;
  /** Comes in anew, with what is said of the call. */
  enterAnew(): void;
}

/** When the directory is told again of a call that it holds for over. */
const DEADLINES = ["retell"] as const;

export class Retelling {
  /** Of which the directory was told as we came in, until it has answered. */
  #entered: ClientCall | null = null;
  /** Of which nothing could be said as we came in, as it was just coming about. */
  #untold: ClientCall | null = null;
  /** Which the directory has held for over, and was told, or is about to be, that it isn't. */
  #retold: ClientCall | null = null;
  readonly #deadlines = new Deadlines(DEADLINES);

  constructor(readonly owner: RetellingOwner) {}

  /** What `enter` is to say of a call that has gone on. A self-call needs no directory that knows of it. */
  enters(call: ClientCall | null): DirectoryMessageOf<"enter">["talking"] {
    this.#deadlines.clear("retell"); // for what is said here
    const goesOn = call?.phase === "talking" && !call.isSelf && call.route === "direct";
    this.#entered = goesOn ? call : null;
    this.#untold = goesOn ? null : call;
    return goesOn ? { call: call.idBytes, name: call.peer } : null;
  }

  /** We are in again: a self-call, which needs nobody else, is told anew. */
  entered(call: ClientCall | null): void {
    const { owner } = this;
    const entered = this.#entered;
    this.#entered = null;
    // It ended before the directory had answered.
    if (entered !== null && entered !== call) {
      owner.tell({ type: "hang-up", reason: "", call: entered.idBytes });
    }
    if (call?.phase === "talking") this.talks(call);
    if (!call?.isSelf) return;
    owner.tell({ type: "call", call: call.idBytes, name: call.peer });
    owner.tell({ type: "begun", route: "direct", call: call.idBytes });
  }

  /**
   * The directory holds a direct call for over. What one hears of the link is newer: either it is lost in a moment, or
   * the other was away from the directory.
   */
  isHeldForOver(call: ClientCall): void {
    if (this.#retold === call) return;
    this.#retellSoon(call);
  }

  #retellSoon(call: ClientCall): void {
    this.#retold = call;
    this.#deadlines.set("retell", this.owner.out.nowMs + DECIDED_MS);
  }

  /** They talk now: a directory that was met since the call began doesn't know of it. */
  talks(call: ClientCall): void {
    if (call === this.#untold && call.route === "direct" && !call.isSelf) this.#retellSoon(call);
  }

  /** It is over. */
  over(): void {
    this.#retold = this.#untold = null;
    this.#deadlines.clear("retell");
  }

  // Time.

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(): void {
    if (this.#deadlines.takeDue(this.owner.out.nowMs).length > 0) this.owner.enterAnew();
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
  }
}
