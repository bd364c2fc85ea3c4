/** The coordinator's part when a member proves that another one signed two batches for one. */

import type { Crypto } from "../../../base/crypto/crypto.ts";
import type { Hash, PeerKey } from "../../../base/ids.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import { shownName } from "../../../base/text/names.ts";
import type { MemberAdmission } from "./member_admission.ts";
import type { Attendance } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { equivocatedText, isEquivocation } from "../views/equivocation_detection.ts";
import { keptBatch, type SignedBatch } from "../schema/history.ts";
import type { GroupMessageOf } from "../schema/messages.ts";
import type { Rotation } from "./operator.ts";
import type { Views } from "../detector/views.ts";

interface JudgingParts {
  readonly group: Hash;
  readonly crypto: Crypto;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly admission: MemberAdmission;
  readonly out: CoordinatorOutput;
  /** As of `OperatorActions`. */
  rotation(): Rotation | null;
  /** The member is kept out from now on. */
  removed(key: PeerKey): void;
}

export class EquivocationJudgement {
  constructor(readonly parts: JudgingParts) {}

  /**
   * Keeps the author out, as the operator would. Authors that were never in the group aren't judged: anybody can have
   * any number of such keys, and each would be stored, and reported to all.
   * @returns What is wrong with the proof; null where nothing is.
   */
  equivocated({ one, other }: GroupMessageOf<"equivocated">): string | null {
    const { group, crypto, attendance, admission, out } = this.parts;
    const name = this.#nameOf(one.batch.value);
    if (name === null) return null;
    const proof = { one: keptBatch(one), other: keptBatch(other) };
    if (!isEquivocation(crypto, group, proof)) return "its proof against a member is none";
    const { author: key } = one.batch.value;
    if (admission.isOut(key)) return null;
    const rotation = this.parts.rotation();
    const fingerprint = fingerprintOf(key);
    out.store(
      { kind: "kicked", key: fingerprint, name, because: "equivocated" },
      ...rotation?.records ?? [],
    );
    admission.kick(fingerprint, name, "equivocated");
    rotation?.tell();
    out.warn(equivocatedText(shownName(name)));
    for (const { link } of attendance.here) {
      if (link !== null) out.send(link, { type: "equivocated", ...proof });
    }
    this.parts.removed(key);
    return null;
  }

  /** The author's name, now or formerly, in the group; null where it was never in. */
  #nameOf({ author: key, name: said }: SignedBatch["batch"]["value"]): string | null {
    const { views, attendance, admission } = this.parts;
    const members = views.open.flatMap(({ epoch }) => epoch.value.members);
    const names = [attendance.get(key)?.name, said].filter((name) => name !== undefined);
    return members.find((member) => member.key === key)?.name ??
      names.find((name) => admission.isPinned(key, name)) ?? null;
  }
}
