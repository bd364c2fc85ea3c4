/** No address is sent more bytes than it brought, before it has answered what it was sent. */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import { Violation } from "./violation.ts";

/** One session's datagrams to and from one address. */
interface Path {
  broughtBytes: number;
  sentBytes: number;
  /** Something got there. */
  wasTold: boolean;
  /** And whoever is there has sent something since, which has arrived. */
  hasAnswered: boolean;
}

/** A datagram's type and index. */
const INDEX_BYTES = 5;

export class Amplification {
  readonly #paths = new Map<string, Path>();
  /** What the directory has sent, and where to. */
  readonly #told = new WeakMap<Uint8Array, string>();
  /** What was sent by somebody whom something had reached, and from where. */
  readonly #answers = new WeakMap<Uint8Array, string>();

  #path(endpoint: Endpoint, bytes: Uint8Array): Path {
    const key = `${endpointText(endpoint)} ${bytes.subarray(0, INDEX_BYTES).toHex()}`;
    const path = this.#paths.get(key) ??
      { broughtBytes: 0, sentBytes: 0, wasTold: false, hasAnswered: false };
    this.#paths.set(key, path);
    return path;
  }

  /** Somebody who really is at `from` sends that. */
  sends(from: Endpoint, bytes: Uint8Array): void {
    if (this.#path(from, bytes).wasTold) this.#answers.set(bytes, endpointText(from));
  }

  /** That arrives at the directory, sent by whoever is at `from`, or again by somebody else. */
  toDirectory(from: Endpoint, bytes: Uint8Array): void {
    const path = this.#path(from, bytes);
    path.broughtBytes += bytes.length;
    path.hasAnswered ||= this.#answers.get(bytes) === endpointText(from);
  }

  /** @throws {Violation} */
  fromDirectory(to: Endpoint, bytes: Uint8Array): void {
    this.#told.set(bytes, endpointText(to));
    const path = this.#path(to, bytes);
    path.sentBytes += bytes.length;
    if (path.hasAnswered || path.sentBytes <= path.broughtBytes) return;
    throw new Violation(`${endpointText(to)} is sent more bytes than it has brought`);
  }

  /** That gets there, sent by the directory, or again by somebody else. */
  arrived(to: Endpoint, bytes: Uint8Array): void {
    if (this.#told.get(bytes) === endpointText(to)) this.#path(to, bytes).wasTold = true;
  }
}
