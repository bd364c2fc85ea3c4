/**
 * Keys other than the expected one that came under a name: of which the user was told, and which one `/trust NAME`
 * accepts. That is the one told of last, which others under the same name don't replace while the user checks it.
 */

import { dropOldest } from "../collections/bounded.ts";
import type { FoldedName, PeerKey } from "../ids.ts";
import { STRANGE_KEPT_MS } from "../machine/mode_limits.ts";
import { type Fingerprint, fingerprintOf } from "../text/fingerprint.ts";
import { foldName } from "../text/names.ts";

export interface ReportedKey {
  readonly name: string;
  readonly key: PeerKey;
}

export class ReportedKeys {
  readonly #byName = new Map<FoldedName, ReportedKey & { readonly keptUntilMs: number }>();

  /** @param namesMax Of more names, the one that was reported first is forgotten. */
  constructor(readonly namesMax: number) {}

  /** The key that the user was told of last under this name, which `/trust` accepts. */
  get(folded: FoldedName): ReportedKey | undefined {
    return this.#byName.get(folded);
  }

  /** Whether the key that the user was told of last under this name is this one. */
  isLast(folded: FoldedName, fingerprint: Fingerprint): boolean {
    const key = this.#byName.get(folded)?.key;
    return key !== undefined && fingerprintOf(key) === fingerprint;
  }

  /** The other key that the user was told of under this name, and may be about to accept. */
  rivalOf(folded: FoldedName, key: PeerKey, nowMs: number): ReportedKey | undefined {
    const told = this.#byName.get(folded);
    return told === undefined || told.key === key || nowMs >= told.keptUntilMs ? undefined : told;
  }

  /** Whether the user is to be told of this key: neither was it told last, nor may another one be about to be accepted. */
  isNews(folded: FoldedName, key: PeerKey, nowMs: number): boolean {
    return this.get(folded)?.key !== key && this.rivalOf(folded, key, nowMs) === undefined;
  }

  /** The user is told of this key. */
  report(name: string, key: PeerKey, nowMs: number): void {
    const folded = foldName(name);
    this.#byName.delete(folded);
    this.#byName.set(folded, { name, key, keptUntilMs: nowMs + STRANGE_KEPT_MS });
    dropOldest(this.#byName, this.namesMax);
  }

  /** There is nothing more to accept under this name. */
  forget(folded: FoldedName): void {
    this.#byName.delete(folded);
  }

  clear(): void {
    this.#byName.clear();
  }
}
