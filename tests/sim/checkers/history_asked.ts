/**
 * A newcomer is shown at most as many messages from before it joined as it requested (`--history N`). Counted are
 * the messages shown by its first process that all present members had been shown when that process started: the
 * admitting member tells the newcomer the room's frontiers. Nothing is promised if a link breaks, since
 * that may be the one to the admitting member, which is noticed seconds later, and the other members may be newcomers
 * themselves; nor where a member's disk refused to keep what it was shown; nor if the way in takes so long that the newcomer doesn't wait for that member.
 */

import { BASELINE_MS_MAX } from "../../../lib/protocols/mesh/room/catch_up_gate.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { Said } from "../mesh/ledger.ts";
import type { MemberProcess } from "../mesh/member.ts";

export class HistoryAsked implements MeshChecker {
  readonly name = "history asked for";
  /** By a newcomer's process: messages that were sent before it started, and that it hasn't been shown yet. */
  readonly #earlier = new Map<MemberProcess, Set<Said>>();
  readonly #shown = new Map<MemberProcess, number>();
  /** Newcomers that have recorded their arrival: the admitting member has told them the room's frontiers. */
  readonly #told = new Set<MemberProcess>();
  readonly #startedAtMs = new WeakMap<MemberProcess, number>();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    if (records.length > 0) return;
    this.#startedAtMs.set(process, process.member.world.time.nowMs);
    const [first, ...others] = process.member.world.judged();
    if (first === undefined || [first, ...others].some(({ member }) => member.diskFailed)) return;
    const earlier = [...first.member.shown.held()].filter((said) =>
      others.every(({ member }) => member.shown.has(said))
    );
    this.#earlier.set(process, new Set(earlier));
  }

  wrote(process: MemberProcess, records: readonly MeshRecord[]): void {
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
    const wayInMs = (process.readyAtMs ?? Infinity) - this.#startedAtMs.get(process)!;
    const isPromised = this.#told.has(process) && process.lastLost === null &&
      wayInMs < BASELINE_MS_MAX;
    if (shown <= config.historyShown || !isPromised) return;
    const text =
      `${label} asked for ${config.historyShown} earlier messages, and is shown "${said.text}" too`;
    throw new Violation(this.name, text);
  }
}
