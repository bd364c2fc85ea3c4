/** Keys of users met at this directory: which are expected, and which our user must accept first. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import {
  type Fingerprint,
  fingerprintOf,
  NAMESAKES_MAX,
  startApart,
} from "../../../base/text/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import type { KeyChange } from "../../../base/machine/mode_machine.ts";
import { foldName, isSameName, shownName, withoutMark } from "../../../base/text/names.ts";
import { byPlainName, type ComparedKey, RefusedKeys } from "../../../base/trust/refused_keys.ts";
import { ReportedKeys } from "../../../base/trust/reported_keys.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { CALL_REFUSED_MAX, HEARD_PINS_MAX, KNOWN_MAX } from "../schema/limits.ts";

export interface NamedUser {
  readonly name: string;
  readonly key: PeerKey;
}

export class KnownKeys {
  #pins = new Map<string, Fingerprint>();
  /** Users met by this process, by folded name. */
  readonly #met = new Map<FoldedName, NamedUser>();
  /** Who is shown with the start of the key, by that name: at most `KNOWN_MAX`. */
  readonly #apart = new Map<FoldedName, NamedUser>();
  /** Keys of users met with another one than expected. */
  readonly #reported = new ReportedKeys(KNOWN_MAX);

  /**
   * Names that were new when a broadcast came under them that was said before we came in: its key, and whether our user
   * was told that others have another one.
   */
  readonly #kept = new Map<FoldedName, { readonly key: PeerKey; isTold: boolean }>();

  readonly #refused: RefusedKeys;
  readonly #verified: ReturnType<typeof byPlainName>;

  /**
   * @param refused Keys that the user has refused, each for a name.
   * @param verified Keys that the user has verified, each under a name as it was shown: none of another key is shown
   *   like it.
   */
  constructor(
    readonly out: ClientOutput,
    refused: readonly ComparedKey[] = [],
    verified: readonly ComparedKey[] = [],
  ) {
    this.#refused = new RefusedKeys(refused);
    this.#verified = byPlainName(verified);
  }

  /** @param pins Keys met before at this directory, by folded name. */
  load(pins: ReadonlyMap<string, Fingerprint>): void {
    this.#pins = new Map(pins);
    this.#met.clear();
    this.#apart.clear();
    this.#reported.clear();
    this.#kept.clear();
  }

  /**
   * Whether a user of that name may have that key. If not, `isStrange` tells our user, and `trust` accepts the key.
   */
  isExpected(name: string, key: PeerKey): boolean {
    const pinned = this.#pins.get(foldName(name));
    const fingerprint = fingerprintOf(key);
    return (pinned === undefined || pinned === fingerprint) &&
      !this.#refused.has(name, fingerprint);
  }

  /** How this key of that name differs from the one expected; null where it may be that user's. */
  changeOf(name: string, key: PeerKey): KeyChange | null {
    if (this.isExpected(name, key)) return null;
    const before = this.expected(name);
    return { name, key: fingerprintOf(key), ...(before === undefined ? {} : { before }) };
  }

  /**
   * The name by which this key is shown where the name itself is another's: with so much of the key's start that it
   * was never that of a namesake, and never will be.
   * @param namesakes Keys that have spoken under that name, besides those known here.
   * @param before The start by which an earlier process has shown it; null: none did.
   */
  apart(
    name: string,
    key: PeerKey,
    namesakes: Iterable<Fingerprint>,
    before: string | null,
  ): string {
    const fingerprint = fingerprintOf(key);
    const all = new Set<string>([
      ...namesakes,
      ...this.#refused.of(name, NAMESAKES_MAX + 1),
      ...this.#verified.get(foldName(name)) ?? [],
    ]);
    const pinned = this.expected(name);
    if (pinned !== undefined) all.add(pinned);
    for (const [shown, other] of this.#apart) {
      if (!isSameName(other.name, name)) continue;
      if (other.key === key) return name + shown.slice(shown.indexOf("~"));
      all.add(fingerprintOf(other.key));
    }
    const shown = `${name}~${before ?? startApart(fingerprint, all, (other) => other)}`;
    this.#apart.set(foldName(shown), { name, key });
    dropOldest(this.#apart, KNOWN_MAX);
    return shown;
  }

  /** The key that a user of that name must have; undefined where any will do. */
  expected(name: string): Fingerprint | undefined {
    return this.#pins.get(foldName(name));
  }

  /**
   * Keys that a user of that name mustn't have: those that were refused, and the other one than before that our user
   * was told of. Null where there are more of them than `CALL_REFUSED_MAX`.
   */
  refusedFor(name: string): readonly string[] | null {
    const keys = new Set(this.#refused.of(name, CALL_REFUSED_MAX + 1));
    const reported = this.#reported.get(foldName(name))?.key;
    if (reported !== undefined && !this.isExpected(name, reported)) {
      keys.add(fingerprintOf(reported));
    }
    return keys.size > CALL_REFUSED_MAX ? null : [...keys];
  }

  /**
   * The digits of this key were different (`/verify NAME no`): it isn't expected any more, and counts as changed until
   * `trust` accepts it.
   * @returns Who was met with it under that name, shown by it or apart; null where nobody was.
   */
  refuse(name: string, key: Fingerprint): NamedUser | null {
    const folded = foldName(name);
    this.#refused.add(name, key);
    if (this.#pins.get(folded) === key) this.#pins.delete(folded);
    const isIt = (one: NamedUser) => isSameName(one.name, name) && fingerprintOf(one.key) === key;
    const met = [...this.#met.values(), ...this.#apart.values()].find(isIt) ?? null;
    if (met === null) return null;
    if (this.#kept.get(folded)?.key === met.key) this.#kept.delete(folded);
    this.#reported.report(met.name, met.key, this.out.nowMs);
    return met;
  }

  /** Our user has said in another program of the profile that it is that user's, after all. */
  unrefuse(name: string, key: Fingerprint): void {
    const folded = foldName(name);
    this.#refused.accept(name, key);
    if (this.#reported.isLast(folded, key) && !this.#pins.has(folded)) this.trust(name);
  }

  /**
   * Tells our user that a user has another key than before, and so there was no call.
   * @param ref Of the command that found that out.
   */
  isStrange(name: string, key: PeerKey, ref?: string): void {
    this.#warn(name, key, this.expected(name), ref, "there was no call");
  }

  /** As `isStrange`, of a user who has called ours. */
  isStrangeCaller(name: string, key: PeerKey): void {
    this.#warn(
      name,
      key,
      this.expected(name),
      undefined,
      "the call was refused",
      "called you with",
    );
  }

  /** Our user calls somebody by the start of a key that isn't the expected one: `trust` means that key alone, too. */
  isStrangeApart(typed: string, { name, key }: NamedUser, ref: string | undefined): void {
    const change = this.changeOf(name, key) ?? { name, key: fingerprintOf(key) };
    const called = shownName(name);
    const shown = shownName(withoutMark(typed));
    let found = `${shown} has another key than who spoke as ${called} first: ${change.key}`;
    if (this.#refused.has(name, change.key)) {
      found = `${shown} comes with the key ${change.key}, whose digits you found to be different`;
    } else if (change.before !== undefined) {
      found =
        `${shown} has another key than ${called}: ${change.key}, where ${called}'s is ${change.before}`;
    }
    const way = wayText(called, shown, change.before !== undefined);
    this.out.keyChanged(change, `${found}; there was no call; ${way}`, ref);
  }

  #warn(
    name: string,
    key: PeerKey,
    before: Fingerprint | undefined,
    ref: string | undefined,
    so: string,
    comes?: "called you with",
  ): void {
    const { nowMs } = this.out;
    const folded = foldName(name);
    const shown = shownName(name);
    const fingerprint = fingerprintOf(key);
    const found = before === undefined
      ? `${shown} ${
        comes ?? "comes with"
      } the key ${fingerprint}, whose digits you found to be different`
      : `${shown} ${comes ?? "has"} a different key from before: ${fingerprint}, it was ${before}`;
    const rival = this.#reported.rivalOf(folded, key, nowMs);
    if (this.#reported.isNews(folded, key, nowMs)) this.#reported.report(name, key, nowMs);
    const way = rival === undefined
      ? wayText(shown, shown, before !== undefined)
      : `/trust ${shown} accepts the key that you were told first, ${fingerprintOf(rival.key)}`;
    const changed = { name, key: fingerprint, ...(before === undefined ? {} : { before }) };
    this.out.keyChanged(changed, `${found}; ${so}; ${way}`, ref);
  }

  /**
   * A broadcast under that name is signed with that key. A name that is new is pinned. That the name had several keys
   * before we came in accuses nobody: it had whatever devices and owners since.
   * @param apart The name by which it is shown where the key isn't that name's.
   * @param isKept Whether it was said before we came in.
   * @param spoke The key that has spoken under the name, which counts where there is no room for more pins.
   * @returns Whether the key is that name's; if not, our user is told, once for each key.
   */
  heard(
    name: string,
    key: PeerKey,
    apart: string,
    isKept: boolean,
    spoke: Fingerprint | undefined,
  ): boolean {
    const hasRoom = this.#pins.size < HEARD_PINS_MAX;
    const isCounted = !hasRoom && spoke !== undefined && !this.#refused.has(name, spoke);
    const before = this.expected(name) ?? (isCounted ? spoke : undefined);
    if (isKept && this.#isOtherKept(name, key, before, apart)) return false;
    if (this.isExpected(name, key) && (before === undefined || before === fingerprintOf(key))) {
      this.named(name, key);
      if (hasRoom) this.#pin(name, key);
      return true;
    }
    if (this.#reported.isNews(foldName(name), key, this.out.nowMs)) {
      this.#warn(name, key, before, undefined, `its broadcasts are shown as ${apart}`);
    }
    return false;
  }

  /** @returns Whether the name was met by a broadcast that was kept, too, with another key; our user is told, once. */
  #isOtherKept(
    name: string,
    key: PeerKey,
    before: Fingerprint | undefined,
    apart: string,
  ): boolean {
    const folded = foldName(name);
    if (this.#refused.has(name, fingerprintOf(key))) return false;
    if (before === undefined && !this.#kept.has(folded)) {
      this.#kept.set(folded, { key, isTold: false });
      dropOldest(this.#kept, KNOWN_MAX);
    }
    const first = this.#kept.get(folded);
    if (first === undefined || first.key === key) return false;
    const firstKey = fingerprintOf(first.key);
    if (before !== undefined && before !== firstKey) return false;
    if (first.isTold) return true;
    first.isTold = true;
    const text =
      `Earlier broadcasts under the name ${shownName(name)} are signed with more than one key, ` +
      `which may be of several devices: those with another one than ${firstKey} ` +
      `are shown with its start, as ${shownName(apart)}`;
    this.out.show({ event: "notice", text });
    return true;
  }

  /** We talk, and the other side has proved that key. */
  met(name: string, key: PeerKey): void {
    const folded = foldName(name);
    this.named(name, key);
    this.#reported.forget(folded); // it has the expected key again: `/trust` no longer means the other one
    this.#pin(name, key);
  }

  #pin(name: string, key: PeerKey): void {
    const folded = foldName(name);
    if (this.#pins.has(folded)) return;
    this.#pins.set(folded, fingerprintOf(key));
    this.out.push({ type: "pin", name, key, again: false });
  }

  /** The directory says that a user has that key: `/verify` may ask for it. */
  named(name: string, key: PeerKey): void {
    const folded = foldName(name);
    this.#met.delete(folded);
    this.#met.set(folded, { name, key });
    dropOldest(this.#met, KNOWN_MAX);
  }

  /** @param typed A name, or one with the start of a key. Null where this process has met nobody of that name. */
  find(typed: string): NamedUser | null {
    return this.#met.get(foldName(withoutMark(typed))) ?? this.findApart(typed);
  }

  /** Who was shown by this name, which has the start of a key; null where nobody was. */
  findApart(typed: string): NamedUser | null {
    return this.#apart.get(foldName(withoutMark(typed))) ?? null;
  }

  /** The name under which a key was met or is known at this directory; null for none. */
  nameOf(key: PeerKey): string | null {
    const met = this.#met.values().find((one) => one.key === key);
    if (met !== undefined) return met.name;
    const fingerprint = fingerprintOf(key);
    for (const [name, pinned] of this.#pins) if (pinned === fingerprint) return name;
    return null;
  }

  names(): Iterable<string> {
    return [...[...this.#met.values()].map(({ name }) => name), ...this.#apart.keys()];
  }

  /**
   * Our user accepts the other key that was met, or that of somebody shown with its start.
   * @returns Its name and key, and the key before; null where there was none.
   */
  trust(typed: string): NamedUser & { readonly before: Fingerprint | undefined } | null {
    const other = this.#reported.get(foldName(withoutMark(typed))) ?? this.findApart(typed);
    if (other === null) return null;
    const { name, key } = other;
    const fingerprint = fingerprintOf(key);
    const before = this.expected(name);
    if (before === fingerprint && this.isExpected(name, key)) return null;
    const folded = foldName(name);
    if (this.#reported.get(folded)?.key === key) this.#reported.forget(folded);
    this.#refused.accept(name, fingerprint);
    this.#pins.set(folded, fingerprint);
    this.out.push({ type: "pin", name, key, again: true });
    return { name, key, before };
  }
}

/**
 * What to do about another key than the one expected. @param typed The name by which `/trust` accepts it.
 * @param isOther Whether one was expected: then the account may be in from another device.
 */
function wayText(name: string, typed: string, isOther: boolean): string {
  const device = isOther
    ? `it may be another device of ${name}'s, which has a key of its own, or somebody else: `
    : "";
  return `${device}ask ${name} some other way; if this key really is ${name}'s: /trust ${typed}`;
}
