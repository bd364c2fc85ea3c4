/**
 * Dials that members ask us for, to learn whether others can dial them (`reachability.ts`). Who has dialled us is dialled
 * at the host from which its link comes, so that no stranger can make us dial third parties. Whom we have dialled
 * ourselves, at another address than it announces, is dialled at that one. Few of either kind: a member that wants many
 * dials pays for each with a message over a link of its own, which cost it a handshake as well.
 */

import { isLinkLocal, parseHost } from "../../../base/text/endpoints.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { Rates } from "../../../base/rates/token_bucket.ts";
import type { Dial } from "./dialling.ts";
import {
  DIAL_BACK_ASKERS_MAX,
  DIAL_BACKS_AT_ONCE_MAX,
  DIAL_BACKS_BURST,
  DIAL_BACKS_PER_MINUTE,
} from "../schema/limits.ts";
import { type MeshLink, reachedAt } from "./link_table.ts";
import type { DialFailureReason } from "../schema/mesh_io.ts";

/** A p2pchat answers there, but we can't tell whether it is the member that asks. */
const UNTOLD: readonly DialFailureReason[] = ["full", "refused", "bad-credentials"];

export interface DialBacksPort {
  dial(dial: Pick<Dial, "purpose" | "peer" | "endpoint">): void;
  /**
   * @param isReachable Null where we can't tell.
   * @param reached Where we have dialled the peer; null where it has dialled us.
   */
  answer(peer: PeerKey, isReachable: boolean | null, reached: Endpoint | null): void;
}

export class DialBacks {
  /** By key, since links come and go. */
  readonly #rates = new Rates<PeerKey>(
    DIAL_BACKS_PER_MINUTE / 60,
    DIAL_BACKS_BURST,
    DIAL_BACK_ASKERS_MAX,
  );
  /** Where we had dialled each peer that is being dialled for its question; null where it had dialled us. */
  readonly #underWay = new Map<PeerKey, Endpoint | null>();

  constructor(private readonly port: DialBacksPort) {}

  /** A member asks whether it can be dialled where it says. */
  asked(link: MeshLink, announced: Endpoint, nowMs: number): void {
    const { peer, remote } = link;
    const reached = reachedAt(link);
    if (reached !== null && isSameEndpoint(reached, announced)) {
      return this.port.answer(peer, true, reached);
    }
    const endpoint = reached === null ? { host: remote.host, port: announced.port } : announced;
    // A link-local address means something on one interface alone, which a dial doesn't name.
    const isDialable = endpoint.port > 0 && parseHost(endpoint.host) === endpoint.host &&
      !isLinkLocal(endpoint.host);
    const isPast = this.#underWay.size >= DIAL_BACKS_AT_ONCE_MAX || this.#underWay.has(peer);
    if (!isDialable || isPast || !this.#rates.take(peer, nowMs)) {
      return this.port.answer(peer, null, reached);
    }
    this.#underWay.set(peer, reached);
    this.port.dial({ purpose: "dial-back", peer, endpoint });
  }

  /** A dial has ended. @param reason Why it failed; null where the member has answered. */
  ended({ peer }: Dial, reason: DialFailureReason | null): void {
    if (peer === null) return;
    const reached = this.#underWay.get(peer) ?? null;
    this.#underWay.delete(peer);
    const isUntold = reason !== null && UNTOLD.includes(reason);
    this.port.answer(peer, isUntold ? null : reason === null, reached);
  }
}
