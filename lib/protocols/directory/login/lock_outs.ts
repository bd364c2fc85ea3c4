/**
 * Limits wrong passwords: five for one name from one address within a minute lock that pair out for a minute; more
 * than fifty for any names lock out the address. Names that nobody has count in the same way. A password being
 * checked counts as wrong until it is known to be right, so that nobody tries a hundred at once; having to wait for
 * checks alone isn't a lock-out.
 *
 * Only pairs and addresses with checked passwords are remembered: otherwise a client that is locked out could make
 * the directory forget it, by asking for thousands of other names, of which none is checked.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { FoldedName } from "../../../base/ids.ts";
import {
  LOCK_OUT_MS,
  LOCK_OUTS_MAX,
  PASSWORDS_RETRY_MS,
  WRONG_FROM_ADDRESS_MAX,
  WRONG_MAX,
} from "../schema/limits.ts";

/** Attempts for one name from one address, or from one address. */
class Tries {
  #wrongAtMs: number[] = [];
  #checking = 0;
  #lockedUntilMs = -Infinity;

  constructor(readonly max: number) {}

  /** How long the lock-out lasts, in ms; 0: there is none. */
  lockedMs(nowMs: number): number {
    return Math.max(0, this.#lockedUntilMs - nowMs);
  }

  /** Whether one more attempt might be one too many. */
  isFull(nowMs: number): boolean {
    this.#wrongAtMs = this.#wrongAtMs.filter((atMs) => atMs + LOCK_OUT_MS > nowMs);
    return this.#wrongAtMs.length + this.#checking >= this.max;
  }

  begin(): void {
    this.#checking += 1;
  }

  end(): void {
    this.#checking -= 1;
  }

  wrong(nowMs: number): void {
    this.#wrongAtMs = this.#wrongAtMs.filter((atMs) => atMs + LOCK_OUT_MS > nowMs);
    this.#wrongAtMs.push(nowMs);
    if (this.#wrongAtMs.length < this.max) return;
    this.#wrongAtMs = [];
    this.#lockedUntilMs = nowMs + LOCK_OUT_MS;
  }

  right(): void {
    this.#wrongAtMs = [];
  }

  /** Whether there is nothing to remember. */
  get isClean(): boolean {
    return this.#checking === 0 && this.#wrongAtMs.length === 0 &&
      this.#lockedUntilMs === -Infinity;
  }
}

/** A password that is being checked. */
interface Try {
  /** To be called once; `null`: the password was never checked. */
  over(isRight: boolean | null, nowMs: number): void;
}

/** The password isn't checked now. */
export interface Wait {
  readonly retryMs: number;
  /** Whether there were too many wrong passwords; otherwise too many are being checked. */
  readonly isLockedOut: boolean;
}

export class LockOuts {
  /** The least recently tried first. */
  readonly #pairs = new Map<string, Tries>();
  readonly #addresses = new Map<string, Tries>();

  /** How many pairs and addresses are remembered. */
  get size(): number {
    return this.#pairs.size + this.#addresses.size;
  }

  begin(name: FoldedName, address: string, nowMs: number): Try | Wait {
    const pairKey = `${address} ${name}`;
    const pair = this.#pairs.get(pairKey) ?? new Tries(WRONG_MAX);
    const all = this.#addresses.get(address) ?? new Tries(WRONG_FROM_ADDRESS_MAX + 1);
    const lockedMs = Math.max(pair.lockedMs(nowMs), all.lockedMs(nowMs));
    if (lockedMs > 0) return { retryMs: lockedMs, isLockedOut: true };
    if (pair.isFull(nowMs) || all.isFull(nowMs)) {
      return { retryMs: PASSWORDS_RETRY_MS, isLockedOut: false };
    }
    pair.begin();
    all.begin();
    remember(this.#pairs, pairKey, pair);
    remember(this.#addresses, address, all);
    return {
      over: (isRight, nowMs) => {
        pair.end();
        all.end();
        if (isRight === true) pair.right(); // others from this address may still be guessing
        if (isRight === false) {
          pair.wrong(nowMs);
          all.wrong(nowMs);
        }
        forgetClean(this.#pairs, pairKey, pair);
        forgetClean(this.#addresses, address, all);
      },
    };
  }
}

function remember(tries: Map<string, Tries>, key: string, each: Tries): void {
  tries.delete(key);
  tries.set(key, each);
  dropOldest(tries, LOCK_OUTS_MAX);
}

/** @param each What had this key; it may have been dropped for others meanwhile. */
function forgetClean(tries: Map<string, Tries>, key: string, each: Tries): void {
  if (each.isClean && tries.get(key) === each) tries.delete(key);
}
