/** Which machines are given a member's message: one entry for each type of message, and the compiler names those missing. */

import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { lastCounter } from "../log/bundle.ts";
import type {
  BroadcastMessage,
  MeshMessage,
  OverlayMessage,
  RosterMessage,
  SyncMessage,
} from "../schema/messages.ts";
import type { Bundle } from "../schema/structures.ts";
import type { RoomParts } from "./room_parts.ts";
import type { RoomRoutes } from "./room_routes.ts";

type MessageOf<Type> = Extract<MeshMessage, { readonly type: Type }>;

type Readers = {
  readonly [Type in MeshMessage["type"]]: (from: PeerKey, message: MessageOf<Type>) => void;
};

/** For admission, or for the links. */
const NOT_OURS = () => {};

export class RoomInbox {
  readonly #readers: Readers;

  constructor(readonly parts: RoomParts, readonly routes: RoomRoutes) {
    this.#readers = this.#all();
  }

  /** @param from A member of the room. */
  read(from: PeerKey, message: MeshMessage): void {
    // The compiler can't follow a type from a message to its reader.
    const read = this.#readers[message.type] as (from: PeerKey, message: MeshMessage) => void;
    read(from, message);
  }

  #all(): Readers {
    const { routes } = this;
    const { environment, neighbours } = this.parts;
    const overlay = (from: PeerKey, message: OverlayMessage) =>
      routes.give("overlay", { type: "message", from, message });
    const roster = (from: PeerKey, message: RosterMessage) =>
      routes.give("roster", { type: "message", from, message });
    const broadcast = (from: PeerKey, message: BroadcastMessage) =>
      routes.give("broadcast", { type: "message", from, message });
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
      proof: (from, { proof }) => routes.give("order", { type: "proof", from, proof }),
      private: (from, { envelope }) => {
        if (!neighbours.has(from)) return; // the sender repeats it
        routes.give("privateMessages", { type: "envelope", from, envelope });
      },
      rotations: (from, message) => routes.give("secrets", { type: "message", from, message }),
      rulings: (from, { rulings }) => routes.give("rulings", { type: "message", from, rulings }),
      unknown: (from, { code }) => {
        const key = fingerprintOf(from);
        environment.log.info("a peer doesn't know a message type", { key, code });
      },
      hello: NOT_OURS,
      join: NOT_OURS,
      offer: NOT_OURS,
      accept: NOT_OURS,
      welcome: NOT_OURS,
      refuse: NOT_OURS,
      "hold-name": NOT_OURS,
      "hold-reply": NOT_OURS,
      renew: NOT_OURS,
      removed: NOT_OURS,
      "dial-back": NOT_OURS,
      "dialled-back": NOT_OURS,
    };
  }

  #bundle(from: PeerKey, message: MessageOf<"bundle">): void {
    const { bundle, claim, hop, reason } = message;
    const { give } = this.routes;
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
    this.routes.give("antiEntropy", { type: "message", from, message });
  }
}
