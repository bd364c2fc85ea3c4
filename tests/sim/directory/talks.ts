/** All connected calls, and the lines in them. */

import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type { ClientCall } from "../../../lib/protocols/directory/client_calls/client_call.ts";
import type { ClientProcess } from "./client_process.ts";
import type { Talk } from "./sight.ts";
import { Violation } from "./violation.ts";

export class Talks {
  /** By line: the key of its sender. */
  readonly #speakers = new Map<string, PeerKey>();
  /** By line of a user: the key to which it was sent, as the user knew it. */
  readonly #addressees = new Map<string, PeerKey>();
  readonly #byId = new Map<string, Talk[]>();
  readonly #byCall = new WeakMap<ClientCall, Talk>();
  /** Calls connected in the machine, but not yet shown to the user, by the id that the user will be shown. */
  readonly #begun = new WeakMap<ClientProcess, (readonly [shownId: string, Talk])[]>();

  /** Called after each step, in which a call may have been connected. */
  stepped(process: ClientProcess): void {
    const { call } = process.machine.calling;
    if (call?.phase !== "talking") return;
    if (this.#byCall.has(call)) return;
    const { id, peer, shownId, key } = call;
    const talk: Talk = { ...nothingSaid(), process, id, peer, key };
    const isOther = call.link !== null && call.link.peer !== key;
    if (isOther) throw new Violation(`${process.label} talks to another than who was named`);
    this.#byCall.set(call, talk);
    this.#byId.set(id, [...this.#byId.get(id) ?? [], talk]);
    this.#begun.set(process, [...this.#begun.get(process) ?? [], [shownId, talk]]);
  }

  take(process: ClientProcess, shownId: string): Talk {
    const begun = this.#begun.get(process) ?? [];
    const at = begun.findIndex(([id]) => id === shownId);
    const talk = begun[at]?.[1];
    this.#begun.set(process, begun.slice(at + 1));
    // It was over in the step in which it was connected.
    return talk ?? { ...nothingSaid(), process, id: "", peer: "", key: null };
  }

  said(text: string, key: PeerKey): void {
    this.#speakers.set(text, key);
  }

  /** The user of one side is shown that a line was sent. */
  sent({ id, process, key }: Talk, text: string): void {
    if (id !== "") this.#addressees.set(text, key ?? process.key);
  }

  /**
   * The user of one side is shown a line.
   * @throws {Violation} If its sender isn't the other side, by its key, or sent it to somebody else.
   */
  heard(talk: Talk, text: string): void {
    const { process, key } = talk;
    const speaker = this.#speakers.get(text);
    if (speaker === undefined) throw new Violation(`${process.label} sees what nobody said`);
    if (talk.id !== "" && speaker !== (key ?? process.key)) {
      throw new Violation(`${process.label} sees a line of another than it talks to`);
    }
    if ((this.#addressees.get(text) ?? process.key) !== process.key) {
      throw new Violation(`${process.label} sees a line that is for another`);
    }
  }

  /** Checks the key of a connected call. @param shown The fingerprint shown when the user was called; null: none. */
  checkKey({ process, key, peer }: Talk, shown: string | null): void {
    if (key === null) return; // a call with oneself
    const fingerprint = fingerprintOf(key);
    if (shown !== null && shown !== fingerprint) {
      throw new Violation(`${process.label} talks to another than who has called`);
    }
    if (process.person.pins.get(foldName(peer)) !== fingerprint) {
      throw new Violation(`${process.label} talks to ${peer}, whose key is another one`);
    }
  }

  /**
   * The other side; null if it was never connected, in a call with oneself, and if a lying directory has used one id
   * for two calls.
   */
  other({ id, process, key }: Talk): Talk | null {
    const others = (this.#byId.get(id) ?? []).filter((talk) =>
      talk.process.key === key && talk.key === process.key && talk.process !== process
    );
    return others.length === 1 ? others[0]! : null;
  }

  ended(talk: Talk): void {
    const other = this.other(talk);
    if (other === null) return;
    this.#checkPrefix(talk, other);
    // The other side's goodbye follows all its lines, unless the directory has told both that they choose the link.
    if (talk.end !== "hung-up" || talk.process.person.world.options.lies) return;
    if (talk.received.length < other.sent.length) {
      const { person } = talk.process;
      throw new Violation(
        `${person.name} has ${talk.received.length} of ${other.sent.length} lines, and a goodbye`,
      );
    }
  }

  /** The number of lines of one side that the other was never shown. */
  lost(talk: Talk): number {
    return talk.sent.length - (this.other(talk)?.received.length ?? 0);
  }

  /** Checks that no line is lost silently. */
  checkLost(): void {
    for (const talk of [...this.#byId.values()].flat()) {
      const { process, key, end, doubted } = talk;
      const { person } = process;
      const { world } = person;
      if (key === null || end === null || doubted === null) continue;
      // A hostile client may claim that it was shown lines that it wasn't.
      if (world.hostiles.some(({ keys }) => keys.has(key))) continue;
      if (this.other(talk) === null && world.options.lies) continue;
      const lost = this.lost(talk);
      if (lost <= doubted) continue;
      throw new Violation(`${person.name} loses ${lost} lines, and is told of ${doubted}`);
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

function nothingSaid(): Pick<Talk, "sent" | "received" | "end" | "doubted"> {
  return { sent: [], received: [], end: null, doubted: 0 };
}
