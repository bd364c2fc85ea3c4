/**
 * The accounts of a directory in an engine: each is one entry, changed by comparing its revision. Look-ups ask the
 * engine, so an account that was changed at another instance, or by the operator, counts at once.
 *
 * An entry's value is one line of JSON, which people can read with etcd's own tools. Fields that this version doesn't
 * know are kept.
 */

import { dropOldest } from "../base/collections/bounded.ts";
import { P2pchatError } from "../base/errors.ts";
import { dateText } from "../base/text/words.ts";
import { type Fingerprint, fingerprintFault, fingerprintOf } from "../base/text/fingerprint.ts";
import { foldName, nameFault, shownName } from "../base/text/names.ts";
import { isHashText } from "../base/crypto/password_hash.ts";
import {
  type Account,
  ACCOUNT_KEYS_MAX,
  type Accounts,
  ACCOUNTS_MAX,
  type AccountsListener,
  nameTaken,
  tooManyAccounts,
  withDevice,
  withHash,
} from "../store/accounts/accounts.ts";
import { ONLINE, onlineIn } from "./directory/online_entries.ts";
import { fieldsIn, timeIn } from "./json_fields.ts";
import {
  type Changed,
  type Condition,
  type Entry,
  type Following,
  isStill,
  type Outcome,
  type Revision,
  type SharedStore,
} from "./shared_store.ts";

/** Accounts that were looked up and whose client isn't let in yet: for one that is dropped the engine is asked again. */
const FOUND_MAX = 256;
/** How often a sign-up is tried again, as the session that has the name changes. */
const TRIES_MAX = 8;
/** Removals of which a listener may not have been told yet. */
const REMOVING_MAX = 1_024;
/** How often all are counted, at most: sign-ups beyond `ACCOUNTS_MAX` end within that time. */
const COUNTED_MS = 60_000;

interface EngineAccountsPorts {
  readonly store: SharedStore;
  /** Below which the directory has its entries, with a `/` at the end. */
  readonly prefix: string;
  /** No other program has it, nor had: the instance's id. */
  readonly writer: string;
  /** Monotonic time, ms. */
  readonly nowMs: () => number;
}

/** That an account is still as it was: what must hold, and since which revision there is the account. */
export interface Unchanged {
  readonly condition: Condition;
  readonly created: Revision;
}

/** An account as it stands in the engine. */
interface Found {
  readonly account: Account;
  readonly entry: Entry;
}

export class EngineAccounts implements Accounts {
  readonly #prefix: string;
  #size = 0;
  #follower: AccountsFollower | null = null;
  #countedAtMs = -Infinity;
  #counting: Promise<void> | null = null;
  /** Changes that this program has made, or is making: their numbers. */
  #changes = 0;
  /** What was found last, by key, until it is asked whether that still holds: at most `FOUND_MAX`. */
  readonly #found = new Map<string, Found>();
  /** Keys of accounts that this program is removing, or has removed: at most `REMOVING_MAX`. */
  readonly #removing = new Set<string>();

  constructor(readonly ports: EngineAccountsPorts) {
    this.#prefix = `${ports.prefix}accounts/`;
  }

  /** As far as known: where nobody follows the accounts, as of when they were counted last. */
  get size(): number {
    return this.#follower?.size ?? this.#size;
  }

  async find(name: string): Promise<Account | null> {
    const found = await this.#find(name);
    const key = this.#key(name);
    this.#found.delete(key);
    if (found !== null) this.#found.set(key, found);
    dropOldest(this.#found, FOUND_MAX);
    return found?.account ?? null;
  }

  async #find(name: string): Promise<Found | null> {
    const entry = await this.ports.store.get(this.#key(name));
    return entry === null ? null : { account: accountIn(entry, this.#prefix), entry };
  }

  /**
   * What holds as long as the account of that name has this hash; `hash` null: as long as there is none. Null where it
   * isn't so now. What was found just before isn't asked for again: the condition itself says whether it still holds, and
   * whoever sees it fail asks once more.
   */
  async unchanged(name: string, hash: string | null): Promise<Unchanged | null> {
    const key = this.#key(name);
    if (hash === null) return { condition: { key, is: "absent" }, created: 0 };
    let found: Found | null = this.#found.get(key) ?? null;
    this.#found.delete(key);
    if (found?.account.hash !== hash) found = await this.#find(name);
    if (found?.account.hash !== hash) return null;
    const { modified, created } = found.entry;
    return { condition: { key, modified }, created };
  }

  async list(): Promise<readonly Account[]> {
    const { entries } = await this.ports.store.read(this.#prefix);
    this.#counted(entries.length);
    return entries.toSorted((a, b) => a.created - b.created || orderOf(a) - orderOf(b))
      .map((entry) => accountIn(entry, this.#prefix));
  }

  /** @param by Who signs up, for whom no other guest may have the name; absent: the operator does. */
  async signUp(account: Account, by?: Fingerprint): Promise<void> {
    const { name } = account;
    const { store, nowMs } = this.ports;
    // Once for all that come meanwhile, so that they keep their order.
    if (nowMs() - this.#countedAtMs >= COUNTED_MS) await this.count();
    if (this.size >= ACCOUNTS_MAX) throw tooManyAccounts(name);
    const key = this.#key(name);
    const value = this.#valueOf(account, { order: this.#changes });
    const online = `${this.ports.prefix}${ONLINE}${foldName(name)}`;
    let seen: Entry | null = null;
    for (let tries = 1;; tries++) {
      const free = by === undefined ? [] : [isStill(online, seen?.modified ?? null)];
      const when = [{ key, is: "absent" } as const, ...free];
      const outcome = await store.commit({ when, puts: [{ key, value }] });
      if (outcome.outcome !== "conflict") {
        if (!await this.#isMade(outcome, name, account)) {
          check(outcome, `sign up ${shownName(name)}`);
        }
        break;
      }
      const [taken = null, now = null] = outcome.seen;
      const session = now === null ? null : onlineIn(now, foldName(name));
      const isOthers = session?.isGuest === true && fingerprintOf(session.key) !== by;
      if (taken !== null || isOthers || tries === TRIES_MAX) throw nameTaken(name);
      seen = now;
    }
    this.#size++;
  }

  setHash(seen: Account, hash: string, keysKept?: readonly Fingerprint[]): Promise<boolean> {
    return this.#changeSeen(seen, (account) => withHash(account, hash, keysKept));
  }

  addKey(seen: Account, key: Fingerprint): Promise<boolean> {
    return this.#changeSeen(seen, (account) => withDevice(account, key));
  }

  remove(seen: Account): Promise<boolean> {
    return this.#changeSeen(seen, () => null);
  }

  /** As in `AccountsFile`: `changed` returns a new account, null to remove it, or the same one for no change. */
  async #changeSeen(
    seen: Account,
    changed: (account: Account) => Account | null,
  ): Promise<boolean> {
    const what = `change the account of ${shownName(seen.name)}`;
    this.#found.delete(this.#key(seen.name));
    for (;;) {
      const found = await this.#find(seen.name);
      if (found === null || found.account.hash !== seen.hash) return false;
      const { account, entry: { key, value, modified } } = found;
      const next = changed(account);
      if (next === account) return true;
      const changes = next === null
        ? { puts: [], deletes: [key] }
        : { puts: [{ key, value: this.#valueOf(next, JSON.parse(value)) }] };
      if (next === null) {
        // A listener may be told of it only after this change is done.
        this.#removing.add(key);
        dropOldest(this.#removing, REMOVING_MAX);
      }
      const outcome = await this.ports.store.commit({ when: [{ key, modified }], ...changes });
      // It may be the same account still, with another device: then this change is made upon that.
      if (outcome.outcome === "conflict") continue;
      if (!await this.#isMade(outcome, seen.name, next)) check(outcome, what);
      if (next === null) this.#size--;
      return true;
    }
  }

  /**
   * Whether a change was made of which that isn't known: what it was to make is there. @param next Null: it was to remove
   * the account.
   */
  async #isMade({ outcome }: Outcome, name: string, next: Account | null): Promise<boolean> {
    if (outcome !== "unknown") return false;
    try {
      const now = (await this.#find(name))?.account ?? null;
      if (now === null || next === null) return now === next;
      return now.hash === next.hash && next.keys.every((key) => now.keys.includes(key));
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return false; // it stays unknown
    }
  }

  watch(listener: AccountsListener): { close(): void } {
    return this.#follower = new AccountsFollower(
      this.ports.store,
      this.#prefix,
      listener,
      (changed) => {
        return changed.entry === null
          ? this.#removing.delete(changed.key)
          : changeOf(changed.entry).startsWith(`${this.ports.writer} `);
      },
    );
  }

  /** Counts all, once for all that ask meanwhile. @throws {P2pchatError} As the store. */
  count(): Promise<void> {
    return this.#counting ??= this.#count();
  }

  async #count(): Promise<void> {
    try {
      this.#counted(await this.ports.store.count(this.#prefix));
    } finally {
      this.#counting = null;
    }
  }

  #counted(size: number): void {
    this.#size = size;
    this.#countedAtMs = this.ports.nowMs();
  }

  #key(name: string): string {
    return `${this.#prefix}${foldName(name)}`;
  }

  /** @param before The value that is changed: what isn't known of it is kept. */
  #valueOf({ name, hash, createdMs, keys }: Account, before: object): string {
    const change = `${this.ports.writer} ${++this.#changes}`;
    return JSON.stringify({ ...before, name, hash, created: dateText(createdMs), keys, change });
  }
}

/** Tells a listener of what others, and this program, change. */
class AccountsFollower {
  /** Name and sign-up time of each account, by key; null until all are known. */
  #known: Map<string, Pick<Account, "name" | "createdMs"> & Pick<Entry, "modified">> | null = null;
  readonly #following: Following;

  constructor(
    store: SharedStore,
    readonly prefix: string,
    readonly listener: AccountsListener,
    readonly isOurs: (changed: Changed) => boolean,
  ) {
    this.#following = store.follow(prefix, {
      all: (entries) => this.#all(entries),
      changed: (changes) => this.#changed(changes),
      refused: (error) => listener.broken(error),
    });
  }

  close(): void {
    this.#following.close();
  }

  /** How many there are; null: not known yet. */
  get size(): number | null {
    return this.#known?.size ?? null;
  }

  /** At the beginning nothing has changed; later, whatever isn't as it was known. */
  #all(entries: readonly Entry[]): void {
    const before = this.#known;
    if (before === null) {
      this.#known = new Map();
      for (const entry of entries) this.#toldOf({ key: entry.key, entry });
      return;
    }
    const present = new Set(entries.map(({ key }) => key));
    const gone = [...before.keys()].filter((key) => !present.has(key));
    this.#changed([
      ...gone.map((key) => ({ key, entry: null })),
      ...entries.filter(({ key, modified }) => before.get(key)?.modified !== modified)
        .map((entry) => ({ key: entry.key, entry })),
    ]);
  }

  #changed(changes: readonly Changed[]): void {
    const ours = new Set(changes.filter((changed) => this.isOurs(changed)));
    for (const isOurs of [true, false]) {
      const some = changes.filter((changed) => ours.has(changed) === isOurs);
      const told = some.flatMap((changed) => this.#toldOf(changed));
      if (told.length > 0) this.listener.changed(told, isOurs);
    }
  }

  #toldOf({ key, entry }: Changed): Parameters<AccountsListener["changed"]>[0] {
    const before = this.#known?.get(key);
    let now: Account | null;
    try {
      now = this.#note(key, entry);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.listener.notice(error.message);
      return [];
    }
    const name = now?.name ?? before?.name;
    return name === undefined ? [] : [{ name, createdMs: before?.createdMs ?? null, now }];
  }

  #note(key: string, entry: Entry | null): Account | null {
    if (entry === null) {
      this.#known?.delete(key);
      return null;
    }
    const account = accountIn(entry, this.prefix);
    const { name, createdMs } = account;
    this.#known?.set(key, { name, createdMs, modified: entry.modified });
    return account;
  }
}

/** @throws {P2pchatError} Why a change wasn't made, or that this isn't known. */
function check(outcome: Outcome, what: string): void {
  if (outcome.outcome === "done") return;
  const why = outcome.outcome === "conflict" ? "it has changed" : outcome.text;
  if (outcome.outcome === "unknown") {
    throw new P2pchatError("in-doubt", `It isn't known whether this was done: ${what}. ${why}`);
  }
  const code = outcome.outcome === "refused" ? outcome.code : null;
  const known = code === "not-allowed" || code === "unreachable" ? code : "disk";
  throw new P2pchatError(known, `Cannot ${what}: ${why}`);
}

/** Its place among accounts that were signed up in one change. */
function orderOf({ value }: Entry): number {
  const { order } = fieldsIn(value);
  return typeof order === "number" ? order : 0;
}

/** What made the entry; empty where that isn't said. */
function changeOf({ value }: Entry): string {
  const { change } = fieldsIn(value);
  return typeof change === "string" ? change : "";
}

/** @throws {P2pchatError} `store-corrupt` where somebody has put there what is no account. */
function accountIn({ key, value }: Entry, prefix: string): Account {
  const account = parsed(value);
  if (account !== null && key === `${prefix}${foldName(account.name)}`) return account;
  throw new P2pchatError(
    "store-corrupt",
    `Cannot use the entry ${key} of the engine: it isn't the account of that name; correct or delete it`,
  );
}

function parsed(value: string): Account | null {
  const { name, hash, created, keys } = fieldsIn(value);
  const createdMs = timeIn(created);
  const isGood = typeof name === "string" && nameFault(name) === null && typeof hash === "string" &&
    isHashText(hash) && createdMs >= 0 && Array.isArray(keys) && keys.length <= ACCOUNT_KEYS_MAX &&
    keys.every((key) => typeof key === "string" && fingerprintFault(key) === null);
  return isGood ? { name, hash, createdMs, keys: keys as Fingerprint[] } : null;
}
