/**
 * Follows the keys below a prefix (etcd.io/docs, "watch"): reads all, then all that changes from the next revision on.
 * Where the stream breaks off, it goes on from the revision after the last one at another node, so nothing is missed or
 * told twice; where etcd has forgotten what was between (compaction), all is read anew.
 *
 * Nothing comes on a stream while nothing changes, so its silence says nothing: who needs to know changes a key of its
 * own from time to time, and calls `restart` where it doesn't see that.
 */

import { P2pchatError } from "../../base/errors.ts";
import { RetryPauses } from "../../base/rates/retry_pauses.ts";
import type { Changed, Follower, Following, Revision, SharedStore } from "../shared_store.ts";
import { type EtcdGateway, EtcdRefusal } from "./etcd_gateway.ts";
import {
  countIn,
  decodedIn,
  entryIn,
  type Json,
  listIn,
  objectIn,
  Outage,
  parsedJson,
  textIn,
} from "./gateway_answers.ts";

/** How long a node has to open the stream. */
const OPEN_MS = 2_000;
/** Before the next attempt: soon, and where that doesn't help, not so often that it is a burden. */
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;
/** The longest line: after a gap etcd puts many revisions into one. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

interface WatchPorts {
  readonly gateway: Pick<
    EtcdGateway,
    "checkStream" | "endStream" | "forgetToken" | "leaveStream" | "options" | "pause" | "stream"
  >;
  /** The range of keys, as etcd writes it. */
  readonly range: Json;
  /** Whether the follower is told of that key: there may be others in the range. */
  readonly heeds: (key: string) => boolean;
  readonly read: () => ReturnType<SharedStore["read"]>;
  readonly follower: Follower;
}

export class EtcdWatch implements Following {
  #isClosed = false;
  /** Up to which revision the follower was told. */
  #told: Revision = 0;
  /** Whether all must be read, at first or anew. */
  #isUnread = true;
  /** Ends the present stream. */
  #stream = new AbortController();
  readonly #pauses = new RetryPauses(PAUSE_MS_MIN, PAUSE_MS_MAX);

  constructor(readonly ports: WatchPorts) {
    void this.#run();
  }

  restart(): void {
    this.ports.gateway.leaveStream(this.#stream);
  }

  close(): void {
    this.#isClosed = true;
    this.#stream.abort();
  }

  async #run(): Promise<void> {
    const { gateway, follower } = this.ports;
    while (!this.#isClosed) {
      try {
        if (this.#isUnread) await this.#readAll();
        if (this.#isClosed) return;
        await this.#follow();
      } catch (error) {
        if (this.#isClosed) return;
        const refusal = refusalOf(error);
        if (refusal !== null) return follower.refused(refusal);
      }
      await gateway.pause(this.#pauses.failed(gateway.options.random()));
    }
  }

  async #readAll(): Promise<void> {
    const { entries, revision } = await this.ports.read();
    if (this.#isClosed) return;
    if (revision < this.#told) throw setBack();
    this.#isUnread = false;
    this.#told = revision;
    this.#tell(() => this.ports.follower.all(entries, revision));
  }

  /** Follows until the stream ends, which it does by itself only where something is wrong. */
  async #follow(): Promise<void> {
    const { gateway, range } = this.ports;
    const { clock } = gateway.options;
    const end = this.#stream = new AbortController();
    const opening = clock.at(clock.nowMs() + OPEN_MS, () => gateway.leaveStream(end));
    try {
      const from = { start_revision: `${this.#told + 1}`, progress_notify: true };
      const stream = await gateway.stream(
        "/v3/watch",
        { create_request: { ...range, ...from } },
        end,
      );
      for await (const line of linesOf(stream, end.signal)) {
        opening.cancel();
        // So much has changed that all is read anew.
        if (line === null) return void (this.#isUnread = true);
        this.#take(parsedJson(line), end);
        if (this.#isUnread || this.#isClosed) return;
      }
    } catch (error) {
      gateway.leaveStream(end);
      throw error;
    } finally {
      opening.cancel();
      gateway.endStream(end);
    }
  }

  #take(line: Json, end: AbortController): void {
    if ("error" in line) {
      throw new EtcdRefusal(countIn(objectIn(line, "error"), "code"), "the watch ended");
    }
    const result = objectIn(line, "result");
    this.ports.gateway.checkStream(end, result);
    if (result["canceled"] === true) {
      // Compacted: what was between isn't known any more. Otherwise another node, or another token, may go on.
      if (countIn(result, "compact_revision") > 0) return void (this.#isUnread = true);
      const reason = textIn(result, "cancel_reason");
      if (/permission denied/.test(reason)) {
        throw new P2pchatError("not-allowed", `Cannot use the engine: ${reason}`);
      }
      this.ports.gateway.forgetToken();
      throw new EtcdRefusal(14, "the watch was ended");
    }
    const revision = countIn(objectIn(result, "header"), "revision");
    const isCreated = result["created"] === true;
    // The node lags behind another one, or the engine was set back: a stream from there on would tell nothing.
    if (isCreated && revision > 0 && revision < this.#told) return void (this.#isUnread = true);
    const events = listIn(result, "events");
    for (const [revision, changes] of byRevision(events, this.ports.heeds)) {
      if (revision <= this.#told) continue;
      this.#told = revision;
      this.#pauses.reset();
      if (changes.length === 0) continue;
      this.#tell(() => this.ports.follower.changed(changes, revision));
      if (this.#isClosed) return;
    }
    // Nothing of ours changed up to there: a later stream begins behind it, and compaction doesn't reach it.
    if (events.length === 0 && !isCreated) this.#told = Math.max(this.#told, revision);
  }

  /** What the follower throws is its own fault, and no outage. */
  #tell(told: () => void): void {
    try {
      told();
    } catch (cause) {
      throw new FollowerFault("a follower failed", { cause });
    }
  }
}

function setBack(): P2pchatError {
  const text =
    "The engine is in an earlier state than a moment ago, as a backup that is restored: " +
    "start this program again";
  return new P2pchatError("store-corrupt", text);
}

class FollowerFault extends Error {
  override readonly name = "FollowerFault";
}

/** What ends it for good; null where another attempt may do better. @throws What is neither: a bug. */
function refusalOf(error: unknown): P2pchatError | null {
  if (error instanceof FollowerFault) throw error.cause;
  if (error instanceof P2pchatError) return error.code === "unreachable" ? null : error;
  if (error instanceof EtcdRefusal || error instanceof Outage) return null;
  if (error instanceof DOMException || error instanceof TypeError) return null; // the stream broke off
  throw error;
}

/** The changes of each revision that are heeded, in order. */
function byRevision(
  events: readonly Json[],
  heeds: (key: string) => boolean,
): ReadonlyMap<Revision, readonly Changed[]> {
  const revisions = new Map<Revision, Changed[]>();
  for (const event of events) {
    const kv = objectIn(event, "kv");
    const revision = countIn(kv, "mod_revision");
    const changes = revisions.get(revision) ?? [];
    revisions.set(revision, changes);
    const key = decodedIn(kv, "key");
    if (heeds(key)) changes.push({ key, entry: event["type"] === "DELETE" ? null : entryIn(kv) });
  }
  return revisions;
}

/** The lines; null for one that is too long, which is the last. @throws {DOMException} Once `end` is signalled. */
async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  end: AbortSignal,
): AsyncGenerator<string | null> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  // A read from a node that is gone without a word may wait for minutes, whatever is signalled to it.
  const ended = new Promise<never>((_, reject) => {
    end.addEventListener("abort", () => reject(new DOMException("ended", "AbortError")));
  });
  ended.catch(() => {});
  let rest = "";
  try {
    end.throwIfAborted();
    for (;;) {
      const { value: bytes, done } = await Promise.race([reader.read(), ended]);
      if (done) return;
      const lines = decoder.decode(bytes, { stream: true }).split("\n");
      lines[0] = rest + lines[0];
      rest = lines.pop()!;
      for (const line of lines) if (line !== "") yield line;
      if (rest.length > LINE_CHARACTERS_MAX) return yield null;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
