/** Which machines are given a member's message: one entry for each type of message, and the compiler names those missing. */

import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { lastCounter } from "../log/bundle.ts";
import type { CausalOrder } from "../log/causal_order.ts";
import type {
  AdmissionMessage,
  BroadcastMessage,
  MeshMessage,
  OverlayMessage,
  ReachabilityMessage,
  RosterMessage,
  SyncMessage,
} from "../schema/messages.ts";
import type { Bundle } from "../schema/structures.ts";
import type { DeliveryGate } from "./delivery_gate.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { RoomOutput } from "./room_output.ts";
import type { Give } from "./room_parts.ts";

type MessageOf<Type> = Extract<MeshMessage, { readonly type: Type }>;

/** What members say to each other; the rest is for admission, or for the links. */
export type RoomMessage = Exclude<
  MeshMessage,
  AdmissionMessage | ReachabilityMessage | { readonly type: "removed" }
>;

type Readers = {
  readonly [Type in RoomMessage["type"]]: (from: PeerKey, message: MessageOf<Type>) => void;
};

interface Parts {
  readonly environment: Pick<Environment, "log">;
  readonly machines: { readonly order: Pick<CausalOrder, "frontier"> };
  readonly neighbours: Pick<Neighbourhood, "has">;
  readonly showing: Pick<DeliveryGate, "compares">;
  readonly out: Pick<RoomOutput, "nowMs">;
}

export class RoomInbox {
  readonly #readers: Readers;

  constructor(readonly parts: Parts, readonly give: Give) {
    this.#readers = this.#all();
  }

  /** @param from A member of the room. */
  read(from: PeerKey, message: RoomMessage): void {
    // The compiler can't follow a type from a message to its reader.
    const read = this.#readers[message.type] as (from: PeerKey, message: RoomMessage) => void;
    read(from, message);
  }

  #all(): Readers {
    const { give } = this;
    const { environment, neighbours } = this.parts;
    const overlay = (from: PeerKey, message: OverlayMessage) =>
      give("overlay", { type: "message", from, message });
    const roster = (from: PeerKey, message: RosterMessage) =>
      give("roster", { type: "message", from, message });
    const broadcast = (from: PeerKey, message: BroadcastMessage) =>
      give("broadcast", { type: "message", from, message });
    const sync = (from: PeerKey, message: SyncMessage) => this.#sync(from, message);
    return {
      "overlay-join": overlay,
      "forward-join": overlay,
      neighbor: overlay,
      "neighbor-reply": overlay,
      disconnect: overlay,
      shuffle: overlay,
      "shuffle-reply": overlay,
      beacons: roster,
      claims: roster,
      statements: roster,
      "roster-want": roster,
      "roster-summary": roster,
      "roster-part": roster,
      bundle: (from, message) => this.#bundle(from, message),
      preview: broadcast,
      ihave: broadcast,
      graft: broadcast,
      prune: broadcast,
      "sync-summary": sync,
      "sync-buckets": sync,
      "sync-frontiers": sync,
      "sync-want": sync,
      "sync-progress": sync,
      "sync-done": sync,
      proof: (from, { proof }) => give("order", { type: "proof", from, proof }),
      private: (from, { envelope }) => {
        if (!neighbours.has(from)) return; // the sender repeats it
        give("privateMessages", { type: "envelope", from, envelope });
      },
      rotations: (from, message) => give("secrets", { type: "message", from, message }),
      rulings: (from, { rulings }) => give("rulings", { type: "message", from, rulings }),
      unknown: (from, { code }) => {
        const key = fingerprintOf(from);
        environment.log.info("a peer doesn't know a message type", { key, code });
      },
    };
  }

  #bundle(from: PeerKey, message: MessageOf<"bundle">): void {
    const { bundle, claim, hop, reason } = message;
    const { give } = this;
    if (claim !== null && !this.#isDelivered(bundle)) {
      give("roster", { type: "claim", from, claim, named: bundle.header.value.claim });
    }
    give("broadcast", { type: "message", from, message });
    if (reason === "range") give("antiEntropy", { type: "arrived", from, bundle });
    give("order", { type: "bundle", from, bundle, hop, reason });
  }

  #isDelivered({ header: { value } }: Bundle): boolean {
    return this.parts.machines.order.frontier(value).counter >= lastCounter(value);
  }

  #sync(from: PeerKey, message: SyncMessage): void {
    this.parts.showing.compares(from, this.parts.out.nowMs);
    this.give("antiEntropy", { type: "message", from, message });
  }
}
