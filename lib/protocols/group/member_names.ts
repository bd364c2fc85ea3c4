/**
 * Whose name is whose at a member: a name that is pinned with another key is shown with the start of the stranger's
 * fingerprint, until the user accepts it.
 */

import {
  type Fingerprint,
  fingerprintOf,
  shortFingerprint,
  startApart,
} from "../../base/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { dropOldest } from "../../base/bounded.ts";
import { foldName, shownName, withoutMark } from "../../base/names.ts";
import type { Member } from "./epoch.ts";
import { STRANGE_KEPT_MS } from "./limits.ts";
import type { MemberOutput } from "./member_output.ts";

/** Whom a member remembers by name, those included who have left. */
const KNOWN_MAX = 4_096;

interface Known {
  readonly name: string;
  readonly shown: string;
}

interface Named {
  readonly name: string;
  readonly key: PeerKey;
}

export class MemberNames {
  /** By folded name. */
  readonly #pins: Map<string, Fingerprint>;
  /** Members met, and authors: at most `KNOWN_MAX`. */
  readonly #known = new Map<PeerKey, Known>();
  /** Of those who are there: who isn't known, or calls itself otherwise than before. */
  readonly #newcomers = new Map<PeerKey, Known>();
  /** Met with another key than the one expected: the one that was told, of each name. */
  readonly #strange = new Map<FoldedName, Named & { readonly keptUntilMs: number }>();
  readonly #warnedOf = new Set<PeerKey>();

  constructor(
    readonly self: PeerKey,
    pins: ReadonlyMap<string, Fingerprint>,
    readonly out: MemberOutput,
  ) {
    this.#pins = new Map(pins);
  }

  /**
   * These are there, and some may never be in the group: how they are shown, and no more. A key costs nothing: whoever
   * only asks to come in could take the names of others, and have the user told of another key as often as it likes.
   */
  present(members: readonly Member[]): void {
    const names = new Map(members.map(({ key, name }) => [key, name]));
    for (const [key, { name }] of this.#newcomers) {
      if (names.get(key) !== name) this.#newcomers.delete(key);
    }
    for (const [key, name] of names) {
      if (this.#newcomers.has(key) || this.#known.get(key)?.name === name) continue;
      this.#newcomers.set(key, { name, shown: this.#shownOf(key, name) });
    }
  }

  /** These are in the group: who is met for the first time is remembered. */
  met(members: readonly Member[]): void {
    for (const { key, name } of members) {
      if (key === this.self) continue;
      const folded = foldName(name);
      const pinned = this.#pins.get(folded);
      const fingerprint = fingerprintOf(key);
      if (pinned === undefined) {
        this.#pins.set(folded, fingerprint);
        this.#showAnew(folded);
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
    const folded = foldName(name);
    const { nowMs } = this.out;
    const told = this.#strange.get(folded);
    // Others may come under that name, while the user asks whether the one that was told is right, and accepts that.
    const isAsked = told !== undefined && told.key !== key && nowMs < told.keptUntilMs;
    if (!isAsked) {
      this.#strange.delete(folded);
      this.#strange.set(folded, { name, key, keptUntilMs: nowMs + STRANGE_KEPT_MS });
      dropOldest(this.#strange, KNOWN_MAX);
    }
    const suffixed = this.shown(key, name);
    const way = isAsked
      ? `${suffixed}; /trust ${shown} goes for the one that you were told before, ${
        fingerprintOf(told.key)
      }`
      : shown;
    const text =
      `${shown} has another key than before: ${fingerprint}, it was ${pinned}; shown as ` +
      `${suffixed} until you accept it with /trust ${way}`;
    this.out.error("key-changed", text);
  }

  /** How somebody who calls itself so is shown. */
  shown(key: PeerKey, name: string): string {
    const known = this.#known.get(key);
    if (known?.name === name) return known.shown;
    const shown = this.#shownOf(key, name);
    this.#known.set(key, { name, shown });
    dropOldest(this.#known, KNOWN_MAX);
    this.#newcomers.delete(key);
    return shown;
  }

  #shownOf(key: PeerKey, name: string): string {
    if (key === this.self) return name;
    const pinned = this.#pins.get(foldName(name));
    const fingerprint = fingerprintOf(key);
    if (pinned === undefined || pinned === fingerprint) return name;
    const isTaken = (start: string) => {
      const owner = this.#shownAs(`${name}~${start}`);
      return owner !== null && owner !== key;
    };
    return `${name}~${startApart(fingerprint, isTaken)}`;
  }

  /** How a member is shown; its key's start where nobody has named it. */
  of(key: PeerKey): string {
    const known = this.#newcomers.get(key) ?? this.#known.get(key);
    return known?.shown ?? shortFingerprint(fingerprintOf(key));
  }

  /**
   * Whom the user means, as shown or as it calls itself, the one first that `trust` accepts; null where nobody is known
   * so.
   */
  keyOf(typed: string): PeerKey | null {
    const folded = foldName(withoutMark(typed));
    const meant = this.#shownAs(folded) ?? this.#strange.get(folded)?.key;
    if (meant !== undefined) return meant;
    let called: PeerKey | null = null;
    for (const [key, { name }] of [...this.#newcomers, ...this.#known]) {
      if (foldName(name) === folded) called = key;
    }
    return called;
  }

  /** Who is shown so. */
  #shownAs(shown: string): PeerKey | null {
    const folded = foldName(shown);
    for (const [key, known] of this.#all()) if (foldName(known.shown) === folded) return key;
    return null;
  }

  /** Newcomers last: they take no name from those who are known. */
  *#all(): IterableIterator<[PeerKey, Known]> {
    yield* this.#known;
    yield* this.#newcomers;
  }

  /** Names of others, for suggestions. */
  names(): readonly string[] {
    return Array.from(this.#all()).flatMap(([key, { shown }]) => key === this.self ? [] : [shown]);
  }

  /**
   * The user accepts another key than the one remembered: of whoever is shown so, or the one that was told, under its
   * plain name.
   * @returns Whose; null where there is none.
   */
  trust(typed: string): Named | null {
    const named = this.#stranger(foldName(withoutMark(typed)));
    if (named === null) return null;
    const { name, key } = named;
    const folded = foldName(name);
    this.#pins.set(folded, fingerprintOf(key));
    if (this.#strange.get(folded)?.key === key) this.#strange.delete(folded);
    this.#warnedOf.delete(key);
    this.#showAnew(folded);
    this.out.push({ type: "pin", name, key, again: true });
    return { name, key };
  }

  #stranger(folded: FoldedName): Named | null {
    const told = this.#strange.get(folded);
    if (told !== undefined) return told;
    for (const [key, { name, shown }] of this.#all()) {
      if (shown !== name && foldName(shown) === folded) return { name, key };
    }
    return null;
  }

  /** A key is pinned for that name, or another one than before. */
  #showAnew(folded: FoldedName): void {
    for (const all of [this.#known, this.#newcomers]) {
      for (const [key, { name }] of all) {
        if (foldName(name) === folded) all.set(key, { name, shown: this.#shownOf(key, name) });
      }
    }
  }
}
