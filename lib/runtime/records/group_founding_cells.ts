/** Converts how a group was founded to cells, and back. */

import { MalformedError } from "../../base/errors.ts";
import type { PeerKey } from "../../base/ids.ts";
import { quotedStart } from "../../base/text/text.ts";
import { EDIT_POLICIES, type EditPolicy } from "../../protocols/group/schema/edit.ts";
import { type Founding, NONCE_BYTES } from "../../protocols/group/schema/founding.ts";
import { bytesOf, hexOf } from "../../base/schema/cells.ts";

export const FOUNDING_CELLS = 4;
const [PRIVATE, OPEN] = ["private", "open"];

/** The coordinator's key, the nonce, who is asked before an edit, and whether the group is private or open. */
export function foundingCells(founding: Founding): readonly string[] {
  const { coordinator, nonce, edits, private: isPrivate } = founding;
  return [coordinator, nonce.toHex(), edits, isPrivate ? PRIVATE : OPEN];
}

/** The record in these cells. @throws {MalformedError} If the cells aren't one. */
export function foundingOfCells(cells: readonly string[]): Founding {
  const [coordinator = "", nonce = "", edits = "", access = ""] = cells;
  if (access !== PRIVATE && access !== OPEN) {
    throw new MalformedError(`${quotedStart(access)} doesn't say who can join`);
  }
  return {
    coordinator: hexOf<PeerKey>(coordinator),
    nonce: bytesOf(nonce, NONCE_BYTES),
    edits: policyOf(edits),
    private: access === PRIVATE,
  };
}

/** Who is asked before an edit. @throws {MalformedError} If the word says nothing of that. */
export function policyOf(word: string): EditPolicy {
  const policy = EDIT_POLICIES.find((one) => one === word);
  if (policy === undefined) {
    throw new MalformedError(`${quotedStart(word)} doesn't say who is asked before an edit`);
  }
  return policy;
}
