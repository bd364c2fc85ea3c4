/**
 * `SharedStore` over etcd. Changes that are handed over while one is under way share the next transaction, each with
 * its own conditions: 64 in one are eight times as many a second as one by one.
 */

import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  ALL_NAMES,
  type Change,
  CHANGE_BYTES_MAX,
  changeBytes,
  type Condition,
  type EngineHealth,
  type Entry,
  type Follower,
  type Following,
  isNamed,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
  tooLong,
} from "../shared_store.ts";
import { CODE, EtcdGateway, type EtcdOptions, EtcdRefusal } from "./etcd_gateway.ts";
import { countIn, entryIn, type Json, listIn, objectIn, textIn } from "./gateway_answers.ts";
import { EtcdWatch } from "./etcd_watch.ts";
import { NodeWatch } from "./node_watch.ts";

/** Changes in one transaction: 120 were slower, and etcd takes 128 operations. */
const BATCH_MAX = 64;
/** Changes that may wait: each client of a directory waits for its own. */
const WAITING_MAX = 10_000;
/**
 * Entries of one page: few at first, as each may have a MiB and a page has a second; four times as many where those before
 * were small, up to some 300 ms' work for etcd.
 */
const PAGE_FEW = 4;
const PAGE_MAX = 1_000;
/** Characters of a page's values: with fewer the next page is longer, with more it has few entries again. */
const PAGE_CHARACTERS_MIN = 256 * 1024;
const PAGE_CHARACTERS_MAX = 2 * 1024 * 1024;
/** How often all is read from the beginning, as etcd has forgotten the revision that was being read. */
const READS_MAX = 8;
/** How long a lease is tried to be given up: leases last some seconds, and whoever leaves is waited for. */
const REVOKE_MS = 2_000;

interface Waiting {
  readonly change: Change;
  readonly keys: ReadonlySet<string>;
  readonly bytes: number;
  readonly resolve: (outcome: Outcome) => void;
}

export class EtcdStore implements SharedStore {
  readonly #gateway: EtcdGateway;
  #waiting: Waiting[] = [];
  #isCommitting = false;

  constructor(readonly options: EtcdOptions) {
    this.#gateway = new EtcdGateway(options);
  }

  get health(): EngineHealth {
    return this.#gateway.health;
  }

  commit(change: Change): Promise<Outcome> {
    const bytes = changeBytes(change);
    if (bytes > CHANGE_BYTES_MAX) return Promise.resolve(tooLong(bytes));
    if (this.#waiting.length >= WAITING_MAX) {
      const text = `${WAITING_MAX} changes wait for the engine already`;
      return Promise.resolve({ outcome: "refused", code: "disk", text });
    }
    return new Promise((resolve) => {
      this.#waiting.push({ change, keys: keysOf(change), bytes, resolve });
      if (!this.#isCommitting) void this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    try {
      // Changes of the same turn go together.
      await Promise.resolve();
      while (this.#waiting.length > 0) {
        const batch = this.#nextBatch();
        const outcomes = await this.#commitBatch(batch.map(({ change }) => change));
        for (const [at, { resolve }] of batch.entries()) resolve(outcomes[at]!);
        // Nobody is there: what waited for so long isn't tried for as long again.
        if (this.health.trouble === null) continue;
        for (const { resolve } of this.#waiting.splice(0)) resolve(NOT_TRIED);
      }
    } finally {
      this.#isCommitting = false;
    }
  }

  /**
   * The next changes that may share a transaction: its conditions are all looked at before any of them is made, so none
   * may be about a key of another's. Those about one key keep their order.
   */
  #nextBatch(): readonly Waiting[] {
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    const taken = new Set<string>();
    let bytes = 0;
    for (const waiting of this.#waiting) {
      const fits = batch.length < BATCH_MAX && bytes + waiting.bytes <= CHANGE_BYTES_MAX &&
        waiting.keys.isDisjointFrom(taken);
      if (fits) {
        batch.push(waiting);
        bytes += waiting.bytes;
      } else later.push(waiting);
      for (const key of waiting.keys) taken.add(key);
    }
    this.#waiting = later;
    return batch;
  }

  /** @param wasMissed Whether an earlier attempt may have been carried out. */
  async #commitBatch(changes: readonly Change[], wasMissed = false): Promise<readonly Outcome[]> {
    try {
      const [change, ...others] = changes;
      // etcd 3.4 asks for no rights over what stands within: a change that goes alone stands by itself.
      const body = others.length === 0
        ? transaction(change!)
        : { success: changes.map((change) => ({ request_txn: transaction(change) })) };
      const read = (answer: Json) => {
        if (others.length === 0) return [outcomeIn(change!, answer, wasMissed)];
        const responses = listIn(answer, "responses");
        return changes.map((change, at) =>
          outcomeIn(change, objectIn(responses[at] ?? {}, "response_txn"), wasMissed)
        );
      };
      return await this.#gateway.request("/v3/kv/txn", body, read, () => wasMissed = true);
    } catch (error) {
      // One of them was under a lease that has ended: nothing was changed, and which one it is isn't said.
      if (changes.length > 1 && error instanceof EtcdRefusal && error.code === CODE.notFound) {
        const outcomes: Outcome[] = [];
        for (const change of changes) {
          outcomes.push(...await this.#commitBatch([change], wasMissed));
        }
        return outcomes;
      }
      const outcome = failure(error, wasMissed);
      return changes.map(() => outcome);
    }
  }

  /** @throws {P2pchatError} As of `EtcdGateway`. */
  async compareNodes(): Promise<void> {
    await this.#gateway.compareNodes();
  }

  /** @param tell As of `NodeWatch`. */
  watchNodes(tell: (text: string, isTrouble: boolean) => void): NodeWatch {
    const { nodes, clock } = this.#gateway.options;
    return new NodeWatch({ gateway: this.#gateway, nodes, clock, tell });
  }

  async get(key: string): Promise<Entry | null> {
    const { entries } = await this.#asked("/v3/kv/range", { key: base64(key) }, pageIn);
    return entries[0] ?? null;
  }

  async read(
    prefix: string,
    names = ALL_NAMES,
  ): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }> {
    for (let reads = 1;; reads++) {
      try {
        const entries: Entry[] = [];
        let revision: Revision = 0;
        for (const name of names) {
          revision = await this.#readAll(prefix + name, revision, entries);
        }
        return { entries, revision };
      } catch (error) {
        const isForgotten = error instanceof EtcdRefusal && error.code === CODE.outOfRange;
        if (!isForgotten || reads === READS_MAX) throw refused(error);
      }
    }
  }

  /** @param at The revision; 0: the latest. @param entries What was read is appended. @returns The revision. */
  async #readAll(prefix: string, at: Revision, entries: Entry[]): Promise<Revision> {
    const range_end = base64(endOf(prefix));
    let revision = at;
    let limit = PAGE_FEW;
    for (let from = prefix;;) {
      const body = () => ({
        key: base64(from),
        range_end,
        limit: `${limit}`,
        ...(revision === 0 ? {} : { revision: `${revision}` }),
      });
      // A page that didn't come in time may have been too long.
      const missed = () => void (limit = PAGE_FEW);
      const page = await this.#gateway.request("/v3/kv/range", body, pageIn, missed);
      revision ||= page.revision;
      entries.push(...page.entries);
      if (!page.more) return revision;
      from = `${page.entries.at(-1)!.key}\0`;
      const characters = page.entries.reduce((sum, { value }) => sum + value.length, 0);
      if (characters < PAGE_CHARACTERS_MIN) limit = Math.min(4 * limit, PAGE_MAX);
      else if (characters > PAGE_CHARACTERS_MAX) limit = PAGE_FEW;
    }
  }

  async count(prefix: string): Promise<number> {
    const range = { key: base64(prefix), range_end: base64(endOf(prefix)), count_only: true };
    return await this.#asked("/v3/kv/range", range, (answer) => countIn(answer, "count"));
  }

  follow(prefix: string, follower: Follower, names = ALL_NAMES): Following {
    const [first, last] = [names[0]!, names.at(-1)!];
    const range = { key: base64(prefix + first), range_end: base64(endOf(prefix + last)) };
    return new EtcdWatch({
      gateway: this.#gateway,
      range,
      read: () => this.read(prefix, names),
      heeds: (key) => isNamed(key, prefix, names),
      follower,
    });
  }

  async grant(ttlMs: number): Promise<LeaseId> {
    const body = { TTL: `${Math.ceil(ttlMs / 1_000)}` };
    return await this.#asked("/v3/lease/grant", body, (answer) => textIn(answer, "ID"));
  }

  async renew(lease: LeaseId): Promise<boolean> {
    const ttl = (answer: Json) => countIn(objectIn(answer, "result"), "TTL");
    return await this.#asked("/v3/lease/keepalive", { ID: lease }, ttl) > 0;
  }

  async revoke(lease: LeaseId): Promise<void> {
    try {
      const nothing = () => {};
      const body = { ID: lease };
      await this.#gateway.request("/v3/lease/revoke", body, nothing, nothing, REVOKE_MS);
    } catch (error) {
      // An earlier attempt was carried out, or the lease had ended.
      if (!(error instanceof EtcdRefusal && error.code === CODE.notFound)) throw refused(error);
    }
  }

  async #asked<Answer>(
    path: string,
    body: Json,
    read: (answer: Json) => Answer,
  ): Promise<Answer> {
    try {
      return await this.#gateway.request(path, body, read);
    } catch (error) {
      throw refused(error);
    }
  }
}

function pageIn(answer: Json) {
  return {
    entries: listIn(answer, "kvs").map(entryIn),
    revision: countIn(objectIn(answer, "header"), "revision"),
    more: answer["more"] === true,
  };
}

function keysOf({ when, puts, deletes = [] }: Change): ReadonlySet<string> {
  return new Set([...when.map(({ key }) => key), ...puts.map(({ key }) => key), ...deletes]);
}

/** As etcd writes it; where a condition doesn't hold, it answers with all entries that the change is about. */
function transaction(change: Change): Json {
  const { when, puts, deletes = [] } = change;
  return {
    compare: when.map(comparison),
    success: [
      ...puts.map(({ key, value, lease }) => ({
        request_put: {
          key: base64(key),
          value: base64(value),
          ...(lease === undefined ? {} : { lease }),
        },
      })),
      ...deletes.map((key) => ({ request_delete_range: { key: base64(key) } })),
    ],
    failure: [...keysOf(change)].map((key) => ({ request_range: { key: base64(key) } })),
  };
}

function comparison(condition: Condition): Json {
  const compared = { key: base64(condition.key), result: "EQUAL" };
  if ("is" in condition) return { ...compared, target: "CREATE", create_revision: "0" };
  return "modified" in condition
    ? { ...compared, target: "MOD", mod_revision: `${condition.modified}` }
    : { ...compared, target: "CREATE", create_revision: `${condition.created}` };
}

/** @param wasMissed Whether an earlier attempt may have been carried out: then what it put is there. */
function outcomeIn(change: Change, answer: Json, wasMissed: boolean): Outcome {
  const responses = listIn(answer, "responses");
  if (answer["succeeded"] === true) {
    const [first = {}] = responses;
    const made = objectIn(
      first,
      "response_put" in first ? "response_put" : "response_delete_range",
    );
    return { outcome: "done", revision: countIn(objectIn(made, "header"), "revision") };
  }
  const keys = [...keysOf(change)];
  const found = new Map(keys.map((key, at) => {
    const [kv] = listIn(objectIn(responses[at] ?? {}, "response_range"), "kvs");
    return [key, kv === undefined ? null : entryIn(kv)] as const;
  }));
  const { when, puts, deletes = [] } = change;
  const isMade = wasMissed && puts.every(({ key, value }) => found.get(key)?.value === value) &&
    deletes.every((key) => found.get(key) === null);
  const revision = Math.max(0, ...puts.map(({ key }) => found.get(key)?.modified ?? 0));
  if (isMade) return { outcome: "done", revision };
  // What was made, others may have changed since.
  if (wasMissed) return { outcome: "unknown", text: "another change came in between" };
  return { outcome: "conflict", seen: when.map(({ key }) => found.get(key) ?? null) };
}

const NOT_TRIED: Outcome = {
  outcome: "refused",
  code: "unreachable",
  text: "the engine doesn't answer",
};

/**
 * Why a change has no outcome. @param wasMissed Whether an earlier attempt may have been carried out: then it isn't known.
 * @throws What isn't about the engine.
 */
function failure(error: unknown, wasMissed: boolean): Outcome {
  if (wasMissed && (error instanceof P2pchatError || error instanceof EtcdRefusal)) {
    return { outcome: "unknown", text: error.message };
  }
  if (error instanceof P2pchatError) {
    return error.code === "unreachable"
      ? { outcome: "unknown", text: error.message }
      : { outcome: "refused", code: "not-allowed", text: error.message };
  }
  if (!(error instanceof EtcdRefusal)) throw error;
  const { code, message: text } = error;
  if (code === CODE.notFound) return { outcome: "refused", code: "lease-over", text };
  if (code === CODE.resourceExhausted) return { outcome: "refused", code: "disk", text };
  return { outcome: "refused", code: "not-allowed", text };
}

/** What is thrown for what the engine says to anything but a change. */
function refused(error: unknown): unknown {
  if (!(error instanceof EtcdRefusal)) return error;
  const { code, message } = error;
  const text = `Cannot use the engine: ${message}`;
  const known = code === CODE.permissionDenied
    ? "not-allowed"
    : code === CODE.resourceExhausted
    ? "disk"
    : "protocol";
  return new P2pchatError(known, text, { cause: error });
}

function base64(text: string | Uint8Array): string {
  return (typeof text === "string" ? utf8(text) : text).toBase64();
}

/** The end of the range of all keys that begin with `prefix`: never empty, and its last byte is none of 0xff in UTF-8. */
function endOf(prefix: string): Uint8Array {
  const end = Uint8Array.from(utf8(prefix));
  end[end.length - 1]! += 1;
  return end;
}
