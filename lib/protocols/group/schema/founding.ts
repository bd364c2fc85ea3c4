/**
 * How a group was founded: the first record of its log. The group's id is a digest of it, so whoever knows the id
 * knows who founded the group and under which rules, whoever tells it: nobody can show one group to some and another
 * one to others under the same id, nor replay what is said in one group in a group of another coordinator.
 */

import { type Crypto, utf8 } from "../../../base/crypto/crypto.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import {
  bool,
  encode,
  fixedBytes,
  type Infer,
  oneOf,
  peerKey,
  record,
} from "../../../base/schema/schema.ts";
import { EDIT_POLICIES, type EditPolicy } from "./edit.ts";

export const NONCE_BYTES = 32;

/** Exported for its table in PROTOCOL.md. */
export const foundingSchema = record({
  /** The coordinator's key when it founded the group. */
  coordinator: peerKey(),
  nonce: fixedBytes(NONCE_BYTES),
  /** Who was asked before an edit then; later rules are in the history. */
  edits: oneOf(EDIT_POLICIES),
  /** Whether only those who have an invite may join and read the log; this never changes. */
  private: bool(),
});
export type Founding = Infer<typeof foundingSchema>;

/** Rules that a record of the history changes. */
export const rulesSchema = record({
  /** Who is asked before an edit. */
  edits: oneOf(EDIT_POLICIES),
});
export type Rules = Infer<typeof rulesSchema>;

const TAG = utf8("p2pchat group 1\0");

/** The id of the group: SHA-256 over a tag and the record. */
export function groupIdOf(crypto: Crypto, founding: Founding): Hash {
  return crypto.sha256<Hash>(TAG, encode(foundingSchema, founding));
}

/** A copy to keep: a decoder's bytes belong to the link's buffer. */
export function keptFounding(founding: Founding): Founding {
  return { ...founding, nonce: founding.nonce.slice() };
}

/**
 * Why the record isn't that of this group, or not of this coordinator's, as part of a sentence; null where it is.
 * @param isCoordinator Whether a key is, or was, the coordinator's.
 */
export function foundingFault(
  crypto: Crypto,
  group: Hash,
  founding: Founding,
  isCoordinator: (key: PeerKey) => boolean,
): string | null {
  if (groupIdOf(crypto, founding) !== group) {
    return `the id of the group, ${group.slice(0, 16)}..., isn't that of how it was founded`;
  }
  const { coordinator } = founding;
  return isCoordinator(coordinator)
    ? null
    : `the group was founded under another key, ${fingerprintOf(coordinator)}`;
}

/**
 * The rules in force at an end of the group's history, from the log alone: those of the last `rules` record up to
 * there, else those of the founding.
 */
export function rulesAt(
  founding: Founding,
  { rules }: { readonly rules: Rules | null },
): Rules {
  return rules ?? { edits: founding.edits };
}

const ASKED_TEXT: { readonly [Policy in EditPolicy]: string } = {
  own: "edits need the author's consent",
  ask: "edits need the consent of all who are here",
  auto: "edits need nobody's consent",
};

/** The rules as part of a sentence. */
export function rulesText({ edits }: Rules): string {
  return ASKED_TEXT[edits];
}

/**
 * Why the operator can't start a coordinator of this group so, as a sentence; null where that is possible.
 * @param isPrivate Whether the coordinator is to ask for an invite.
 */
export function accessFault(
  founding: Pick<Founding, "private">,
  isPrivate: boolean,
): string | null {
  if (founding.private === isPrivate) return null;
  const [is, advice] = founding.private
    ? ["private", "start it with --private"]
    : ["open", "start it without --private"];
  return `This group is ${is}: ${advice}, or found another one with --new, which sets this one's files aside`;
}

/** Who can join, as a sentence without its end. */
export function accessText({ private: isPrivate }: Pick<Founding, "private">): string {
  return isPrivate ? "Private group (by invite)" : "Open group (whoever reaches the coordinator)";
}
