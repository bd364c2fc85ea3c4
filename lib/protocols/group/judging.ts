/** The coordinator's part where a member proves that another one signed two batches for one. */

import type { Crypto } from "../../base/crypto.ts";
import type { Hash, PeerKey } from "../../base/ids.ts";
import { shownName } from "../../base/names.ts";
import type { Admission } from "./admission.ts";
import type { Attendance } from "./attendance.ts";
import type { CoordinatorOutput } from "./coordinator_output.ts";
import { equivocatedText, isEquivocation } from "./equivocation.ts";
import { keptBatch } from "./history.ts";
import type { GroupMessageOf } from "./messages.ts";
import type { Views } from "./views.ts";

export interface JudgingParts {
  readonly group: Hash;
  readonly crypto: Crypto;
  readonly views: Views;
  readonly attendance: Attendance;
  readonly admission: Admission;
  readonly out: CoordinatorOutput;
  /** It is kept out from now on. */
  removed(key: PeerKey): void;
}

export class Judging {
  constructor(readonly parts: JudgingParts) {}

  /**
   * Keeps the author out, as the operator would; of keys that were never in the group anybody can have any number.
   * @returns What is wrong with it; null where nothing is.
   */
  equivocated({ one, other }: GroupMessageOf<"equivocated">): string | null {
    const { group, crypto, views, attendance, admission, out } = this.parts;
    const proof = { one: keptBatch(one), other: keptBatch(other) };
    if (!isEquivocation(crypto, group, proof)) return "its proof against a member is none";
    const { author: key, name: said } = one.batch.value;
    const members = views.open.flatMap(({ epoch }) => epoch.value.members);
    const present = attendance.get(key) ?? members.find((member) => member.key === key);
    const name = present?.name ?? (admission.isPinned(key, said) ? said : null);
    if (name === null || admission.kicked.has(key)) return null;
    out.store({ kind: "kicked", key, name, because: "equivocated" });
    admission.kick(key, name, "equivocated");
    out.warn(equivocatedText(shownName(name)));
    for (const { link } of attendance.here) {
      if (link !== null) out.send(link, { type: "equivocated", ...proof });
    }
    this.parts.removed(key);
    return null;
  }
}
