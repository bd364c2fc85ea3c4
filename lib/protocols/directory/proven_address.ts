/**
 * Where a client receives datagrams. Somebody on the way may send its datagrams on from elsewhere, so an address
 * counts once it has sent back what was sent to it, and before that is never sent more bytes than it brought.
 */

import type { Bytes } from "../../base/crypto.ts";
import { type Endpoint, isSameEndpoint } from "../../base/ids.ts";
import {
  DATAGRAM_OVERHEAD_BYTES,
  type DatagramPath,
  type OpenedDatagram,
} from "./datagram_path.ts";
import { CHALLENGE_BYTES } from "./limits.ts";

/** Of a `prove` in its datagram: an address is asked once it has brought as many. */
const PROVE_BYTES = DATAGRAM_OVERHEAD_BYTES + CHALLENGE_BYTES;

/** An address that is asked whether the client receives there. */
interface Asked {
  readonly endpoint: Endpoint;
  readonly challenge: Bytes;
  /** What came from there, less what was sent there. */
  allowanceBytes: number;
}

export class ProvenAddress {
  #endpoint: Endpoint | null = null;
  #asked: Asked | null = null;

  constructor(readonly path: DatagramPath, readonly randomBytes: (length: number) => Bytes) {}

  /** Where the client has proved that it receives; null before it has. */
  get endpoint(): Endpoint | null {
    return this.#endpoint;
  }

  /**
   * An authentic datagram of `bytes` bytes came from there.
   * @returns What is to be sent back there; null: nothing.
   */
  heard(from: Endpoint, bytes: number, { message, isNewest }: OpenedDatagram): Bytes | null {
    if (this.#endpoint !== null && isSameEndpoint(from, this.#endpoint)) return null;
    if (this.#asked === null || !isSameEndpoint(from, this.#asked.endpoint)) {
      if (!isNewest) return null; // a late one doesn't say where the client is
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
    // What is left over isn't saved up: a flood is answered by no flood.
    asked.allowanceBytes = 0;
    return prove;
  }
}
