/**
 * A client's connection to its server, a coordinator or a directory: dialled again and again, with pauses that grow
 * (exponential backoff with jitter), and kept only where the key that is expected answers.
 *
 * A server may run as several instances, all with one key, each at an address of its own: they are dialled one after the
 * other, soon where one has failed and another may not, and with those pauses once all have.
 */

import { type Fingerprint, fingerprintOf } from "../text/fingerprint.ts";
import { type Endpoint, endpointText, type LinkId, type PeerKey } from "../ids.ts";
import { RetryPauses } from "../rates/retry_pauses.ts";
import { visibleText } from "../text/text.ts";
import { type Server, ServerKey, type ServerKeyOutput } from "./server_key.ts";

interface ConnectionPort {
  readonly out: ServerKeyOutput;
  /** In [0, 1). */
  random(): number;
  /**
   * Begins to connect. @param expect The key that must answer; null: any.
   * @returns The attempt's number, which no other has. `up` or `dialFailed` follows.
   */
  dial(expect: Fingerprint | null, endpoint: Endpoint): number;
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
function strangeKeyOf({ reason, key }: DialFailure): PeerKey | null {
  return reason === "wrong-key" ? key : null;
}

/** As many instances as one server has, whatever it says. */
export const ADDRESSES_MAX = 32;
/** Between dials of different addresses, at least one of which hasn't failed yet. */
const OTHER_ADDRESS_MS = 250;
/** A machine that is gone answers nothing: after this time another address is dialled, where there is one. */
const DIAL_MS_MAX = 2_000;
/** Before an instance is asked again that knows no better one. */
const ASK_AGAIN_MS = 500;
/** An address that has failed isn't dialled for so long where another one answers. */
const FAILED_MS = 5_000;

export class ServerConnection {
  readonly key: ServerKey;
  readonly #pauses: RetryPauses;
  /** The user's own first. */
  #addresses: readonly Endpoint[];
  /** The one that is dialled next, or was dialled last. */
  #address: Endpoint;
  /** How many have failed one after the other, and when each has. */
  #failures = 0;
  readonly #failedAtMs = new Map<string, number>();
  /** When a dial takes too long, as another address may answer; null: there is none. */
  #dialUntilMs: number | null = null;
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
    this.#address = server.endpoint;
    this.#addresses = [server.endpoint];
    this.learn(server.others ?? []);
  }

  /** Where the server is dialled next, was dialled last, or is. */
  get endpoint(): Endpoint {
    return this.#address;
  }

  /** The server's addresses, the user's own first. */
  get addresses(): readonly Endpoint[] {
    return this.#addresses;
  }

  /** There are instances at these addresses, too. @returns Whether some are new. */
  learn(addresses: readonly Endpoint[]): boolean {
    const fresh = new Map(addresses.map((one) => [endpointText(one), one]));
    for (const one of this.#addresses) fresh.delete(endpointText(one));
    const before = this.#addresses.length;
    this.#addresses = [...this.#addresses, ...fresh.values()].slice(0, ADDRESSES_MAX);
    return this.#addresses.length > before;
  }

  /** Whether all addresses have failed since one has succeeded. */
  get hasFailedEverywhere(): boolean {
    return this.#failures >= this.#addresses.length;
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

  /** Whether another address is left that hasn't failed since one has succeeded, beside the present one. */
  get hasOther(): boolean {
    return this.#failures + 1 < this.#addresses.length;
  }

  /** @returns Whether it is dialled now: not where it is there, or was dialled already. */
  dial(): boolean {
    if (this.#link !== null || this.#isDialling) return false;
    this.#retryAtMs = null;
    this.#isDialling = true;
    const isAlone = this.#addresses.length === 1;
    this.#dialUntilMs = isAlone ? null : this.port.out.nowMs + DIAL_MS_MAX;
    this.#attempt = this.port.dial(this.key.expected, this.#address);
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

  /**
   * The key that answered in place of the expected one at the address that the user gave, before `dialFailed` is called.
   * Others may have been given to somebody else since: they are left, as where nobody answers.
   */
  strangeKey(failure: DialFailure): PeerKey | null {
    return this.#address === this.server.endpoint ? strangeKeyOf(failure) : null;
  }

  /** Uses this link, which is up, to another instance of the server; the one before is closed by the caller. */
  adopt(link: LinkId, peer: PeerKey, endpoint: Endpoint): void {
    this.learn([endpoint]);
    const text = endpointText(endpoint);
    this.#address = this.#addresses.find((one) => endpointText(one) === text) ?? endpoint;
    this.#link = link;
    this.#peer = peer;
    this.#isDialling = false;
    this.#retryAtMs = null;
    this.succeeded();
  }

  /** @returns Whether it was the latest dial. */
  dialFailed(failure: DialFailure): boolean {
    if (!this.#isDialling || failure.attempt !== this.#attempt) return false;
    this.#isDialling = false;
    this.#isOtherCommand = failure.reason === "wrong-mode";
    // Which key it is, the user is shown by itself.
    const isStrange = strangeKeyOf(failure) !== null;
    this.#failure = isStrange ? "another key answers there" : visibleText(failure.text);
    this.#failed();
    return true;
  }

  /** The present address has failed: the next one is dialled next. */
  #failed(): void {
    this.#failures++;
    this.#failedAtMs.set(endpointText(this.#address), this.port.out.nowMs);
    this.leave();
  }

  /** The instance at the present address is gone, or better left: another one is dialled next, where there is one. */
  leave(): void {
    this.#address = this.#after(this.#address);
  }

  #after(address: Endpoint): Endpoint {
    const at = this.#addresses.indexOf(address);
    return this.#addresses[(at + 1) % this.#addresses.length]!;
  }

  /** Whether it hasn't failed of late. */
  #mayAnswer(address: Endpoint): boolean {
    const failedAtMs = this.#failedAtMs.get(endpointText(address)) ?? -Infinity;
    return this.port.out.nowMs - failedAtMs >= FAILED_MS;
  }

  /**
   * The instance there says that another one serves; null: none does, as far as it knows. That one is dialled, unless it
   * has just failed; otherwise the next one that hasn't, in a moment. @returns Whether that other one is dialled.
   */
  servedAt(other: Endpoint | null): boolean {
    const random = this.port.random();
    this.#failures = 0; // one answers
    const isNext = other !== null && this.#mayAnswer(other);
    if (isNext) {
      this.learn([other]);
      const text = endpointText(other);
      this.#address = this.#addresses.find((one) => endpointText(one) === text) ?? other;
    } else {
      let next = this.#after(this.#address);
      while (next !== this.#address && !this.#mayAnswer(next)) next = this.#after(next);
      this.#address = next;
    }
    this.retryIn(isNext ? OTHER_ADDRESS_MS * random : ASK_AGAIN_MS * (0.5 + random / 2));
    return isNext;
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

  /** @returns The next pause after a failure, ms: each one is longer than the one before, once all addresses have failed. */
  nextPauseMs(): number {
    const random = this.port.random();
    return this.#failures % this.#addresses.length === 0
      ? this.#pauses.failed(random)
      : OTHER_ADDRESS_MS * (0.5 + random / 2);
  }

  /** The server is there, and has a place for us: pauses are short again. */
  succeeded(): void {
    this.#pauses.reset();
    this.#failures = 0;
    this.#failedAtMs.clear();
  }

  /** The server is there, but can't let us in now: addresses that have failed don't say any more that nobody is. */
  answered(): void {
    this.#failures = 0;
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
    return this.#isDialling ? this.#dialUntilMs : this.#retryAtMs;
  }

  /** @returns Whether the time has come to dial: `dial` may follow. */
  takeDue(): boolean {
    if (this.#isDialling && this.#dialUntilMs !== null) {
      if (this.#dialUntilMs > this.port.out.nowMs) return false;
      this.#isDialling = false;
      this.#failure = "no answer";
      this.#failed();
      return true;
    }
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
