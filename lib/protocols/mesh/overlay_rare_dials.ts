/**
 * Dials that no free place asks for. All neighbours may be there, and yet be the wrong ones: the room has split into
 * two healthy halves, and those of the other half are lost; or all of them are liars that withhold what is said, and
 * those from whom they withhold it are alive in the roster. So now and then somebody is dialled who isn't a neighbour.
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

/** Of dialling one of the few that we know at first hand, each time: once a minute. */
const FIRST_HAND_CHANCE = 0.5;

/** Whom to dial, and as what. */
export interface RareDial {
  readonly contact: Contact;
  readonly purpose: Purpose;
}

export class RareDials {
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #withheld: Withheld;
  /** Before that nobody else is dialled for it. */
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
   * The whole room together dials some member that it lost each second: it may be the other half of a split. How many
   * there are in the room is hearsay, and may be a crowd that a liar makes up: whom we know at first hand we dial all
   * the same.
   */
  #lost(live: number, isFree: (contact: Contact) => boolean): Contact | null {
    const lost = this.directory.remembered().filter(isFree);
    if (this.random() < this.#chance(1, live)) return this.candidates.oneOf(lost);
    return this.random() < FIRST_HAND_CHANCE ? this.candidates.metOf(lost) : null;
  }

  /**
   * One of those whose words are withheld from us, or ours from them, as often as one that is lost. Each of them is
   * dialled by as many as one that is lost would be, also where the whole room lacks what one has, or a liar says so.
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

  /** Who was dialled wasn't there, or had no place: where words are withheld, the next one is when we look again. */
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
