/** Why the user's input is to pause: while this member comes in, for the disk, or for members that are far behind. */

import { PRIVATE_WAITING_HIGH, PROMPT_BYTES_MAX, PROMPT_MESSAGES_MAX } from "../schema/limits.ts";
import type { AuthorFlow } from "../log/author_flow.ts";
import type { CausalOrder } from "../log/causal_order.ts";
import type { PrivateMessages } from "../private/private_messages.ts";
import type { DeliveryGate } from "./delivery_gate.ts";
import type { RoomCommands } from "./room_commands.ts";
import type { RoomEvents } from "./room_events.ts";
import type { RoomOutput } from "./room_output.ts";

interface Parts {
  readonly machines: {
    readonly order: Pick<CausalOrder, "unsaid">;
    readonly privateMessages: Pick<PrivateMessages, "size" | "awaited">;
  };
  readonly showing: Pick<DeliveryGate, "state">;
  readonly flow: Pick<AuthorFlow, "waitedFor">;
  readonly view: Pick<RoomEvents, "namesOf">;
  readonly out: Pick<RoomOutput, "nowMs" | "first">;
}

export class RoomPause {
  #because: string | null = null;

  constructor(readonly parts: Parts) {}

  /** Null while the input isn't paused. */
  get because(): string | null {
    return this.#because;
  }

  /** @param isQuitting Whether the user leaves: nothing more is typed. */
  stepEnds(commands: Pick<RoomCommands, "held">, isQuitting: boolean): void {
    const reason = isQuitting ? null : this.#reason(commands.held);
    if (reason === this.#because) return;
    this.#because = reason;
    this.parts.out.first({ type: "input", pausedBecause: reason });
  }

  #reason(held: number): string | null {
    const { showing, flow, view, out, machines: { order, privateMessages } } = this.parts;
    if (showing.state !== "here") return "catching up with the room";
    const unsaid = order.unsaid();
    const waiting = unsaid.messages + held;
    // Commands that are held are carried out at once when the disk has what is before them: there must be room for
    // them.
    const isCrowded = held > 0 && privateMessages.size + held > PRIVATE_WAITING_HIGH;
    if (waiting > PROMPT_MESSAGES_MAX || unsaid.bytes > PROMPT_BYTES_MAX || isCrowded) {
      return "waiting for the disk";
    }
    const laggards = flow.waitedFor(out.nowMs);
    const receivers = privateMessages.awaited();
    if (laggards.length + receivers.length === 0) return null;
    return `waiting for ${view.namesOf([...new Set([...laggards, ...receivers])])}`;
  }
}
