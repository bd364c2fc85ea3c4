/** A coordinator in an edit: what members ask of it, and what it says. */

import type { RequestId } from "../../../../lib/base/ids.ts";
import { consentTo, signConsent } from "../../../../lib/protocols/group/identity/consents.ts";
import type { SignedEditRequest } from "../../../../lib/protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { type Name, Program, type Words } from "../coordinator_program.ts";
import { idOf, originOf, requestOf } from "../edit_fixtures.ts";

/** What somebody asks for. @param author Who has said the entry. */
export function request(
  program: Program,
  name: string,
  seq: number,
  text = "new",
  author = name,
): SignedEditRequest {
  const [asker, sayer] = [program.somebody(name), program.somebody(author)];
  return requestOf(asker, program.group, seq, text, {}, sayer);
}

/** The numbers of requests as they were accepted last; in each program others. */
const numbers = new WeakMap<Program, Map<RequestId, number>>();

export function edit(program: Program, name: string, signed: SignedEditRequest): Words {
  const words = program.says(name, { type: "edit", signed });
  const accepted = program.somebody(name).got.get("edit-accepted");
  if (accepted?.type === "edit-accepted") {
    const known = numbers.get(program) ?? new Map<RequestId, number>();
    numbers.set(program, known.set(accepted.id, accepted.edit));
  }
  return words;
}

/** The number of the edit, and the view, that somebody was asked to vote on; of others it is the last. */
export function votedOn(
  program: Program,
  name: string,
  signed: SignedEditRequest,
): { readonly edit: number; readonly view: number } {
  const id = idOf(signed);
  const prepares = program.somebody(name).all.filter((message) => message.type === "prepare");
  const one = prepares.findLast((prepare) => idOf(prepare.signed) === id) ?? prepares.at(-1);
  return { edit: one?.edit ?? 0, view: one?.view ?? 0 };
}

/** @param author Whose entry it is, as the voter's log has it. */
export function vote(
  program: Program,
  name: string,
  signed: SignedEditRequest,
  author: string | null,
  changes: Partial<GroupMessageOf<"vote">> = {},
): Words {
  return program.says(name, {
    type: "vote",
    id: idOf(signed),
    ...votedOn(program, name, signed),
    agrees: true,
    origin: author === null ? null : originOf(program.somebody(author), signed.request.value.seq),
    consent: signConsent(program.somebody(name).signer, consentTo(fakeCrypto, signed)),
    reason: "",
    ...changes,
  });
}

/** Asked for, and agreed to by all of these; the entry is the requester's. */
export function committed(
  program: Program,
  name: string,
  seq: number,
  ...voters: Name[]
): SignedEditRequest {
  const signed = request(program, name, seq);
  edit(program, name, signed);
  for (const voter of voters) vote(program, voter, signed, name);
  return signed;
}

export function applied(program: Program, name: string, { batch: { value } }: SignedBatch): Words {
  const { incarnation, counter, edits } = value;
  return program.says(name, { type: "applied", incarnation, through: counter + edits.length - 1 });
}

/** The decision that a member got last. */
export function decisionAt(program: Program, name: string): SignedBatch {
  return (program.somebody(name).got.get("committed") as GroupMessageOf<"committed">).signed;
}
