/**
 * Who owns which name. Of all claims to one folded name those that are vouched for (`roster_claims.ts`) precede the others,
 * and then the one with the smallest (time, id) wins, at every member alike; the others are shown as `Bob~k7f3`, with
 * the start of their fingerprint.
 *
 * What this member has pinned changes only what it shows: a stranger under a known name is `Bob~k7f3`
 * too, until `/trust`. Of two Bobs that are both here after a split the winner is shown as Bob, as everywhere,
 * with a warning; the pin stays where it is, so that no private message goes to the winner before `/trust`:
 * the time of a claim can't be proven.
 *
 * The caller passes on the roster's changes in their order. Before it passes on a `left`, it asks for `shownName`.
 */

import { type Fingerprint, NAMESAKES_MAX, startApart } from "../../../base/text/fingerprint.ts";
import type { LeaveReason } from "../roster/roster_io.ts";
import type { FoldedName, PeerKey } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { STRANGE_KEPT_MS } from "../../../base/machine/mode_limits.ts";
import type { Machine } from "../../../base/machine/machine.ts";
import { foldName, nameBeforeStart, withoutMark } from "../../../base/text/names.ts";
import { addTo, removeFrom } from "../../../base/collections/bounded.ts";
import { byPlainName, RefusedKeys } from "../../../base/trust/refused_keys.ts";
import type { MeshRecord } from "../schema/records.ts";
import { compareClaims, type KnownClaim } from "../schema/credentials.ts";
import { NAME_TAKEN_TOLD_MS, NAMES_APART_MAX } from "../schema/limits.ts";
import { type Pin, Pins } from "./pins.ts";
import type { NamesConfig, NamesEffect, NamesInput } from "./names_io.ts";

interface Holder {
  readonly claim: KnownClaim;
  readonly folded: FoldedName;
  readonly live: boolean;
  /** The name shown for the holder; null before it is first determined. */
  readonly shown: string | null;
}

export class RoomNames implements Machine<NamesInput, NamesEffect> {
  /** Live members, lost ones whose name is held, and ourselves: bounded by the roster. */
  readonly #holders = new Map<PeerKey, Holder>();
  readonly #keysByFolded = new Map<FoldedName, Set<PeerKey>>();
  /** Folded shown names of the holders. */
  readonly #keysByShown = new Map<string, PeerKey>();
  readonly #pins: Pins;
  readonly #refused: RefusedKeys;
  /** Refused keys that the user was told of since, and when; bounded by what the user has refused. */
  readonly #warnedRefused = new Map<PeerKey, number>();
  /** The claim with which we joined, and when; another name, claimed later, is never lost in a race to join. */
  #cameIn: { readonly claim: KnownClaim; readonly atMs: number } | null = null;
  /** The claim that ours has lost to, so that the loss is reported once. */
  #lostTo: KnownClaim | null = null;
  /**
   * Fingerprints that were shown with a name since the start, as `Bob~k7f3`: what meant one key never means another,
   * also when that one has left. Of each name one more than `NAMESAKES_MAX`, from where on all are shown as a whole.
   */
  readonly #shownApart = new Map<FoldedName, Set<string>>();
  readonly #verified: ReturnType<typeof byPlainName>;
  #effects: NamesEffect[] = [];

  /** @param fingerprintOf A key's fingerprint, as it is shown everywhere. */
  constructor(
    readonly config: NamesConfig,
    readonly fingerprintOf: (key: PeerKey) => string,
  ) {
    this.#pins = new Pins(config.records);
    this.#refused = new RefusedKeys(config.refused ?? []);
    this.#verified = byPlainName(config.verified ?? []);
    for (const { name, fingerprint } of config.refused ?? []) this.#forget(name, fingerprint);
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

  /** Whether this claim wins its name over all that have it. */
  precedes(claim: KnownClaim): boolean {
    const winner = this.#winnerOf(claim.signed.claim.value.folded as FoldedName);
    return winner === null || this.#compare(claim, winner[1].claim) < 0;
  }

  /** The name shown for a member; null for a key that holds no name here (any more). */
  shownName(key: PeerKey): string | null {
    return this.#holders.get(key)?.shown ?? null;
  }

  /**
   * The name shown for an author, whether here or not. The start of the author's fingerprint is appended where the
   * name is pinned to another key, or (without a pin) owned by another key here, or (without either) was ever claimed
   * by another key.
   * @param claimed The name that the author claims, or claimed when it wrote.
   */
  authorName(key: PeerKey, claimed: string): string {
    const shown = this.shownName(key);
    if (shown !== null) return shown;
    const folded = foldName(claimed);
    const known = this.#pins.get(folded)?.key ?? this.ownerOf(folded);
    const isRefused = this.#isRefusedAs(claimed, key);
    if (known === key && !isRefused) return claimed;
    const isAlone = known === null &&
      Iterator.from(this.config.claimants(folded)).every((each) => each === key);
    return isAlone && !isRefused ? claimed : this.#apart(key, claimed);
  }

  /** `Bob~k7f3`, with a longer start of the fingerprint where that of another key of the name begins so. */
  #apart(key: PeerKey, name: string): string {
    const folded = foldName(name);
    const fingerprint = this.fingerprintOf(key);
    const namesakes = this.#namesakes(folded, name);
    const isRemembered = this.#rememberApart(folded, fingerprint);
    return `${name}~${
      isRemembered ? startApart(fingerprint, namesakes, (each) => each) : fingerprint
    }`;
  }

  /** @returns Whether others that come are told apart from this one. */
  #rememberApart(folded: FoldedName, fingerprint: string): boolean {
    const apart = this.#shownApart.get(folded);
    if (apart === undefined && this.#shownApart.size >= NAMES_APART_MAX) return false;
    if (apart === undefined || apart.size <= NAMESAKES_MAX) {
      addTo(this.#shownApart, folded, fingerprint);
    }
    return true;
  }

  /** The fingerprints of all that have this name, or had it, as far as is known; of a crowd, enough that it is one. */
  #namesakes(folded: FoldedName, name: string): ReadonlySet<string> {
    const namesakes = new Set(this.#shownApart.get(folded));
    const compared = [
      ...this.#refused.of(name, NAMESAKES_MAX + 1),
      ...this.#verified.get(folded) ?? [],
    ];
    for (const each of compared) namesakes.add(each);
    const pin = this.#pins.get(folded);
    const pinned = pin === undefined ? [] : [pin.key];
    const here = this.#keysByFolded.get(folded) ?? [];
    for (const keys of [pinned, here, this.config.claimants(folded)]) {
      for (const key of keys) {
        if (namesakes.size > NAMESAKES_MAX) return namesakes;
        namesakes.add(this.fingerprintOf(key));
      }
    }
    return namesakes;
  }

  /**
   * The key that the user means by a name: the one shown under it; else its owner, who may be the pinned one with a new
   * key, unless the user knows the owner by another name; else the pinned key, whose owner needn't be here.
   */
  keyOf(shown: string): PeerKey | null {
    const folded = foldName(withoutMark(shown));
    const here = this.#keysByShown.get(folded) ?? this.#winnerCalled(folded);
    if (here !== null) return here;
    const owner = this.ownerOf(folded);
    const pinned = this.#pins.get(folded)?.key ?? null;
    if (owner === null) return pinned;
    return pinned !== null && this.#pins.isKnownOtherwise(owner, folded) ? pinned : owner;
  }

  /** A winner, shown by its plain name, is called by the start of its key where several were told under that name. */
  #winnerCalled(folded: FoldedName): PeerKey | null {
    const plain = nameBeforeStart(folded);
    const winner = plain === folded ? null : this.#winnerOf(plain as FoldedName);
    if (winner === null) return null;
    const [key, { claim }] = winner;
    return foldName(this.#apart(key, claim.signed.claim.value.name)) === folded ? key : null;
  }

  /**
   * How those who are here are called by the starts of their keys, where the user was told of several keys under this
   * plain name of late, and may mean any of them by it; else empty.
   */
  severalTold(typed: string, nowMs: number): readonly string[] {
    const folded = foldName(withoutMark(typed));
    const told = [...this.#pins.get(folded)?.warned ?? []]
      .filter(([, atMs]) => nowMs < atMs + STRANGE_KEPT_MS);
    return told.length < 2 ? [] : told.flatMap(([key]) => {
      const holder = this.#holders.get(key);
      return holder?.folded === folded ? [this.#suffixed(key)] : [];
    });
  }

  /** Whether `/trust` has nothing to accept: the key is that by which its name is known. */
  isKnown(key: PeerKey): boolean {
    const holder = this.#holders.get(key);
    return holder === undefined || this.#pins.get(holder.folded)?.key === key;
  }

  /**
   * Whether the user has refused this key for the name that it holds, or was written to by: nothing private is meant for
   * it.
   */
  isRefused(key: PeerKey, writtenTo?: string): boolean {
    const holder = this.#holders.get(key);
    return (holder !== undefined && this.#isRefused(key, holder)) ||
      (writtenTo !== undefined && this.#isRefusedAs(nameBeforeStart(writtenTo), key));
  }

  #isRefused(key: PeerKey, { claim }: Holder): boolean {
    return this.#isRefusedAs(claim.signed.claim.value.name, key);
  }

  #isRefusedAs(name: string, key: PeerKey): boolean {
    return !this.#refused.isEmpty && this.#refused.has(name, this.fingerprintOf(key));
  }

  /** The name as its owner spelled it when we met, however the user types it. */
  nameAsMet(typed: string): string {
    return this.#pins.get(foldName(withoutMark(typed)))?.name ?? typed;
  }

  /**
   * The other key that the user knows by the name of `key`, which `keyOf` returned: private messages aren't sealed to
   * `key` then. Null where there is none: a key that holds no name here was found by its pin; a key that was met under
   * another name and is shown with a suffix is nobody's new key, and the plain name can't mean it.
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

  /** How a member is called by the start of its key, whatever it is shown as: `keyOf` finds it by that. */
  calledApart(key: PeerKey): string {
    return this.#suffixed(key);
  }

  /** Whether this plain name may mean that key, here or not: the user knows no other by it, and hasn't refused this one. */
  mayMean(typed: string, key: PeerKey): boolean {
    const name = withoutMark(typed);
    const pinned = this.#pins.get(foldName(name))?.key ?? key;
    return pinned === key && !this.#isRefusedAs(name, key);
  }

  /** The name by which `keyOf` finds another key: the one it is shown by, or was pinned by last, no former one. */
  known(): readonly string[] {
    const names = new Map<PeerKey, string>();
    for (const [, { key, name }] of this.#pins.entries()) names.set(key, name);
    for (const [key, { shown }] of this.#holders) {
      if (shown !== null && key !== this.config.self) names.set(key, shown);
    }
    return [...new Map([...names.values()].map((name) => [foldName(name), name])).values()];
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
      case "refused":
        return this.#refuse(input.name, input.fingerprint, nowMs);
      case "unrefused":
        return this.#unrefused(input.name, input.fingerprint, nowMs);
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
    // Only a live member is reported as renamed; one that comes back gets its shown name anew.
    const shown = before?.live === true ? before.shown : null;
    this.#holders.set(key, { claim, folded, live, shown });
    addTo(this.#keysByFolded, folded, key);
    if (before !== undefined && before.folded !== folded) this.#settle(before.folded, nowMs);
    this.#settle(folded, nowMs, key);
  }

  #left(key: PeerKey, reason: LeaveReason, nowMs: number): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    if (reason === "quit" || reason === "removed") this.#release(key, nowMs);
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
    this.#refused.accept(holder.claim.signed.claim.value.name, this.fingerprintOf(key));
    this.#warnedRefused.delete(key);
    this.#pin(holder, key, true, nowMs);
    this.#settle(holder.folded, nowMs);
  }

  #refuse(name: string, fingerprint: Fingerprint, nowMs: number): void {
    const folded = foldName(name);
    const isIt = (key: PeerKey) => this.fingerprintOf(key) === fingerprint;
    this.#refused.add(name, fingerprint);
    this.#forget(name, fingerprint);
    const here = this.#keysByFolded.get(folded)?.values().find(isIt);
    if (here === undefined) return;
    this.#warnedRefused.set(here, nowMs); // the answer to the command warns
    this.#settle(folded, nowMs);
  }

  #forget(name: string, fingerprint: Fingerprint): void {
    const folded = foldName(name);
    const pinned = this.#pins.get(folded)?.key;
    if (pinned !== undefined && this.fingerprintOf(pinned) === fingerprint) {
      this.#pins.forget(folded, pinned);
    }
  }

  /** A winner without a pin is pinned by that. */
  #unrefused(name: string, fingerprint: Fingerprint, nowMs: number): void {
    const folded = foldName(name);
    this.#refused.accept(name, fingerprint);
    for (const key of this.#keysByFolded.get(folded) ?? []) {
      if (this.fingerprintOf(key) === fingerprint) this.#warnedRefused.delete(key);
    }
    this.#settle(folded, nowMs);
  }

  // Shown names.

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
   * Determines the shown names of claimants of this name anew: of the winner, of the one shown under it so far, and of
   * the one that just came. All others have a suffix already, and keep it; liars may be thousands of one name.
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
    const shown = isStranger ? this.#suffixed(winnerKey) : claim.signed.claim.value.name;
    const isTaking = this.#keysByShown.get(foldName(shown)) !== winnerKey;
    this.#show(winnerKey, shown);
    if (isStranger && winner[1].live) this.#warn(folded, winnerKey, winner[1], isTaking, nowMs);
    this.#settleOwn(winnerKey, claim, nowMs);
  }

  /**
   * Pins a live winner under a name that has no pin, or in place of a key that joined at the same time: nobody knows
   * that loser yet, and it leaves. Any other change is reported to the user, and the pin stays.
   */
  #pinWinner(key: PeerKey, holder: Holder, nowMs: number): void {
    // What others are called is pinned when they are seen; whoever has our own name has to show it.
    if (key === this.config.self || !holder.live) return;
    const { folded, claim } = holder;
    const pin = this.#pins.get(folded);
    if (this.#isRefused(key, holder)) return;
    if (pin === undefined) {
      if (!this.#pins.isFull) this.#pin(holder, key, false, nowMs);
      return;
    }
    const pinned = this.#holders.get(pin.key);
    if (pin.key === key || pinned?.folded !== folded) return;
    if (pin.atMs !== null && this.#isRace(claim, pinned.claim, pin.atMs, nowMs)) {
      return this.#pin(holder, key, false, nowMs);
    }
    const isTaking = this.#keysByShown.get(folded) !== key;
    if (!isWarningDue(pin.warned.get(key), isTaking, nowMs)) return;
    this.#pins.warned(folded, key, nowMs);
    const { name } = claim.signed.claim.value;
    this.#effects.push({ type: "pin-contested", name, ...knownAs(pin), key });
  }

  /** Whether the winner's name is pinned to another key, which has no claim to it here, or this one was refused. */
  #isStranger(key: PeerKey, holder: Holder): boolean {
    const { folded } = holder;
    if (key === this.config.self) return false;
    if (this.#isRefused(key, holder)) return true;
    const pin = this.#pins.get(folded);
    return pin !== undefined && pin.key !== key && this.#holders.get(pin.key)?.folded !== folded;
  }

  /**
   * Whether two keys joined at the same time; the loser has been here since `sinceMs`. A rival that claims to have come
   * long before was separated by a split, or lies: nobody leaves for it.
   */
  #isRace(winner: KnownClaim, loser: KnownClaim, sinceMs: number, nowMs: number): boolean {
    const { raceMs } = this.config;
    const apartMs = loser.signed.claim.value.time - winner.signed.claim.value.time;
    return nowMs - sinceMs < raceMs && Math.abs(apartMs) < raceMs;
  }

  /** @param winner The name of the member to which this one has lost its own name, if it has. */
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

  #suffixed(key: PeerKey): string {
    const { shown, claim } = this.#holders.get(key)!;
    const { name } = claim.signed.claim.value;
    // Whoever came since was told apart from this one.
    return shown?.startsWith(`${name}~`) ? shown : this.#apart(key, name);
  }

  #warn(
    folded: FoldedName,
    key: PeerKey,
    holder: Holder,
    isTaking: boolean,
    nowMs: number,
  ): void {
    const { name } = holder.claim.signed.claim.value;
    const pin = this.#pins.get(folded);
    const shown = this.shownName(key)!;
    if (pin === undefined || pin.key === key) {
      if (!isWarningDue(this.#warnedRefused.get(key), isTaking, nowMs)) return;
      this.#warnedRefused.set(key, nowMs);
      return void this.#effects.push({ type: "key-changed", name, shown, known: name, key });
    }
    if (!isWarningDue(pin.warned.get(key), isTaking, nowMs)) return;
    this.#pins.warned(folded, key, nowMs);
    this.#effects.push({ type: "key-changed", name, shown, ...knownAs(pin), key });
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

  /** @param again Whether the user asked for it. */
  #pin(holder: Holder, key: PeerKey, again: boolean, nowMs: number): void {
    const { name } = holder.claim.signed.claim.value;
    this.#pins.set(name, key, nowMs);
    this.#effects.push(
      { type: "persist", records: [{ kind: "pin", name, key }] },
      { type: "pin", name, key, again },
    );
  }
}

/** Whether to warn, of whom the user was warned before, that a name is taken once more: now and then. */
function isWarningDue(warnedAtMs: number | undefined, isTaking: boolean, nowMs: number): boolean {
  return warnedAtMs === undefined || (isTaking && nowMs >= warnedAtMs + NAME_TAKEN_TOLD_MS);
}

function knownAs({ name: known, key: pinned }: Pin) {
  return { known, pinned };
}
