/** Bundles as they go out on links: with their authors' claims, where a link hasn't carried them. */

import type { LinkTable } from "./links/link_table.ts";
import type { MeshMessage } from "./schema/messages.ts";
import type { RoomEffect } from "./room/room_io.ts";
import type { Roster } from "./roster/roster.ts";
import type { SignedClaim } from "./schema/structures.ts";

type BundleTo = Extract<RoomEffect, { readonly type: "bundle-to" }>;
type BundleMessage = Extract<MeshMessage, { readonly type: "bundle" }>;

export class LinkBundles {
  #last: BundleMessage | null = null;

  constructor(private readonly links: Pick<LinkTable, "forgetClaim" | "needsClaim">) {}

  /** The message that goes out on the peer's member link. */
  message({ peer, bundle, hop, reason }: BundleTo, roster: Pick<Roster, "claim">): BundleMessage {
    const { claim: id } = bundle.header.value;
    // A neighbour that has to ask for the bundle may lack the claim, too.
    if (reason === "graft") this.links.forgetClaim(peer, id);
    const claim = this.links.needsClaim(peer, id) ? roster.claim(id)?.signed ?? null : null;
    return this.#shared(bundle, claim, hop, reason);
  }

  /** The same object for the same content, so that it needs to be encoded only once. */
  #shared(
    bundle: BundleTo["bundle"],
    claim: SignedClaim | null,
    hop: number,
    reason: BundleTo["reason"],
  ): BundleMessage {
    const last = this.#last;
    if (
      last !== null && last.bundle === bundle && last.claim === claim && last.hop === hop &&
      last.reason === reason
    ) return last;
    return this.#last = { type: "bundle", bundle, claim, hop, reason };
  }
}
