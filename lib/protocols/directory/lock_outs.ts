/**
 * Wrong passwords: five of one name from one address within a minute shut that pair out for a minute, more than fifty
 * of any names the address. It is the same for names that nobody has. What is being checked counts as wrong until it
 * is known to be right, so that nobody tries a hundred at once; who has to wait for that alone isn't shut out.
 *
 * Only what was checked is remembered: otherwise whoever is shut out would ask for thousands of other names, of which
 * none is checked, and be forgotten.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { FoldedName } from "../../base/ids.ts";
import {
  LOCK_OUT_MS,
  LOCK_OUTS_MAX,
  PASSWORDS_RETRY_MS,
  WRONG_FROM_ADDRESS_MAX,
  WRONG_MAX,
} from "./limits.ts";

/** Of one name from one address, or of one address. */
class Tries {
  #wrongAtMs: number[] = [];
  #checking = 0;
  #lockedUntilMs = -Infinity;

  constructor(readonly max: number) {}

  /** How long nothing is tried after too many wrong ones; 0: nobody is shut out. */
  lockedMs(nowMs: number): number {
    return Math.max(0, this.#lockedUntilMs - nowMs);
  }

  /** Whether another one might be one too many. */
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

  /** Whether it is as if nothing was ever tried. */
  get isClean(): boolean {
    return this.#checking === 0 && this.#wrongAtMs.length === 0 &&
      this.#lockedUntilMs === -Infinity;
  }
}

/** A password that is being checked. */
export interface Try {
  /** Once: `null` where it never came to be checked. */
  over(isRight: boolean | null, nowMs: number): void;
}

/** Nothing is tried now. */
export interface Wait {
  readonly retryMs: number;
  /** There were too many wrong ones; else those that are being checked are waited for. */
  readonly isLockedOut: boolean;
}

export class LockOuts {
  /** The one tried longest ago first. */
  readonly #pairs = new Map<string, Tries>();
  readonly #addresses = new Map<string, Tries>();

  /** How many names with addresses, and addresses, are remembered. */
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

/** @param each What had that key, and may have been forgotten for others meanwhile. */
function forgetClean(tries: Map<string, Tries>, key: string, each: Tries): void {
  if (each.isClean && tries.get(key) === each) tries.delete(key);
}
