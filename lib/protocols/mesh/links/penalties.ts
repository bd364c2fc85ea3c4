/** The penalty for a peer that broke the rules: its links are closed, and for a time it gets no other. */

import { OFFENDER_BAN_MS } from "../schema/limits.ts";
import type { LinkTable } from "./link_table.ts";
import type { Fault, MeshEffect } from "../schema/mesh_io.ts";
import type { PeerKey } from "../../../base/ids.ts";

/** How long the key of a peer whose signatures fail stays out: it has forged something. */
const FORGER_BAN_MS = 10 * 60_000;

/** The effects that close each of the peer's links. */
export function penalties(
  links: LinkTable,
  peer: PeerKey,
  fault: Fault,
  text: string,
): readonly Extract<MeshEffect, { readonly type: "close" | "ban" }>[] {
  const durationMs = fault === "invalid-signature" ? FORGER_BAN_MS : OFFENDER_BAN_MS;
  const reason = `${fault}: ${text}`;
  return [...links.all()].filter((link) => link.peer === peer).map(({ link }) =>
    // What the peer has promised may lie unread here, since we are slow: so no ban; another link begins without it.
    fault === "broken-promise"
      ? { type: "close", link, reason }
      : { type: "ban", link, reason, durationMs }
  );
}
