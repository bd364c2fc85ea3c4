/**
 * A log of lines in an engine that one program at a time may write: whoever leads. The fence is the revision since which
 * there is the key of who leads: each change compares it, so whoever led before, and doesn't know yet that it no longer
 * does, changes nothing (a fencing token, as in Kleppmann, "How to do distributed locking", 2016).
 *
 * Below the prefix: `leader`, under a lease; `log/N`, the lines of one or more appends; `head`, from which `log/` key on
 * they count, and which base stands before; `base/B/N`, the lines of a compacted log. What neither `head` nor the keys
 * behind it name is left from a crash, and deleted by the next leader.
 *
 * The lease is trusted by this program's own clock, from when the last renewal that was answered was sent: after that
 * time another program may lead. That is for liveness alone; what was decided is safe by the fence.
 */

import type { Clock } from "../base/machine/clock.ts";
import { P2pchatError } from "../base/errors.ts";
import { utf8Length } from "../base/text/text.ts";
import type { Entry, LeaseId, Outcome, Revision, SharedStore } from "./shared_store.ts";

/**
 * How long a lease lasts: with 3 s a leader gave way at each election of etcd's, with 5 s at none.
 */
export const LEADER_LEASE_MS = 5_000;
const RENEW_MS = 1_500;
/** Of its time, a lease isn't trusted for so long: clocks of other speed, and the way of an answer. */
const MISTRUST_MS = 500;
/** Of one key: etcd takes 1.5 MiB in a request. */
const CHUNK_BYTES_MAX = 512 * 1024;
/** Keys deleted in one change: etcd takes 128 operations. */
const DELETES_MAX = 64;

interface FencedLogPorts {
  readonly store: SharedStore;
  /** Ends in `/`; nothing else is kept below it. */
  readonly prefix: string;
  readonly clock: Clock;
  /** What others read of who leads; no other program has the same. */
  readonly leader: string;
  /** Called once: this program leads no more. `in-use`: another one may; `disk`: it isn't known what was written last. */
  readonly lost: (error: P2pchatError) => void;
}

interface Append {
  readonly lines: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: P2pchatError) => void;
}

interface Head {
  readonly base: number;
  readonly from: number;
}

/** Who leads, where another program does. */
export interface OtherLeader {
  readonly leader: string;
}

export class FencedLog {
  /** What was in the log when this program began to lead. */
  readonly lines: readonly string[];
  readonly #fence: Revision;
  readonly #lease: LeaseId;
  #head: Head;
  #headModified: Revision | null;
  /** The number of the next key of the log. */
  #next: number;
  #bytes: number;
  #waiting: Append[] = [];
  #appending: Promise<void> | null = null;
  #error: P2pchatError | null = null;
  #isClosed = false;
  #timer: { cancel(): void } | null = null;
  #trustedUntilMs: number;
  /** The keys of before the present head, which are to be deleted. */
  #old: readonly string[];

  private constructor(
    readonly ports: FencedLogPorts,
    led: { readonly fence: Revision; readonly lease: LeaseId; readonly sentMs: number },
    found: Found,
  ) {
    this.#fence = led.fence;
    this.#lease = led.lease;
    this.#trustedUntilMs = trustedUntil(led.sentMs);
    this.lines = found.lines;
    this.#head = found.head;
    this.#headModified = found.headModified;
    this.#next = found.next;
    this.#bytes = found.lines.reduce((sum, line) => sum + utf8Length(line) + 1, 0);
    this.#old = found.leftovers;
    this.#renewLater();
  }

  /**
   * Begins to lead, where nobody does.
   * @throws {P2pchatError} `unreachable` and others, where the engine can't be used; `store-corrupt`.
   */
  static async lead(ports: FencedLogPorts): Promise<FencedLog | OtherLeader> {
    const { store, prefix, clock, leader: value } = ports;
    const key = `${prefix}leader`;
    const sentMs = clock.nowMs();
    const lease = await store.grant(LEADER_LEASE_MS);
    const outcome = await store.commit({
      when: [{ key, is: "absent" }],
      puts: [{ key, value, lease }],
    });
    if (outcome.outcome !== "done") {
      await store.revoke(lease);
      const [seen] = outcome.outcome === "conflict" ? outcome.seen : [];
      if (seen !== undefined && seen !== null) return { leader: seen.value };
      throw refusal(outcome, "lead");
    }
    const { entries } = await store.read(prefix);
    const found = foundIn(prefix, entries);
    // Read as the leader: what others wrote before is all there, and nobody else has written since.
    const isStill = entries.some((entry) =>
      entry.key === key && entry.created === outcome.revision
    );
    if (!isStill) throw lostError();
    const log = new FencedLog(ports, { fence: outcome.revision, lease, sentMs }, found);
    void log.#deleteOld();
    return log;
  }

  /** The length of the log, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Up to when this program may trust that nobody else leads, by its monotonic clock, ms. */
  get trustedUntilMs(): number {
    return this.#trustedUntilMs;
  }

  /**
   * Appends lines, which have no line feeds.
   * @returns When they are durable. @throws {P2pchatError} As `lost` is called with: nothing more is written.
   */
  append(lines: readonly string[]): Promise<void> {
    if (this.#error !== null) return Promise.reject(this.#error);
    if (lines.length === 0) return this.#appending ?? Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, resolve, reject });
      this.#appending ??= this.#appendAll();
    });
  }

  async #appendAll(): Promise<void> {
    // What is appended in one turn goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#error === null) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const failure = await this.#appendChunks(waiting.flatMap(({ lines }) => lines));
      for (const { resolve, reject } of waiting) {
        if (failure === null) resolve();
        else reject(failure);
      }
    }
    this.#appending = null;
  }

  async #appendChunks(lines: readonly string[]): Promise<P2pchatError | null> {
    for (const chunk of chunksOf(lines)) {
      const key = this.#logKey(this.#next);
      const value = `${this.#fence} ${this.#next}\n${chunk}`;
      const outcome = await this.#change([{ key, value }], [], [{ key, is: "absent" }]);
      if (outcome.outcome !== "done") return this.#lose(outcome);
      this.#next++;
      this.#bytes += utf8Length(chunk);
    }
    return null;
  }

  /**
   * Compacts: from now on the log holds these lines, and those that are appended after this call.
   * @throws {P2pchatError} As `append`.
   */
  async rewrite(lines: readonly string[]): Promise<void> {
    while (this.#appending !== null) await this.#appending;
    if (this.#error !== null) throw this.#error;
    const head = { base: this.#head.base + 1, from: this.#next };
    const chunks = chunksOf(lines);
    for (const [n, chunk] of chunks.entries()) {
      const value = `${this.#fence} ${n}\n${chunk}`;
      const outcome = await this.#change([{ key: this.#baseKey(head.base, n), value }], []);
      if (outcome.outcome !== "done") throw this.#lose(outcome);
    }
    const key = `${this.ports.prefix}head`;
    const when = this.#headModified === null
      ? { key, is: "absent" } as const
      : { key, modified: this.#headModified };
    const value = JSON.stringify({ ...head, chunks: chunks.length, fence: this.#fence });
    const outcome = await this.#change([{ key, value }], [], [when]);
    if (outcome.outcome !== "done") throw this.#lose(outcome);
    this.#headModified = outcome.revision;
    this.#head = head;
    this.#bytes = chunks.reduce((sum, chunk) => sum + utf8Length(chunk), 0);
    const { entries } = await this.ports.store.read(this.ports.prefix);
    this.#old = entries.map(({ key }) => key).filter((key) => isOld(this.ports.prefix, key, head));
    await this.#deleteOld();
  }

  /** Deletes what a compaction, or a crash during one, has left. */
  async #deleteOld(): Promise<void> {
    while (this.#old.length > 0 && this.#error === null) {
      const some = this.#old.slice(0, DELETES_MAX);
      const outcome = await this.#change([], some);
      if (outcome.outcome !== "done") {
        this.#lose(outcome);
        return;
      }
      this.#old = this.#old.slice(some.length);
    }
  }

  #change(
    puts: readonly { readonly key: string; readonly value: string }[],
    deletes: readonly string[],
    more: Parameters<SharedStore["commit"]>[0]["when"] = [],
  ): Promise<Outcome> {
    const fence = { key: `${this.ports.prefix}leader`, created: this.#fence };
    return this.ports.store.commit({ when: [fence, ...more], puts, deletes });
  }

  /** Leads no more. @returns Why. */
  #lose(outcome: Exclude<Outcome, { readonly outcome: "done" }>): P2pchatError {
    return this.#end(
      outcome.outcome === "conflict" ? lostError() : refusal(outcome, "write the log"),
    );
  }

  #end(error: P2pchatError): P2pchatError {
    if (this.#error !== null) return this.#error;
    this.#error = error;
    this.#timer?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    if (!this.#isClosed) this.ports.lost(error);
    return error;
  }

  #renewLater(): void {
    const { clock } = this.ports;
    this.#timer = clock.at(clock.nowMs() + RENEW_MS, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { clock, store } = this.ports;
    const sentMs = clock.nowMs();
    const isOver = sentMs >= this.#trustedUntilMs;
    // Once it can't be trusted any more it is given up, whatever a late answer says.
    const expiry = clock.at(this.#trustedUntilMs, () => this.#end(lostError()));
    try {
      const goesOn = !isOver && await store.renew(this.#lease);
      if (this.#error !== null || this.#isClosed) return;
      if (!goesOn) return void this.#end(lostError());
      this.#trustedUntilMs = trustedUntil(sentMs);
      this.#renewLater();
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (error.code !== "unreachable") this.#end(error);
      else if (this.#error === null && !this.#isClosed) this.#renewLater();
    } finally {
      expiry.cancel();
    }
  }

  /** Writes what waits, and gives the lead up. */
  async close(): Promise<void> {
    while (this.#appending !== null) await this.#appending;
    this.#isClosed = true;
    this.#timer?.cancel();
    if (this.#error !== null) return;
    this.#error = lostError();
    await this.ports.store.revoke(this.#lease);
  }

  #logKey(number: number): string {
    return `${this.ports.prefix}log/${String(number).padStart(10, "0")}`;
  }

  #baseKey(base: number, number: number): string {
    return `${this.ports.prefix}base/${base}/${String(number).padStart(6, "0")}`;
  }
}

interface Found {
  readonly lines: readonly string[];
  readonly head: Head;
  readonly headModified: Revision | null;
  readonly next: number;
  readonly leftovers: readonly string[];
}

/** @throws {P2pchatError} `store-corrupt` where something of the log is missing. */
function foundIn(prefix: string, entries: readonly Entry[]): Found {
  const values = new Map(entries.map((entry) => [entry.key.slice(prefix.length), entry]));
  const headEntry = values.get("head") ?? null;
  const head = headEntry === null
    ? { base: 0, from: 0, chunks: 0 }
    : headIn(prefix, headEntry.value);
  const lines: string[] = [];
  for (let n = 0; n < head.chunks; n++) {
    const entry = values.get(`base/${head.base}/${String(n).padStart(6, "0")}`);
    if (entry === undefined) throw corrupt(prefix, `part ${n} of its base is missing`);
    lines.push(...linesIn(entry.value));
  }
  let next = head.from;
  for (;; next++) {
    const entry = values.get(`log/${String(next).padStart(10, "0")}`);
    if (entry === undefined) break;
    lines.push(...linesIn(entry.value));
  }
  const numbers = [...values.keys()].flatMap((key) =>
    key.startsWith("log/") ? [Number(key.slice(4))] : []
  );
  const beyond = numbers.find((number) => number > next);
  if (beyond !== undefined) {
    throw corrupt(prefix, `${beyond} is there, and ${next} before it isn't`);
  }
  const leftovers = [...values.keys()].map((key) => prefix + key).filter((key) =>
    isOld(prefix, key, head)
  );
  return { lines, head, headModified: headEntry?.modified ?? null, next, leftovers };
}

/** Whether the key is of before that head, or of a compaction that wasn't finished. */
function isOld(prefix: string, key: string, { base, from }: Head): boolean {
  const [kind, number] = key.slice(prefix.length).split("/");
  if (kind === "log") return Number(number) < from;
  return kind === "base" && Number(number) !== base;
}

function headIn(prefix: string, value: string): Head & { readonly chunks: number } {
  let head: Readonly<Record<string, unknown>> = {};
  try {
    head = Object(JSON.parse(value));
  } catch {
    // Its fields are missing, then.
  }
  const { base, from, chunks } = head;
  const isCount = (number: unknown) => Number.isSafeInteger(number) && Number(number) >= 0;
  if (![base, from, chunks].every(isCount)) throw corrupt(prefix, "its head can't be read");
  return { base: Number(base), from: Number(from), chunks: Number(chunks) };
}

/** The lines of a value, behind its first one, which says who wrote it. */
function linesIn(value: string): readonly string[] {
  return value.split("\n").slice(1, -1);
}

/** The lines, each with its line feed, in as few texts as their length allows. */
function chunksOf(lines: readonly string[]): readonly string[] {
  const chunks: string[] = [];
  let chunk = "";
  let bytes = 0;
  for (const line of lines) {
    const length = utf8Length(line) + 1;
    if (bytes + length > CHUNK_BYTES_MAX && chunk !== "") {
      chunks.push(chunk);
      chunk = "";
      bytes = 0;
    }
    chunk += `${line}\n`;
    bytes += length;
  }
  return chunk === "" ? chunks : [...chunks, chunk];
}

function trustedUntil(sentMs: number): number {
  return sentMs + LEADER_LEASE_MS - MISTRUST_MS;
}

function lostError(): P2pchatError {
  return new P2pchatError(
    "in-use",
    "Another coordinator of this group may lead now: this one stands by",
  );
}

function refusal(
  outcome: Exclude<Outcome, { readonly outcome: "done" }>,
  what: string,
): P2pchatError {
  const why = outcome.outcome === "conflict" ? "it has changed meanwhile" : outcome.text;
  return new P2pchatError("disk", `Cannot ${what} in the engine: ${why}`);
}

function corrupt(prefix: string, why: string): P2pchatError {
  return new P2pchatError(
    "store-corrupt",
    `Cannot use the log below ${prefix} of the engine: ${why}`,
  );
}
