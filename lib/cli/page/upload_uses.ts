/**
 * Which copies of files that were dropped onto the page are needed: those that are offered, or that somebody has just
 * asked to offer. Nobody but the page knows where a copy is, so that no other use is made of it.
 */

import type { DoorCommand, DoorEvent } from "../doors/door.ts";

/** A page offers what it has sent at once. One that is closed before that leaves a copy which nobody asks for. */
const UNUSED_MS = 60 * 60 * 1_000;

interface Uses {
  /** The refs of commands about it that aren't answered yet. */
  readonly asked: Set<string>;
  /** Its offers that are open, as `keyOf` has them. */
  readonly offers: Set<string>;
  /** Since when there is neither. */
  sinceMs: number;
}

export class UploadUses {
  /** By the number of the copy; as many as there are copies. */
  readonly #uses = new Map<number, Uses>();
  readonly #nowMs: () => number;
  readonly #unused: (copy: number) => void;
  readonly #named: RegExp;

  /**
   * @param run The name of the folder in which each copy has one that is its number.
   * @param unused Called once for each copy that nothing needs any more.
   */
  constructor(run: string, nowMs: () => number, unused: (copy: number) => void) {
    this.#nowMs = nowMs;
    this.#unused = unused;
    this.#named = new RegExp(`/${run}/(\\d+)/`);
  }

  /** A copy is there. */
  came(copy: number): void {
    this.#uses.set(copy, { asked: new Set(), offers: new Set(), sinceMs: this.#nowMs() });
  }

  /** The page asks for something, perhaps for a copy to be offered. */
  asked(command: DoorCommand, ref: string): void {
    const text = typeof command === "string" ? command : command["file"] ?? command["line"];
    if (typeof text !== "string") return; // whoever has the page's token can ask for anything
    const [, copy] = this.#named.exec(text) ?? [];
    if (copy !== undefined) this.#uses.get(Number(copy))?.asked.add(ref);
  }

  shown({ fields }: DoorEvent): void {
    const { event, ref, state } = fields;
    const hasEnded = state === "cancelled" || state === "failed";
    if (event === "offer" || event === "error") this.#answered(event, fields, String(ref));
    else if (event === "transfer" && hasEnded) this.#ended(keyOf(fields));
  }

  /** Gives up the copies that nobody has asked for. */
  expire(): void {
    for (const [copy, uses] of this.#uses) {
      if (!isUsed(uses) && this.#nowMs() - uses.sinceMs >= UNUSED_MS) this.#giveUp(copy);
    }
  }

  #answered(event: "offer" | "error", fields: DoorEvent["fields"], ref: string): void {
    for (const uses of this.#uses.values()) {
      if (!uses.asked.delete(ref)) continue;
      if (event === "offer") uses.offers.add(keyOf(fields));
      uses.sinceMs = this.#nowMs();
    }
  }

  #ended(offer: string): void {
    for (const [copy, uses] of this.#uses) {
      if (uses.offers.delete(offer) && !isUsed(uses)) this.#giveUp(copy);
    }
  }

  #giveUp(copy: number): void {
    this.#uses.delete(copy);
    this.#unused(copy);
  }
}

function isUsed({ asked, offers }: Uses): boolean {
  return asked.size + offers.size > 0;
}

/** Each offer in a room, whoever's it is, has a number of its own. */
function keyOf({ file, room }: DoorEvent["fields"]): string {
  return `${file} ${room}`;
}
