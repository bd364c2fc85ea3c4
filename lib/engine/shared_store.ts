/**
 * The port of the engine: a store of small texts by key that several machines share, with linearizable changes of
 * several keys at once, leases, and a stream of all changes in one order. Adapters: `EtcdStore`, and `MemoryStore` for
 * tests and simulation. Both pass `tests/contracts/shared_store_contract.ts`.
 *
 * It is the subset of etcd's API that all this needs (etcd.io/docs, "etcd API"); revisions and leases are etcd's.
 */

import type { P2pchatError } from "../base/errors.ts";
import { utf8Length } from "../base/text/text.ts";

/** A position in the one order of all changes; each change that is made has a higher one than those before. */
export type Revision = number;

/** A lease: when it ends, all keys that were put under it are gone, in one change. */
export type LeaseId = string;

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Of the change that put the value. */
  readonly modified: Revision;
  /** Of the change since which there is the key. */
  readonly created: Revision;
  readonly lease: LeaseId | null;
}

/** What must be so of a key, or nothing is changed. */
export type Condition =
  | { readonly key: string; readonly is: "absent" }
  | { readonly key: string; readonly modified: Revision }
  | { readonly key: string; readonly created: Revision };

/** The key has the entry that it had by that revision still. @param modified Null: it still has none. */
export function isStill(key: string, modified: Revision | null): Condition {
  return modified === null ? { key, is: "absent" } : { key, modified };
}

/**
 * A change of several keys: made whole, or not at all. No key is put or deleted twice.
 *
 * It may be tried again after an attempt of which nothing was heard, so it must be told apart whether it was made: it
 * has a condition that no longer holds then, and each value is one that nobody else would put there. An attempt that was
 * held up for seconds may still be carried out where the condition holds again by then, as that a key is absent.
 */
export interface Change {
  /** At least one. */
  readonly when: readonly Condition[];
  readonly puts: readonly {
    readonly key: string;
    readonly value: string;
    readonly lease?: LeaseId;
  }[];
  readonly deletes?: readonly string[];
}

export type Outcome =
  /** It is made, and durable. */
  | { readonly outcome: "done"; readonly revision: Revision }
  /** A condition doesn't hold. `seen`: the entries of the keys compared, in order; null: there is none. */
  | { readonly outcome: "conflict"; readonly seen: readonly (Entry | null)[] }
  /** Nothing was heard of the last attempt: it may have been made. `text` is part of a sentence. */
  | { readonly outcome: "unknown"; readonly text: string }
  /** It wasn't made. `lease-over`: that lease has ended. `disk`: the engine has no space. `unreachable`: it wasn't tried. */
  | {
    readonly outcome: "refused";
    readonly code: "lease-over" | "disk" | "not-allowed" | "too-long" | "unreachable";
    readonly text: string;
  };

/** A key that was changed; null: it is gone. */
export interface Changed {
  readonly key: string;
  readonly entry: Entry | null;
}

/** Follows keys; called in the order of revisions. */
export interface Follower {
  /** All there is at `revision`: once at the beginning, and again where changes in between can't be had any more. */
  all(entries: readonly Entry[], revision: Revision): void;
  /** What was changed by `revision`, all of it at once. */
  changed(changes: readonly Changed[], revision: Revision): void;
  /** The engine refuses this program what it asks for: nothing more comes. */
  refused(error: P2pchatError): void;
}

export interface Following {
  /** The stream seems to stand still: it goes on at another node of the engine, without a gap. */
  restart(): void;
  close(): void;
}

/** How the engine is, as far as this program knows. */
export interface EngineHealth {
  /** Monotonic time of its last answer, ms. */
  readonly answeredAtMs: number;
  /** How long that took, ms. */
  readonly tookMs: number;
  /** Why the last request wasn't answered, part of a sentence; null: it was. */
  readonly trouble: string | null;
}

/**
 * All that throws throws `P2pchatError`: `unreachable` where the engine doesn't answer within the time that a request may
 * take, `not-allowed` and `bad-credentials` where it refuses this program.
 */
export interface SharedStore {
  readonly health: EngineHealth;
  /** Never throws for what the engine says. */
  commit(change: Change): Promise<Outcome>;
  /** The entry of a key as of now or later; null: there is none. */
  get(key: string): Promise<Entry | null>;
  /**
   * All entries below `prefix` at one revision, in the order of keys. @param names Only those whose keys go on with one of
   * these, which are in order, and of which none begins with another; by default all.
   */
  read(
    prefix: string,
    names?: readonly string[],
  ): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }>;
  /** How many entries there are below `prefix`. */
  count(prefix: string): Promise<number>;
  /** @param names As of `read`. */
  follow(prefix: string, follower: Follower, names?: readonly string[]): Following;
  /** @param ttlMs Whole seconds, at least 2,000; it may last longer, where the engine's leader changes. */
  grant(ttlMs: number): Promise<LeaseId>;
  /** @returns Whether the lease goes on, for its time from when the request was sent. */
  renew(lease: LeaseId): Promise<boolean>;
  /** Ends the lease now, and with it its keys. Not tried for long: it ends by itself. */
  revoke(lease: LeaseId): Promise<void>;
}

/** The `names` of `read` where all is meant. */
export const ALL_NAMES: readonly string[] = [""];

/** Whether the key is one of those that `read` means. */
export function isNamed(key: string, prefix: string, names: readonly string[]): boolean {
  return names.some((name) => key.startsWith(prefix + name));
}

/** The most keys, values and conditions of one change, in bytes: etcd takes 1.5 MiB, names and numbers included. */
export const CHANGE_BYTES_MAX = 1024 * 1024;

/** The bytes that count for `CHANGE_BYTES_MAX`. */
export function changeBytes({ when, puts, deletes = [] }: Change): number {
  const texts = [
    ...when.map(({ key }) => key),
    ...puts.flatMap(({ key, value }) => [key, value]),
    ...deletes,
  ];
  return texts.reduce((sum, text) => sum + utf8Length(text), 0);
}

/** The outcome of a change of so many bytes, which is too long. */
export function tooLong(bytes: number): Outcome {
  const text = `a change has ${bytes} bytes, at most ${CHANGE_BYTES_MAX} are possible`;
  return { outcome: "refused", code: "too-long", text };
}
