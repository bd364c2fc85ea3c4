/** Sends the ranges for which neighbours asked, each at the pace of its receiver, and of its link. */

import type { PeerKey } from "../../../base/ids.ts";
import type { AntiEntropyEffect } from "./anti_entropy_io.ts";
import { SYNC_PROGRESS_MS_MAX, SYNC_STREAMS_MAX } from "../schema/limits.ts";
import type { SyncMessage } from "../schema/messages.ts";
import type { OrderQueries } from "../log/order_io.ts";
import { type SyncPeer, SyncSupply } from "./sync_peer.ts";

/** The end of a range is sent in the next step. */
const SENT_MS = 1;

type Of<Type extends SyncMessage["type"]> = Extract<SyncMessage, { readonly type: Type }>;

export class SyncSupplying {
  constructor(
    private readonly order: Pick<OrderQueries, "firstKept" | "nextInOrder">,
    private readonly emit: (effect: AntiEntropyEffect) => void,
  ) {}

  wanted(
    key: PeerKey,
    peer: SyncPeer,
    { entries, windowBytes }: Of<"sync-want">,
    nowMs: number,
  ): void {
    peer.looked(entries.length, nowMs);
    const supply = peer.supply ??= new SyncSupply(this.order);
    if (!supply.add(entries, windowBytes)) {
      const text = `asked for more than ${SYNC_STREAMS_MAX} streams at once`;
      return this.emit({ type: "penalise", peer: key, fault: "flood", text });
    }
    this.#supply(key, peer, nowMs);
  }

  progress(key: PeerKey, peer: SyncPeer, { bytes }: Of<"sync-progress">, nowMs: number): void {
    if (peer.supply === null) return; // it took longer than we waited
    peer.supply.confirm(bytes);
    this.#supply(key, peer, nowMs);
  }

  /** The link has drained. What it dropped of a range isn't known: it ends here, and the neighbour asks again. */
  drained(key: PeerKey, peer: SyncPeer, nowMs: number): void {
    peer.congested = false;
    if (peer.supply?.begun) this.#end(key, peer, peer.supply);
    else if (peer.supply !== null) this.#supply(key, peer, nowMs);
  }

  #supply(key: PeerKey, peer: SyncPeer, nowMs: number): void {
    const supply = peer.supply!;
    peer.supplyDeadlineMs = nowMs + SYNC_PROGRESS_MS_MAX;
    if (peer.congested) return;
    let next = supply.next();
    for (; next !== "full" && next !== null; next = supply.next()) {
      this.emit({ type: "send-bundle", to: key, bundle: next });
    }
    peer.looked(supply.takePassedOver(), nowMs);
    supply.isSent = next === null;
    // The link says after this step whether it took all: sent now, the end would be dropped with the rest.
    if (supply.isSent) peer.supplyDeadlineMs = nowMs + SENT_MS;
  }

  /** A range is sent, or nothing of it was confirmed for too long. @param peer With a `supply`. */
  due(key: PeerKey, peer: SyncPeer, nowMs: number): void {
    const supply = peer.supply!;
    if (!supply.isSent) {
      peer.supply = null;
    } else if (peer.congested) {
      supply.isSent = false; // it ends when the link has drained, if that ever happens
      peer.supplyDeadlineMs = nowMs + SYNC_PROGRESS_MS_MAX;
    } else {
      this.#end(key, peer, supply);
      this.emit({ type: "supplied", peer: key });
    }
  }

  #end(key: PeerKey, peer: SyncPeer, supply: SyncSupply): void {
    peer.supply = null;
    for (let question = 0; question < supply.questions; question++) {
      this.emit({ type: "send", to: key, message: { type: "sync-done" } });
    }
  }
}
