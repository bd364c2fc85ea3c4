/**
 * Whose name is whose at a member: a name that is pinned with another key is shown with the start of the stranger's
 * fingerprint, until the user accepts it.
 */

import { type Fingerprint, fingerprintOf, shortFingerprint } from "../../base/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { dropOldest } from "../../base/bounded.ts";
import { foldName, shownName, withoutMark } from "../../base/names.ts";
import type { Member } from "./epoch.ts";
import type { MemberOutput } from "./member_output.ts";

/** Whom a member remembers by name, those included who have left. */
const KNOWN_MAX = 4_096;

interface Known {
  readonly name: string;
  readonly shown: string;
}

export class MemberNames {
  /** By folded name. */
  readonly #pins: Map<string, Fingerprint>;
  /** Members met, and authors: at most `KNOWN_MAX`. */
  readonly #known = new Map<PeerKey, Known>();
  readonly #warnedOf = new Set<PeerKey>();

  constructor(
    readonly self: PeerKey,
    pins: ReadonlyMap<string, Fingerprint>,
    readonly out: MemberOutput,
  ) {
    this.#pins = new Map(pins);
  }

  /** These are in the group, or want to be: who is met for the first time is remembered. */
  met(members: readonly Member[]): void {
    for (const { key, name } of members) {
      if (key === this.self) continue;
      const folded = foldName(name);
      const pinned = this.#pins.get(folded);
      const fingerprint = fingerprintOf(key);
      if (pinned === undefined) {
        this.#pins.set(folded, fingerprint);
        this.out.push({ type: "pin", name, key, again: false });
      } else if (pinned !== fingerprint) this.#warn(key, name, pinned, fingerprint);
      this.shown(key, name);
    }
  }

  #warn(key: PeerKey, name: string, pinned: Fingerprint, fingerprint: Fingerprint): void {
    if (this.#warnedOf.has(key)) return;
    this.#warnedOf.add(key);
    dropOldest(this.#warnedOf, KNOWN_MAX);
    const shown = shownName(name);
    const text =
      `${shown} has another key than before: ${fingerprint}, it was ${pinned}; shown as ` +
      `${this.shown(key, name)} until you accept it with /trust ${shown}`;
    this.out.error("key-changed", text);
  }

  /** How somebody who calls itself so is shown. */
  shown(key: PeerKey, name: string): string {
    const known = this.#known.get(key);
    if (known?.name === name) return known.shown;
    const shown = this.#shownAs(key, name);
    this.#known.set(key, { name, shown });
    dropOldest(this.#known, KNOWN_MAX);
    return shown;
  }

  #shownAs(key: PeerKey, name: string): string {
    if (key === this.self) return name;
    const pinned = this.#pins.get(foldName(name));
    const fingerprint = fingerprintOf(key);
    if (pinned === undefined || pinned === fingerprint) return name;
    return `${name}~${shortFingerprint(fingerprint)}`;
  }

  /** How a member is shown; its key's start where nobody has named it. */
  of(key: PeerKey): string {
    return this.#known.get(key)?.shown ?? shortFingerprint(fingerprintOf(key));
  }

  /** Whom the user means, as shown or as it calls itself; null where nobody is known so. */
  keyOf(typed: string): PeerKey | null {
    const folded = foldName(withoutMark(typed));
    let called: PeerKey | null = null;
    for (const [key, { name, shown }] of this.#known) {
      if (foldName(shown) === folded) return key;
      if (foldName(name) === folded) called = key;
    }
    return called;
  }

  /** Names of others, for suggestions. */
  names(): readonly string[] {
    return Array.from(this.#known).flatMap(([key, { shown }]) => key === this.self ? [] : [shown]);
  }

  /**
   * The user accepts the key with which somebody is here now.
   * @returns The name, where another key was remembered; null where none was.
   */
  trust(typed: string): { readonly name: string; readonly key: PeerKey } | null {
    const folded = foldName(withoutMark(typed));
    for (const [key, { name, shown }] of this.#known) {
      if (shown === name || (foldName(name) !== folded && foldName(shown) !== folded)) continue;
      this.#pins.set(foldName(name), fingerprintOf(key));
      this.#showAnew(foldName(name));
      this.out.push({ type: "pin", name, key, again: true });
      return { name, key };
    }
    return null;
  }

  /** Another key is pinned for that name. */
  #showAnew(folded: FoldedName): void {
    for (const [key, { name }] of this.#known) {
      if (foldName(name) !== folded) continue;
      this.#known.set(key, { name, shown: this.#shownAs(key, name) });
    }
  }
}
