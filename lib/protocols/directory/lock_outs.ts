/**
 * Wrong passwords: five of one name from one address within a minute shut that pair out for a minute, fifty of any
 * names the address. It is the same for names that nobody has. What is being checked counts as wrong until it is
 * known to be right, so that nobody tries a hundred at once.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { FoldedName } from "../../base/ids.ts";
import { LOCK_OUT_MS, LOCK_OUTS_MAX, WRONG_FROM_ADDRESS_MAX, WRONG_MAX } from "./limits.ts";

/** Too many are being checked: one may try again when those are answered. */
const CHECKING_RETRY_MS = 1_000;

/** Of one name from one address, or of one address. */
class Tries {
  #wrongAtMs: number[] = [];
  #checking = 0;
  #lockedUntilMs = -Infinity;

  constructor(readonly max: number) {}

  /** How long nothing may be tried; 0: at once. */
  waitMs(nowMs: number): number {
    if (nowMs < this.#lockedUntilMs) return this.#lockedUntilMs - nowMs;
    this.#wrongAtMs = this.#wrongAtMs.filter((atMs) => atMs + LOCK_OUT_MS > nowMs);
    return this.#wrongAtMs.length + this.#checking < this.max ? 0 : CHECKING_RETRY_MS;
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
}

/** A password that is being checked. */
export interface Try {
  /** Once: `null` where it never came to be checked. */
  over(isRight: boolean | null, nowMs: number): void;
}

export class LockOuts {
  /** The one tried longest ago first. */
  readonly #pairs = new Map<string, Tries>();
  readonly #addresses = new Map<string, Tries>();

  /** How many names with addresses, and addresses, are remembered. */
  get size(): number {
    return this.#pairs.size + this.#addresses.size;
  }

  /** @returns How long nothing may be tried, ms, where that is so. */
  begin(name: FoldedName, address: string, nowMs: number): Try | number {
    const pair = recent(this.#pairs, `${address} ${name}`, WRONG_MAX);
    const all = recent(this.#addresses, address, WRONG_FROM_ADDRESS_MAX);
    const waitMs = Math.max(pair.waitMs(nowMs), all.waitMs(nowMs));
    if (waitMs > 0) return waitMs;
    pair.begin();
    all.begin();
    return {
      over(isRight, nowMs) {
        pair.end();
        all.end();
        if (isRight === true) pair.right(); // others from this address may still be guessing
        if (isRight !== false) return;
        pair.wrong(nowMs);
        all.wrong(nowMs);
      },
    };
  }
}

function recent(tries: Map<string, Tries>, key: string, max: number): Tries {
  const found = tries.get(key) ?? new Tries(max);
  tries.delete(key);
  tries.set(key, found);
  dropOldest(tries, LOCK_OUTS_MAX);
  return found;
}
