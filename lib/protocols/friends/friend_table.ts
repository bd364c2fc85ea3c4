/**
 * The friends: those in the table, and those that aren't in it any more but for whom something waits; and what seems to
 * be wrong with a friend's row, in words.
 */

import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { endpointText, type FoldedName } from "../../base/ids.ts";
import { foldName, shownName } from "../../base/text/names.ts";
import { type ComparedKey, RefusedKeys } from "../../base/trust/refused_keys.ts";
import { Friend } from "./friend.ts";
import type { FriendRow } from "./friends_io.ts";
import { numberText } from "../../base/text/words.ts";
import type { FriendsOutput } from "./friends_output.ts";

export class FriendTable {
  readonly #friends = new Map<FoldedName, Friend>();
  readonly #listed = new Set<Friend>();
  readonly #busy = new Set<Friend>();
  readonly #pins: Map<string, Fingerprint>;
  /** The keys expected of friends in the table; null where they must be collected anew. */
  #keys: ReadonlySet<Fingerprint> | null = null;
  /** Bytes that wait for all friends together. */
  readonly #waiting = { bytes: 0 };

  /** Keys that the user has refused, each for a name. */
  readonly refused: RefusedKeys;

  /** @param pins Keys met before, by folded name. */
  constructor(
    rows: readonly FriendRow[],
    pins: ReadonlyMap<string, Fingerprint>,
    refused: readonly ComparedKey[] = [],
  ) {
    this.#pins = new Map(pins);
    this.refused = new RefusedKeys(refused);
    this.#take(rows);
  }

  /** Something waits for the friend, or it is linked or dialled. */
  markBusy(friend: Friend): void {
    this.#busy.add(friend);
  }

  /** The busy friends in the table: few, however many friends there are. */
  *busy(): Generator<Friend> {
    for (const friend of this.#busy) {
      if (friend.isIdle) this.#busy.delete(friend);
      else if (this.#listed.has(friend)) yield friend;
    }
  }

  /** How many messages wait, for all friends together. */
  waiting(): number {
    let count = 0;
    for (const { outbox } of this.#friends.values()) count += outbox.size;
    return count;
  }

  /** How many friends something waits for, or are linked or dialled. */
  get busyCount(): number {
    return this.#busy.size;
  }

  /** Whether this is the key of a friend in the table. */
  hasKey(key: Fingerprint): boolean {
    this.#keys ??= new Set(
      Array.from(this.#listed).flatMap(({ expected }) => expected === null ? [] : [expected]),
    );
    return this.#keys.has(key);
  }

  /** The friend in the table who must have this key; null where nobody must. */
  ownerOf(key: Fingerprint): Friend | null {
    return this.#listed.values().find(({ expected }) => expected === key) ?? null;
  }

  /** The key met or accepted under this name, whatever the table says; null for none. */
  knownKey(name: string): Fingerprint | null {
    return this.#pins.get(foldName(name)) ?? null;
  }

  /** Remembers the friend's key, even if the friend is missing from the table for a while. */
  pin(friend: Friend, key: Fingerprint): void {
    friend.pinned = key;
    this.#keys = null;
    this.#pins.set(foldName(friend.name), key);
  }

  /** The digits of this key were different: it isn't the friend's. */
  refuse(friend: Friend, key: Fingerprint): void {
    this.refused.add(friend.name, key);
    if (friend.pinned === key) friend.pinned = null;
    this.#keys = null;
    const folded = foldName(friend.name);
    if (this.#pins.get(folded) === key) this.#pins.delete(folded);
  }

  /** The friends in the table, in its order. */
  get listed(): ReadonlySet<Friend> {
    return this.#listed;
  }

  all(): Iterable<Friend> {
    return this.#friends.values();
  }

  /** The friend of that name in the table; null for none. */
  get(name: string): Friend | null {
    const friend = this.#friends.get(foldName(name));
    return friend !== undefined && this.#listed.has(friend) ? friend : null;
  }

  /** The friend of that name, even if the table doesn't have it any more. */
  kept(name: string): Friend {
    const folded = foldName(name);
    let friend = this.#friends.get(folded);
    if (friend === undefined) {
      const row = { name, endpoint: { host: "", port: 0 }, fingerprint: null };
      friend = new Friend(row, this.#pins.get(folded) ?? null, this.#waiting);
      this.#friends.set(folded, friend);
    }
    return friend;
  }

  /**
   * The table was edited. @returns Friends that aren't in it any more, those whose rows have changed, and of these the
   * ones for whom it has another key than before, and than the one known.
   */
  edit(rows: readonly FriendRow[]): {
    readonly gone: readonly Friend[];
    readonly changed: readonly Friend[];
    readonly disputed: readonly Friend[];
  } {
    const before = new Map([...this.#listed].map((friend) => [friend, friend.row]));
    this.#take(rows);
    const gone = [...before.keys()].filter((friend) => !this.#listed.has(friend));
    for (const [folded, friend] of this.#friends) {
      if (!this.#listed.has(friend) && friend.outbox.size === 0) this.#friends.delete(folded);
    }
    const changed = [...this.#listed].filter((friend) => {
      const row = before.get(friend);
      return row === undefined || !isSameRow(row, friend.row);
    });
    const disputed = changed.filter((friend) =>
      friend.isDisputed && before.get(friend)?.fingerprint !== friend.row.fingerprint
    );
    return { gone, changed, disputed };
  }

  #take(rows: readonly FriendRow[]): void {
    this.#listed.clear();
    this.#keys = null;
    for (const row of rows) {
      const friend = this.kept(row.name);
      friend.row = row;
      this.#listed.add(friend);
    }
  }
}

function isSameRow(a: FriendRow, b: FriendRow): boolean {
  return a.endpoint.host === b.endpoint.host && a.endpoint.port === b.endpoint.port &&
    a.fingerprint === b.fingerprint;
}

/** Of more, only their number is told: an edit may change the whole table. */
const WARNED_MAX = 8;

/**
 * Where the table has another key for a friend than the one known, neither is accepted until the one in the table has
 * answered and the user has accepted it. The user is warned when the table comes to say so, and at the start.
 * @param users What the user calls the table.
 */
export function warnOfDisputes(
  disputed: readonly Friend[],
  users: string,
  out: Pick<FriendsOutput, "show" | "warn">,
): void {
  for (const friend of disputed.slice(0, WARNED_MAX)) {
    const { name, shown, pinned: before, row: { fingerprint: key } } = friend;
    const text =
      `${users} has another key for ${shown} than the one known: ${key}, not ${before}. What you write to ${shown} ` +
      `waits: ${disputeAdvice(friend, users)}`;
    const changed = { name, key: key!, before: before! };
    out.show({ event: "notice", text, warning: true, changed });
  }
  const more = disputed.length - WARNED_MAX;
  if (more > 0) {
    out.warn(`So it is with ${numberText(more)} more friends; /list marks them`);
  }
}

/** What to do where the table has another key than the one known: the same in all that is said of it. */
export function disputeAdvice(
  { shown, pinned, strange: { told }, row: { fingerprint } }: Friend,
  users: string,
): string {
  const hasAnswered = told !== null && fingerprintOf(told) === fingerprint;
  return `ask ${shown} which key is right; if it is ${pinned}, put it into ${shown}'s row of ${users}, and if it is ` +
    `${fingerprint}, accept it with /trust ${shown}${hasAnswered ? "" : " once it has answered"}`;
}

/** One of the two keys in dispute was met. @param where Of somebody who has it. */
export function disputedKeyText(
  friend: Friend,
  key: Fingerprint,
  where: string,
  users: string,
): string {
  const { shown, pinned, row: { fingerprint } } = friend;
  const found = key === fingerprint
    ? `which ${users} has for ${shown}, but isn't the one known, ${pinned}`
    : `which is the one known of ${shown}, but isn't the one in ${users}, ${fingerprint}`;
  return `Met the key ${key} ${where}, ${found}: ${disputeAdvice(friend, users)}`;
}

/**
 * The answer to somebody who has dialled us in another's place, which tells them what is wrong with their table.
 * @param own Our name. @param meant Whom they wanted.
 */
export function notMeantText(own: string, meant: string): string {
  return `This is ${shownName(own)}, not ${shownName(meant)}`;
}

/**
 * At the friend's address another friend answers. @param key What that one has proved, and the friend's key as far as
 * that is known; absent where it only says so.
 */
export function anothersAddressText(
  { shown, row: { endpoint } }: Friend,
  { shown: other }: Friend,
  users: string,
  key?: { readonly met: Fingerprint; readonly expected: Fingerprint | null },
): string {
  const who = key === undefined
    ? `somebody answers as ${other}`
    : `${other} answers, with the key ${key.met}`;
  const not = key === undefined || key.expected === null ? "" : `, not ${shown}'s, ${key.expected}`;
  return `${users} gives ${shown} the address ${
    endpointText(endpoint)
  }, where ${who}${not}: correct ${shown}'s row; ` +
    `perhaps the rows of ${shown} and ${other} have each other's address`;
}
