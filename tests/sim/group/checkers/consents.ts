/**
 * No honest member has an edit in its log without the signed consent of whoever has to be asked: checked apart from the
 * members' own check, under the rules that are in force at the edit's place. Under `own` that is the author, unless it has asked.
 */

import { consentTo, isConsentOf } from "../../../../lib/protocols/group/identity/consents.ts";
import type { PlacedEdit } from "../../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto } from "../../fake_crypto.ts";
import type { Checker } from "../checker.ts";
import { Violation } from "../violation.ts";
import type { World } from "../world.ts";

export class Consents implements Checker {
  edited(world: World, { position, edit: { edit, signed, agreed } }: PlacedEdit): void {
    const { seq, requester } = signed.request.value;
    const { key } = world.history.entries[seq - 1]!.by.signer;
    if (world.policyAt(position) !== "own" || key === requester) return;
    const consent = consentTo(fakeCrypto, signed);
    const isGiven = agreed.some((one) =>
      one.key === key && isConsentOf(fakeCrypto, key, consent, one.signature)
    );
    if (!isGiven) throw new Violation(`E1: edit ${edit} is in a log without its author's consent`);
  }
}
