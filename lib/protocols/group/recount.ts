/**
 * What members say after the coordinator's disk was lost, or an old copy took its place: which view is the newest,
 * and whether enough have told.
 *
 * Why that is safe. Let N be the newest view that anybody tells of, and all of its members have told. Until a later
 * view than N has begun at all of its own members, N is open (`views.ts`): each view that was decided after it has a
 * member of N, who promised it on disk. So
 * 1. nothing was shown in a later view. The first one that had begun at all its members would have a member of N for
 *    whom it has begun; that one would have told of it.
 * 2. nothing will be. The next view needs all of N, who promise it: each later view that we don't know of has one of
 *    them, for whom it hasn't begun and now never will. Where it begins meanwhile that one reports so, and is
 *    believed, as always.
 * 3. no number is used twice: who has promised a number of ours tells it, and we go on above all of them.
 *
 * It doesn't hold where all of N had left: then others may have come in after them, of whom they know nothing; nor
 * where the operator goes on without somebody, nor for who comes back with an old disk. All have time to come, then
 * it goes on, and the operator is told. Who comes later with another history sets its log aside.
 *
 * What members say is proven as far as it counts for more than their own part: a view, and what keys we had before, by
 * our signature, a round by that of its view's sequencer.
 */

import type { Crypto } from "../../base/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { type Ballot, compareBallots } from "./ballot.ts";
import { isFormerOf } from "./former_keys.ts";
import { type Epoch, isSignedBy, type Member, type SignedEpoch } from "./epoch.ts";
import { EDIT_NUMBER_MAX, NUMBER_JUMP_MAX } from "./limits.ts";
import type { GroupMessageOf } from "./messages.ts";

/** What one says, as far as it is proven. */
export interface Account {
  /** Whose members it has promised something; null where it was in none. */
  readonly group: Hash | null;
  /** The last epoch that has begun for it; null where none has, or it isn't of this coordinator. */
  readonly epoch: SignedEpoch | null;
  /** The epoch of that one's view, which we have signed. */
  readonly view: SignedEpoch | null;
  readonly promised: Ballot;
  readonly isLost: boolean;
  readonly isOut: boolean;
  readonly edit: number;
  /** Former keys of the coordinator, which it has signed. */
  readonly former: readonly PeerKey[];
}

/** What of an account counts. @returns A sentence's part instead where it can't be. */
export function checkedAccount(
  crypto: Crypto,
  coordinator: PeerKey,
  { group, epoch, view, promised, isLost, isOut, edit, former: named }: GroupMessageOf<"account">,
): Account | string {
  const isOurs = named !== null && group !== null && isFormerOf(crypto, coordinator, group, named);
  const former = isOurs ? named.former.value.keys : [];
  const rest = { group, promised, isLost, isOut, edit, former };
  const own = view ?? epoch;
  if (epoch === null || own === null) return { ...rest, epoch: null, view: null };
  const { value } = own.epoch;
  const isView = value.ballot.round === 0 && value.view === value.ballot.number;
  if (value.group !== group || !isSignedBy(crypto, coordinator, own)) {
    return { ...rest, epoch: null, view: null }; // another coordinator's
  }
  if (!isView) return "it tells of a view that is none";
  if (own !== epoch && !isRoundOf(crypto, value, epoch)) return "it tells of a round that is none";
  const { ballot } = epoch.epoch.value;
  if (compareBallots(promised, ballot) < 0) return "it promised less than has begun for it";
  return { ...rest, epoch, view: own };
}

function isRoundOf(crypto: Crypto, view: Epoch, round: SignedEpoch): boolean {
  const { value } = round.epoch;
  const [sequencer] = view.members;
  return value.group === view.group && value.view === view.view && value.ballot.round > 0 &&
    value.members.length === view.members.length &&
    value.members.every(({ key }, at) => key === view.members[at]!.key) &&
    sequencer !== undefined && isSignedBy(crypto, sequencer.key, round);
}

/** Negative where `a` is the newer one. Of two under one number, which only an old disk decides, one by all the same. */
function compareViews(a: SignedEpoch, b: SignedEpoch): number {
  const [one, other] = [a.epoch.value, b.epoch.value];
  return other.view - one.view || other.members.length - one.members.length ||
    (a.signature.toHex() < b.signature.toHex() ? -1 : 1);
}

function isIn({ epoch: { value: { members } } }: SignedEpoch, key: PeerKey): boolean {
  return members.some((member) => member.key === key);
}

/** What was told of one group, by whoever was there at any time. */
interface Told {
  newest: SignedEpoch;
  /** Of ballots that were promised, and of edits. */
  number: number;
  edit: number;
  readonly by: Set<PeerKey>;
  /** Former keys of ours. */
  readonly former: Set<PeerKey>;
}

export class Recount {
  /** Of those who are there. */
  readonly #accounts = new Map<PeerKey, Account>();
  readonly #told = new Map<Hash, Told>();

  /**
   * @param known The newest view that our own disk knows of, where it is an old one.
   * @param isGivenUp Whether the operator goes on without what somebody may know.
   */
  constructor(
    readonly known: SignedEpoch | null,
    readonly isGivenUp: (key: PeerKey) => boolean,
  ) {
    if (known !== null) this.#tellsOf(known);
  }

  put(key: PeerKey, account: Account): void {
    this.#accounts.set(key, account);
    const { view, group, promised, edit, former } = account;
    if (view !== null) this.#tellsOf(view).by.add(key);
    const told = group === null ? undefined : this.#told.get(group);
    if (told === undefined) return;
    // Who may never have been in a view says so later, where it comes in and has promised something.
    if (![view, told.newest].some((one) => one !== null && isIn(one, key))) return;
    // More was never used: it isn't proven.
    const most = told.newest.epoch.value.view + NUMBER_JUMP_MAX;
    told.number = Math.max(told.number, Math.min(promised.number, most));
    told.edit = Math.max(told.edit, Math.min(edit, EDIT_NUMBER_MAX));
    for (const key of former) told.former.add(key);
  }

  #tellsOf(view: SignedEpoch): Told {
    const { group, ballot: { number } } = view.epoch.value;
    const known = this.#told.get(group);
    if (known === undefined) {
      const told: Told = { newest: view, number, edit: 0, by: new Set(), former: new Set() };
      this.#told.set(group, told);
      return told;
    }
    if (compareViews(view, known.newest) < 0) known.newest = view;
    known.number = Math.max(known.number, number);
    return known;
  }

  /** It isn't there any more; what it told of stays told. */
  remove(key: PeerKey): void {
    this.#accounts.delete(key);
  }

  get(key: PeerKey): Account | null {
    return this.#accounts.get(key) ?? null;
  }

  /** Groups of which somebody tells: more than one where the operator began another one on purpose. */
  get groups(): readonly Hash[] {
    if (this.known !== null) return [this.known.epoch.value.group];
    const all = [...this.#told];
    const counted = all.filter(([, { by }]) => [...by].some((key) => !this.isGivenUp(key)));
    return (counted.length === 0 ? all : counted).map(([group]) => group);
  }

  /** What is told of the group; null where nobody tells of any, or they tell of different ones. */
  get #group(): Told | null {
    const [group, ...others] = this.groups;
    return group === undefined || others.length > 0 ? null : this.#told.get(group) ?? null;
  }

  /** The newest view of all. */
  get newest(): SignedEpoch | null {
    return this.#group?.newest ?? null;
  }

  #hasTold({ key }: Member, { epoch: { value } }: SignedEpoch): boolean {
    const account = this.#accounts.get(key);
    return account?.group === value.group && compareBallots(account.promised, value.ballot) >= 0;
  }

  /** Members of the newest view who are still to tell. All where nobody of it has what it began with any more. */
  get awaited(): readonly Member[] {
    const { newest } = this;
    if (newest === null) return [];
    const { members } = newest.epoch.value;
    const needed = members.filter(({ key }) => !this.isGivenUp(key));
    const hasAny = needed.some((member) =>
      this.#hasTold(member, newest) && !this.#accounts.get(member.key)!.isLost
    );
    return hasAny ? needed.filter((member) => !this.#hasTold(member, newest)) : needed;
  }

  /** Whether all of the newest view who tell were told that they are out: others may have come in after them. */
  get isLeft(): boolean {
    const members = this.newest?.epoch.value.members ?? [];
    const accounts = members.flatMap(({ key }) => this.#accounts.get(key) ?? []);
    return accounts.length > 0 && accounts.every(({ isOut }) => isOut);
  }

  /** The highest number of a ballot that anybody promised, of an edit that anybody knows. */
  get highest(): { readonly number: number; readonly edit: number } {
    const told = this.#allTold;
    return { number: told?.number ?? 0, edit: told?.edit ?? 0 };
  }

  /** Former keys of ours that we had named to somebody. */
  get former(): readonly PeerKey[] {
    return [...this.#allTold?.former ?? []];
  }

  get #allTold(): Told | null {
    // Somebody may have told before anybody told of the group, or of the last view, that it was in.
    for (const [key, account] of this.#accounts) this.put(key, account);
    return this.#group;
  }
}
