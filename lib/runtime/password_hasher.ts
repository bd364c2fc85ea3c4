/**
 * Hashes and checks passwords, a few at a time. By design, each takes half a second of a core, so requests wait in
 * a fair queue, and the event loop isn't blocked.
 */

import { timingSafeEqual } from "node:crypto";
import type { Bytes } from "../base/crypto/crypto.ts";
import { P2pchatError } from "../base/errors.ts";
import {
  checkPassword,
  formatScryptHash,
  HASH_BYTES,
  missingWork,
  needsRehash,
  parseScryptHash,
  passwordBytes,
  SALT_BYTES,
  SCRYPT_PARAMETERS,
  type ScryptParameters,
} from "../base/crypto/password_hash.ts";

/** A port that computes scrypt, off the event loop. */
type Scrypt = (
  password: Uint8Array,
  salt: Uint8Array,
  parameters: ScryptParameters,
  hashBytes: number,
) => Promise<Bytes>;

/**
 * The most jobs waiting per concurrent job: at half a second each, the last one starts within the minute for which
 * a client waits.
 */
const WAITING_MAX = 64;

interface PasswordHasherOptions {
  readonly scrypt: Scrypt;
  readonly randomBytes: (length: number) => Bytes;
  /** The most concurrent jobs; each takes a core and 128 MiB. */
  readonly atOnceMax: number;
  /** Parameters of new hashes, for tests; `SCRYPT_PARAMETERS` unless set. */
  readonly parameters?: ScryptParameters;
}

interface Job {
  readonly start: () => Promise<void>;
  readonly refuse: (error: P2pchatError) => void;
}

export class PasswordHasher {
  readonly #options: PasswordHasherOptions;
  readonly #parameters: ScryptParameters;
  readonly #queue: FairQueue<Job>;
  /** Used for verification where an account doesn't exist. */
  readonly #nobody: { readonly salt: Bytes; readonly hash: Bytes };
  #atOnce = 0;

  constructor(options: PasswordHasherOptions) {
    this.#options = options;
    this.#parameters = options.parameters ?? SCRYPT_PARAMETERS;
    this.#queue = new FairQueue(WAITING_MAX * options.atOnceMax);
    const { randomBytes } = options;
    this.#nobody = { salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
  }

  /** The number of jobs waiting. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * A new hash of a password, as text (`password_hash.ts`).
   * @param from The requester, for example an address: requesters are served in turn.
   * @throws {P2pchatError} `weak-password`; `full` or `too-fast` where too many wait.
   */
  async hash(password: string, from: string): Promise<string> {
    checkPassword(password);
    const salt = this.#options.randomBytes(SALT_BYTES);
    const hash = await this.#inTurn(
      from,
      () => this.#derive(password, salt, this.#parameters, HASH_BYTES),
    );
    return formatScryptHash({ ...this.#parameters, salt, hash });
  }

  /**
   * Whether `stored` is the hash of `password`. For null, where there is no account, and for a hash that can't be
   * checked, the result is false and takes as long as with today's parameters. So does false for a weaker hash; a
   * stronger one can't be hidden.
   * @throws {P2pchatError} `full` or `too-fast` where too many wait.
   */
  async verify(password: string, stored: string | null, from: string): Promise<boolean> {
    const known = stored === null ? null : parseScryptHash(stored);
    const { salt, hash, ...parameters } = known ?? { ...this.#parameters, ...this.#nobody };
    return await this.#inTurn(from, async () => {
      const found = await this.#derive(password, salt, parameters, hash.length);
      // Compare in any case: the time must not tell whether the account exists.
      const isEqual = timingSafeEqual(found, hash);
      const isRight = isEqual && known !== null;
      if (isRight) return true;
      for (const more of missingWork(parameters, this.#parameters)) {
        await this.#derive(password, this.#nobody.salt, more, HASH_BYTES);
      }
      return false;
    });
  }

  /** Whether a hash should be replaced once its password is known. */
  needsRehash(stored: string): boolean {
    return needsRehash(stored, this.#parameters);
  }

  #derive(
    password: string,
    salt: Bytes,
    parameters: ScryptParameters,
    hashBytes: number,
  ): Promise<Bytes> {
    return this.#options.scrypt(passwordBytes(password), salt, parameters, hashBytes);
  }

  #inTurn<T>(from: string, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const job = { start: () => work().then(resolve, reject), refuse: reject };
    const refused = this.#queue.add(from, job);
    refused?.item.refuse(tooMany(refused.code));
    this.#startNext();
    return promise;
  }

  #startNext(): void {
    while (this.#atOnce < this.#options.atOnceMax) {
      const job = this.#queue.next();
      if (job === null) return;
      this.#atOnce++;
      void job.start().finally(() => {
        this.#atOnce--;
        this.#startNext();
      });
    }
  }
}

function tooMany(code: "full" | "too-fast"): P2pchatError {
  const text = code === "full"
    ? "Too many are logging in or signing up at the moment; try again in some seconds"
    : "Too many from your address are logging in or signing up at once; try again in some seconds";
  return new P2pchatError(code, text);
}

/** An item that a full queue refuses. */
export interface Refused<Item> {
  readonly item: Item;
  /** `too-fast`: its user has more items waiting than others; `full`: there are too many users. */
  readonly code: "too-fast" | "full";
}

/**
 * A bounded queue that serves its users in turn, however many items one of them has waiting (round robin; Nagle, On
 * Packet Switches With Infinite Storage, RFC 970). When it is full, a new item takes the place of one of the user
 * with the most items (longest queue drop), so that nobody can keep others out by adding many.
 */
export class FairQueue<Item> {
  /** Waiting items by user, the next user in turn first; no list is empty. */
  readonly #waiting = new Map<string, Item[]>();
  #length = 0;

  /** @param lengthMax Items that may wait, at least 1. */
  constructor(readonly lengthMax: number) {}

  get length(): number {
    return this.#length;
  }

  /**
   * Adds an item behind the others of the user `from`.
   * @returns The item to be refused because of it, another or this one; null where none is.
   */
  add(from: string, item: Item): Refused<Item> | null {
    let refused: Refused<Item> | null = null;
    if (this.#length >= this.lengthMax) {
      const own = this.#waiting.get(from)?.length ?? 0;
      const longest = this.#longest();
      if (longest.length <= own + 1) return { item, code: own > 0 ? "too-fast" : "full" };
      refused = { item: longest.pop()!, code: "too-fast" };
      this.#length--;
    }
    const own = this.#waiting.get(from);
    if (own === undefined) this.#waiting.set(from, [item]);
    else own.push(item);
    this.#length++;
    return refused;
  }

  /** Removes and returns the next item in turn; null where none waits. */
  next(): Item | null {
    for (const [from, items] of this.#waiting) {
      this.#waiting.delete(from);
      const item = items.shift()!;
      if (items.length > 0) this.#waiting.set(from, items);
      this.#length--;
      return item;
    }
    return null;
  }

  #longest(): Item[] {
    let longest: Item[] = [];
    for (const items of this.#waiting.values()) if (items.length > longest.length) longest = items;
    return longest;
  }
}
