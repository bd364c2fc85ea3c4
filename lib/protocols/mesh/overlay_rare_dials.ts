/**
 * Dials that are made although no place is free. All neighbours may be there, and yet be the wrong ones: the room has
 * split into two healthy halves, and members of the other half count as lost; or all neighbours are liars that withhold
 * messages, while the members whose messages they withhold are alive in the roster. So now and then a member is dialled
 * that isn't a neighbour.
 */

import { jittered } from "../../base/jitter.ts";
import { Deadlines } from "../../base/machine.ts";
import { WITHHELD_LOOK_MS } from "./limits.ts";
import type { Contact } from "./messages.ts";
import type { Purpose } from "./overlay_attempts.ts";
import type { Candidates } from "./overlay_candidates.ts";
import type { MemberDirectory, OverlayConfig } from "./overlay_io.ts";
import { Withheld } from "./overlay_withheld.ts";

/** In the order they are served when due at once. */
const DEADLINES = [
  /** When to dial, perhaps, a member that isn't seen in the room. */
  "lost",
  /** When to look whether words are withheld. */
  "withheld",
] as const;

/** The chance, each time, of dialling one of the few that we know at first hand: once a minute. */
const FIRST_HAND_CHANCE = 0.5;

/** A contact to dial, and the purpose. */
export interface RareDial {
  readonly contact: Contact;
  readonly purpose: Purpose;
}

export class RareDials {
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #withheld: Withheld;
  /** Before this time nobody else is dialled for withheld messages. */
  #withheldFromMs = -Infinity;

  constructor(
    private readonly config: OverlayConfig,
    private readonly directory: MemberDirectory,
    private readonly candidates: Candidates,
    private readonly random: () => number,
    nowMs: number,
  ) {
    this.#withheld = new Withheld(directory);
    this.#deadlines.set("lost", nowMs + this.#intervalMs());
    this.#deadlines.set("withheld", nowMs + WITHHELD_LOOK_MS);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  postpone(delayMs: number): void {
    this.#deadlines.postpone(delayMs);
    this.#withheld.postpone(delayMs);
    this.#withheldFromMs += delayMs;
  }

  /** @param live How many members there are. */
  takeDue(live: number, isFree: (contact: Contact) => boolean, nowMs: number): readonly RareDial[] {
    const dials: RareDial[] = [];
    for (const due of this.#deadlines.takeDue(nowMs)) {
      if (due === "lost") {
        this.#deadlines.set("lost", nowMs + this.#intervalMs());
        const contact = this.#lost(live, isFree);
        if (contact !== null) dials.push({ contact, purpose: "rejoin" });
      } else {
        this.#deadlines.set("withheld", nowMs + WITHHELD_LOOK_MS);
        const contact = this.#apart(live, isFree, nowMs);
        if (contact !== null) dials.push({ contact, purpose: "withheld" });
      }
    }
    return dials;
  }

  /**
   * All members of the room together dial one lost member each second: it may be in the other half of a split. How many
   * members there are is hearsay, and may be a crowd that a liar makes up: so members that we know at first hand are
   * dialled all the same.
   */
  #lost(live: number, isFree: (contact: Contact) => boolean): Contact | null {
    const lost = this.directory.remembered().filter(isFree);
    if (this.random() < this.#chance(1, live)) return this.candidates.oneOf(lost);
    return this.random() < FIRST_HAND_CHANCE ? this.candidates.metOf(lost) : null;
  }

  /**
   * A member whose messages are withheld from us, or from which ours are withheld, as often as a lost one. Each of them
   * is dialled by as many members as a lost one would be, even where the whole room lacks what it has, or it lies.
   */
  #apart(live: number, isFree: (contact: Contact) => boolean, nowMs: number): Contact | null {
    const apart = this.#withheld.look(nowMs).filter(isFree);
    if (apart.length === 0 || nowMs < this.#withheldFromMs) return null;
    this.#withheldFromMs = nowMs + this.#intervalMs();
    if (this.random() >= this.#chance(apart.length, live)) return null;
    const contact = this.candidates.oneOf(apart);
    if (contact !== null) this.#withheld.dialled(contact.key, nowMs);
    return contact;
  }

  /** The dialled member wasn't there, or had no place: for withheld messages the next look dials the next one. */
  inVain(purpose: Purpose | undefined): void {
    if (purpose === "withheld") this.#withheldFromMs = -Infinity;
  }

  #chance(members: number, live: number): number {
    return Math.min(1, (members * this.config.rareDialsPerRoom) / live);
  }

  #intervalMs(): number {
    return jittered(this.config.rareDialIntervalMs, this.random());
  }
}
