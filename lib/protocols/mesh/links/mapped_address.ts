/**
 * An address that a router says leads here (`--map-port`): whoever is on our network may have said so. It is announced only
 * once a member has dialled us there: neighbours are asked, and what they say counts only together with what we see
 * ourselves, that the one who says it has come in from the internet. So a neighbour that lies, or one beside us that
 * needs no router, proves nothing.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { isPublicAddress } from "../../../base/text/endpoints.ts";
import type { MeshLink } from "./link_table.ts";

/** A dial lasts up to 10 s; a neighbour may be busy. */
const ANSWER_MS = 15_000;
/** By then who has a link is a neighbour, and can be asked. */
const COME_IN_MS = 1_000;
/** While nobody can be asked. */
const NOBODY_MS = 10_000;
/** Neighbours dial one member once a minute. */
const ASK_AGAIN_MS = 60_000;
/** Each costs a neighbour a handshake, and one is enough. */
const ASKED_MAX = 3;
/** Members that have come in from the internet: more than are neighbours within a minute. */
const CAME_IN_MAX = 64;

interface MappedAddressPort {
  neighbours(): readonly Pick<MeshLink, "peer" | "remote" | "dialled">[];
  /** To be answered by `answered`, or `gone`. */
  ask(peer: PeerKey, endpoint: Endpoint): void;
  /** A member has dialled us there. */
  proven(endpoint: Endpoint): void;
}

export class MappedAddress {
  #endpoint: Endpoint | null = null;
  #isProven = false;
  #isEntered = false;
  #askedMs = -Infinity;
  readonly #awaited = new Set<PeerKey>();
  /** Who says that it has dialled us there. */
  readonly #said = new Set<PeerKey>();
  /** Who has come in from an address of the internet since there is a mapping; the latest last. */
  readonly #cameIn = new Map<PeerKey, true>();
  readonly deadlines = new Deadlines({
    ask: (nowMs) => this.#ask(nowMs),
    /** When nobody is waited for any longer. */
    answer: () => this.#forget(),
  });

  constructor(private readonly port: MappedAddressPort) {}

  /** The address to be announced; null where there is none that was proven. */
  get proven(): Endpoint | null {
    return this.#isProven ? this.#endpoint : null;
  }

  /** A router says that this address leads here; null: none does any more. */
  mapped(endpoint: Endpoint | null, nowMs: number): void {
    this.#endpoint = endpoint;
    this.#isProven = false;
    this.#cameIn.clear();
    this.#forget();
    this.#askSoon(nowMs);
  }

  /** Neighbours can be asked from now on. */
  entered(nowMs: number): void {
    this.#isEntered = true;
    this.#askSoon(nowMs);
  }

  /** This machine has moved: what was proven may lead to where it was. */
  moved(nowMs: number): void {
    if (this.#endpoint !== null) this.mapped(this.#endpoint, nowMs);
  }

  linkUp({ peer, remote, dialled }: Pick<MeshLink, "peer" | "remote" | "dialled">): void {
    if (this.#endpoint === null || dialled || !isPublicAddress(remote.host)) return;
    this.#cameIn.delete(peer);
    this.#cameIn.set(peer, true);
    dropOldest(this.#cameIn, CAME_IN_MAX);
    this.#maybeProven(peer);
  }

  /** There is another neighbour. */
  neighbourUp(nowMs: number): void {
    const isWanted = this.#isEntered && this.#endpoint !== null && !this.#isProven;
    if (isWanted && this.#awaited.size === 0) {
      this.deadlines.setEarliest("ask", Math.max(nowMs + COME_IN_MS, this.#askedMs + ANSWER_MS));
    }
  }

  answered(peer: PeerKey, isReached: boolean | null): void {
    if (!this.#awaited.delete(peer)) return;
    if (isReached !== true) return;
    this.#said.add(peer);
    this.#maybeProven(peer);
  }

  gone(peer: PeerKey): void {
    this.#awaited.delete(peer);
  }

  /** What it says and what we see come in any order. */
  #maybeProven(peer: PeerKey): void {
    if (!this.#said.has(peer) || !this.#cameIn.has(peer)) return;
    if (this.#isProven || this.#endpoint === null) return;
    this.#isProven = true;
    this.#forget();
    this.deadlines.clear("ask");
    this.port.proven(this.#endpoint);
  }

  #askSoon(nowMs: number): void {
    if (this.#endpoint === null || this.#isProven) return this.deadlines.clear("ask");
    if (this.#isEntered) this.deadlines.set("ask", nowMs);
  }

  /** Those on the internet, first those that have dialled us: they may have done so there. */
  #ask(nowMs: number): void {
    this.#forget();
    const endpoint = this.#endpoint;
    if (endpoint === null) return;
    const able = this.port.neighbours().filter(({ remote }) => isPublicAddress(remote.host))
      .toSorted((a, b) => Number(a.dialled) - Number(b.dialled));
    const asked = able.slice(0, ASKED_MAX).map(({ peer }) => peer);
    if (asked.length === 0) return this.deadlines.set("ask", nowMs + NOBODY_MS);
    this.#askedMs = nowMs;
    this.deadlines.set("ask", nowMs + ASK_AGAIN_MS);
    this.deadlines.set("answer", nowMs + ANSWER_MS);
    for (const peer of asked) this.#awaited.add(peer);
    for (const peer of asked) this.port.ask(peer, endpoint);
  }

  #forget(): void {
    this.#awaited.clear();
    this.#said.clear();
    this.deadlines.clear("answer");
  }
}
