/**
 * Where a client receives datagrams. Somebody on the way may forward its datagrams from another address, so an
 * address counts only once it has sent back a challenge; until then it is never sent more bytes than came from it.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import { type Endpoint, isSameEndpoint } from "../../../base/ids.ts";
import {
  DATAGRAM_OVERHEAD_BYTES,
  type DatagramPath,
  type OpenedDatagram,
} from "./datagram_path.ts";
import { CHALLENGE_BYTES } from "../schema/limits.ts";

/** Size of a `prove` datagram: an address is challenged once as many bytes have come from it. */
const PROVE_BYTES = DATAGRAM_OVERHEAD_BYTES + CHALLENGE_BYTES;

/** An address that is challenged to prove that the client receives there. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly challenge: Bytes;
  /** Bytes that came from there, less those sent there. */
  allowanceBytes: number;
}

export class ProvenAddress {
  #endpoint: Endpoint | null = null;
  #asked: Asked | null = null;

  constructor(readonly path: DatagramPath, readonly randomBytes: (length: number) => Bytes) {}

  /** The address where the client has proved that it receives; null before it has. */
  get endpoint(): Endpoint | null {
    return this.#endpoint;
  }

  /**
   * An authentic datagram of `bytes` bytes came from `from`.
   * @returns The datagram to send back there; null: none.
   */
  heard(from: Endpoint, bytes: number, { message, isNewest }: OpenedDatagram): Bytes | null {
    if (this.#endpoint !== null && isSameEndpoint(from, this.#endpoint)) return null;
    if (this.#asked === null || !isSameEndpoint(from, this.#asked.endpoint)) {
      if (!isNewest) return null; // a late datagram doesn't say where the client is
      const challenge = this.randomBytes(CHALLENGE_BYTES);
      this.#asked = { endpoint: from, challenge, allowanceBytes: 0 };
    }
    const asked = this.#asked;
    if (message?.type === "proof" && message.challenge.toHex() === asked.challenge.toHex()) {
      this.#endpoint = asked.endpoint;
      this.#asked = null;
      return null;
    }
    asked.allowanceBytes += bytes;
    if (asked.allowanceBytes < PROVE_BYTES) return null;
    const prove = this.path.seal({ type: "prove", challenge: asked.challenge });
    // The rest isn't saved up, so that a flood isn't answered with a flood.
    asked.allowanceBytes = 0;
    return prove;
  }
}
