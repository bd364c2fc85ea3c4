/** Which key is known by which name: at most `PINS_MAX`, the oldest first. When full, only `/trust` adds pins. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { NAMESAKES_MAX } from "../../../base/text/fingerprint.ts";
import { foldName } from "../../../base/text/names.ts";
import { PINS_MAX } from "../schema/limits.ts";
import type { MeshRecord } from "../schema/records.ts";

export interface Pin {
  /** The name as its owner spelled it when we met. */
  readonly name: string;
  readonly key: PeerKey;
  /** The strangers of which the user has been warned, and when, the last ones of a crowd. */
  readonly warned: ReadonlyMap<PeerKey, number>;
  /** When it was pinned; null where that was before this start. */
  readonly atMs: number | null;
}

export class Pins {
  readonly #byName = new Map<FoldedName, Pin>();

  constructor(records: readonly MeshRecord[]) {
    for (const record of records) {
      if (record.kind === "pin") this.set(record.name, record.key, null);
    }
  }

  get isFull(): boolean {
    return this.#byName.size >= PINS_MAX;
  }

  get(folded: FoldedName): Pin | undefined {
    return this.#byName.get(folded);
  }

  entries(): MapIterator<[FoldedName, Pin]> {
    return this.#byName.entries();
  }

  set(name: string, key: PeerKey, atMs: number | null): void {
    const folded = foldName(name);
    this.#byName.delete(folded);
    this.#byName.set(folded, { name, key, warned: new Map(), atMs });
    dropOldest(this.#byName, PINS_MAX);
  }

  /** The user has found that this key isn't that of the name's owner. */
  forget(folded: FoldedName, key: PeerKey): void {
    if (this.#byName.get(folded)?.key === key) this.#byName.delete(folded);
  }

  /** The user has been warned of this stranger. */
  warned(folded: FoldedName, key: PeerKey, atMs: number): void {
    const pin = this.#byName.get(folded)!;
    const warned = new Map([...pin.warned].filter(([other]) => other !== key)).set(key, atMs);
    dropOldest(warned, NAMESAKES_MAX);
    this.#byName.set(folded, { ...pin, warned });
  }

  /** Whether this key is known by another name than this. */
  isKnownOtherwise(key: PeerKey, folded: FoldedName): boolean {
    return this.#byName.entries().some(([name, pin]) => pin.key === key && name !== folded);
  }

  /** The oldest first: what a compacted log holds of them. */
  snapshot(): readonly MeshRecord[] {
    return [...this.#byName.values()].map(({ name, key }) => ({ kind: "pin", name, key }));
  }
}
