/**
 * A newcomer is shown no more of what was said before it came than it asked for (`--history N`). Of what its first
 * process shows counts what all members who were there had been shown when that began: whoever lets it in says how far
 * that is. Nothing is promised where that link breaks before: others whom it meets may have come only now, too.
 */

import type { MeshRecord } from "../../../lib/protocols/mesh/records.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Said } from "../mesh/ledger.ts";
import type { MemberProcess } from "../mesh/member.ts";

export class HistoryAsked implements MeshChecker {
  readonly name = "history asked for";
  /** By process of a newcomer: what had been said before, and wasn't shown to it yet. */
  readonly #earlier = new Map<MemberProcess, Set<Said>>();
  readonly #shown = new Map<MemberProcess, number>();
  /** Newcomers that were told how far the room is, by who let them in. */
  readonly #told = new Set<MemberProcess>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    if (records.length > 0) return;
    const [first, ...others] = process.member.world.judged();
    if (first === undefined) return;
    const earlier = [...first.member.shown.held()].filter((said) =>
      others.every(({ member }) => member.shown.has(said))
    );
    this.#earlier.set(process, new Set(earlier));
  }

  wrote(process: MemberProcess, records: readonly MeshRecord[]): void {
    if (process.lastLost !== null) return;
    if (records.some(({ kind }) => kind === "arrival")) this.#told.add(process);
  }

  ended(process: MemberProcess): void {
    this.#told.delete(process);
    this.#earlier.delete(process);
    this.#shown.delete(process);
  }

  message(process: MemberProcess, said: Said): void {
    if (this.#earlier.get(process)?.delete(said) !== true) return;
    const { label, config } = process.member;
    const shown = (this.#shown.get(process) ?? 0) + 1;
    this.#shown.set(process, shown);
    if (shown <= config.historyShown || !this.#told.has(process)) return;
    const text =
      `${label} asked for ${config.historyShown} earlier messages, and is shown "${said.text}" too`;
    throw new Violation(this.name, text);
  }
}
