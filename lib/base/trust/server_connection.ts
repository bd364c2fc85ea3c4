/**
 * A client's connection to its server, a coordinator or a directory: dialled again and again, with pauses that grow
 * (exponential backoff with jitter), and kept only where the key that is expected answers.
 */

import { type Fingerprint, fingerprintOf } from "../text/fingerprint.ts";
import { endpointText, type LinkId, type PeerKey } from "../ids.ts";
import { RetryPauses } from "../rates/retry_pauses.ts";
import { visibleText } from "../text/text.ts";
import { type Server, ServerKey, type ServerKeyOutput } from "./server_key.ts";

interface ConnectionPort {
  readonly out: ServerKeyOutput;
  /** In [0, 1). */
  random(): number;
  /**
   * Begins to connect, at an address of the server's. @param expect The key that must answer; null: any.
   * @returns The attempt's number, which no other has. `up` or `dialFailed` follows.
   */
  dial(expect: Fingerprint | null): number;
  close(link: LinkId, reason: string): void;
}

/** Why a dial failed. */
export interface DialFailure {
  readonly attempt: number;
  readonly reason: string;
  /** In words, perhaps of somebody on the way. */
  readonly text: string;
  /** With `wrong-key`: the key that answered. */
  readonly key: PeerKey | null;
}

/** The key that answered in place of the expected one; null where the dial failed otherwise. */
export function strangeKeyOf({ reason, key }: DialFailure): PeerKey | null {
  return reason === "wrong-key" ? key : null;
}

export class ServerConnection {
  readonly key: ServerKey;
  readonly #pauses: RetryPauses;
  #link: LinkId | null = null;
  #peer: PeerKey | null = null;
  #attempt = 0;
  #isDialling = false;
  #retryAtMs: number | null = null;
  #failure: string | null = null;
  /** Whether the last dial reached a program that runs another command, and won't become the server. */
  #isOtherCommand = false;

  /** @param pauses The shortest and the longest, ms, before jitter. */
  constructor(
    readonly server: Server,
    readonly port: ConnectionPort,
    pauses: { readonly minMs: number; readonly maxMs: number },
  ) {
    this.key = new ServerKey(server, port.out);
    this.#pauses = new RetryPauses(pauses.minMs, pauses.maxMs);
  }

  get link(): LinkId | null {
    return this.#link;
  }

  /** The server's key; null before it was reached. */
  get peer(): PeerKey | null {
    return this.#peer;
  }

  /** Why the last dial failed, as part of a sentence; null where it didn't, or the reason isn't known. */
  get failure(): string | null {
    return this.#failure;
  }

  /** @returns Whether it is dialled now: not where it is there, or was dialled already. */
  dial(): boolean {
    if (this.#link !== null || this.#isDialling) return false;
    this.#retryAtMs = null;
    this.#isDialling = true;
    this.#attempt = this.port.dial(this.key.expected);
    return true;
  }

  /** Whether this is the latest dial. */
  isAttempt(attempt: number | null): boolean {
    return attempt === this.#attempt;
  }

  /** @returns Whether it was dialled; otherwise the link is closed. */
  up(link: LinkId, peer: PeerKey): boolean {
    const { expected } = this.key;
    const isDialled = this.#isDialling;
    this.#isDialling = false;
    if (!isDialled || (expected !== null && fingerprintOf(peer) !== expected)) {
      this.port.close(link, "not needed any more");
      if (isDialled) this.retryIn(0); // the user has accepted another key since it was dialled
      return false;
    }
    this.#failure = null;
    this.#link = link;
    this.#peer = peer;
    return true;
  }

  /** @returns Whether it was the link in use. */
  down(link: LinkId): boolean {
    if (link !== this.#link) return false;
    this.#link = null;
    return true;
  }

  close(reason: string): void {
    if (this.#link !== null) this.port.close(this.#link, reason);
    this.#link = null;
  }

  /** @returns Whether it was the latest dial. */
  dialFailed(failure: DialFailure): boolean {
    if (!this.#isDialling || failure.attempt !== this.#attempt) return false;
    this.#isDialling = false;
    this.#isOtherCommand = failure.reason === "wrong-mode";
    // Which key it is, the user is shown by itself.
    const isStrange = strangeKeyOf(failure) !== null;
    this.#failure = isStrange ? "another key answers there" : visibleText(failure.text);
    return true;
  }

  /** The latest dial has failed, in a way in which another one at once may not. */
  dialAgain(): void {
    this.#isDialling = false;
    this.dial();
  }

  /** @param because Where no dial has failed: part of a sentence. */
  unreachableText(because = ""): string {
    return unreachableText(this.server, this.#failure ?? because, this.#isOtherCommand);
  }

  /** @returns The next pause after a failure, ms: each one is longer than the one before. */
  nextPauseMs(): number {
    return this.#pauses.failed(this.port.random());
  }

  /** The server is there, and has a place for us: pauses are short again. */
  succeeded(): void {
    this.#pauses.reset();
  }

  /** The server is dialled in `ms`, instead of when it would have been. */
  retryIn(ms: number): void {
    this.#retryAtMs = this.port.out.nowMs + ms;
  }

  /** The user accepts the other key that was shown. @returns The key; null where none was shown. */
  trust(): PeerKey | null {
    const accepted = this.key.trust();
    if (accepted !== null && this.#link === null && !this.#isDialling) this.retryIn(0);
    return accepted;
  }

  nextMs(): number | null {
    return this.#retryAtMs;
  }

  /** @returns Whether the time has come to dial: `dial` may follow. */
  takeDue(): boolean {
    if (this.#retryAtMs === null || this.#retryAtMs > this.port.out.nowMs) return false;
    this.#retryAtMs = null;
    return true;
  }
}

/**
 * How a program ends that was started with `--no-wait`, and whose server can't be reached.
 * @param isOtherCommand Whether another p2pchat command answers there: waiting wouldn't make it the server.
 */
export function unreachableText(
  { what, endpoint }: Pick<Server, "what" | "endpoint">,
  because: string,
  isOtherCommand = false,
): string {
  const advice = isOtherCommand
    ? "check the address"
    : "check the address and that it runs, or leave out --no-wait to wait for it";
  return `The ${what} at ${endpointText(endpoint)} can't be reached: ${because}; ${advice}`;
}
