/**
 * Dials that members ask us for, to learn whether others can dial them (`reachability.ts`). Only ever to the host
 * from which the asking link comes, so that nobody can make us dial third parties, and few: a member that wants many
 * dials pays for each with a message over a link of its own, which cost it a handshake as well.
 */

import { isLinkLocal } from "../../base/endpoints.ts";
import type { Endpoint, PeerKey } from "../../base/ids.ts";
import { Rates } from "../../base/rates.ts";
import type { Dial } from "./dialling.ts";
import {
  DIAL_BACK_ASKERS_MAX,
  DIAL_BACKS_AT_ONCE_MAX,
  DIAL_BACKS_BURST,
  DIAL_BACKS_PER_MINUTE,
} from "./limits.ts";
import type { MeshLink } from "./link_table.ts";
import type { DialFailureReason } from "./mesh_io.ts";

/** A p2pchat answers there, but we can't tell whether it is the member that asks. */
const UNTOLD: readonly DialFailureReason[] = ["full", "refused", "bad-credentials"];

export interface DialBacksPort {
  dial(dial: Pick<Dial, "purpose" | "peer" | "endpoint">): void;
  /** @param isReachable Null where we can't tell. */
  answer(peer: PeerKey, isReachable: boolean | null): void;
}

export class DialBacks {
  /** By key, since links come and go. */
  readonly #rates = new Rates<PeerKey>(
    DIAL_BACKS_PER_MINUTE / 60,
    DIAL_BACKS_BURST,
    DIAL_BACK_ASKERS_MAX,
  );
  #underWay = 0;

  constructor(private readonly port: DialBacksPort) {}

  /** A member asks to be dialled at this port. */
  asked({ peer, remote, dialled }: MeshLink, port: number, nowMs: number): void {
    if (dialled) return this.port.answer(peer, true);
    // A link-local address means something on one interface alone, which a dial doesn't name.
    const isDialable = port > 0 && !isLinkLocal(remote.host);
    const isPast = this.#underWay >= DIAL_BACKS_AT_ONCE_MAX;
    if (!isDialable || isPast || !this.#rates.take(peer, nowMs)) {
      return this.port.answer(peer, null);
    }
    this.#underWay++;
    const endpoint: Endpoint = { host: remote.host, port };
    this.port.dial({ purpose: "dial-back", peer, endpoint });
  }

  /** A dial has ended. @param reason Why it failed; null where the member has answered. */
  ended({ peer }: Dial, reason: DialFailureReason | null): void {
    this.#underWay--;
    if (peer === null) return;
    const isUntold = reason !== null && UNTOLD.includes(reason);
    this.port.answer(peer, isUntold ? null : reason === null);
  }
}
