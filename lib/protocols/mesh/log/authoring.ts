/**
 * Makes bundles of the user's own lines. One bundle at a time is being written to the disk; what is typed
 * meanwhile becomes the next one, so a lone line goes at once and a burst costs one signature. Until the disk
 * has a bundle, it doesn't count: counter and previous bundle stay as they were.
 */

import { type Crypto, type Signer, utf8 } from "../../../base/crypto/crypto.ts";
import { P2pchatError } from "../../../base/errors.ts";
import type { BundleId, ClaimId } from "../../../base/ids.ts";
import { tooLong } from "../../../base/text/text.ts";
import { lastCounter, latestTime, makeBundle, roomTime } from "./bundle.ts";
import {
  BUNDLE_TEXT_BYTES_MAX,
  BUNDLE_TEXTS_MAX,
  HEADS_MAX,
  REFERENCE_HEADS_MAX,
  REFERENCE_INTERVAL_MS,
  UNSAID_BYTES_MAX,
  UNSAID_TEXTS_MAX,
} from "../schema/limits.ts";
import type { OrderConfig, OwnText } from "./order_io.ts";
import type { Bundle, Head } from "../schema/structures.ts";

interface WaitingText extends OwnText {
  readonly bytes: number;
}

/** A bundle of our own that the disk is asked to keep. */
export interface OwnBundle {
  readonly bundle: Bundle;
  readonly id: BundleId;
  readonly persistToken: number;
  /** Tokens of the lines in it; empty for kind `heads`. */
  readonly tokens: readonly number[];
}

export class Authoring {
  #queue: WaitingText[] = [];
  #queuedBytes = 0;
  #inFlight: OwnBundle | null = null;
  #claim: ClaimId | null;
  /** Our last bundle that is on disk. Kept here, as the table of frontiers may evict any author. */
  #last: Head | null = null;
  #persistTokens = 0;
  /** No bundle of kind `heads` is made before this time, except for lines for which one was made already. */
  #referenceAtMs = -Infinity;
  /** Whether the last bundle was one of kind `heads` that didn't name all. */
  #isJoining = false;
  /** How many lines still wait that did so when all heads were last named in bundles of kind `heads`. */
  #joined = 0;

  constructor(
    readonly config: Pick<OrderConfig, "room" | "genesisTime" | "incarnation" | "claim">,
    readonly crypto: Crypto,
    readonly signer: Signer,
    readonly wallMs: () => number,
  ) {
    this.#claim = config.claim;
  }

  set claim(claim: ClaimId) {
    this.#claim = claim;
  }

  /** Whether a bundle is being written to the disk. */
  get isStoring(): boolean {
    return this.#inFlight !== null;
  }

  /** Lines that aren't on disk yet. */
  unsaid(): { readonly messages: number; readonly bytes: number } {
    const inFlight = this.#inFlight;
    return {
      messages: this.#queue.length + (inFlight?.tokens.length ?? 0),
      bytes: this.#queuedBytes + (inFlight?.bundle.texts.bytes.length ?? 0),
    };
  }

  /**
   * Adds a line.
   * @throws {P2pchatError} `too-long`, above 64 KiB; `full`, where thousands wait already.
   */
  add({ text, token }: OwnText): void {
    const bytes = utf8(text).length;
    if (bytes > BUNDLE_TEXT_BYTES_MAX) throw tooLong(bytes);
    const { messages, bytes: unsaidBytes } = this.unsaid();
    if (messages >= UNSAID_TEXTS_MAX || unsaidBytes + bytes > UNSAID_BYTES_MAX) {
      throw new P2pchatError(
        "full",
        `Cannot send the message: ${messages} wait for the disk; send it again when they are out`,
      );
    }
    this.#queue.push({ text, token, bytes });
    this.#queuedBytes += bytes;
  }

  /**
   * Called at the end of a step: when the next bundle may be made for the lines that wait; null where none wait.
   * At once where what came meanwhile has joined the heads, or bundles that name them are being made; but not in this
   * step, whose records may follow those of an own bundle.
   */
  nextReferenceMs(headCount: number, nowMs: number): number | null {
    if (!this.#canMake()) return null;
    const areNamed = headCount <= HEADS_MAX || this.#isJoining || this.#joined > 0;
    return areNamed ? nowMs : this.#referenceAtMs;
  }

  /**
   * The next bundle, which waits for the disk from now on; null where there is nothing to be made, or another one is
   * being written. With more than 64 heads, bundles of kind `heads` come first, until they have named all: what arrives
   * meanwhile wasn't shown when the lines were typed, and they needn't follow it. The latest heads are named first, so
   * that each bundle is later than the one before it, which its heads may leave out.
   * @param deliveredTime The latest room time that was delivered here, also by streams that aren't among the heads any
   *   more, as they said different things to different members: what is said after it is later (Lamport 1978, IR2).
   */
  next(heads: readonly Head[], deliveredTime: number, nowMs: number): OwnBundle | null {
    if (!this.#canMake()) return null;
    if (heads.length <= HEADS_MAX) {
      return this.#make("texts", heads, deliveredTime, this.#takeTexts());
    }
    if (this.#joined > 0) {
      return this.#make("texts", [this.#last!], deliveredTime, this.#takeTexts());
    }
    if (!this.#isJoining && nowMs < this.#referenceAtMs) return null;
    this.#referenceAtMs = nowMs + REFERENCE_INTERVAL_MS;
    this.#isJoining = heads.length > REFERENCE_HEADS_MAX;
    if (!this.#isJoining) this.#joined = this.#queue.length;
    return this.#make("heads", heads.slice(-REFERENCE_HEADS_MAX), deliveredTime, []);
  }

  /** The disk has the bundle, which counts from now on. @returns It; null where the token is another's. */
  stored(persistToken: number): OwnBundle | null {
    const own = this.#take(persistToken);
    if (own === null) return null;
    const header = own.bundle.header.value;
    const { author, incarnation, time } = header;
    this.#last = { author, incarnation, counter: lastCounter(header), time, id: own.id };
    return own;
  }

  /** The disk refused the bundle, which doesn't count. @returns It; null where the token is another's. */
  notStored(persistToken: number): OwnBundle | null {
    return this.#take(persistToken);
  }

  /** Removes all waiting lines from the queue, as they can't be sent. @returns Them. */
  takeQueue(): readonly OwnText[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    [this.#isJoining, this.#joined] = [false, 0];
    return queue;
  }

  #canMake(): boolean {
    return this.#inFlight === null && this.#claim !== null && this.#queue.length > 0;
  }

  #take(persistToken: number): OwnBundle | null {
    const own = this.#inFlight;
    if (own === null || own.persistToken !== persistToken) return null;
    this.#inFlight = null;
    return own;
  }

  #takeTexts(): readonly OwnText[] {
    const countMax = Math.min(this.#joined || this.#queue.length, BUNDLE_TEXTS_MAX);
    let count = 0;
    let bytes = 0;
    while (count < countMax) {
      const next = this.#queue[count]!.bytes;
      if (count > 0 && bytes + next > BUNDLE_TEXT_BYTES_MAX) break;
      bytes += next;
      count++;
    }
    this.#queuedBytes -= bytes;
    this.#joined = Math.max(0, this.#joined - count);
    this.#isJoining = false;
    return this.#queue.splice(0, count);
  }

  #make(
    kind: "texts" | "heads",
    heads: readonly Head[],
    deliveredTime: number,
    lines: readonly OwnText[],
  ): OwnBundle {
    const wallMs = Math.max(0, Math.floor(this.wallMs()));
    const { bundle, id } = makeBundle(this.crypto, this.signer, {
      room: this.config.room,
      author: this.signer.key,
      incarnation: this.config.incarnation,
      kind,
      counter: (this.#last?.counter ?? 0) + 1,
      claim: this.#claim!,
      previous: this.#last?.id ?? null,
      heads,
      time: roomTime(
        Math.max(wallMs, deliveredTime + 1),
        latestTime(heads, this.config.genesisTime),
      ),
      sentAt: wallMs,
      texts: lines.map(({ text }) => text),
    });
    const tokens = lines.map(({ token }) => token);
    return this.#inFlight = { bundle, id, tokens, persistToken: ++this.#persistTokens };
  }
}
