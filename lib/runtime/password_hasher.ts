/**
 * Hashes and checks passwords, a few at a time. One takes a core for half a second, on purpose: whoever asks waits
 * in a fair queue, and the chat goes on beside.
 */

import { timingSafeEqual } from "node:crypto";
import type { Bytes } from "../base/crypto.ts";
import { P2pchatError } from "../base/errors.ts";
import { FairQueue } from "../base/fair_queue.ts";
import {
  formatScryptHash,
  HASH_BYTES,
  missingWork,
  needsRehash,
  parseScryptHash,
  SALT_BYTES,
  SCRYPT_PARAMETERS,
  type ScryptParameters,
} from "../base/password_hash.ts";
import { checkPassword, passwordBytes } from "../base/passwords.ts";

/** The port of who computes scrypt, off the event loop. */
export type Scrypt = (
  password: Uint8Array,
  salt: Uint8Array,
  parameters: ScryptParameters,
  hashBytes: number,
) => Promise<Bytes>;

/** Waiting for each that is under way: at half a second each the last one has its turn within the minute that it waits. */
const WAITING_MAX = 64;

export interface PasswordHasherOptions {
  readonly scrypt: Scrypt;
  readonly randomBytes: (length: number) => Bytes;
  /** How many are computed at once, each with 128 MiB: the machine's cores without one. */
  readonly atOnceMax: number;
  /** Of new hashes; for tests. `SCRYPT_PARAMETERS` unless set. */
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
  /** Stands for the hash of an account that doesn't exist. */
  readonly #nobody: { readonly salt: Bytes; readonly hash: Bytes };
  #atOnce = 0;

  constructor(options: PasswordHasherOptions) {
    this.#options = options;
    this.#parameters = options.parameters ?? SCRYPT_PARAMETERS;
    this.#queue = new FairQueue(WAITING_MAX * options.atOnceMax);
    const { randomBytes } = options;
    this.#nobody = { salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * A new hash of a password, as `password_hash.ts` writes them.
   * @param from Who asks, such as an address: those who ask have their turns one after the other.
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
   * Whether `stored` is the hash of `password`. Where it is none that can be checked, and for null, where there is no
   * account, the answer is no and takes as long as for a hash of today's parameters. So does a no where the hash is
   * a weaker one; one that takes more work can't be hidden.
   * @throws {P2pchatError} `full` or `too-fast` where too many wait.
   */
  async verify(password: string, stored: string | null, from: string): Promise<boolean> {
    const known = stored === null ? null : parseScryptHash(stored);
    const { salt, hash, ...parameters } = known ?? { ...this.#parameters, ...this.#nobody };
    return await this.#inTurn(from, async () => {
      const found = await this.#derive(password, salt, parameters, hash.length);
      // Both before the answer: an account that doesn't exist isn't quicker to compare.
      const isEqual = timingSafeEqual(found, hash);
      const isRight = isEqual && known !== null;
      if (isRight) return true;
      for (const more of missingWork(parameters, this.#parameters)) {
        await this.#derive(password, this.#nobody.salt, more, HASH_BYTES);
      }
      return false;
    });
  }

  /** Whether a hash should be made anew when its password is at hand. */
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
