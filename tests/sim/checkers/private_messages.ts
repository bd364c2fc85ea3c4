/**
 * Private messages are shown to their sender and their receiver alone, once to each, and once the room is
 * quiet the receiver has all that a process that still runs sent it and didn't refuse.
 */

import { type MeshChecker, Violation } from "../mesh/checker.ts";
import type { MessageEvent, Said } from "../mesh/ledger.ts";
import type { MemberProcess } from "../mesh/member.ts";
import type { World } from "../mesh/world.ts";

export class PrivateMessages implements MeshChecker {
  readonly name = "private messages";
  /** By message, who showed it first as its receiver. */
  readonly #shownBy = new Map<Said, MemberProcess>();

  message(process: MemberProcess, said: Said, event: MessageEvent, again: boolean): void {
    if (said.to === null) return;
    const { member, label } = process;
    if (!event.private) throw this.#broken(`${label} shows "${said.text}" as said to all`);
    if (member.key !== said.to && member.key !== said.key) {
      throw this.#broken(`${label} shows "${said.text}", which is private to others`);
    }
    if (member.key !== said.to) return;
    // A process killed between showing and storing can't know; the next one may show it again.
    if (again && this.#shownBy.get(said) === process) {
      throw this.#broken(`${label} shows "${said.text}" twice`);
    }
    this.#shownBy.set(said, process);
  }

  atQuiet(world: World): void {
    const runs = new Map<string, MemberProcess>();
    const streams = new Set<number>();
    for (const process of world.present()) {
      runs.set(process.member.key, process);
      streams.add(process.stream);
    }
    for (const said of world.ledger.said) {
      if (said.to === null || said.refused || !streams.has(said.stream)) continue;
      const receiver = runs.get(said.to);
      // Shown once and acknowledged, it is nobody's any more: an old backup doesn't bring it back.
      if (receiver !== undefined && !this.#shownBy.has(said)) {
        throw this.#broken(`${receiver.label} was never shown "${said.text}"`);
      }
    }
  }

  #broken(text: string): Violation {
    return new Violation(this.name, text);
  }
}
