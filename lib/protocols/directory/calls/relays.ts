/** What the directory forwards in calls for those that can't reach each other. */

import { DeadlineQueue } from "../../../base/collections/deadline_queue.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { Call, Side } from "../sessions/client_session.ts";

/** Forwards what is sent in relayed calls, as fast as rate limits and the receiver allow. */
export class Relays {
  readonly #deadlines = new DeadlineQueue<Call>();
  /** Bytes relayed in all calls, in both directions. */
  relayedBytes = 0;

  constructor(readonly out: DirectoryOutput) {}

  /** @returns What is wrong with the message; null where nothing is. */
  relayed(call: Call, side: Side, bytes: Uint8Array): string | null {
    if (side.flow?.add(bytes) === false) return "it has no room for that";
    this.relayedBytes += bytes.length;
    for (const { party } of call.sides) if (party !== null) party.relayedBytes += bytes.length;
    this.pump(call);
    return null;
  }

  /** @returns What is wrong with the message; null where nothing is. */
  taken(call: Call, side: Side, bytes: number): string | null {
    const sender = call.other(side);
    if (sender.flow === null) return null;
    if (!sender.flow.taken(bytes)) return "it wasn't sent so much";
    if (sender.party !== null) {
      this.out.send(sender.party.link.id, { type: "relay-room", call: call.idBytes, bytes });
    }
    return null;
  }

  pump(call: Call): void {
    const { nowMs } = this.out;
    let dueMs: number | null = null;
    for (const side of call.sides) {
      const { flow } = side;
      const receiver = call.other(side).party?.link ?? null;
      if (flow === null || receiver === null || receiver.isCongested) continue;
      for (let bytes = flow.next(nowMs); bytes !== null; bytes = flow.next(nowMs)) {
        this.out.send(receiver.id, { type: "relay", call: call.idBytes, bytes });
      }
      dueMs = earliestMs(dueMs, flow.dueMs(nowMs));
    }
    this.#deadlines.set(call, dueMs);
  }

  /** Nothing more is forwarded. */
  end(call: Call): void {
    for (const side of call.sides) side.flow = null;
    this.#deadlines.set(call, null);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  tick(nowMs: number): void {
    // Takes all due calls before it serves any: one that is due again at once waits for the next turn.
    for (const call of [...this.#deadlines.takeDue(nowMs)]) this.pump(call);
  }
}
