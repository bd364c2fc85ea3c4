/** Tells the directory again about a call that goes on without it, as it may not know of it. */

import { Deadlines } from "../../../base/machine/machine.ts";
import type { CallSession, ClientCall } from "./client_call.ts";
import { DECIDED_MS } from "../schema/limits.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import type { DirectoryMessageOf } from "../schema/messages.ts";

interface CallReannouncementParts {
  readonly out: ClientOutput;
  readonly session: Pick<CallSession, "renew" | "tell">;
}

export class CallReannouncement {
  /** The call that our `enter` named, until the directory has answered. */
  #entered: ClientCall | null = null;
  /** A call that our `enter` couldn't name, as it was just being set up. */
  #untold: ClientCall | null = null;
  /** A call that the directory considers over, and that it was told, or is about to be told, still goes on. */
  #retold: ClientCall | null = null;
  readonly deadlines = new Deadlines({
    /** When to tell the directory again about a call that it considers over. */
    retell: () => this.parts.session.renew("a call goes on"),
  });

  constructor(readonly parts: CallReannouncementParts) {}

  /**
   * The `talking` of our `enter`: the call, if it has gone on. A self-call doesn't need the directory to know of it.
   */
  enters(call: ClientCall | null): DirectoryMessageOf<"enter">["talking"] {
    this.deadlines.clear("retell"); // `enter` says it now
    const goesOn = call?.goesOnAlone === true ? call : null;
    this.#entered = goesOn;
    this.#untold = goesOn === null ? call : null;
    return goesOn === null ? null : { call: goesOn.idBytes, name: goesOn.peer };
  }

  /** We are in again: tells the directory about a self-call anew, as nobody else takes part in it. */
  entered(call: ClientCall | null): void {
    const { session } = this.parts;
    const entered = this.#entered;
    this.#entered = null;
    // The call ended before the directory had answered.
    if (entered !== null && entered !== call) {
      session.tell({ type: "hang-up", reason: "", call: entered.idBytes });
    }
    if (call?.phase === "talking") this.talks(call);
    if (!call?.isSelf) return;
    session.tell({ type: "call", call: call.idBytes, name: call.peer, refused: [] });
    session.tell({ type: "begun", route: "direct", call: call.idBytes });
  }

  /**
   * The directory considers a direct call over. What we know from the link is newer: either the link is lost in a
   * moment, or the other side was away from the directory.
   */
  isHeldForOver(call: ClientCall): void {
    if (this.#retold === call) return;
    this.#retellSoon(call);
  }

  #retellSoon(call: ClientCall): void {
    this.#retold = call;
    this.deadlines.set("retell", this.parts.out.nowMs + DECIDED_MS);
  }

  /** The call is connected: a directory that we met since the call began doesn't know of it. */
  talks(call: ClientCall): void {
    if (call === this.#untold && call.goesOnAlone) this.#retellSoon(call);
  }

  /** The call is over. */
  over(): void {
    this.#retold = this.#untold = null;
    this.deadlines.clear("retell");
  }
}
