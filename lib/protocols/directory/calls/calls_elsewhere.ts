/** Calls with somebody who is in at another instance: which they are, and what that one is told of our side. */

import type { FoldedName } from "../../../base/ids.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import type { CallSide } from "../schema/registrar_io.ts";
import type { Call, Side } from "../sessions/client_session.ts";
import type { Others } from "../sessions/others.ts";

interface CallsElsewhereParts {
  readonly out: Pick<DirectoryOutput, "order">;
  readonly others: Pick<Others, "present">;
  readonly mayRelay: boolean;
}

export class CallsElsewhere {
  /** By the name of whoever was in at another instance as the call began. */
  readonly #byName = new Map<FoldedName, Set<Call>>();

  constructor(readonly parts: CallsElsewhereParts) {}

  add(call: Call): void {
    for (const { remote, folded } of call.sides) {
      if (remote === null) continue;
      const calls = this.#byName.get(folded);
      if (calls === undefined) this.#byName.set(folded, new Set([call]));
      else calls.add(call);
    }
  }

  /** The call is over. */
  remove(call: Call): void {
    for (const { folded } of call.sides) {
      const calls = this.#byName.get(folded);
      if (calls?.delete(call) && calls.size === 0) this.#byName.delete(folded);
    }
    if (call.told !== null) this.takeBack(call, call.told);
  }

  with(name: FoldedName): readonly Call[] {
    return [...this.#byName.get(name) ?? []];
  }

  /** Our side has done something: the other's instance is told, if that is another one. */
  say(call: Call, side: Side, state: CallSide["state"], reason = ""): void {
    const { out, others, mayRelay } = this.parts;
    const other = call.other(side);
    if (other.client !== null || side.session === null) return;
    // It may have moved to yet another one, and told that of its call.
    const to = other.remote ?? others.present(other.folded);
    if (to === null || (other.key !== null && other.key !== to.key)) return;
    const { name, session } = side;
    call.told = state === "ringing" || state === "accepted" ? side : null;
    const said = { call: call.id, name, session, to: to.name, toSession: to.id };
    out.order({ order: "call", side: { ...said, state, reason, mayRelay } });
  }

  /** This instance doesn't speak for the side any more. */
  takeBack(call: Call, side: Side): void {
    if (call.told !== side) return;
    call.told = null;
    this.parts.out.order({ order: "call-over", call: call.id, name: side.name });
  }
}
