/**
 * An attacker on the path: sees every datagram, and injects altered, truncated, replayed and invented ones from
 * any address. What each of them may cause is checked when it arrives.
 */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import {
  CONFIRMATION_BYTES,
  COOKIE_DATAGRAM_BYTES,
  DATAGRAM_TYPES,
  INITIATION_BYTES,
  RESPONSE_BYTES,
} from "../../../lib/protocols/sealed_datagram/formats.ts";
import type { Random } from "../random.ts";

export interface Seen {
  readonly to: Endpoint;
  readonly from: Endpoint;
  readonly bytes: Uint8Array;
}

const KEPT = 200;

/** A datagram that the attacker sends: a replay, or bytes that no program sealed. */
export interface Forgery extends Seen {
  /** Whether it is an unchanged copy of an earlier datagram. */
  readonly isRepeated: boolean;
}

export class Attacker {
  readonly #seen: Seen[] = [];
  #strangers = 0;

  constructor(readonly random: Random) {}

  sees(datagram: Seen): void {
    if (this.#seen.length < KEPT) this.#seen.push(datagram);
    else this.#seen[this.random.below(KEPT)] = datagram;
  }

  /** Makes a datagram from `datagram` or from nothing; it arrives just before `datagram`. */
  forge(datagram: Seen): Forgery {
    const { random } = this;
    const { to } = datagram;
    const from = random.chance(0.5) ? datagram.from : this.stranger();
    const bytes = new Uint8Array(datagram.bytes);
    switch (random.below(5)) {
      case 0:
        bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
        return { to, from, bytes, isRepeated: false };
      case 1:
        return {
          to,
          from,
          bytes: bytes.subarray(0, random.below(bytes.length)),
          isRepeated: false,
        };
      case 2: {
        // A later counter: if accepted, it would move the replay window beyond the true ones.
        if (bytes[0] === DATAGRAM_TYPES.transport) bytes[10 + random.below(3)]! ^= 0xff;
        else bytes[bytes.length - 1]! ^= 1;
        return { to, from, bytes, isRepeated: false };
      }
      case 3:
        return { to, from, bytes: this.#nonsense(), isRepeated: false };
      default: {
        const old = random.pick(this.#seen);
        return {
          to: old.to,
          from: random.chance(0.5) ? old.from : this.stranger(),
          bytes: old.bytes,
          isRepeated: true,
        };
      }
    }
  }

  /** An address where nobody receives datagrams. */
  stranger(): Endpoint {
    this.#strangers = (this.#strangers + 1) % 8;
    return { host: `203.0.113.${this.#strangers}`, port: 1_000 };
  }

  static isStranger({ host }: Endpoint): boolean {
    return host.startsWith("203.0.113.");
  }

  #nonsense(): Uint8Array {
    const lengths = [
      INITIATION_BYTES,
      RESPONSE_BYTES,
      CONFIRMATION_BYTES,
      COOKIE_DATAGRAM_BYTES,
      this.random.below(1_300),
    ];
    const bytes = this.random.bytes(this.random.pick(lengths));
    if (bytes.length > 0) bytes[0] = this.random.below(7);
    return bytes;
  }
}

/** For one program: how many bytes it may still send to each unvalidated address, by what it received from there. */
export class Amplification {
  readonly #allowed = new Map<string, number>();

  received(from: Endpoint, bytes: Uint8Array): void {
    if (!Attacker.isStranger(from)) return;
    const factor = bytes[0] === DATAGRAM_TYPES.transport ? 3 : 1;
    const key = endpointText(from);
    this.#allowed.set(key, (this.#allowed.get(key) ?? 0) + factor * bytes.length);
  }

  /** Counts bytes sent to an address. @returns Whether that many may be sent there. */
  sent(to: Endpoint, bytes: Uint8Array): boolean {
    if (!Attacker.isStranger(to)) return true;
    const key = endpointText(to);
    const left = (this.#allowed.get(key) ?? 0) - bytes.length;
    this.#allowed.set(key, left);
    return left >= 0;
  }
}
