/** Checks that no address is sent more bytes than were received from it, until it has answered a datagram. */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import { Violation } from "./violation.ts";

/** One session's datagrams to and from one address. */
interface Path {
  broughtBytes: number;
  sentBytes: number;
  /** Whether a datagram of the directory has arrived there. */
  wasTold: boolean;
  /** Whether a datagram that was sent there since has arrived at the directory. */
  hasAnswered: boolean;
}

/** The size of a datagram's type and index. */
const INDEX_BYTES = 5;

export class Amplification {
  readonly #paths = new Map<string, Path>();
  /** The datagrams that the directory has sent, and their destinations. */
  readonly #told = new WeakMap<Uint8Array, string>();
  /** The datagrams that were sent by somebody whom the directory's had reached, and their sources. */
  readonly #answers = new WeakMap<Uint8Array, string>();

  #path(endpoint: Endpoint, bytes: Uint8Array): Path {
    const key = `${endpointText(endpoint)} ${bytes.subarray(0, INDEX_BYTES).toHex()}`;
    const path = this.#paths.get(key) ??
      { broughtBytes: 0, sentBytes: 0, wasTold: false, hasAnswered: false };
    this.#paths.set(key, path);
    return path;
  }

  /** The program that is really at `from` sends `bytes`. */
  sends(from: Endpoint, bytes: Uint8Array): void {
    if (this.#path(from, bytes).wasTold) this.#answers.set(bytes, endpointText(from));
  }

  /** `bytes` arrive at the directory from `from`, sent by the program there or replayed by another. */
  toDirectory(from: Endpoint, bytes: Uint8Array): void {
    const path = this.#path(from, bytes);
    path.broughtBytes += bytes.length;
    path.hasAnswered ||= this.#answers.get(bytes) === endpointText(from);
  }

  /** The directory sends `bytes`. @throws {Violation} If it sends too much. */
  fromDirectory(to: Endpoint, bytes: Uint8Array): void {
    this.#told.set(bytes, endpointText(to));
    const path = this.#path(to, bytes);
    path.sentBytes += bytes.length;
    if (path.hasAnswered || path.sentBytes <= path.broughtBytes) return;
    throw new Violation(`${endpointText(to)} is sent more bytes than it has brought`);
  }

  /** `bytes` arrive at `to`, sent by the directory or replayed by another program. */
  arrived(to: Endpoint, bytes: Uint8Array): void {
    if (this.#told.get(bytes) === endpointText(to)) this.#path(to, bytes).wasTold = true;
  }
}
