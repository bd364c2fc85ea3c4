/** Links between simulated people: messages in order, leaves below them at the link's rate; cut and healed. */

import type { LeafMessage, TransferMessage } from "../../../lib/protocols/transfer/messages.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../virtual_time.ts";

/** One end's side of its owner: a person with a machine, or a liar. */
export interface End {
  readonly index: number;
  /** Whether it runs. */
  readonly isUp: boolean;
  linkUp(other: End): void;
  linkDown(other: End): void;
  receive(from: End, message: TransferMessage): void;
  /** A leaf has left for `to`. */
  drained(to: End): void;
}

interface Wire {
  isUp: boolean;
  /** Raised whenever it comes up: what was under way before is lost. */
  epoch: number;
  /** When the bulk lane of each end is free. */
  readonly freeMs: [number, number];
  readonly delayMs: number;
  readonly bytesPerMs: number;
}

export class Wires {
  readonly #wires = new Map<string, Wire>();
  /** Of those who send more slowly than their links could: bytes in a millisecond to each. */
  readonly slow = new Map<End, number>();
  #cut: (one: End, other: End) => boolean = () => false;

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly ends: readonly End[],
    readonly bytesPerMs: readonly number[],
  ) {}

  setCuts(cut: (one: End, other: End) => boolean): void {
    this.#cut = cut;
    this.refresh();
  }

  /** Brings links up and down, as ends run and cuts are. */
  refresh(): void {
    for (const one of this.ends) {
      for (const other of this.ends) {
        if (one.index >= other.index) continue;
        const wire = this.#wire(one, other);
        const isUp = one.isUp && other.isUp && !this.#cut(one, other);
        if (isUp === wire.isUp) continue;
        if (isUp) this.#up(wire, one, other);
        else this.sever(one, other);
      }
    }
  }

  #up(wire: Wire, one: End, other: End): void {
    wire.isUp = true;
    wire.epoch++;
    wire.freeMs.fill(this.time.nowMs);
    one.linkUp(other);
    other.linkUp(one);
  }

  /** Ends the link between them; it comes up again with the next `refresh`. */
  sever(one: End, other: End): void {
    const wire = this.#wire(one, other);
    if (!wire.isUp) return;
    wire.isUp = false;
    if (one.isUp) one.linkDown(other);
    if (other.isUp) other.linkDown(one);
  }

  send(from: End, to: End, message: Exclude<TransferMessage, LeafMessage>): void {
    this.#carry(from, to, message, this.time.nowMs);
  }

  /** A leaf waits until those before it have left, then takes its time. */
  sendBulk(from: End, to: End, message: LeafMessage): void {
    const wire = this.#wire(from, to);
    const side = from.index < to.index ? 0 : 1;
    const startMs = Math.max(this.time.nowMs, wire.freeMs[side]);
    const leftMs = startMs + message.bytes.length / (this.slow.get(from) ?? wire.bytesPerMs);
    wire.freeMs[side] = leftMs;
    const { epoch } = wire;
    this.time.after(leftMs - this.time.nowMs, () => {
      if (wire.isUp && wire.epoch === epoch && from.isUp) from.drained(to);
    });
    this.#carry(from, to, message, leftMs);
  }

  #carry(from: End, to: End, message: TransferMessage, atMs: number): void {
    const wire = this.#wire(from, to);
    if (!wire.isUp) return;
    const { epoch } = wire;
    this.time.after(atMs - this.time.nowMs + wire.delayMs, () => {
      if (wire.isUp && wire.epoch === epoch && to.isUp) to.receive(from, message);
    });
  }

  #wire(one: End, other: End): Wire {
    const key = [one.index, other.index].sort((a, b) => a - b).join("-");
    let wire = this.#wires.get(key);
    if (wire === undefined) {
      const delayMs = this.random.between(0.1, 50);
      const bytesPerMs = this.random.pick(this.bytesPerMs);
      wire = { isUp: false, epoch: 0, freeMs: [0, 0], delayMs, bytesPerMs };
      this.#wires.set(key, wire);
    }
    return wire;
  }
}
