/**
 * Leaves that others asked for: for each peer a queue, bounded by the credit that one peer can have, and a lane below
 * chat that takes a leaf when the adapter says that it is drained.
 *
 * Each leaf is checked against the file's own digest before it goes out: of a file that was changed since it was
 * offered, nothing wrong is sent.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import type { Crypto } from "../../base/crypto/crypto.ts";
import type { OfferId, PeerKey } from "../../base/ids.ts";
import { readOf } from "./downloading.ts";
import { LANE_LEAVES, QUEUED_LEAVES_MAX, SERVED_MAX, STALL_MS } from "./limits.ts";
import { LeafChecker, leavesOf } from "./merkle.ts";
import type { Lacking } from "./messages.ts";
import type { OpenOffer } from "./offers.ts";
import type { TransferOutput } from "./transfer_io.ts";

/** Somebody who hasn't asked for this long has got the rest elsewhere, or had it: nobody needs so long for a few leaves. */
const STILL_MS = 5_000;
/** Files of one peer that are counted: it fetches a few at once. */
const COUNTED_MAX = 16;

export interface ServingPort extends TransferOutput {
  readonly crypto: Crypto;
  /** The time of the present step. */
  readonly nowMs: number;
  /** The file, if the peer may have this leaf of us. */
  servable(peer: PeerKey, file: OfferId, leaf: number): OpenOffer | null;
  /** The file isn't what it was, or can't be read. */
  spoilt(offer: OpenOffer, reason: "changed" | "disk", text: string): void;
}

/** Somebody who fetches a file from us, and how many of its leaves we have sent over this link. */
interface ServedFile {
  readonly peer: PeerKey;
  readonly file: OfferId;
  readonly leaves: number;
}

interface Wanted {
  readonly file: OfferId;
  next: number;
  readonly end: number;
}

class Lane {
  readonly wanted: Wanted[] = [];
  /** Leaves being read, and those sent and not drained. */
  reading = 0;
  sent = 0;
  /** When it was last empty, or drained. */
  movedMs = 0;

  get queued(): number {
    return this.wanted.reduce((sum, { next, end }) => sum + end - next, 0);
  }
}

/** How much of a file was sent to somebody, and when that one asked last. */
interface Sent {
  readonly checker: LeafChecker;
  leaves: number;
  lastMs: number;
}

export class Serving {
  readonly #lanes = new Map<PeerKey, Lane>();
  /** Of those that there is a link to. */
  readonly #sent = new Map<PeerKey, Map<OfferId, Sent>>();

  constructor(readonly port: ServingPort) {}

  /** Leaves that wait, are read or sent, for all peers. */
  get heldLeaves(): number {
    let held = 0;
    for (const { reading, sent } of this.#lanes.values()) held += reading + sent;
    return held;
  }

  /** Who fetches which file of us now, as far as can be seen: who waits for leaves, or asked for some just now. */
  served(nowMs: number): readonly ServedFile[] {
    return [...this.#sent].flatMap(([peer, files]) =>
      [...files].filter(([, { lastMs }]) => this.#lanes.has(peer) || nowMs - lastMs < STILL_MS)
        .map(([file, { leaves }]) => ({ peer, file, leaves }))
    );
  }

  /** @returns Why the request isn't answered; null where it is. */
  request(peer: PeerKey, file: OfferId, first: number, count: number): Lacking | null {
    const offer = this.port.servable(peer, file, first);
    if (offer === null) return "unknown";
    const end = Math.min(first + count, leavesOf(offer.value.size));
    const lane = this.#lanes.get(peer) ?? new Lane();
    const isFull = lane.queued + end - first > QUEUED_LEAVES_MAX;
    if (isFull || !this.#hasPlace(peer)) return "busy";
    this.#lanes.set(peer, lane);
    if (end > first) {
      lane.wanted.push({ file, next: first, end });
      this.#asked(peer, offer);
    }
    this.#pump(peer, lane);
    return null;
  }

  /**
   * Whether this one is served, or may be. What was sent to who takes nothing of it can't be had back; but it keeps no
   * place from others.
   */
  #hasPlace(peer: PeerKey): boolean {
    const sinceMs = this.port.nowMs - STALL_MS;
    const others = [...this.#lanes].filter(([other, { sent, movedMs }]) =>
      other !== peer && (sent === 0 || movedMs > sinceMs)
    );
    return others.length < SERVED_MAX;
  }

  /** It has taken some again, and others have its place: it asks anew, as whoever finds none. */
  #turnAway(peer: PeerKey, lane: Lane): void {
    const files = new Set(lane.wanted.splice(0).map(({ file }) => file));
    for (const file of files) this.port.send(peer, { type: "lack", file, reason: "busy" });
    if (lane.sent === 0) this.#lanes.delete(peer);
  }

  #asked(peer: PeerKey, { id, value }: OpenOffer): void {
    const files = this.#sent.get(peer) ?? new Map<OfferId, Sent>();
    this.#sent.set(peer, files);
    const { checker, leaves } = files.get(id) ??
      { checker: new LeafChecker(this.port.crypto, value), leaves: 0 };
    files.set(id, { checker, leaves, lastMs: this.port.nowMs });
    dropOldest(files, COUNTED_MAX);
  }

  /** The lane to the peer has taken a leaf, and has room again. */
  drained(peer: PeerKey): void {
    const lane = this.#lanes.get(peer);
    if (lane === undefined || lane.sent === 0) return;
    lane.sent--;
    if (!this.#hasPlace(peer)) return this.#turnAway(peer, lane);
    lane.movedMs = this.port.nowMs;
    this.#pump(peer, lane);
  }

  gone(peer: PeerKey): void {
    this.#lanes.delete(peer);
    this.#sent.delete(peer);
  }

  /** The peer needs no more of this file. */
  release(peer: PeerKey, file: OfferId): void {
    this.#sent.get(peer)?.delete(file);
    const lane = this.#lanes.get(peer);
    if (lane === undefined) return;
    const others = lane.wanted.filter((wanted) => wanted.file !== file);
    lane.wanted.splice(0, Infinity, ...others);
    this.#pump(peer, lane);
  }

  /** Nobody is sent any more of this file. @returns Who waited for it. */
  stop(file: OfferId): readonly PeerKey[] {
    const waiting = [...this.#lanes].filter(([, { wanted }]) =>
      wanted.some((each) => each.file === file)
    );
    for (const [peer] of waiting) this.release(peer, file);
    return waiting.map(([peer]) => peer);
  }

  #pump(peer: PeerKey, lane: Lane): void {
    while (lane.reading + lane.sent < LANE_LEAVES) {
      const [wanted] = lane.wanted;
      if (wanted === undefined) break;
      const leaf = wanted.next++;
      if (wanted.next >= wanted.end) lane.wanted.shift();
      const offer = this.port.servable(peer, wanted.file, leaf);
      if (offer !== null) this.#read(peer, lane, offer, leaf);
      else this.port.send(peer, { type: "lack", file: wanted.file, reason: "unknown" });
    }
    if (lane.reading + lane.sent === 0 && this.#lanes.get(peer) === lane) this.#lanes.delete(peer);
  }

  #read(peer: PeerKey, lane: Lane, offer: OpenOffer, leaf: number): void {
    lane.reading++;
    /** Whether the peer still waits for it. */
    const isWanted = () => {
      lane.reading--;
      return this.#lanes.get(peer) === lane && this.port.servable(peer, offer.id, leaf) !== null;
    };
    const token = this.port.token({
      done: (answer) => {
        if (!isWanted() || answer.type !== "read") return this.#goOn(peer, lane);
        const { bytes, proof } = answer;
        const sent = this.#sent.get(peer)?.get(offer.id);
        const checker = sent?.checker ?? new LeafChecker(this.port.crypto, offer.value);
        if (checker.isLeaf(leaf, bytes, proof)) {
          if (lane.sent++ === 0) lane.movedMs = this.port.nowMs;
          if (sent !== undefined) sent.leaves++;
          const message = { type: "leaf", file: offer.id, leaf, proof, bytes } as const;
          this.port.emit({ type: "send-bulk", to: peer, message });
        } else this.port.spoilt(offer, "changed", "the file isn't what was offered");
        this.#goOn(peer, lane);
      },
      failed: (text) => {
        if (isWanted()) this.port.spoilt(offer, "disk", text);
        this.#goOn(peer, lane);
      },
    });
    this.port.emit(readOf(offer, leaf, token));
  }

  #goOn(peer: PeerKey, lane: Lane): void {
    if (this.#lanes.get(peer) === lane) this.#pump(peer, lane);
  }
}
