/**
 * Accounts of members after the coordinator's disk was lost, or an old copy took its place: which view is the newest,
 * and whether enough members have given theirs.
 *
 * Why that is safe. Let N be the newest view in any account, and let all members of N have given theirs. Until a view
 * later than N has begun at all its own members, N is open (`views.ts`): each view that was decided after N has a
 * member of N, which promised it on disk. So
 * 1. no later view has shown anything. The first later view that began at all its members would have a member of N
 * for which it began; that member's account would have named it.
 * 2. no later view that we don't know of will show anything. Each such view has a member of N that had a say in it, and
 * for which it hadn't begun when that member gave its account. The next view needs all of N that have a say, which
 * promise it: for them the other view now never begins. If it begins there before that member promises, the member
 * reports so, and is believed, as always. Whoever has lost its log, and wasn't brought up again since, isn't needed:
 * nothing that was decided begins for it without another flush, which is ours. A member begins only what its process
 * was brought up to before that was decided (`levelled`). Its next `hello` names that, unless its log was lost since,
 * and then its part in it is over. What is levelled later than a `hello` that names nothing isn't decided before we
 * are: who had asked is gone, and who has lost its log takes part in no round (`Promises.mayFollow`).
 * 3. no number is used twice: members that promised a number of ours report it, and we go on above all of them.
 * 4. what N began with goes on: each member of N that has a say holds it. That a log was lost is on its member's disk
 * until a view begins for it, so each process of that member says so (`Promises.mayHaveHeld`).
 *
 * This doesn't hold where all of N had left: members of which they know nothing may have come in after them. Nor does
 * it hold where the operator goes on without a member, or for a member that comes back with an old disk. All members get
 * time to come, and those that are here to tell, then the coordinator goes on, and the operator is told. A member that
 * comes later with another history sets its log aside.
 *
 * What members say is proven as far as it counts for more than their own part: a view, and our former keys, by our
 * signature; a round by the signature of its view's sequencer.
 */

import type { Proof } from "../coordinator/coordinator_log.ts";
import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  type Ballot,
  compareBallots,
  type Epoch,
  isSignedBy,
  type Member,
  type SignedEpoch,
} from "../schema/epoch.ts";
import { isFormerOf } from "../schema/former_keys.ts";
import { type Founding, foundingFault, keptFounding } from "../schema/founding.ts";
import { EDIT_NUMBER_MAX, NUMBER_JUMP_MAX } from "../schema/limits.ts";
import type { GroupMessageOf } from "../schema/messages.ts";

type Hello = GroupMessageOf<"hello">;

/** A member's account, as far as it is proven. */
export interface Account {
  /** The group to whose members it has promised something; null where it was in none. */
  readonly group: Hash | null;
  /** How that group was founded, if this coordinator did so; null where it didn't. */
  readonly founding: Founding | null;
  /** The last epoch that has begun for it; null where none has, or it isn't of this coordinator. */
  readonly epoch: SignedEpoch | null;
  /** The epoch of that epoch's view, which we have signed. */
  readonly view: SignedEpoch | null;
  readonly promised: Ballot;
  /** Whether it has lost its log, and no view has begun for it since. */
  readonly isLost: boolean;
  /** Whether it has a say: it hasn't lost its log, or was brought up since to what a view begins with. */
  readonly hasSay: boolean;
  readonly isOut: boolean;
  readonly edit: number;
  /** Former keys of the coordinator, as the coordinator signed them. */
  readonly former: readonly PeerKey[];
}

/**
 * The part of an account that counts.
 * @param hello What its sender said before, on the same link.
 * @returns Text, part of a sentence, if the account is impossible.
 */
export function checkedAccount(
  crypto: Crypto,
  coordinator: PeerKey,
  hello: Pick<Hello, "begun" | "promised">,
  account: GroupMessageOf<"account">,
): Account | string {
  const { group, founding: told, epoch, view, promised, isLost, isOut, edit, former: named } =
    account;
  const isOurs = named !== null && group !== null && isFormerOf(crypto, coordinator, group, named);
  const former = isOurs ? named.former.value.keys : [];
  const isCoordinator = (key: PeerKey) => key === coordinator || former.includes(key);
  if ((group === null) !== (told === null)) return "it doesn't say how its group was founded";
  const isFounded = group !== null && told !== null &&
    foundingFault(crypto, group, told, isCoordinator) === null;
  const founding = isFounded ? keptFounding(told) : null;
  // Its log may also be lost since its hello, which names a view that had begun then.
  const hasSay = !isLost || (hello.begun.number === 0 && hello.promised.number > 0);
  const rest = { group, founding, promised, isLost, hasSay, isOut, edit, former };
  const own = view ?? epoch;
  if (epoch === null || own === null) return { ...rest, epoch: null, view: null };
  const { value } = own.epoch;
  const isView = value.ballot.round === 0 && value.view === value.ballot.number;
  if (founding === null || value.group !== group || !isSignedBy(crypto, coordinator, own)) {
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

/** Negative where `a` is newer. Two views under one number come only from an old disk: everybody picks the same one. */
function compareViews(a: SignedEpoch, b: SignedEpoch): number {
  const [one, other] = [a.epoch.value, b.epoch.value];
  return other.view - one.view || other.members.length - one.members.length ||
    (a.signature.toHex() < b.signature.toHex() ? -1 : 1);
}

function isIn({ epoch: { value: { members } } }: SignedEpoch, key: PeerKey): boolean {
  return members.some((member) => member.key === key);
}

/** What was told of one group, by all members that were here at any time. */
interface Told {
  newest: SignedEpoch;
  /** The highest number of a promised ballot, and of an edit. */
  number: number;
  edit: number;
  readonly by: Set<PeerKey>;
  /** Keys in any view that was told of. */
  readonly members: Set<PeerKey>;
  /** Former keys of this coordinator. */
  readonly former: Set<PeerKey>;
  founding: Founding | null;
}

export class Recount {
  /** Accounts of the members that are here now. */
  readonly #accounts = new Map<PeerKey, Account>();
  readonly #told = new Map<Hash, Told>();

  /**
   * @param known The newest view that our own disk knows of, if it is an old copy.
   * @param isGivenUp Whether the operator goes on without what this member may know.
   */
  constructor(
    readonly known: SignedEpoch | null,
    readonly isGivenUp: (key: PeerKey) => boolean,
  ) {
    if (known !== null) this.#tellsOf(known);
  }

  put(key: PeerKey, account: Account): void {
    this.#accounts.set(key, account);
    const { view, group, founding, promised, edit, former } = account;
    if (view !== null) this.#tellsOf(view).by.add(key);
    const told = group === null ? undefined : this.#told.get(group);
    if (told === undefined) return;
    told.founding ??= founding;
    // Promises of someone who may never have been in a view don't count: if it comes in later, it reports them then.
    if (![view, told.newest].some((one) => one !== null && isIn(one, key))) return;
    // Numbers beyond this were never used; what members promised isn't proven.
    const most = told.newest.epoch.value.view + NUMBER_JUMP_MAX;
    told.number = Math.max(told.number, Math.min(promised.number, most));
    told.edit = Math.max(told.edit, Math.min(edit, EDIT_NUMBER_MAX));
    for (const key of former) told.former.add(key);
  }

  /** Counts what a member proved, also before this start. @returns Whether no view as new was known of its group. */
  proves({ founding, signed }: Proof): boolean {
    const before = this.#told.get(signed.epoch.value.group)?.newest;
    const told = this.#tellsOf(signed);
    told.founding ??= founding;
    return told.newest !== before;
  }

  #tellsOf(view: SignedEpoch): Told {
    const { group, ballot: { number }, members } = view.epoch.value;
    const known = this.#told.get(group);
    if (known === undefined) {
      const told: Told = {
        newest: view,
        number,
        edit: 0,
        by: new Set(),
        members: new Set(members.map(({ key }) => key)),
        former: new Set(),
        founding: null,
      };
      this.#told.set(group, told);
      return told;
    }
    if (compareViews(view, known.newest) < 0) known.newest = view;
    known.number = Math.max(known.number, number);
    for (const { key } of members) known.members.add(key);
    return known;
  }

  /** The member isn't here any more; what it told of stays. */
  remove(key: PeerKey): void {
    this.#accounts.delete(key);
  }

  get(key: PeerKey): Account | null {
    return this.#accounts.get(key) ?? null;
  }

  /** Groups that members tell of: more than one where the operator founded another one on purpose. */
  get groups(): readonly Hash[] {
    if (this.known !== null) return [this.known.epoch.value.group];
    const all = [...this.#told];
    const counted = all.filter(([, { by }]) => [...by].some((key) => !this.isGivenUp(key)));
    return (counted.length === 0 ? all : counted).map(([group]) => group);
  }

  /** Whether the key is in any view that was told of a group that counts. */
  wasMember(key: PeerKey): boolean {
    return this.groups.some((group) => this.#told.get(group)!.members.has(key));
  }

  /** Those that were in an earlier view alone. */
  get formerMembers(): readonly PeerKey[] {
    const told = this.#group;
    return told === null ? [] : [...told.members].filter((key) => !isIn(told.newest, key));
  }

  /** What is told of the group; null where nobody tells of any, or members tell of different ones. */
  get #group(): Told | null {
    const [group, ...others] = this.groups;
    return group === undefined || others.length > 0 ? null : this.#told.get(group) ?? null;
  }

  /** The newest view that anybody tells of. */
  get newest(): SignedEpoch | null {
    return this.#group?.newest ?? null;
  }

  #hasTold({ key }: Member, { epoch: { value } }: SignedEpoch): boolean {
    const account = this.#accounts.get(key);
    return account?.group === value.group && compareBallots(account.promised, value.ballot) >= 0;
  }

  /**
   * Members of the newest view whose accounts are missing; all of them where none still has what the view began with.
   */
  get awaited(): readonly Member[] {
    const { newest } = this;
    if (newest === null) return [];
    const { members } = newest.epoch.value;
    const needed = members.filter(({ key }) => !this.isGivenUp(key));
    const hasAny = needed.some((member) =>
      this.#hasTold(member, newest) && this.#accounts.get(member.key)!.hasSay
    );
    return hasAny ? needed.filter((member) => !this.#hasTold(member, newest)) : needed;
  }

  /** Members of the newest view that have told what they knew, but have lost their logs, and have no say. */
  get lostLogs(): readonly PeerKey[] {
    const { newest } = this;
    const members = newest?.epoch.value.members ?? [];
    return members.flatMap((member) =>
      this.#hasTold(member, newest!) && !this.#accounts.get(member.key)!.hasSay ? [member.key] : []
    );
  }

  /** Whether all members of the newest view that have told are out of it: others may have come in after them. */
  get isLeft(): boolean {
    const members = this.newest?.epoch.value.members ?? [];
    const accounts = members.flatMap(({ key }) => this.#accounts.get(key) ?? []);
    return accounts.length > 0 && accounts.every(({ isOut }) => isOut);
  }

  /** Members of the newest view, without those that say that they are out of it. */
  get present(): readonly Member[] {
    const members = this.newest?.epoch.value.members ?? [];
    if (this.isLeft) return [];
    return members.filter(({ key }) => this.#accounts.get(key)?.isOut !== true);
  }

  /** The highest number of a ballot that any member promised, and of an edit that any member knows. */
  get highest(): { readonly number: number; readonly edit: number } {
    const told = this.#allTold;
    return { number: told?.number ?? 0, edit: told?.edit ?? 0 };
  }

  /** How the group was founded; null where nobody tells of it. */
  get founding(): Founding | null {
    return this.#allTold?.founding ?? null;
  }

  /** Former keys of ours that we had named to members. */
  get former(): readonly PeerKey[] {
    return [...this.#allTold?.former ?? []];
  }

  get #allTold(): Told | null {
    // A member may have told before anybody told of the group, or of the last view that the member was in.
    for (const [key, account] of this.#accounts) this.put(key, account);
    return this.#group;
  }
}
