/**
 * Which of the delivered bundles wait to be shown: the room knows their order, and the caller that carries out its
 * effects knows how far its user has come.
 */

import type { BundleId } from "../../base/ids.ts";
import { KEPT_MESSAGES_MAX } from "./limits.ts";

export class Unshown {
  /** The last bundles that may wait, in the order of their records on disk. */
  #ids: BundleId[];
  #lacksOld = false;
  /** The last bundle that is never to be shown; null where all of `#ids` waits. */
  #begin: BundleId | null = null;

  /** @param stored The bundles that an earlier process stored, and perhaps didn't show. */
  constructor(stored: Iterable<BundleId>) {
    this.#ids = [...new Set(stored)];
  }

  /** @param before The bundle whose record follows this one's on disk; null where none does. */
  add(id: BundleId, before: BundleId | null): void {
    const index = before === null ? -1 : this.#ids.lastIndexOf(before);
    if (index < 0) this.#ids.push(id);
    else this.#ids.splice(index, 0, id);
    if (this.#ids.length <= 2 * KEPT_MESSAGES_MAX) return;
    this.#ids = this.#ids.slice(-KEPT_MESSAGES_MAX);
    this.#lacksOld = true;
  }

  /** Nothing through `last` is ever to be shown; null where there was nothing. */
  beginAfter(last: BundleId | null): void {
    this.#ids = last === null ? [] : [last];
    this.#begin = last;
  }

  /**
   * The bundles after `through`, in the order of the records on disk; all of this process where it is null. Null where
   * they aren't all known any more.
   */
  after(through: BundleId | null): readonly BundleId[] | null {
    const last = through ?? this.#begin;
    if (last === null) return this.#lacksOld ? null : this.#ids;
    const index = this.#ids.lastIndexOf(last);
    return index < 0 ? null : this.#ids.slice(index + 1);
  }
}
