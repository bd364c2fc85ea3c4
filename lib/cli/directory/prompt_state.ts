/**
 * Where the user of a directory's client is, derived from the client's events: in the lobby, calling, called or in a
 * call. The prompt and the meaning of a line without a slash depend on it.
 */

import { type ErrorCode, P2pchatError } from "../../base/errors.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import {
  type ClientCommand,
  type ClientEvent,
  unsaidCode,
  unsaidText,
} from "../../protocols/directory/schema/events.ts";

/**
 * `asked`: another user is calling; `calling`: a call isn't connected yet; `refused`: lines piped for a call that has
 * failed are still being read.
 */
export type Place = "lobby" | "asked" | "calling" | "talking" | "refused";

export interface Whereabouts {
  readonly place: Place;
  /** The other side of the call; empty in the lobby. */
  readonly peer: string;
  /** Whether the callee has accepted: the call is about to be connected. */
  readonly isAccepted: boolean;
  /** Whether the line being run was begun in a call, ringing or connected, that is over now. */
  readonly wasInCall: boolean;
  /** Whether a call, ringing or connected, ended less than 1.5 s ago, not by our user, and there is no other one. */
  readonly isJustOver: boolean;
}

/** A user who is about to end a call when the other side ends it does so within this time. */
const JUST_OVER_MS = 1_500;

const ENDS_CALL: ReadonlySet<ClientCommand["command"]> = new Set(["hang-up", "cancel", "decline"]);

interface Where {
  readonly place: Exclude<Place, "refused">;
  readonly peer: string;
}

const LOBBY: Where = { place: "lobby", peer: "" };

export class PromptState {
  #where = LOBBY;
  #call = "";
  #accepted = false;
  #isUp = false;
  #wasUp = false;
  #isGuest = false;
  #overAtMs = -Infinity;
  /** Whether our user has asked for the end of the call. */
  #isEnding = false;
  /** The call in which the line being run was begun; null: in none. */
  #begunIn: string | null = null;
  /** Whether lines are typed at a terminal. */
  #isTyped = false;
  /** Whether more lines were piped for a call that isn't connected yet than are kept. */
  #isOverfull = false;
  /** The callee of such a call after it has failed, until all lines meant for it are read, whoever calls meanwhile. */
  #refused: { readonly peer: string; readonly code: ErrorCode } | null = null;

  /** @param nowMs A monotonic clock. */
  constructor(public name: string, readonly nowMs: () => number) {}

  get where(): Whereabouts {
    const where = this.#refused === null
      ? this.#where
      : { place: "refused" as const, peer: this.#refused.peer };
    return {
      ...where,
      isAccepted: this.#where.place === "calling" && this.#accepted,
      wasInCall: this.#begunIn !== null && this.#begunIn !== this.#callNow,
      isJustOver: where === LOBBY && this.nowMs() - this.#overAtMs < JUST_OVER_MS,
    };
  }

  /**
   * The first character of a line was typed at a terminal.
   * @param isAtDoor As of `InputHandler.lineBegins`.
   * @returns To be called before that line is run.
   */
  lineBegins(isAtDoor = false): () => void {
    if (isAtDoor) return () => void (this.#begunIn = null);
    this.#isTyped = true;
    const call = this.#callNow;
    return () => void (this.#begunIn = call);
  }

  get #callNow(): string | null {
    return this.#where === LOBBY ? null : this.#call;
  }

  /** Whether the user is logged in now. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether the user was ever logged in. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  /** Whether the user has entered as a guest, without an account. */
  get isGuest(): boolean {
    return this.#isGuest;
  }

  /** The user's name and place, before `> `. */
  get prompt(): string {
    const place = this.#placeText();
    return `${shownName(this.name)}${place === null ? "" : ` (${place})`}`;
  }

  #placeText(): string | null {
    const { place, peer } = this.#where;
    switch (place) {
      case "lobby":
        return this.#isUp ? "lobby" : "no directory";
      case "asked":
        return null; // the prompt asks about the call
      case "calling":
        return `${this.#accepted ? "connecting with" : "calling"} ${shownName(peer)}`;
      case "talking":
        return `with ${shownName(peer)}`;
    }
  }

  /** Notes a command of the user: after one that accepts a call, lines are meant for that call. */
  asks(command: ClientCommand): void {
    const { place, peer } = this.#where;
    this.#isEnding ||= ENDS_CALL.has(command.command);
    if (place !== "asked") return;
    const isCalledBack = command.command === "call" && isSameName(command.name, peer);
    if (command.command !== "accept" && !isCalledBack) return;
    this.#accepted = true;
    this.#where = { ...this.#where, place: "calling" };
  }

  /** The directory reports that both sides have accepted the call. */
  connecting(): void {
    this.#accepted = true;
  }

  /**
   * Input is paused: further lines meant for the call will follow, unless the user has asked for its end. This isn't
   * needed for lines typed at a terminal, as `lineBegins` notes the call of each.
   */
  inputPauses(): void {
    this.#isOverfull ||= this.#where.place === "calling" && !this.#isEnding && !this.#isTyped;
  }

  /** The error for a line that was meant for a failed call. */
  get unsaid(): P2pchatError {
    const { peer, code } = this.#refused ?? { peer: this.#where.peer, code: "unreachable" };
    return new P2pchatError(code, unsaidText(peer));
  }

  /** All lines that were meant for a failed call have been read. */
  hasReadAll(): void {
    this.#refused = null;
  }

  shows(event: ClientEvent): void {
    switch (event.event) {
      case "session":
        this.#isUp = event.state === "up";
        this.#wasUp ||= this.#isUp;
        this.#isGuest = event.guest;
        if (event.name !== "") this.name = event.name;
        return;
      case "incoming":
        return this.#enter("asked", event.call, event.from);
      case "call":
        if (event.state === "ringing") return this.#enter("calling", event.call, event.peer);
        if (event.state === "connected") return this.#enter("talking", event.call, event.peer);
        if (event.call !== this.#call) return;
        this.#overAtMs = this.#isEnding ? -Infinity : this.nowMs();
        if (this.#where.place === "calling" && this.#isOverfull) {
          this.#refused = { peer: event.peer, code: unsaidCode(event.state) };
        }
        this.#where = LOBBY;
    }
  }

  #enter(place: Where["place"], call: string, peer: string): void {
    this.#call = call;
    this.#accepted = false;
    this.#isEnding = false;
    this.#isOverfull = false;
    this.#where = { place, peer };
  }
}
