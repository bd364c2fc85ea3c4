/**
 * Handshakes that others began: from their first message until it may not be repeated any more. Only time frees their
 * places, so that a peer that completes one handshake after the other causes us no more work than one that completes
 * none.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { ipv6Prefix } from "../../base/text/endpoints.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import type { Initiation } from "./formats.ts";
import type { ProvenPeer, Responder } from "../noise/identity_handshake.ts";
import {
  HALF_OPEN_MAX,
  HALF_OPEN_MS,
  HALF_OPEN_PROVEN_FOR_HOST_MAX,
  HALF_OPEN_PROVEN_MAX,
} from "./limits.ts";
import type { Session } from "./session.ts";

export interface HalfOpen {
  /** Name of this handshake: its address, and all that its first message says. */
  readonly name: string;
  /** Our index. */
  readonly index: number;
  readonly remoteIndex: number;
  /** Where the second message went: the sender of the third receives there. */
  readonly from: Endpoint;
  readonly hasCookie: boolean;
  readonly order: number;
  readonly responder: Responder;
  /** The second message, for each time that the first comes. */
  readonly response: Bytes;
  readonly endsAtMs: number;
  /** The third message, once one was verified: there is no other, and it is verified once. */
  confirmed: Confirmed | null;
}

/** A verified third message, and its author. */
export interface Confirmed {
  readonly message: Bytes;
  readonly proven: ProvenPeer;
  /** The session that it made; `null` while its author may not connect, or another handshake precedes it. */
  session: Session | null;
}

export class HalfOpens {
  // In the order of their beginning, which is that of their end.
  readonly #byName = new Map<string, HalfOpen>();
  readonly #byIndex = new Map<number, HalfOpen>();
  readonly #provenByPlace = new Map<string, number>();
  #proven = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** The name of a handshake, the same for each repetition of its first message and for nothing else. */
  static nameOf(from: Endpoint, { index, preface, message }: Initiation): string {
    return `${endpointText(from)} ${index} ${preface.toHex()} ${message.toHex()}`;
  }

  named(name: string): HalfOpen | undefined {
    return this.#byName.get(name);
  }

  withIndex(index: number): HalfOpen | undefined {
    return this.#byIndex.get(index);
  }

  /** Whether another handshake may begin without a cookie. */
  get hasRoom(): boolean {
    return this.#byName.size - this.#proven < HALF_OPEN_MAX;
  }

  /** Whether one more handshake may begin from this host, which has shown a cookie. */
  hasRoomFor({ host }: Endpoint): boolean {
    return this.#proven < HALF_OPEN_PROVEN_MAX &&
      (this.#provenByPlace.get(placeOf(host)) ?? 0) < HALF_OPEN_PROVEN_FOR_HOST_MAX;
  }

  static endsAtMs(nowMs: number): number {
    return nowMs + HALF_OPEN_MS;
  }

  add(halfOpen: HalfOpen): void {
    this.#byName.set(halfOpen.name, halfOpen);
    this.#byIndex.set(halfOpen.index, halfOpen);
    if (halfOpen.hasCookie) this.#count(halfOpen.from.host, 1);
  }

  nextDeadlineMs(): number | null {
    for (const { endsAtMs } of this.#byName.values()) return endsAtMs;
    return null;
  }

  /** Forgets those whose time is over. */
  expire(nowMs: number): void {
    for (const halfOpen of this.#byName.values()) {
      if (halfOpen.endsAtMs > nowMs) return;
      this.#byName.delete(halfOpen.name);
      this.#byIndex.delete(halfOpen.index);
      if (halfOpen.hasCookie) this.#count(halfOpen.from.host, -1);
    }
  }

  #count(host: string, difference: 1 | -1): void {
    this.#proven += difference;
    const place = placeOf(host);
    const count = (this.#provenByPlace.get(place) ?? 0) + difference;
    if (count === 0) this.#provenByPlace.delete(place);
    else this.#provenByPlace.set(place, count);
  }
}

/** What counts as one host: of an IPv6 address its whole /64. A host with dots is an IPv4 address. */
function placeOf(host: string): string {
  return host.includes(".") ? host : ipv6Prefix(host) ?? host;
}
