/**
 * The key of a server that the user dials, a coordinator or a directory: pinned at the first connection and
 * expected from then on. If a server with another key answers, the user is warned, asks by another way whether that
 * key is right, and accepts the key of the warning with `/trust`. For some minutes no third key replaces the one of
 * the warning.
 */

import { type Fingerprint, fingerprintOf } from "../text/fingerprint.ts";
import { type Endpoint, endpointText, type PeerKey } from "../ids.ts";
import type { KeyChange } from "../machine/mode_machine.ts";
import { verifiedBeforeText } from "./name_answers.ts";
import { type ComparedKey, RefusedKeys } from "./refused_keys.ts";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "../machine/mode_limits.ts";

/** What is known of a server before dialling it. */
export interface Server {
  readonly what: "coordinator" | "directory" | "meeting point";
  /** The name under which its key is pinned, also for `/trust`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Where else instances of it may be: all have the same key. */
  readonly others?: readonly Endpoint[];
  /** The path of the file with the pinned keys. */
  readonly knownPeers: string;
  /** The key that is pinned; null: none yet. */
  readonly pinned: Fingerprint | null;
  /** The key that the user named beforehand, the pinned one where there is one; null: none was named. */
  readonly given: Fingerprint | null;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Whether the user has verified the pinned key. */
  readonly isVerified?: boolean;
}

export interface ServerKeyOutput {
  readonly nowMs: number;
  push(effect: {
    readonly type: "pin";
    readonly name: string;
    readonly key: PeerKey;
    readonly again: boolean;
  }): void;
  keyChanged(changed: KeyChange, text: string): void;
}

export class ServerKey {
  #expected: Fingerprint | null;
  #isPinned: boolean;
  readonly #refused: RefusedKeys;
  #strange: PeerKey | null = null;
  #toldAtMs = -Infinity;
  /** Until then, no other key replaces `#strange`. */
  #keptUntilMs = -Infinity;

  constructor(readonly server: Server, readonly out: ServerKeyOutput) {
    this.#expected = server.pinned ?? server.given;
    this.#isPinned = server.pinned !== null;
    this.#refused = new RefusedKeys(server.refused ?? []);
  }

  /** The key that the server must have; null: the first one that answers is accepted. */
  get expected(): Fingerprint | null {
    return this.#expected;
  }

  /** The unexpected key of the last warning; null: there is none to accept. */
  get strange(): PeerKey | null {
    return this.#strange;
  }

  /** Whether the user has refused this key: the digits were different. */
  isRefused(key: PeerKey): boolean {
    return this.#refused.has(this.server.name, fingerprintOf(key));
  }

  /** The user found other digits than the server's operator. @returns The error text with which the program ends. */
  refuse(key: PeerKey): string {
    this.#refused.add(this.server.name, fingerprintOf(key));
    return this.refusal(key);
  }

  /**
   * The server answered with the expected key, so no other one is left to accept: pins it, at the first connection.
   */
  proved(key: PeerKey): void {
    this.#strange = null;
    if (!this.#isPinned) this.#pin(key, false);
  }

  /** The server answered with another key. @returns The error text for a program in which nobody can type `/trust`. */
  refusal(key: PeerKey): string {
    const { isVerified, pinned, what } = this.server;
    const found = this.#found(key);
    if (this.isRefused(key)) {
      return `${found}: nothing goes to it any more. Check the address, and ask the ${what}'s operator; only if you ` +
        `compared wrongly, and this key really is the ${what}'s, ${
          this.#deleting(fingerprintOf(key))
        }`;
    }
    const way = this.#isPinned
      ? this.#deleting(this.#expected!)
      : "correct the one you gave and start again";
    // Of a key that was accepted since, the user was warned then.
    const wasVerified = isVerified === true && this.#expected === pinned;
    const start = wasVerified ? verifiedBeforeText(`the ${what}`) : "";
    return `${start}${found}; if this key really is the ${what}'s, ${way}`;
  }

  /**
   * The server answered with another key: warns the user, unless warned recently. @param advice Appended to the
   * `/trust` command.
   */
  met(key: PeerKey, advice = ""): void {
    const { nowMs } = this.out;
    const isOther = this.#strange !== key;
    if (isOther && this.#strange !== null && nowMs < this.#keptUntilMs) return;
    if (nowMs < this.#toldAtMs + STRANGE_TOLD_MS) return;
    if (isOther) this.#keptUntilMs = nowMs + STRANGE_KEPT_MS;
    this.#strange = key;
    this.#toldAtMs = nowMs;
    const way = `/trust ${this.server.name}${advice}`;
    const text = `${this.#found(key)}; if this key really is the ${this.server.what}'s: ${way}`;
    const before = this.#expected === null ? {} : { before: this.#expected };
    this.out.keyChanged({ name: this.server.name, key: fingerprintOf(key), ...before }, text);
  }

  /** The user accepts the key of the last warning. @returns That key; null where there was no warning. */
  trust(): PeerKey | null {
    const key = this.#strange;
    if (key === null) return null;
    this.#strange = null;
    this.#toldAtMs = -Infinity; // any other key is worth a warning at once
    this.#pin(key, true);
    return key;
  }

  #pin(key: PeerKey, again: boolean): void {
    this.#expected = fingerprintOf(key);
    this.#isPinned = true;
    this.out.push({ type: "pin", name: this.server.name, key, again });
  }

  #deleting(line: Fingerprint): string {
    return `delete the line with ${line} from ${this.server.knownPeers} and start again`;
  }

  #found(key: PeerKey): string {
    const { what, endpoint } = this.server;
    if (this.isRefused(key)) {
      return `The ${what} at ${endpointText(endpoint)} has the key ${
        fingerprintOf(key)
      }, whose digits you found to be different`;
    }
    const other = this.#isPinned ? "before" : "the one you gave";
    const was = this.#isPinned ? "it was" : "not";
    return `The ${what} at ${endpointText(endpoint)} has a different key from ${other}: ${
      fingerprintOf(key)
    }, ${was} ${this.#expected}`;
  }
}
