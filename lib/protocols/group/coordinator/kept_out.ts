/** Newcomers that exchange no datagrams with members: the operator is told who, and with whom. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { Attendance } from "../detector/attendance.ts";
import type { CoordinatorOutput } from "../schema/coordinator_output.ts";
import { keptOutText } from "./coordinator_view.ts";
import { KEPT_OUT_BURST, KEPT_OUT_PER_S, REMEMBERED_MAX } from "../schema/limits.ts";
import { hearEachOther } from "../detector/next_view.ts";
import { Unheard } from "../detector/unheard.ts";
import type { Views } from "../detector/views.ts";

export class KeptOut {
  readonly #newcomers = new Map<PeerKey, Unheard>();
  /** Strangers may come and go under ever new keys. */
  readonly #warnings = new TokenBucket(KEPT_OUT_PER_S, KEPT_OUT_BURST);

  constructor(
    private readonly parts: {
      readonly views: Views;
      readonly attendance: Attendance;
      readonly out: CoordinatorOutput;
    },
  ) {}

  get dueMs(): number | null {
    return earliestMs(...[...this.#newcomers.values()].map(({ dueMs }) => dueMs));
  }

  settle(): void {
    const { views, attendance: { here }, out } = this.parts;
    const members = here.filter(({ key }) => views.member(key) !== null);
    const joining = here.filter(({ key }) => views.member(key) === null);
    for (const [key, unheard] of this.#newcomers) {
      if (views.member(key) !== null) this.#newcomers.delete(key);
      else if (!joining.some((newcomer) => newcomer.key === key)) unheard.are([], out.nowMs);
    }
    for (const newcomer of joining) {
      const unheardMembers = members.filter((member) => !hearEachOther(newcomer, member));
      const unheard = this.#unheardOf(newcomer.key);
      unheard.are(unheardMembers.map(({ key }) => key), out.nowMs);
      const told = unheard.take(out.nowMs);
      if (told.length === 0 || !this.#warnings.take(out.nowMs)) continue;
      out.warn(keptOutText(newcomer, unheardMembers.filter(({ key }) => told.includes(key))));
    }
  }

  #unheardOf(key: PeerKey): Unheard {
    const known = this.#newcomers.get(key);
    if (known !== undefined) return known;
    const unheard = new Unheard();
    this.#newcomers.set(key, unheard);
    dropOldest(this.#newcomers, REMEMBERED_MAX);
    return unheard;
  }
}
