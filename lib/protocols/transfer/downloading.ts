/**
 * One file that is fetched: `opening` what an earlier attempt left, `checking` it, `fetching` leaves, `finishing`.
 *
 * A leaf is checked before it is written, and counts as there for the next process once it was synced. So many leaves
 * may be lost by a kill: those asked for, being written, and not synced. They are bounded by a part of the file, and
 * those of them that are in memory by a number.
 */

import type { Crypto } from "../../base/crypto/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import { Agenda, Deadlines, type Timed } from "../../base/machine/machine.ts";
import type { TransferReason } from "./events.ts";
import { Holders, type Run } from "./holders.ts";
import { LeafSet, leavesText, readLeaves } from "./leaf_set.ts";
import {
  ASK_MS,
  ASKED_MAX,
  AT_RISK_LEAVES_MIN,
  AT_RISK_PART,
  CHECKED_AT_ONCE,
  GONE_MS,
  HASH_BYTES,
  LEAF_BYTES,
  LEAF_MS_SLOW,
  LEAVES_HELD_MAX,
  NOBODY_MS,
  PROGRESS_MS,
  SYNC_LEAVES_MAX,
  SYNC_MS,
} from "./limits.ts";
import { LeafChecker, leafLength, leavesOf, proofLength } from "./merkle.ts";
import type { Lacking, LeafMessage } from "./messages.ts";
import type { OpenOffer } from "./offers.ts";
import { Seeking } from "./seeking.ts";
import { isFor } from "./sharing.ts";
import type { Following, TransferOutput } from "./transfer_io.ts";

/** How a download ended. */
export type DownloadOutcome =
  | { readonly state: "done"; readonly path: string }
  | { readonly state: "failed"; readonly reason: TransferReason; readonly text: string };

export interface DownloadPort extends TransferOutput {
  readonly crypto: Crypto;
  /** In [0, 1). */
  random(): number;
  /** All that we have a link to. */
  peers(): readonly PeerKey[];
  /** The peer may send so many more leaves. */
  granted(peer: PeerKey, leaves: number): void;
  progressed(download: Download): void;
  ended(download: Download, outcome: DownloadOutcome): void;
}

export class Download implements Timed {
  readonly #port: DownloadPort;
  #done: LeafSet;
  readonly #checker: LeafChecker;
  /** The leaves that an earlier attempt left, as it says; null: any may be there, or none. */
  #left: LeafSet | null = null;
  readonly #holders = new Holders();
  readonly #seeking: Seeking;
  readonly #writing = new Set<number>();
  /** Leaves written since the last sync began, and those that this one makes durable. */
  #unsynced = 0;
  #syncing = 0;
  #isSyncing = false;
  #phase: "opening" | "checking" | "fetching" | "finishing" | "ended" = "opening";
  /** When the last leaf came, or it was first asked for. */
  #servedMs = 0;
  #checkAt = 0;
  #checks = 0;
  #isChecked = false;
  /** Where leaves are asked for first: others that fetch the same file begin elsewhere. */
  readonly #from: number;
  #askFrom = 0;
  /** Who was asked whether it has the file, and hasn't answered: a set of leaves costs time to read. */
  readonly #asked = new Set<PeerKey>();
  /** What its sender said of it. */
  #lost: TransferReason | null = null;
  readonly #deadlines = new Deadlines({
    sync: () => this.#sync(),
    progress: () => this.#port.progressed(this),
    ask: (nowMs) => this.#ask(nowMs),
    slow: (nowMs) => this.#fill(nowMs),
    nobody: () => this.#fail(this.#lost ?? "no-holder", "nobody who has it could be reached"),
  });
  readonly #stalls: Timed = {
    nextMs: () => this.#holders.nextMs(),
    tick: (nowMs) => {
      this.#holders.tick(nowMs);
      this.#holdersChanged(nowMs);
    },
  };
  readonly #agenda: Agenda;

  /** @param name Under which it is saved; it may change while it is fetched. */
  constructor(port: DownloadPort, readonly offer: OpenOffer, public name: string) {
    this.#port = port;
    this.#done = new LeafSet(leavesOf(offer.value.size));
    this.#checker = new LeafChecker(port.crypto, offer.value);
    this.#from = Math.floor(port.random() * this.#done.leaves);
    this.#seeking = new Seeking(offer.value.from, () => port.random());
    this.#agenda = new Agenda([this.#deadlines, this.#stalls, this.#seeking]);
  }

  /** Bytes that are here and checked. */
  get bytes(): number {
    const { size } = this.offer.value;
    const last = this.#done.leaves - 1;
    const missing = this.#done.has(last) ? LEAF_BYTES - leafLength(size, last) : 0;
    return this.#done.count * LEAF_BYTES - missing;
  }

  /** Whether all that an earlier attempt left was looked at. */
  get isChecked(): boolean {
    return this.#isChecked;
  }

  /** Leaves in memory, or asked for. */
  get heldLeaves(): number {
    return this.#holders.asked + this.#writing.size;
  }

  /** Whom to look for by name, as nothing of it comes from those who are there. */
  get soughtHolders(): readonly PeerKey[] {
    return this.#seeking.holders((peer) => this.#holders.isLiar(peer));
  }

  /** Whether anybody else may be the one who has it. */
  get seeksOthers(): boolean {
    return this.#seeking.others && this.offer.value.to === null;
  }

  /** Since when nobody has sent anything of it; null where nothing is wanted of anybody. */
  get unservedSinceMs(): number | null {
    return this.#phase === "fetching" && this.#writing.size === 0 ? this.#servedMs : null;
  }

  /** Nobody sends it, and another one is to be fetched in its place. */
  giveWay(): void {
    this.#fail("no-holder", "nobody who has it could be reached");
  }

  /** Whether it may end now: its name in the folder isn't being taken. */
  get canGiveWay(): boolean {
    return this.#phase !== "finishing";
  }

  /** It is somebody else's turn; what was written of it is kept. */
  makeRoom(): void {
    this.#fail("waits", "another sender's file is fetched first");
  }

  /** Whether others can have this leaf of us. */
  has(leaf: number): boolean {
    return this.#done.has(leaf);
  }

  /** What others can have of us. */
  leaves(): Uint8Array {
    return this.#done.bits();
  }

  start(): void {
    const token = this.#following((answer, nowMs) => {
      if (answer.type === "begun") this.#opened(answer.isThere, answer.leaves, nowMs);
    });
    const { offer: { id: file, signed: offer }, name } = this;
    this.#port.emit({ type: "begin", token, file, offer, name });
  }

  #opened(isThere: boolean, leaves: string | null, nowMs: number): void {
    if (!isThere) this.#left = new LeafSet(this.#done.leaves);
    else if (leaves !== null) {
      this.#left = readLeaves(this.#port.crypto, this.offer.id, this.#done.leaves, leaves);
    }
    this.#phase = "checking";
    this.#check(nowMs);
  }

  nextMs(): number | null {
    return this.#agenda.nextMs();
  }

  tick(nowMs: number): void {
    this.#agenda.tick(nowMs);
  }

  /** A link came up. */
  peerUp(peer: PeerKey, nowMs: number): void {
    if (!isFor(this.offer, peer)) return; // nobody else may have it
    if (this.#phase === "fetching" && this.#holders.isWorthAsking(peer, nowMs)) this.#want(peer);
  }

  peerDown(peer: PeerKey, nowMs: number): void {
    this.#asked.delete(peer);
    this.#holders.remove(peer);
    this.#holdersChanged(nowMs);
  }

  /** The peer has these leaves; null: all. */
  have(peer: PeerKey, bits: Uint8Array | null, nowMs: number): void {
    if (this.#phase !== "fetching" || !this.#asked.delete(peer)) return;
    const leaves = bits === null ? null : LeafSet.of(this.#done.leaves, bits);
    if (bits !== null && leaves === null) this.#holders.accuse(peer); // nobody's set of leaves
    else {
      this.#holders.add(peer, leaves, nowMs);
      if (bits === null) this.#seeking.holds(peer);
    }
    this.#holdersChanged(nowMs);
  }

  /** The peer hasn't it, or not now. */
  lack(peer: PeerKey, reason: Lacking, nowMs: number): void {
    this.#holders.pause(peer, nowMs);
    const { from, to } = this.offer.value;
    if (peer === from && reason === "changed") this.#lost = "changed";
    // What was for one person was taken back while that one wasn't there.
    if (peer === from && reason === "unknown" && to !== null) this.#lost = "withdrawn";
    this.#holdersChanged(nowMs);
  }

  /** Its sender hasn't it any more as it was offered. */
  changed(nowMs: number): void {
    this.#lost = "changed";
    this.#holders.remove(this.offer.value.from);
    this.#holdersChanged(nowMs);
  }

  /** Its sender took it back. */
  withdrawn(): void {
    this.#fail("withdrawn", "its sender took it back");
  }

  /** A leaf came for which the peer had credit. */
  leaf(peer: PeerKey, { leaf, bytes, proof }: LeafMessage, nowMs: number): void {
    // What comes after a stall was asked of another one meanwhile.
    if (this.#phase !== "fetching" || !this.#holders.isAsked(peer, leaf)) return;
    if (!this.#checker.isLeaf(leaf, bytes, proof)) {
      this.#holders.accuse(peer);
      return this.#holdersChanged(nowMs);
    }
    for (const other of this.#holders.came(peer, leaf, nowMs)) {
      this.#port.send(other, { type: "release", file: this.offer.id });
    }
    this.#seeking.comes(nowMs);
    this.#servedMs = nowMs;
    this.#deadlines.set("nobody", nowMs + NOBODY_MS);
    this.#writing.add(leaf);
    const token = this.#following((_, nowMs) => this.#written(leaf, nowMs));
    const offset = leaf * LEAF_BYTES;
    this.#port.emit({ type: "write", token, file: this.offer.id, leaf, offset, bytes, proof });
    this.#fill(nowMs);
  }

  /** Ends it: nothing that comes later has an effect. */
  stop(): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#deadlines.clearAll();
    this.#seeking.stops();
    for (const peer of this.#holders.busy) {
      this.#port.send(peer, { type: "release", file: this.offer.id });
      this.#holders.remove(peer);
    }
  }

  #fail(reason: TransferReason, text: string): void {
    if (this.#phase === "ended") return;
    this.stop();
    this.#port.ended(this, { state: "failed", reason, text });
  }

  /** A token for the disk's answer, which is of no interest once this has ended. */
  #following(done: Following["done"]): number {
    return this.#port.token({
      done: (answer, nowMs) => {
        if (this.#phase !== "ended") done(answer, nowMs);
      },
      failed: (text) => this.#fail("disk", text),
    });
  }

  /**
   * Checks what is there, a few leaves at a time: since they were written the user, another program or a failing disk
   * may have changed them.
   */
  #check(nowMs: number): void {
    const { leaves } = this.#done;
    while (this.#checks < CHECKED_AT_ONCE && this.#checkAt < leaves) {
      const leaf = this.#checkAt++;
      if (this.#left?.has(leaf) === false) continue;
      this.#checks++;
      const token = this.#port.token({
        done: (answer, nowMs) => {
          if (answer.type !== "read" || this.#phase !== "checking") return;
          const { bytes, proof } = answer;
          if (this.#checker.isLeaf(leaf, bytes, proof)) this.#done.add(leaf);
          this.#checked(nowMs);
        },
        failed: (_, nowMs) => this.#checked(nowMs), // it is fetched again
      });
      this.#port.emit(readOf(this.offer, leaf, token));
    }
    if (this.#checks === 0) this.#fetch(nowMs);
  }

  #checked(nowMs: number): void {
    if (this.#phase !== "checking") return;
    this.#checks--;
    this.#deadlines.setEarliest("progress", nowMs + PROGRESS_MS);
    this.#check(nowMs);
  }

  #fetch(nowMs: number): void {
    this.#phase = "fetching";
    this.#isChecked = true;
    this.#servedMs = nowMs;
    // What isn't there must not be said to be.
    if (this.#done.count !== this.#left?.count) this.#sync();
    else if (this.#done.isFull) return this.#finish();
    this.#seeking.starts(nowMs);
    this.#ask(nowMs);
    this.#holdersChanged(nowMs);
  }

  #ask(nowMs: number): void {
    const peers = this.#port.peers().filter((peer) => isFor(this.offer, peer));
    let asked = 0;
    for (let passed = 0; passed < peers.length && asked < ASKED_MAX; passed++) {
      const peer = peers[this.#askFrom++ % peers.length]!;
      if (!this.#holders.isWorthAsking(peer, nowMs)) continue;
      this.#want(peer);
      asked++;
    }
    this.#deadlines.set("ask", nowMs + ASK_MS);
  }

  #want(peer: PeerKey): void {
    this.#asked.add(peer);
    this.#port.send(peer, { type: "want", file: this.offer.id });
  }

  #holdersChanged(nowMs: number): void {
    if (this.#phase !== "fetching") return;
    const isGone = this.#lost !== null && this.#holders.size === 0;
    this.#deadlines.setEarliest("nobody", nowMs + (isGone ? GONE_MS : NOBODY_MS));
    this.#fill(nowMs);
  }

  /** Asks for as much as there is room for. */
  #fill(nowMs: number): void {
    if (this.#phase !== "fetching") return;
    const risk = Math.max(AT_RISK_LEAVES_MIN, Math.floor(this.#done.leaves * AT_RISK_PART));
    const budget = Math.min(
      LEAVES_HELD_MAX - this.heldLeaves,
      risk - this.heldLeaves - this.#unsynced - this.#syncing,
    );
    const isHere = (leaf: number) => this.#writing.has(leaf);
    if (budget > 0) {
      this.#request(this.#holders.nextRuns(this.#done, isHere, this.#from, budget, nowMs));
    }
    const isAllAskedFor = this.#done.count + this.heldLeaves >= this.#done.leaves;
    if (budget < 1 || isAllAskedFor) this.#askAgain(nowMs);
  }

  #request(runs: readonly Run[]): void {
    for (const { peer, first, count } of runs) {
      this.#port.granted(peer, count);
      this.#port.send(peer, { type: "request", file: this.offer.id, first, count });
    }
  }

  /** Nothing else is to be asked for: what slow holders were asked for is asked of quick ones, too. */
  #askAgain(nowMs: number): void {
    this.#request(this.#holders.slowRuns(nowMs));
    const slowMs = this.#holders.nextSlowMs();
    // Later than now: those that are slow already have nobody who has room for them.
    if (slowMs !== null) this.#deadlines.set("slow", Math.max(slowMs, nowMs + LEAF_MS_SLOW));
  }

  #written(leaf: number, nowMs: number): void {
    this.#writing.delete(leaf);
    this.#done.add(leaf);
    this.#unsynced++;
    this.#deadlines.setEarliest("progress", nowMs + PROGRESS_MS);
    this.#deadlines.setEarliest("sync", nowMs + SYNC_MS);
    this.#syncIfDue();
    this.#fill(nowMs);
  }

  #syncIfDue(): void {
    const half = Math.max(AT_RISK_LEAVES_MIN, this.#done.leaves * AT_RISK_PART) / 2;
    if (this.#done.isFull || this.#unsynced >= Math.min(half, SYNC_LEAVES_MAX)) this.#sync();
  }

  #sync(): void {
    if (this.#isSyncing || this.#phase === "ended") return;
    this.#deadlines.clear("sync");
    this.#isSyncing = true;
    this.#syncing = this.#unsynced;
    this.#unsynced = 0;
    const token = this.#following((_, nowMs) => this.#synced(nowMs));
    const leaves = leavesText(this.#port.crypto, this.offer.id, this.#done);
    this.#port.emit({ type: "sync", token, file: this.offer.id, leaves });
  }

  #synced(nowMs: number): void {
    this.#isSyncing = false;
    this.#syncing = 0;
    if (this.#done.isFull && this.#unsynced === 0) return this.#finish();
    if (this.#unsynced > 0) this.#deadlines.setEarliest("sync", nowMs + SYNC_MS);
    this.#syncIfDue();
    this.#fill(nowMs);
  }

  #finish(): void {
    this.#phase = "finishing";
    this.#deadlines.clearAll();
    this.#seeking.stops();
    const token = this.#following((answer) => {
      if (answer.type !== "finished") return;
      this.stop();
      this.#port.ended(this, { state: "done", path: answer.path });
    });
    this.#port.emit({ type: "finish", token, file: this.offer.id, name: this.name });
  }
}

/** The effect that reads a leaf and its proof. */
export function readOf({ id, value }: OpenOffer, leaf: number, token: number) {
  return {
    type: "read",
    token,
    file: id,
    leaf,
    offset: leaf * LEAF_BYTES,
    length: leafLength(value.size, leaf),
    proofLength: proofLength(leavesOf(value.size), leaf) * HASH_BYTES,
  } as const;
}
