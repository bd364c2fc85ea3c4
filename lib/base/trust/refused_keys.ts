/**
 * Keys that aren't those of the people whose names they came with: the user has compared the digits (`/verify NAME
 * no`). Such a key counts as changed for that name until the user accepts it (`/trust NAME`).
 */

import type { Fingerprint } from "../text/fingerprint.ts";
import { addTo } from "../collections/bounded.ts";
import type { FoldedName } from "../ids.ts";
import { foldName, nameBeforeStart } from "../text/names.ts";

/** A key whose digits the user has compared with those of the person of this name. */
export interface ComparedKey {
  readonly name: string;
  readonly fingerprint: Fingerprint;
}

/** Bounded by what the user has refused. */
export class RefusedKeys {
  readonly #pairs: Set<string>;

  constructor(refused: readonly ComparedKey[]) {
    this.#pairs = new Set(refused.map(({ name, fingerprint }) => pairOf(name, fingerprint)));
  }

  /** Whether none is refused: nothing need be computed then. */
  get isEmpty(): boolean {
    return this.#pairs.size === 0;
  }

  /** @param key Fingerprint, as in what follows. */
  has(name: string, key: string): boolean {
    return !this.isEmpty && this.#pairs.has(pairOf(name, key));
  }

  /** The keys refused for this name, the first ones of them. */
  of(name: string, count: number): readonly string[] {
    const start = pairOf(name, "");
    const pairs = this.isEmpty ? [] : [...this.#pairs].filter((pair) => pair.startsWith(start));
    return pairs.slice(0, count).map((pair) => pair.slice(start.length));
  }

  add(name: string, key: string): void {
    this.#pairs.add(pairOf(name, key));
  }

  /** The user accepts the key. @returns Whether it was refused. */
  accept(name: string, key: string): boolean {
    return this.#pairs.delete(pairOf(name, key));
  }
}

/** Compared keys by the name without the start of a key, folded. */
export function byPlainName(
  compared: readonly ComparedKey[],
): ReadonlyMap<FoldedName, ReadonlySet<Fingerprint>> {
  const keys = new Map<FoldedName, Set<Fingerprint>>();
  for (const { name, fingerprint } of compared) {
    addTo(keys, foldName(nameBeforeStart(name)), fingerprint);
  }
  return keys;
}

function pairOf(name: string, key: string): string {
  return `${foldName(name)}\n${key}`;
}
