/** What a peer that broke the rules pays: its links, and the time for which it gets no other. */

import { OFFENDER_BAN_MS } from "./limits.ts";
import type { LinkTable } from "./link_table.ts";
import type { MeshEffect } from "./mesh_io.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Fault } from "./room_io.ts";

/** Whose signatures fail has forged something; its key stays out for so long. */
const FORGER_BAN_MS = 10 * 60_000;

/** The end of each of the peer's links. */
export function penalties(
  links: LinkTable,
  peer: PeerKey,
  fault: Fault,
  text: string,
): readonly Extract<MeshEffect, { readonly type: "close" | "ban" }>[] {
  const durationMs = fault === "invalid-signature" ? FORGER_BAN_MS : OFFENDER_BAN_MS;
  const reason = `${fault}: ${text}`;
  return [...links.all()].filter((link) => link.peer === peer).map(({ link }) =>
    // What we wait for may lie unread before us, since we are slow: another link begins without it.
    fault === "broken-promise"
      ? { type: "close", link, reason }
      : { type: "ban", link, reason, durationMs }
  );
}
