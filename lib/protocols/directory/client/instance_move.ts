/**
 * The way from an instance of the directory that is cut off from its engine to another one: others are tried while the
 * present link stays, until one of them has let us in. Whether only that instance is cut off, or the engine answers
 * nobody, can't be known from here; in the second case all refuse us, and we stay where we are.
 */

import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { RetryPauses } from "../../../base/rates/retry_pauses.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { MOVE_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN } from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";

/** A link to another instance. */
export interface OtherInstance {
  readonly link: LinkId;
  readonly peer: PeerKey;
  readonly endpoint: Endpoint;
  /** The address that its name led to. */
  readonly host: string;
}

interface InstanceMoveParts {
  readonly out: Pick<ClientOutput, "nowMs" | "push" | "send">;
  readonly random: () => number;
  /** Dials an instance, which must have the directory's key. @returns The attempt's number. */
  readonly dial: (endpoint: Endpoint) => number;
  /** What we say to come back as who we are. */
  readonly enter: () => DirectoryMessageOf<"enter">;
  /** We are in there. */
  readonly moved: (to: OtherInstance, message: DirectoryMessageOf<"entered">) => void;
}

export class InstanceMove {
  #isUnderWay = false;
  /** Of the instances that are tried in turn; none where there is no other. */
  #addresses: readonly Endpoint[] = [];
  #at = 0;
  #attempt: number | null = null;
  #other: OtherInstance | null = null;
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  readonly deadlines = new Deadlines({
    /** When the next one is dialled. */
    next: () => this.#dial(),
    /** When the present one has had long enough to let us in. */
    late: () => this.#giveUp("no answer"),
  });

  constructor(readonly parts: InstanceMoveParts) {}

  /** Whether the present instance is cut off from its engine: what it has told us may be out of date. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  begin(addresses: readonly Endpoint[]): void {
    const { out, random } = this.parts;
    this.#isUnderWay = true;
    if (addresses.length === 0) return;
    const isFirst = this.#addresses.length === 0;
    this.#addresses = addresses;
    // Not all clients at once: thousands of them are told.
    if (isFirst) this.deadlines.set("next", out.nowMs + RETRY_MS_MIN * random());
  }

  /** We stay, or aren't in any more. */
  end(): void {
    this.#isUnderWay = false;
    this.#addresses = [];
    this.#attempt = null;
    this.deadlines.clearAll();
    this.#pauses.reset();
    this.#close("not needed any more");
  }

  #close(reason: string): void {
    const other = this.#other;
    this.#other = null;
    if (other !== null) this.parts.out.push({ type: "close", link: other.link, reason });
  }

  #dial(): void {
    const endpoint = this.#addresses[this.#at++ % this.#addresses.length]!;
    this.#attempt = this.parts.dial(endpoint);
    this.deadlines.set("late", this.parts.out.nowMs + MOVE_MS_MAX);
  }

  #giveUp(reason: string): void {
    const { out, random } = this.parts;
    this.#attempt = null;
    this.#close(reason);
    this.deadlines.clear("late");
    this.deadlines.set("next", out.nowMs + this.#pauses.failed(random()));
  }

  isAttempt(attempt: number | null): boolean {
    return attempt !== null && attempt === this.#attempt;
  }

  up(link: LinkId, peer: PeerKey, host: string): void {
    const endpoint = this.#addresses[(this.#at - 1) % this.#addresses.length]!;
    this.#attempt = null;
    this.#other = { link, peer, endpoint, host };
    this.parts.out.send(link, this.parts.enter());
  }

  dialFailed(): void {
    this.#giveUp("unreachable");
  }

  /** @returns Whether it was that link. */
  down(link: LinkId): boolean {
    if (this.#other?.link !== link) return false;
    this.#other = null;
    this.#giveUp("lost");
    return true;
  }

  /** @returns Whether the message came by that link. */
  message(link: LinkId, message: DirectoryMessage): boolean {
    const other = this.#other;
    if (other?.link !== link) return false;
    // Where the others are we know, and what is refused may be let in elsewhere, or later.
    if (message.type === "instances") return true;
    if (message.type !== "entered") this.#giveUp("not let in");
    else {
      this.#other = null;
      this.end();
      this.parts.moved(other, message);
    }
    return true;
  }
}
