/** Links to the directory that are up, each in its phase, with its deadline. */

import { DeadlineQueue } from "../../base/deadline_queue.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { UnknownMessages } from "../../base/unknown_messages.ts";
import { addressBlock } from "./address_block.ts";
import type { Client } from "./client_session.ts";
import { SESSION_PHASES, type SessionPhase } from "./directory_phases.ts";
import {
  CALLS_BURST,
  CALLS_PER_S,
  CONTROL_BURST,
  CONTROL_PER_S,
  HELLO_MS_MAX,
  RELAY_BYTES_PER_S,
  RELAY_CREDIT_BYTES,
  RELAY_PIECES_BURST,
  RELAY_PIECES_PER_S,
  RINGS_BURST,
  RINGS_PER_S,
  SILENT_LINKS_MAX,
} from "./limits.ts";

export class ClientLink {
  #phase: SessionPhase = "silent";
  /** The client that is in on this link; null before and after that. */
  client: Client | null = null;
  /** Address that wrong passwords and sign-ups are counted for. */
  readonly address: string;
  readonly bucket = new TokenBucket(CONTROL_PER_S, CONTROL_BURST);
  readonly calls = new TokenBucket(CALLS_PER_S, CALLS_BURST);
  /** Rate limit of others' calls that ring here. */
  readonly rings = new TokenBucket(RINGS_PER_S, RINGS_BURST);
  /** Rate limit of others' calls that find this client busy, and that it is told of. */
  readonly missedCalls = new TokenBucket(RINGS_PER_S, RINGS_BURST);
  readonly relayPieces = new TokenBucket(RELAY_PIECES_PER_S, RELAY_PIECES_BURST);
  /** Rate limit of the bytes that it sends in relayed calls. */
  readonly relayBytes = new TokenBucket(RELAY_BYTES_PER_S, RELAY_CREDIT_BYTES);
  readonly unknownMessages = new UnknownMessages();
  /** How often `enter` was refused on this link. */
  refusals = 0;

  constructor(
    readonly id: LinkId,
    readonly peer: PeerKey,
    readonly process: string,
    readonly host: string,
  ) {
    this.address = addressBlock(host);
  }

  /**
   * Whether the same program is at the other end of both links; a copy of its profile has the same key but is another
   * one.
   */
  isOfSameProcess({ peer, process }: ClientLink): boolean {
    return peer === this.peer && process === this.process;
  }

  get phase(): SessionPhase {
    return this.#phase;
  }

  enter(phase: SessionPhase): void {
    const next: readonly SessionPhase[] = SESSION_PHASES[this.#phase].next;
    invariant(next.includes(phase), `${this.#phase} isn't followed by ${phase}`);
    this.#phase = phase;
  }
}

export class ClientLinks {
  readonly #links = new Map<LinkId, ClientLink>();
  /** Links on which nothing was said, in the order in which they began to wait. */
  readonly #silent = new Set<ClientLink>();
  /** Until when a link may be silent, or take no data. */
  readonly #deadlines = new DeadlineQueue<ClientLink>();
  #checking = 0;

  get all(): Iterable<ClientLink> {
    return this.#links.values();
  }

  /** How many links wait to be let in. */
  get checking(): number {
    return this.#checking;
  }

  get(id: LinkId): ClientLink | null {
    return this.#links.get(id) ?? null;
  }

  /** @returns The link that must be closed, where too many are silent. */
  up(link: ClientLink, nowMs: number): ClientLink | null {
    this.#links.set(link.id, link);
    this.#silent.add(link);
    this.setDue(link, nowMs + HELLO_MS_MAX);
    if (this.#silent.size <= SILENT_LINKS_MAX) return null;
    const [longest] = this.#silent;
    return longest ?? null;
  }

  down(id: LinkId): ClientLink | null {
    const link = this.get(id);
    if (link !== null && link.phase !== "over") this.enter(link, "over", 0);
    this.#links.delete(id);
    return link;
  }

  enter(link: ClientLink, phase: SessionPhase, nowMs: number): void {
    if (link.phase === "checking") this.#checking -= 1;
    if (phase === "checking") this.#checking += 1;
    link.enter(phase);
    this.#silent.delete(link);
    if (phase === "silent") this.#silent.add(link);
    this.setDue(link, phase === "silent" ? nowMs + HELLO_MS_MAX : null);
  }

  setDue(link: ClientLink, atMs: number | null): void {
    this.#deadlines.set(link, atMs);
  }

  /** The links whose deadline has passed. */
  takeDue(nowMs: number): Iterable<ClientLink> {
    return this.#deadlines.takeDue(nowMs);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
  }
}
