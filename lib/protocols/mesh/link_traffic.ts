/**
 * What passes between links and the room: what is held on its way in, who is sent what and with which claims, and the
 * penalty for what breaks the rules.
 */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { HELD_INPUTS_MAX, OFFENDER_BAN_MS } from "./schema/limits.ts";
import type { Fault, MeshEffect, MeshInput } from "./schema/mesh_io.ts";
import type { BundleReason, MeshMessage } from "./schema/messages.ts";
import type { LinkTable } from "./links/link_table.ts";
import type { Roster } from "./roster/roster.ts";
import type { Bundle, SignedClaim } from "./schema/structures.ts";

export type LinkInput = Extract<
  MeshInput,
  { readonly type: "link-up" | "message" | "unknown-message" | "congested" | "drained" | "missed" }
>;

/** Holds what links bring while a room is being opened, or while another link admits us. */
export class HeldInputs {
  /** At most `HELD_INPUTS_MAX` of each link: none takes another one's places. */
  #inputs: LinkInput[] = [];

  /** @returns False where too many inputs of its link wait already. */
  hold(input: LinkInput): boolean {
    const ofLink = this.#inputs.filter(({ link }) => link === input.link);
    if (ofLink.length >= HELD_INPUTS_MAX) return false;
    this.#inputs.push(input);
    return true;
  }

  /** The link is down, or being closed. */
  drop(link: LinkId): void {
    this.#inputs = this.#inputs.filter((held) => held.link !== link);
  }

  /** Takes all inputs, in the order in which they came. */
  takeAll(): readonly LinkInput[] {
    return this.#inputs.splice(0);
  }
}

/** Messages that tell nothing of the room. */
const TO_ANYBODY: ReadonlySet<MeshMessage["type"]> = new Set([
  "hello",
  "join",
  "offer",
  "accept",
  "welcome",
  "refuse",
  "renew",
  "removed",
  "overlay-join",
  "neighbor",
  "neighbor-reply",
  "disconnect",
  "dial-back",
  "dialled-back",
  "unknown",
]);

/**
 * Whether a message may go out to a key that isn't listed; `self` is our own key. What is said in the room, its history,
 * rosters, invites and everything else of it goes to the keys that are listed as members at that moment, and to no
 * other. Every message is asked for on its way out, whichever machine made it.
 *
 * The others are sent what it takes to come in or to come back: of us nothing but our own credentials, which say no
 * more than that we are here, and of the room its genesis, which holds no secret.
 */
export function isForAnybody(message: MeshMessage, self: PeerKey): boolean {
  if (message.type !== "beacons") return TO_ANYBODY.has(message.type);
  // That we leave is told to those, too, that we don't know yet: they may have us in their roster.
  return message.beacons.every(({ signed }) => signed.beacon.value.key === self);
}

/** A bundle for a peer. */
interface BundleTo {
  readonly peer: PeerKey;
  readonly bundle: Bundle;
  readonly hop: number;
  readonly reason: BundleReason;
}
type BundleMessage = Extract<MeshMessage, { readonly type: "bundle" }>;

/** Bundles as they go out on links: with their authors' claims, where a link hasn't carried them. */
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
    bundle: Bundle,
    claim: SignedClaim | null,
    hop: number,
    reason: BundleReason,
  ): BundleMessage {
    const last = this.#last;
    if (
      last !== null && last.bundle === bundle && last.claim === claim && last.hop === hop &&
      last.reason === reason
    ) return last;
    return this.#last = { type: "bundle", bundle, claim, hop, reason };
  }
}

/** How long the key of a peer whose signatures fail stays out: it has forged something. */
const FORGER_BAN_MS = 10 * 60_000;

/** The effects that close each link of a peer that broke the rules; for a time it gets no other. */
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
