/**
 * Whose name is whose: of all claims to one folded name the one with the smaller (time, id) wins, here
 * as everywhere, those first that are vouched for (`vouching.ts`); the others are shown as `Bob~k7f3`, the
 * start of their fingerprint.
 *
 * What this member has pinned changes only what it shows: a stranger under a known name is `Bob~k7f3`
 * too, until `/trust`. Of two Bobs who are both here after a split the winner is shown as Bob, as everywhere,
 * with a warning; the pin stays where it is, so that no private message goes to the winner before `/trust`:
 * nobody can prove here which claim is older than what it says.
 *
 * The caller passes on the roster's changes in their order. For `left` it asks `shownName` first.
 */

import { startApart } from "../../base/fingerprint.ts";
import type { FoldedName, PeerKey } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Machine } from "../../base/machine.ts";
import { foldName, withoutMark } from "../../base/names.ts";
import { addTo, removeFrom } from "../../base/sets_by_key.ts";
import type { MeshRecord } from "./records.ts";
import { compareClaims, type KnownClaim } from "./credentials.ts";
import { type Pin, Pins } from "./pins.ts";
import type { NamesConfig, NamesEffect, NamesInput } from "./names_io.ts";

/** Of so many who have used one name each is told from each other; of more, made up by liars, each by its whole key. */
const COMPARED_MAX = 16;

interface Holder {
  readonly claim: KnownClaim;
  readonly folded: FoldedName;
  readonly live: boolean;
  /** As people see it; null before it is first worked out. */
  readonly shown: string | null;
}

export class Names implements Machine<NamesInput, NamesEffect> {
  /** Live members, lost ones whose name is held, and ourselves: bounded by the roster. */
  readonly #holders = new Map<PeerKey, Holder>();
  readonly #keysByFolded = new Map<FoldedName, Set<PeerKey>>();
  /** Folded shown names of the holders. */
  readonly #keysByShown = new Map<string, PeerKey>();
  readonly #pins: Pins;
  /** The claim we came in with, and when; another name, claimed later, is never lost in a race to come in. */
  #cameIn: { readonly claim: KnownClaim; readonly atMs: number } | null = null;
  /** The claim that ours has lost to, so that it is said once. */
  #lostTo: KnownClaim | null = null;
  #effects: NamesEffect[] = [];

  /** @param fingerprintOf A key's fingerprint, as it is shown everywhere. */
  constructor(
    readonly config: NamesConfig,
    readonly fingerprintOf: (key: PeerKey) => string,
  ) {
    this.#pins = new Pins(config.records);
  }

  step(input: NamesInput, nowMs: number): readonly NamesEffect[] {
    this.#handle(input, nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextDeadlineMs(): null {
    return null;
  }

  // Queries.

  /** Who has this name: live, lost within a day, or ourselves; null where it is free. */
  ownerOf(folded: FoldedName): PeerKey | null {
    return this.#winnerOf(folded)?.[0] ?? null;
  }

  /** How a member is shown; null for who holds no name here (any more). */
  shownName(key: PeerKey): string | null {
    return this.#holders.get(key)?.shown ?? null;
  }

  /**
   * How an author is shown, here or not: a name that is known with another key, is somebody else's here, or
   * was another's at any time, none of them being known by it, carries the start of the fingerprint.
   * @param claimed The name that it claims, or claimed when it wrote.
   */
  authorName(key: PeerKey, claimed: string): string {
    const shown = this.shownName(key);
    if (shown !== null) return shown;
    const folded = foldName(claimed);
    const known = this.#pins.get(folded)?.key ?? this.ownerOf(folded);
    if (known === key) return claimed;
    const rivals = new Set<PeerKey>(known === null ? [] : [known]);
    for (const claimant of this.config.claimants(folded)) {
      if (claimant !== key) rivals.add(claimant);
      if (rivals.size > COMPARED_MAX) break;
    }
    return rivals.size === 0 ? claimed : `${claimed}~${this.#startApart(key, rivals)}`;
  }

  /** The start of a fingerprint that none of the others' has. */
  #startApart(key: PeerKey, others: ReadonlySet<PeerKey>): string {
    const fingerprint = this.fingerprintOf(key);
    if (others.size > COMPARED_MAX) return fingerprint;
    const all = [...others].map(this.fingerprintOf);
    return startApart(fingerprint, (start) => all.some((other) => other.startsWith(start)));
  }

  /**
   * Whom the user means by a name: as shown, in any case; also who was known by it and isn't here, but for a
   * stranger who has it now and may be that one with a new key.
   */
  keyOf(shown: string): PeerKey | null {
    const folded = foldName(withoutMark(shown));
    const here = this.#keysByShown.get(folded);
    if (here !== undefined) return here;
    const owner = this.ownerOf(folded);
    const pinned = this.#pins.get(folded)?.key ?? null;
    if (owner === null) return pinned;
    return pinned !== null && this.#pins.isKnownOtherwise(owner, folded) ? pinned : owner;
  }

  /** A name as it was written when its owner was met, however the user types it. */
  nameAsMet(typed: string): string {
    return this.#pins.get(foldName(withoutMark(typed)))?.name ?? typed;
  }

  /**
   * Whom the user knows by the name that this key, as `keyOf` gave it, has instead: private messages aren't sealed to
   * this one. Null where that is nobody else: whoever holds no name here was found by the pin; who was met under another
   * name and is shown with a suffix is nobody's new key, and cannot be meant by the plain name.
   */
  knownInstead(key: PeerKey): PeerKey | null {
    const holder = this.#holders.get(key);
    if (holder === undefined) return null;
    const { folded, shown } = holder;
    const pin = this.#pins.get(folded);
    if (pin === undefined || pin.key === key || this.#winnerOf(folded)?.[0] !== key) return null;
    const isSuffixed = shown !== null && foldName(shown) !== folded;
    return isSuffixed && this.#pins.isKnownOtherwise(key, folded) ? null : pin.key;
  }

  /** The names by which `keyOf` finds somebody else, each once: as shown, or as claimed by who holds none here now. */
  known(): readonly string[] {
    const known = new Map<FoldedName, string>();
    for (const [folded, { name }] of this.#pins.entries()) known.set(folded, name);
    for (const [key, { shown }] of this.#holders) {
      if (shown !== null && key !== this.config.self) known.set(foldName(shown), shown);
    }
    return [...known.values()];
  }

  /** The pins, the oldest first: what a compacted log holds of them. */
  snapshot(): readonly MeshRecord[] {
    return this.#pins.snapshot();
  }

  // Inputs.

  #handle(input: NamesInput, nowMs: number): void {
    switch (input.type) {
      case "own":
        this.#cameIn ??= { claim: input.claim, atMs: nowMs };
        return this.#hold(this.config.self, input.claim, true, nowMs);
      case "joined":
      case "reclaimed":
        return this.#hold(input.key, input.claim, true, nowMs);
      case "absent":
        return this.#hold(input.key, input.claim, false, nowMs);
      case "left":
        return this.#left(input.key, input.reason, nowMs);
      case "forgotten":
        return this.#release(input.key, nowMs);
      case "trust":
        return this.#trust(input.key, nowMs);
      case "vouched":
        return this.#settleContested(nowMs);
      case "tick":
        return;
      default:
        unreachable(input);
    }
  }

  #hold(key: PeerKey, claim: KnownClaim, live: boolean, nowMs: number): void {
    const before = this.#holders.get(key);
    const folded = claim.signed.claim.value.folded as FoldedName;
    if (before !== undefined) {
      if (before.folded !== folded) this.#unlist(key, before);
      else if (!before.live && before.shown !== null) this.#unlistShown(key, before.shown);
    }
    // Only who is here is renamed; who comes back is shown as it is then.
    const shown = before?.live === true ? before.shown : null;
    this.#holders.set(key, { claim, folded, live, shown });
    addTo(this.#keysByFolded, folded, key);
    if (before !== undefined && before.folded !== folded) this.#settle(before.folded, nowMs);
    this.#settle(folded, nowMs, key);
  }

  #left(key: PeerKey, reason: "quit" | "lost" | "replaced", nowMs: number): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    if (reason === "quit") this.#release(key, nowMs);
    else this.#holders.set(key, { ...holder, live: false });
  }

  #release(key: PeerKey, nowMs: number): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    this.#holders.delete(key);
    this.#unlist(key, holder);
    this.#settle(holder.folded, nowMs);
  }

  #unlist(key: PeerKey, { folded, shown }: Holder): void {
    removeFrom(this.#keysByFolded, folded, key);
    if (shown !== null) this.#unlistShown(key, shown);
  }

  #unlistShown(key: PeerKey, shown: string): void {
    const folded = foldName(shown);
    if (this.#keysByShown.get(folded) === key) this.#keysByShown.delete(folded);
  }

  #trust(key: PeerKey, nowMs: number): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    this.#pin(holder, key, true, nowMs);
    this.#settle(holder.folded, nowMs);
  }

  // Who is shown how.

  #winnerOf(folded: FoldedName): readonly [PeerKey, Holder] | null {
    let winner: readonly [PeerKey, Holder] | null = null;
    for (const key of this.#keysByFolded.get(folded) ?? []) {
      const holder = this.#holders.get(key)!;
      if (winner === null || this.#compare(holder.claim, winner[1].claim) < 0) {
        winner = [key, holder];
      }
    }
    return winner;
  }

  /** Negative where `a` wins over `b`. */
  #compare(a: KnownClaim, b: KnownClaim): number {
    const { isVouched } = this.config;
    return Number(isVouched(b)) - Number(isVouched(a)) || compareClaims(a, b);
  }

  #settleContested(nowMs: number): void {
    for (const [folded, keys] of this.#keysByFolded) if (keys.size > 1) this.#settle(folded, nowMs);
  }

  /**
   * Works out again how those are shown who claim this name: who has it, had it, or just came. All others have a suffix
   * already, and keep it; liars may be thousands of one name.
   */
  #settle(folded: FoldedName, nowMs: number, came?: PeerKey): void {
    const winner = this.#winnerOf(folded);
    if (winner === null) return;
    const [winnerKey, { claim }] = winner;
    this.#pinWinner(winnerKey, winner[1], nowMs);
    const isStranger = this.#isStranger(winnerKey, winner[1]);
    // The losers first: the winner's plain name must be free before it is listed.
    for (const key of [this.#keysByShown.get(folded), came]) {
      if (key === undefined || key === winnerKey) continue;
      this.#show(key, this.#suffixed(key), claim.signed.claim.value.name);
    }
    this.#show(winnerKey, isStranger ? this.#suffixed(winnerKey) : claim.signed.claim.value.name);
    if (isStranger && winner[1].live) this.#warn(folded, winnerKey, winner[1]);
    this.#settleOwn(winnerKey, claim, nowMs);
  }

  /**
   * Pins a winner that is here under a name that nobody is known by, or in place of one who came in at once with
   * it: nobody knows the loser yet, who leaves. Of any other change the user is told, and the pin stays.
   */
  #pinWinner(key: PeerKey, holder: Holder, nowMs: number): void {
    // What others are called is pinned when they are seen; whoever has our own name has to show it.
    if (key === this.config.self || !holder.live) return;
    const { folded, claim } = holder;
    const pin = this.#pins.get(folded);
    if (pin === undefined) {
      if (!this.#pins.isFull) this.#pin(holder, key, false, nowMs);
      return;
    }
    const pinned = this.#holders.get(pin.key);
    if (pin.key === key || pinned?.folded !== folded) return;
    if (pin.atMs !== null && this.#isRace(claim, pinned.claim, pin.atMs, nowMs)) {
      return this.#pin(holder, key, false, nowMs);
    }
    if (pin.warnedOf === key) return;
    this.#pins.warned(folded, key);
    const { name } = claim.signed.claim.value;
    this.#effects.push({ type: "pin-contested", name, ...knownAs(pin), key });
  }

  /** Whether the winner has the name of somebody else who is known by it and has no claim to it here. */
  #isStranger(key: PeerKey, { folded }: Holder): boolean {
    if (key === this.config.self) return false;
    const pin = this.#pins.get(folded);
    return pin !== undefined && pin.key !== key && this.#holders.get(pin.key)?.folded !== folded;
  }

  /**
   * Whether two came in at once, the one that lost having been here since `sinceMs`. A rival that says it came
   * long before was kept away by a split, or lies: nobody leaves for it.
   */
  #isRace(winner: KnownClaim, loser: KnownClaim, sinceMs: number, nowMs: number): boolean {
    const { raceMs } = this.config;
    const apartMs = loser.signed.claim.value.time - winner.signed.claim.value.time;
    return nowMs - sinceMs < raceMs && Math.abs(apartMs) < raceMs;
  }

  /** @param winner The name of the one to whom it has lost its own, if it has. */
  #show(key: PeerKey, shown: string, winner?: string): void {
    const holder = this.#holders.get(key)!;
    if (holder.shown === shown) {
      this.#keysByShown.set(foldName(shown), key);
      return;
    }
    if (holder.shown !== null) this.#unlistShown(key, holder.shown);
    this.#keysByShown.set(foldName(shown), key);
    this.#holders.set(key, { ...holder, shown });
    if (holder.shown !== null && holder.live) {
      const renamed = { type: "renamed", key, from: holder.shown, name: shown } as const;
      const isLost = winner !== undefined && foldName(holder.shown) === holder.folded;
      this.#effects.push(isLost ? { ...renamed, lostTo: winner } : renamed);
    }
  }

  /** `Bob~k7f3`, longer where another is shown so. */
  #suffixed(key: PeerKey): string {
    const { name } = this.#holders.get(key)!.claim.signed.claim.value;
    const isTaken = (start: string) => {
      const owner = this.#keysByShown.get(foldName(`${name}~${start}`));
      return owner !== undefined && owner !== key;
    };
    return `${name}~${startApart(this.fingerprintOf(key), isTaken)}`;
  }

  #warn(folded: FoldedName, key: PeerKey, holder: Holder): void {
    const pin = this.#pins.get(folded)!;
    if (pin.warnedOf === key) return;
    this.#pins.warned(folded, key);
    this.#effects.push({
      type: "key-changed",
      name: holder.claim.signed.claim.value.name,
      shown: this.shownName(key)!,
      ...knownAs(pin),
      key,
    });
  }

  #settleOwn(winnerKey: PeerKey, winner: KnownClaim, nowMs: number): void {
    const { self } = this.config;
    const own = this.#holders.get(self);
    if (own === undefined || own.folded !== winner.signed.claim.value.folded) return;
    if (winnerKey === self) {
      this.#lostTo = null;
      return;
    }
    if (this.#lostTo?.id === winner.id) return;
    this.#lostTo = winner;
    const cameIn = this.#cameIn;
    const isRace = cameIn?.claim.id === own.claim.id &&
      this.#isRace(winner, own.claim, cameIn.atMs, nowMs) && this.#holders.get(winnerKey)!.live;
    this.#effects.push({
      type: "name-lost-self",
      winner,
      shown: this.shownName(self)!,
      consequence: isRace ? "leave" : "stay",
    });
  }

  // Pins.

  /** @param again Whether the user says so. */
  #pin(holder: Holder, key: PeerKey, again: boolean, nowMs: number): void {
    const { name } = holder.claim.signed.claim.value;
    this.#pins.set(name, key, nowMs);
    this.#effects.push(
      { type: "persist", records: [{ kind: "pin", name, key }] },
      { type: "pin", name, key, again },
    );
  }
}

function knownAs({ name: known, key: pinned }: Pin) {
  return { known, pinned };
}
