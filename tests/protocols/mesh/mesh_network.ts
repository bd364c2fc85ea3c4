/**
 * Members of a mesh in one process, each reduced to some of its machines: virtual time, and links that bring what is
 * sent after a while, where the other end is up by then. Who extends this says which machines they are.
 */

import { Random } from "../../sim/random.ts";
import { Timer, VirtualTime } from "../../sim/virtual_time.ts";

export class MeshNetwork {
  readonly time = new VirtualTime();
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  get nowMs(): number {
    return this.time.nowMs;
  }

  at(delayMs: number, action: () => void): void {
    this.time.after(delayMs, action);
  }

  run(forMs: number): void {
    this.runUntil(this.nowMs + forMs);
  }

  runUntil(untilMs: number): void {
    this.time.runUntil(untilMs);
  }
}

export abstract class MeshNode {
  /** Its process has ended. */
  isGone = false;
  readonly #timer = new Timer(() => {
    if (!this.isGone) this.tick();
  });

  constructor(readonly network: MeshNetwork) {}

  abstract nextDeadlineMs(): number | null;

  abstract tick(): void;

  /** An end of a link of it is down. @param closed Whether the other side said so. */
  abstract linkDown(end: LinkEnd<MeshNode>, closed: boolean): void;

  /** Sees to the next tick; to be called after each step. */
  arm(): void {
    const { time } = this.network;
    const dueMs = this.nextDeadlineMs();
    if (dueMs === null) time.disarm(this.#timer);
    else if (!this.#timer.armed || this.#timer.atMs !== dueMs) time.arm(this.#timer, dueMs);
  }
}

/** One end of a link. */
export class LinkEnd<Node extends MeshNode> {
  isUp = true;
  other!: this;

  /** @param delayMs How long what is sent here takes to the other end. */
  constructor(readonly owner: Node, readonly delayMs: number) {}

  /** @returns This end of a link to that one. */
  to(other: this): this {
    this.other = other;
    other.other = this;
    return this;
  }

  get peer(): Node {
    return this.other.owner;
  }

  send(arrives: (at: this) => void, delayMs = this.delayMs): void {
    this.owner.network.at(delayMs, () => {
      if (this.other.isUp) arrives(this.other);
    });
  }

  /** What is under way to this end is lost. */
  down(closed = false): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.owner.linkDown(this, closed);
  }

  /** This end is down in so many ms. */
  downIn(afterMs: number, closed = false): void {
    this.owner.network.at(afterMs, () => this.down(closed));
  }
}
