/**
 * The key of a server that one dials, a coordinator's or a directory's: pinned when it is met for the first time, and
 * expected from then on. The user is told of another one that answers in its place, asks by another way whether it is
 * right, and accepts the one that was told: no other takes its place meanwhile, whoever answers.
 */

import { type Fingerprint, fingerprintOf } from "./fingerprint.ts";
import { type Endpoint, endpointText, type PeerKey } from "./ids.ts";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "./mode_limits.ts";

/** What is known of a server before it is dialled. */
export interface Server {
  readonly what: "coordinator" | "directory";
  /** The name of its key where keys are pinned, and for `/trust`. */
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Where keys are pinned. */
  readonly knownPeers: string;
  /** The key that it must have; null: whoever answers is it. */
  readonly expect: Fingerprint | null;
}

export interface ServerKeyOutput {
  readonly nowMs: number;
  push(effect: {
    readonly type: "pin";
    readonly name: string;
    readonly key: PeerKey;
    readonly again: boolean;
  }): void;
  error(code: "key-changed", text: string): void;
}

export class ServerKey {
  #expected: Fingerprint | null;
  #strange: PeerKey | null = null;
  #toldAtMs = -Infinity;
  /** From when on another strange one may take its place. */
  #keptUntilMs = -Infinity;

  constructor(readonly server: Server, readonly out: ServerKeyOutput) {
    this.#expected = server.expect;
  }

  /** The key that it must have; null: whoever answers is it. */
  get expected(): Fingerprint | null {
    return this.#expected;
  }

  /** The other one that answered, and was told; null: none. */
  get strange(): PeerKey | null {
    return this.#strange;
  }

  /** It has answered, with the expected key: no other is to be accepted. @returns Whether it is met for the first time. */
  proved(key: PeerKey): boolean {
    this.#strange = null;
    if (this.#expected !== null) return false;
    this.#pin(key, false);
    return true;
  }

  /** Another key has answered. @returns What ends a program that nobody can answer. */
  refusal(key: PeerKey): string {
    const way = `delete the line with ${this.#expected} from ${this.server.knownPeers}`;
    return `${this.#found(key)}; if that is right, ${way} and start again`;
  }

  /** Another key has answered: the user is told, where that is due. @param advice What else accepting it means. */
  met(key: PeerKey, advice = ""): void {
    const { nowMs } = this.out;
    const isOther = this.#strange !== key;
    if (isOther && this.#strange !== null && nowMs < this.#keptUntilMs) return;
    if (nowMs < this.#toldAtMs + STRANGE_TOLD_MS) return;
    if (isOther) this.#keptUntilMs = nowMs + STRANGE_KEPT_MS;
    this.#strange = key;
    this.#toldAtMs = nowMs;
    const way = `/trust ${this.server.name}${advice}`;
    this.out.error("key-changed", `${this.#found(key)}; if that is right: ${way}`);
  }

  /** The user accepts the one that was told. @returns It; null where none was. */
  trust(): PeerKey | null {
    const key = this.#strange;
    if (key === null) return null;
    this.#strange = null;
    this.#toldAtMs = -Infinity; // any other one is new
    this.#pin(key, true);
    return key;
  }

  #pin(key: PeerKey, again: boolean): void {
    this.#expected = fingerprintOf(key);
    this.out.push({ type: "pin", name: this.server.name, key, again });
  }

  #found(key: PeerKey): string {
    const { what, endpoint } = this.server;
    return `The ${what} at ${endpointText(endpoint)} has another key than before: ${
      fingerprintOf(key)
    }, it was ${this.#expected}`;
  }
}
