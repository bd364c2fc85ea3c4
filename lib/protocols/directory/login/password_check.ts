/** Checks a password within the limits of guessing, here and at all instances of the directory. */

import type { FoldedName } from "../../../base/ids.ts";
import type { AccountAnswer } from "../schema/directory_io.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import { LOCK_OUT_MS, WRONG_FROM_ADDRESS_MAX, WRONG_MAX } from "../schema/limits.ts";
import { REFUSED_TEXTS } from "../schema/refusal_text.ts";
import type { LockOuts, Wait } from "./lock_outs.ts";

/** Whose password is said to be this one, and from where. */
interface Guess {
  readonly name: string;
  readonly folded: FoldedName;
  readonly password: string;
  readonly address: string;
}

/** @param waits Called where it isn't checked now. @param answered Called with what was found otherwise. */
export function checkPassword(
  { out, lockOuts }: {
    readonly out: DirectoryOutput;
    readonly lockOuts: Pick<LockOuts, "begin">;
  },
  { name, folded, password, address }: Guess,
  waits: (wait: Wait) => void,
  answered: (answer: AccountAnswer) => void,
): void {
  const attempt = lockOuts.begin(folded, address, out.monotonicMs);
  if ("retryMs" in attempt) return waits(attempt);
  const stamp = out.newStamp();
  const pair = `wrong/${address} ${folded}`;
  const all = `wrong/${address}`;
  const withinMs = LOCK_OUT_MS;
  const limits = [
    { what: pair, max: WRONG_MAX, withinMs },
    { what: all, max: WRONG_FROM_ADDRESS_MAX + 1, withinMs },
  ];
  // It counts as wrong until it is known to be right.
  out.register({ ask: "count", limits, stamp }, (counted) => {
    if (counted.outcome !== "done") {
      attempt.over(null, out.monotonicMs);
      if (counted.outcome !== "too-many") {
        return answered({ outcome: "disk", text: REFUSED_TEXTS.engine });
      }
      return waits({ retryMs: counted.retryMs, isLockedOut: true });
    }
    out.ask({ ask: "check-password", name, password, address }, (answer) => {
      const { outcome } = answer;
      const isRight = outcome === "ok" ? true : outcome === "wrong" ? false : null;
      attempt.over(isRight, out.monotonicMs);
      if (isRight !== false) {
        out.order({ order: "uncount", whats: [pair], stamp, isAll: isRight === true });
        out.order({ order: "uncount", whats: [all], stamp, isAll: false });
      }
      answered(answer);
    });
  });
}
