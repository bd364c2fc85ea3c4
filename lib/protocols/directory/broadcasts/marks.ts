/**
 * Says to the other instances, once a second for all accounts that are in here, how far they have the broadcasts: a word
 * for each account and broadcast would cost as many writes as there are clients.
 */

import type { FoldedName } from "../../../base/ids.ts";
import type { Broadcasts } from "../broadcast_log/broadcasts.ts";
import type { DirectoryOutput } from "../schema/directory_output.ts";
import { MARK_EXCEPT_MAX, MARKED_MS } from "../schema/limits.ts";
import type { Client } from "../sessions/client_session.ts";
import type { Sessions } from "../sessions/sessions.ts";

interface MarksParts {
  readonly out: DirectoryOutput;
  readonly sessions: Pick<Sessions, "all">;
  readonly broadcasts: Pick<Broadcasts, "stored">;
  /** How many were begun here; and whose are about to be in: others may take them for being in, and they may have none. */
  begun(): { readonly begun: number; readonly entering: readonly FoldedName[] };
}

export class Marks {
  #dueMs: number | null = null;
  /** What was said last. */
  #said = "";

  constructor(readonly parts: MarksParts) {}

  /** An account has more of them than before. */
  changed(): void {
    const { out } = this.parts;
    if (!out.isAlone) this.#dueMs ??= out.nowMs + MARKED_MS;
  }

  nextMs(): number | null {
    return this.#dueMs;
  }

  tick(nowMs: number): void {
    if (this.#dueMs === null || this.#dueMs > nowMs) return;
    this.#dueMs = null;
    const { out, sessions, broadcasts: { stored } } = this.parts;
    const lack: Client[] = [];
    for (const client of sessions.all) {
      if (!client.isGuest && client.delivery.through < stored) lack.push(client);
    }
    const through = markOf(lack, stored);
    const lacking = lack.filter(({ delivery }) => delivery.through < through);
    const { begun, entering } = this.parts.begun();
    const except = [...lacking.map(({ folded }) => folded), ...entering].sort();
    const said = `${through} ${begun} ${except.join(" ")}`;
    if (said === this.#said) return;
    this.#said = said;
    out.order({ order: "mark", through, sessions: begun, except });
  }
}

/** The highest number that all but `MARK_EXCEPT_MAX` of these have, where `stored` is the highest there is. */
function markOf(lack: readonly Client[], stored: number): number {
  if (lack.length <= MARK_EXCEPT_MAX) return stored;
  const throughs = lack.map(({ delivery }) => delivery.through).sort((one, other) => one - other);
  return throughs[MARK_EXCEPT_MAX]!;
}
