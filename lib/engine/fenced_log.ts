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
import { baseKey, chunksOf, foundIn, type Head, logKey } from "./fenced_log_keys.ts";
import {
  type Change,
  type Entry,
  isStill,
  type LeaseId,
  type Outcome,
  type Revision,
  type SharedStore,
} from "./shared_store.ts";

/**
 * How long a lease lasts: with 3 s a leader gave way at each election of etcd's, with 5 s at none.
 */
export const LEADER_LEASE_MS = 5_000;
const RENEW_MS = 1_500;
/** A renewal that isn't answered for so long has another one beside it: ten, until the lease isn't trusted any more. */
const RENEW_AGAIN_MS = 500;
/** Of its time, a lease isn't trusted for so long: clocks of other speed, and the way of an answer. */
const MISTRUST_MS = 500;
/** How long what needn't be durable at once waits for company. */
const NOTE_MS = 1_000;
/** Keys deleted in one change: etcd takes 128 operations. */
const DELETES_MAX = 64;

interface FencedLogPorts {
  readonly store: SharedStore;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly clock: Clock;
  /** What others read of who leads; no other program has the same. */
  readonly leader: string;
  /**
   * Called once, unless `lead` throws: this program leads no more. `in-use`: another one may; `disk`: it isn't known what
   * was written last.
   */
  readonly lost: (error: P2pchatError) => void;
}

interface Append {
  readonly lines: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: P2pchatError) => void;
}

/** Called when all that waits before it is written. */
type Mark = () => void;

/** Who leads, where another program does. */
interface OtherLeader {
  readonly leader: string;
}

/** What is put and deleted beside the log. */
type Beside = Pick<Change, "puts" | "deletes"> & { readonly when?: Change["when"] };

export class FencedLog {
  readonly #fence: Revision;
  readonly #lease: LeaseId;
  #lines: readonly string[] = [];
  #head: Head = { base: 0, from: 0, chunks: 0 };
  #headModified: Revision | null = null;
  /**
   * The last base that was begun, by whomever. None has a number that was used before: what deletes the former one's
   * parts may be held up, and carried out when those of the next one are there.
   */
  #lastBase = 0;
  /** The number of the next key of the log. */
  #next = 0;
  #baseBytes = 0;
  #logBytes = 0;
  /** What waits to be written, and is being written, in order. */
  #waiting: (Append | Mark)[] = [];
  #writing: readonly Append[] = [];
  #isAppending = false;
  #noteTimer: { cancel(): void } | null = null;
  /** Whether `lead` has returned it. */
  #leads = false;
  #error: P2pchatError | null = null;
  #renewTimer: { cancel(): void } | null = null;
  #expiry: { cancel(): void } | null = null;
  /** By the monotonic clock, ms. */
  #trustedUntilMs = 0;
  /** The keys of before the present head, which are to be deleted. */
  #old: readonly string[] = [];

  private constructor(
    readonly ports: FencedLogPorts,
    led: { readonly fence: Revision; readonly lease: LeaseId; readonly sentMs: number },
  ) {
    this.#fence = led.fence;
    this.#lease = led.lease;
    this.#trust(led.sentMs);
    this.#renewLater();
  }

  /**
   * Begins to lead, where nobody does.
   * @throws {P2pchatError} `unreachable` and others, where the engine can't be used; `store-corrupt`; `in-use` where the
   *   lead was lost meanwhile.
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
    const log = new FencedLog(ports, { fence: outcome.revision, lease, sentMs });
    try {
      await log.#load();
    } catch (error) {
      await log.close();
      throw error;
    }
    log.#leads = true;
    void log.#deleteOld();
    return log;
  }

  /** Reads what those before have left: they change nothing any more. */
  async #load(): Promise<void> {
    const { store, prefix } = this.ports;
    const head = await store.get(`${prefix}head`);
    const base = await store.read(`${prefix}base/`);
    const log = await store.read(`${prefix}log/`);
    // Only then it is certain that nobody has written while this was read.
    const leader = await store.get(`${prefix}leader`);
    if (leader?.created !== this.#fence) throw lostError();
    if (this.#error !== null) throw this.#error;
    const found = foundIn(prefix, head, [...base.entries, ...log.entries]);
    this.#lines = found.lines;
    this.#head = found.head;
    this.#lastBase = found.lastBase;
    this.#headModified = head?.modified ?? null;
    this.#next = found.next;
    this.#baseBytes = bytesOf(found.lines);
    this.#old = found.leftovers;
  }

  /** What was in the log when this program began to lead; only once. */
  takeLines(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** The length of the log, in bytes. */
  get bytes(): number {
    return this.#baseBytes + this.#logBytes;
  }

  /**
   * Whether nobody else can lead, by this program's own clock; where somebody may, it gives the lead up. To be asked before
   * whatever is said as the leader: a program that stood still doesn't know it by any timer yet.
   */
  leads(): boolean {
    if (this.#error !== null) return false;
    if (this.ports.clock.nowMs() < this.#trustedUntilMs) return true;
    this.#end(lostError());
    return false;
  }

  /** Whether `leader`, as it is in the engine now, is still what this program leads by, whatever its value. */
  leadsBy({ created }: Pick<Entry, "created">): boolean {
    return created === this.#fence && this.#error === null;
  }

  /**
   * Appends lines, which have no line feeds.
   * @returns When they are durable. @throws {P2pchatError} As `lost` is called with: nothing more is written.
   */
  append(lines: readonly string[]): Promise<void> {
    if (this.#error !== null) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lines, resolve, reject });
      this.#begin();
    });
  }

  /** Appends lines together with the next ones that are appended, or a little later. */
  note(lines: readonly string[]): void {
    const nothing = () => {};
    this.#waiting.push({ lines, resolve: nothing, reject: nothing });
    const { clock } = this.ports;
    this.#noteTimer ??= clock.at(clock.nowMs() + NOTE_MS, () => this.#begin());
  }

  #begin(): void {
    if (!this.#isAppending) void this.#appendAll();
  }

  async #appendAll(): Promise<void> {
    this.#isAppending = true;
    // What is appended in one turn goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && this.#error === null) {
      this.#noteTimer?.cancel();
      this.#noteTimer = null;
      const at = this.#waiting.findIndex((one) => typeof one === "function");
      const count = at < 0 ? this.#waiting.length : at;
      this.#writing = this.#waiting.splice(0, count) as readonly Append[];
      await this.#appendChunks(this.#writing.flatMap(({ lines }) => lines));
      if (this.#error !== null) break;
      for (const { resolve } of this.#writing) resolve();
      this.#writing = [];
      const [mark] = this.#waiting;
      if (typeof mark !== "function") continue;
      this.#waiting.shift();
      mark();
    }
    this.#isAppending = false;
  }

  async #appendChunks(lines: readonly string[]): Promise<void> {
    for (const chunk of chunksOf(lines)) {
      const key = this.#logKey(this.#next);
      const value = `${this.#fence} ${this.#next}\n${chunk}`;
      const outcome = await this.#change({ puts: [{ key, value }], when: [{ key, is: "absent" }] });
      if (outcome.outcome !== "done") return void this.#lose(outcome);
      this.#next++;
      this.#logBytes += utf8Length(chunk);
    }
  }

  /** Calls `then` when all is written that was appended before this call, and nothing of what comes after it. */
  async #written(then: Mark): Promise<void> {
    const isIdle = !this.#isAppending && this.#waiting.length === 0;
    if (isIdle || this.#error !== null) return then();
    await new Promise<void>((resolve) => {
      this.#waiting.push(() => {
        then();
        resolve();
      });
      this.#begin();
    });
  }

  /**
   * Compacts: from now on the log holds these lines, and those that are appended after this call. One at a time.
   * @throws {P2pchatError} As `append`.
   */
  async rewrite(lines: readonly string[]): Promise<void> {
    const chunks = chunksOf(lines);
    const before = this.#head;
    let from = 0;
    await this.#written(() => {
      from = this.#next;
      this.#logBytes = 0;
      this.#baseBytes = bytesOf(lines);
    });
    const head = { base: ++this.#lastBase, from, chunks: chunks.length };
    for (const [n, chunk] of chunks.entries()) {
      const value = `${this.#fence} ${n}\n${chunk}`;
      await this.change({ puts: [{ key: this.#baseKey(head.base, n), value }] });
    }
    const key = `${this.ports.prefix}head`;
    const when = isStill(key, this.#headModified);
    const value = JSON.stringify({ ...head, fence: this.#fence });
    this.#headModified = await this.change({ puts: [{ key, value }], when: [when] });
    this.#head = head;
    this.#old = [
      ...this.#old,
      ...Array.from({ length: before.chunks }, (_, n) => this.#baseKey(before.base, n)),
      ...Array.from({ length: head.from - before.from }, (_, n) => this.#logKey(before.from + n)),
    ];
    await this.#deleteOld();
  }

  /** Deletes what a compaction, or a crash during one, has left. */
  async #deleteOld(): Promise<void> {
    while (this.#old.length > 0 && this.#error === null) {
      const some = this.#old.slice(0, DELETES_MAX);
      this.#old = this.#old.slice(some.length);
      const outcome = await this.#change({ puts: [], deletes: some });
      if (outcome.outcome !== "done") this.#lose(outcome);
    }
  }

  /**
   * Changes other keys below the prefix, as long as this program leads.
   * @returns The revision. @throws {P2pchatError} As `append`.
   */
  async change(change: Beside): Promise<Revision> {
    if (this.#error !== null) throw this.#error;
    const outcome = await this.#change(change);
    if (outcome.outcome !== "done") throw this.#lose(outcome);
    return outcome.revision;
  }

  /** Says again who leads, where something else was put over it. @throws {P2pchatError} As `append`. */
  async restate(): Promise<void> {
    const { prefix, leader: value } = this.ports;
    await this.change({ puts: [{ key: `${prefix}leader`, value, lease: this.#lease }] });
  }

  #change({ when = [], ...change }: Beside): Promise<Outcome> {
    const fence = { key: `${this.ports.prefix}leader`, created: this.#fence };
    return this.ports.store.commit({ ...change, when: [fence, ...when] });
  }

  /** Leads no more. @returns Why. */
  #lose(outcome: NotDone): P2pchatError {
    const isLost = outcome.outcome === "conflict" ||
      (outcome.outcome === "refused" && outcome.code === "lease-over");
    return this.#end(isLost ? lostError() : refusal(outcome, "write the log"));
  }

  #end(error: P2pchatError): P2pchatError {
    if (this.#error !== null) return this.#error;
    this.#stop(error);
    // Where it can be given up, the others, or this program, needn't wait until it ends by itself.
    this.ports.store.revoke(this.#lease).catch(() => {});
    if (this.#leads) this.ports.lost(error);
    return error;
  }

  /** What is being written may be stored: whoever leads next finds out. */
  #stop(error: P2pchatError): void {
    this.#error = error;
    for (const timer of [this.#renewTimer, this.#expiry, this.#noteTimer]) timer?.cancel();
    for (const one of [...this.#writing, ...this.#waiting.splice(0)]) {
      if (typeof one === "function") one();
      else one.reject(error);
    }
    this.#writing = [];
  }

  #renewLater(): void {
    const { clock } = this.ports;
    this.#renewTimer?.cancel();
    this.#renewTimer = clock.at(clock.nowMs() + RENEW_MS, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    if (!this.leads()) return;
    const { clock, store } = this.ports;
    const sentMs = clock.nowMs();
    // A node that has no leader keeps the request; the next one, a moment later, may find another leader.
    this.#renewTimer = clock.at(sentMs + RENEW_AGAIN_MS, () => void this.#renew());
    try {
      const goesOn = await store.renew(this.#lease);
      if (this.#error !== null) return;
      if (!goesOn) return void this.#end(lostError());
      this.#trust(sentMs);
      this.#renewLater();
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      if (error.code !== "unreachable") this.#end(error);
    }
  }

  /** Once it can't be trusted any more it is given up, whatever a late answer says. */
  #trust(sentMs: number): void {
    this.#trustedUntilMs = Math.max(this.#trustedUntilMs, trustedUntil(sentMs));
    this.#expiry?.cancel();
    this.#expiry = this.ports.clock.at(this.#trustedUntilMs, () => this.#end(lostError()));
  }

  /** Writes what waits, and gives the lead up: another program may lead at once. */
  async close(): Promise<void> {
    await this.#written(() => {});
    if (this.#error !== null) return;
    this.#stop(lostError());
    await this.ports.store.revoke(this.#lease).catch((error) => {
      if (!(error instanceof P2pchatError)) throw error; // it ends by itself
    });
  }

  #logKey(number: number): string {
    return this.ports.prefix + logKey(number);
  }

  #baseKey(base: number, number: number): string {
    return this.ports.prefix + baseKey(base, number);
  }
}

type NotDone = Exclude<Outcome, { readonly outcome: "done" }>;

function bytesOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + utf8Length(line) + 1, 0);
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

function refusal(outcome: NotDone, what: string): P2pchatError {
  const why = outcome.outcome === "conflict" ? "it has changed meanwhile" : outcome.text;
  const code = outcome.outcome === "refused" && outcome.code === "not-allowed"
    ? "not-allowed"
    : "disk";
  return new P2pchatError(code, `Cannot ${what} in the engine: ${why}`);
}
