/** All talks that there were, and what was said in them. */

import type { ClientProcess } from "./client_process.ts";
import type { Talk } from "./sight.ts";
import { Violation } from "./violation.ts";

export class Talks {
  readonly #byId = new Map<string, Talk[]>();
  /** Begun in the machine, and not told to the user yet: by the number that the user knows. */
  readonly #begun = new Map<ClientProcess, Map<string, Talk>>();

  /** After each step: a call may have been connected in it. */
  stepped(process: ClientProcess): void {
    const { call } = process.machine.calling;
    if (call?.phase !== "talking") return;
    const known = this.#byId.get(call.id) ?? [];
    if (known.some((talk) => talk.process === process)) return;
    const { id, peer, shownId } = call;
    const talk: Talk = { process, id, peer, sent: [], received: [], end: null };
    this.#byId.set(id, [...known, talk]);
    const begun = this.#begun.get(process) ?? new Map<string, Talk>();
    begun.set(shownId, talk);
    this.#begun.set(process, begun);
  }

  take(process: ClientProcess, shownId: string): Talk {
    const talk = this.#begun.get(process)?.get(shownId);
    // Over within the step in which it was connected.
    return talk ?? { process, id: "", peer: "", sent: [], received: [], end: null };
  }

  /** The other side; null where it never came so far, and of who talks to oneself. */
  other({ id, process }: Talk): Talk | null {
    return this.#byId.get(id)?.find((talk) => talk.process !== process) ?? null;
  }

  ended(talk: Talk): void {
    const other = this.other(talk);
    if (other === null) return;
    this.#checkPrefix(talk, other);
    // The other's goodbye came after all that it said.
    if (talk.end !== "hung-up") return;
    if (talk.received.length < other.sent.length) {
      const { person } = talk.process;
      throw new Violation(
        `${person.name} has ${talk.received.length} of ${other.sent.length} lines, and a goodbye`,
      );
    }
  }

  #checkPrefix(talk: Talk, other: Talk): void {
    for (const [index, text] of talk.received.entries()) {
      if (other.sent[index] === text || index >= other.sent.length) continue;
      const { person } = talk.process;
      throw new Violation(`${person.name} sees "${text}" instead of "${other.sent[index]}"`);
    }
  }
}
