/**
 * Which names belong to which keys, at a member: somebody whose name is pinned with another key, or is our own, is
 * shown with the start of its own fingerprint, until the user accepts the key. So are all who have one name, in the
 * log or in a view, where none of them is pinned.
 */

import {
  type Fingerprint,
  fingerprintOf,
  NAMESAKES_MAX,
  startApart,
} from "../../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { foldName, shownName, withoutMark } from "../../../base/text/names.ts";
import { byPlainName, type ComparedKey, RefusedKeys } from "../../../base/trust/refused_keys.ts";
import { type ReportedKey, ReportedKeys } from "../../../base/trust/reported_keys.ts";
import type { Member } from "../schema/epoch.ts";
import { PINS_MAX } from "../schema/limits.ts";
import type { MemberOutput } from "../schema/member_output.ts";

/** How many keys a member remembers by name, including those that have left. */
const KNOWN_MAX = 4_096;

interface Known {
  readonly name: string;
  readonly shown: string;
}

export class MemberNames {
  /** By folded name: at most `PINS_MAX`, and those for which the user asked. */
  readonly #pins: Map<string, Fingerprint>;
  /** Members that were met, and authors: at most `KNOWN_MAX`. */
  readonly #known = new Map<PeerKey, Known>();
  /** Those among the connected that aren't known, or now use another name. */
  readonly #newcomers = new Map<PeerKey, Known>();
  /** Keys other than the pinned ones. */
  readonly #reported = new ReportedKeys(KNOWN_MAX);
  readonly #warnedOf = new Set<PeerKey>();
  /** The keys that were ever shown under each name, or are recorded under it in the log: at most `KNOWN_MAX` names. */
  readonly #claims = new Map<FoldedName, Set<PeerKey>>();
  /** Our own name. */
  #own: FoldedName | null = null;
  readonly #refused: RefusedKeys;
  readonly #verified: ReturnType<typeof byPlainName>;

  /**
   * @param refused Keys that the user has refused, each for a name.
   * @param verified Keys that the user has verified, each under a name as it was shown: none of another key is shown
   *   like it.
   */
  constructor(
    readonly self: PeerKey,
    pins: ReadonlyMap<string, Fingerprint>,
    readonly out: MemberOutput,
    refused: readonly ComparedKey[] = [],
    verified: readonly ComparedKey[] = [],
  ) {
    this.#pins = new Map(pins);
    this.#refused = new RefusedKeys(refused);
    this.#verified = byPlainName(verified);
  }

  /** These keys had these names, as the log says. */
  recorded(claims: ReadonlyMap<FoldedName, readonly PeerKey[]>): void {
    for (const [folded, keys] of claims) for (const key of keys) this.#claimed(folded, key);
  }

  #claimed(folded: FoldedName, key: PeerKey): boolean {
    const keys = this.#claims.get(folded) ?? new Set();
    if (keys.has(key)) return false;
    this.#claims.set(folded, keys.add(key));
    dropOldest(this.#claims, KNOWN_MAX);
    return keys.size > 1;
  }

  /**
   * These are connected, and some may never be in the group: only decides how they are shown. A key costs nothing: a
   * mere newcomer could take others' names, and have the user warned of another key as often as it likes.
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

  /** These are in the group: names that are met for the first time are pinned. */
  met(members: readonly Member[]): void {
    for (const { key, name } of members) {
      if (key === this.self) continue;
      const folded = foldName(name);
      const pinned = this.#pins.get(folded);
      const fingerprint = fingerprintOf(key);
      if (this.#refused.has(name, fingerprint)) this.#warn(key, name, undefined, fingerprint);
      else if (folded === this.#own) this.#warn(key, name, fingerprintOf(this.self), fingerprint);
      else if (pinned === undefined) {
        if (!this.#isFull) {
          this.#pins.set(folded, fingerprint);
          this.#showAnew(folded);
          this.out.push({ type: "pin", name, key, again: false });
        }
      } else if (pinned !== fingerprint) this.#warn(key, name, pinned, fingerprint);
      this.shown(key, name);
    }
  }

  get #isFull(): boolean {
    return this.#pins.size >= PINS_MAX;
  }

  /** @param pinned Undefined where the key itself is refused. */
  #warn(
    key: PeerKey,
    name: string,
    pinned: Fingerprint | undefined,
    fingerprint: Fingerprint,
  ): void {
    if (this.#warnedOf.has(key)) return;
    this.#warnedOf.add(key);
    dropOldest(this.#warnedOf, KNOWN_MAX);
    const shown = shownName(name);
    const folded = foldName(name);
    const { nowMs } = this.out;
    const rival = this.#reported.rivalOf(folded, key, nowMs);
    if (rival === undefined) this.#reported.report(name, key, nowMs);
    const suffixed = shownName(this.shown(key, name));
    const way = rival === undefined
      ? shown
      : `${suffixed}; /trust ${shown} accepts the key that you were told first, ${
        fingerprintOf(rival.key)
      }`;
    const found = pinned === undefined
      ? `${shown} comes with the key ${fingerprint}, whose digits you found to be different`
      : `${shown} has a different key from before: ${fingerprint}, it was ${pinned}`;
    const text = `${found}; shown as ${suffixed} until you accept it with /trust ${way}`;
    const before = pinned === undefined ? {} : { before: pinned };
    this.out.keyChanged({ name, key: fingerprint, ...before }, text);
  }

  /**
   * The digits of this key were different (`/verify NAME no`), as was found here or in another program of the profile: its
   * owner is shown as somebody else than the one of that name, until `trust`.
   */
  refuse(name: string, fingerprint: Fingerprint): void {
    const folded = foldName(name);
    this.#refused.add(name, fingerprint);
    if (this.#pins.get(folded) === fingerprint) this.#pins.delete(folded);
    for (const [key, known] of this.#called(folded)) {
      if (fingerprintOf(key) !== fingerprint) continue;
      this.#reported.report(known.name, key, this.out.nowMs);
      this.#warnedOf.add(key); // the answer to the command warns
      return this.#tellAnew(folded);
    }
  }

  /** The user has said in another program of the profile that it is theirs, after all. */
  unrefused(name: string, fingerprint: Fingerprint): void {
    const folded = foldName(name);
    this.#refused.accept(name, fingerprint);
    if (this.#reported.isLast(folded, fingerprint) && !this.#pins.has(folded)) this.trust(name);
    else this.#tellAnew(folded);
  }

  /** How somebody is shown that has this key and uses this name. */
  shown(key: PeerKey, name: string): string {
    const known = this.#known.get(key);
    if (known?.name === name) return known.shown;
    const folded = foldName(name);
    // Our user's name comes first; old entries, and whoever signs views and edits, may call us otherwise.
    if (key === this.self) this.#own ??= folded;
    // Others that were shown under that name are told apart from now on.
    if (this.#claimed(folded, key)) this.#showAnew(folded);
    const shown = this.#shownOf(key, name);
    this.#known.set(key, { name, shown });
    dropOldest(this.#known, KNOWN_MAX);
    this.#newcomers.delete(key);
    return shown;
  }

  #shownOf(key: PeerKey, name: string): string {
    const folded = foldName(name);
    if (key === this.self && folded === this.#own) return name;
    const pinned = this.#pins.get(folded);
    const fingerprint = fingerprintOf(key);
    const isExpected = pinned === undefined ? !this.#isShared(folded, key) : pinned === fingerprint;
    if (isExpected && folded !== this.#own && !this.#refused.has(name, fingerprint)) return name;
    const before = (this.#known.get(key) ?? this.#newcomers.get(key))?.shown;
    // Whoever came since was told apart from this one.
    if (before?.startsWith(`${name}~`)) return before;
    return `${name}~${startApart(fingerprint, this.#namesakes(folded), (other) => other)}`;
  }

  /**
   * The fingerprints of all that have this name, and of those that were refused or verified under it: nobody else is
   * shown with the start of one that the user was warned of, or has compared. Of a crowd, enough that it is one.
   */
  #namesakes(folded: FoldedName): ReadonlySet<string> {
    const namesakes = new Set<string>([
      ...this.#refused.of(folded, NAMESAKES_MAX + 1),
      ...this.#verified.get(folded) ?? [],
    ]);
    const pinned = this.#pins.get(folded);
    if (pinned !== undefined) namesakes.add(pinned);
    if (folded === this.#own) namesakes.add(fingerprintOf(this.self));
    for (const key of this.#claims.get(folded) ?? []) {
      if (namesakes.size > NAMESAKES_MAX) break;
      namesakes.add(fingerprintOf(key));
    }
    for (const [key, { name }] of this.#newcomers) {
      if (namesakes.size > NAMESAKES_MAX) break;
      if (foldName(name) === folded) namesakes.add(fingerprintOf(key));
    }
    return namesakes;
  }

  /** Whether another key has had this name; or, for a newcomer, another newcomer is shown by it. */
  #isShared(folded: FoldedName, key: PeerKey): boolean {
    const keys = this.#claims.get(folded);
    if (keys !== undefined && keys.size - (keys.has(key) ? 1 : 0) > 0) return true;
    return !this.#known.has(key) &&
      this.#newcomers.entries().some(([other, { shown }]) =>
        other !== key && foldName(shown) === folded
      );
  }

  /** How a member is shown; its fingerprint where nobody has named it. */
  of(key: PeerKey): string {
    const known = this.#newcomers.get(key) ?? this.#known.get(key);
    return known?.shown ?? fingerprintOf(key);
  }

  /** The name of a member in a sentence. */
  written(key: PeerKey): string {
    return shownName(this.of(key));
  }

  /**
   * The key that the user means, by the shown name or by the plain one; the one that `trust` accepts goes first. Null
   * where nobody is known by that name.
   */
  keyOf(typed: string): PeerKey | null {
    const folded = foldName(withoutMark(typed));
    return this.#shownAs(folded) ?? this.#reported.get(folded)?.key ??
      this.#called(folded).at(-1)?.[0] ?? null;
  }

  /**
   * How those are shown among whom the user has to choose: several have this name, none is shown by it alone, and none
   * is the one that `trust` accepts. Empty where `keyOf` says who is meant; of a crowd, the first ones.
   */
  severalCalled(typed: string): readonly string[] {
    const folded = foldName(withoutMark(typed));
    if (this.#shownAs(folded) !== null || this.#reported.get(folded) !== undefined) return [];
    const called = this.#called(folded);
    return called.length < 2 ? [] : called.slice(0, NAMESAKES_MAX).map(([, { shown }]) => shown);
  }

  /** The key pinned for this name; undefined where there is none. */
  pinned(typed: string): Fingerprint | undefined {
    return this.#pins.get(foldName(withoutMark(typed)));
  }

  /** How each one is shown that has this name. */
  called(name: string): readonly (readonly [key: PeerKey, shown: string])[] {
    return this.#called(foldName(name)).map(([key, { shown }]) => [key, shown]);
  }

  #called(folded: FoldedName): readonly [PeerKey, Known][] {
    return [...this.#newcomers, ...this.#known].filter(([, { name }]) => foldName(name) === folded);
  }

  /** The key that is shown under this name. */
  #shownAs(shown: string): PeerKey | null {
    const folded = foldName(shown);
    for (const [key, known] of this.#all()) if (foldName(known.shown) === folded) return key;
    return null;
  }

  /** Newcomers come last: they take no name from those that are known. */
  *#all(): IterableIterator<[PeerKey, Known]> {
    yield* this.#known;
    yield* this.#newcomers;
  }

  /** Names of others, for suggestions. */
  names(): readonly string[] {
    return Array.from(this.#all()).flatMap(([key, { shown }]) => key === this.self ? [] : [shown]);
  }

  /**
   * The user accepts another key than the pinned one: that of somebody shown under this name, or the one that was
   * reported for the plain name.
   * @returns Its name and key; null where there is none.
   */
  trust(typed: string): ReportedKey | null {
    const named = this.#stranger(foldName(withoutMark(typed)));
    if (named === null) return null;
    const { name, key } = named;
    const folded = foldName(name);
    this.#refused.accept(name, fingerprintOf(key));
    this.#pins.set(folded, fingerprintOf(key));
    if (this.#reported.get(folded)?.key === key) this.#reported.forget(folded);
    this.#warnedOf.delete(key);
    this.#tellAnew(folded);
    this.out.push({ type: "pin", name, key, again: true });
    return { name, key };
  }

  #stranger(folded: FoldedName): ReportedKey | null {
    const told = this.#reported.get(folded);
    if (told !== undefined) return told;
    for (const [key, { name, shown }] of this.#all()) {
      if (shown !== name && foldName(shown) === folded) return { name, key };
    }
    return this.#unpinned(folded);
  }

  /** The one of that name who isn't pinned because there was no place. */
  #unpinned(folded: FoldedName): ReportedKey | null {
    if (!this.#isFull || this.#pins.has(folded) || folded === this.#own) return null;
    const [first, ...others] = this.#called(folded);
    if (first === undefined || others.length > 0) return null;
    return { key: first[0], name: first[1].name };
  }

  /** The same, after a command of our user, who is told of each. */
  #tellAnew(folded: FoldedName): void {
    for (const [from, to] of this.#showAnew(folded)) {
      this.out.notice(`${shownName(from)} is now ${shownName(to)}`);
    }
  }

  /**
   * A key was pinned for this name, or replaced: shows its holders accordingly.
   * @returns How each whose shown name changes was shown, and is.
   */
  #showAnew(folded: FoldedName): readonly (readonly [from: string, to: string])[] {
    const changed: [string, string][] = [];
    for (const all of [this.#known, this.#newcomers]) {
      for (const [key, { name, shown: before }] of all) {
        if (foldName(name) !== folded) continue;
        const shown = this.#shownOf(key, name);
        all.set(key, { name, shown });
        if (shown !== before) changed.push([before, shown]);
      }
    }
    return changed;
  }
}
