/**
 * Where the user of a directory's client is, as told by its events: what the prompt says, and what a line typed there
 * means.
 */

import { type ErrorCode, P2pchatError } from "../base/errors.ts";
import { isSameName, shownName } from "../base/names.ts";
import {
  type ClientCommand,
  type ClientEvent,
  unsaidCode,
  unsaidText,
} from "../protocols/directory/events.ts";

/**
 * `asked`: another user calls; `calling`: a call isn't connected yet; `refused`: lines that were meant for a call
 * that came to nothing are still being read.
 */
export type Place = "lobby" | "asked" | "calling" | "talking" | "refused";

export interface Whereabouts {
  readonly place: Place;
  /** The other side of the call; empty in the lobby. */
  readonly peer: string;
  /** The callee has said yes: the call is about to be connected. */
  readonly isAccepted: boolean;
  /** The line that is run was begun during a call, or while one rang, that is over now. */
  readonly wasInCall: boolean;
  /** A call, or its ringing, ended a moment ago, not by our user, and there is no other one. */
  readonly isJustOver: boolean;
}

/** A user who wanted to hang up, withdraw or decline as well does so within this time. */
const JUST_OVER_MS = 1_500;

const ENDS_CALL: ReadonlySet<ClientCommand["command"]> = new Set(["hang-up", "cancel", "decline"]);

interface Where {
  readonly place: Exclude<Place, "refused">;
  readonly peer: string;
}

const LOBBY: Where = { place: "lobby", peer: "" };

export class RegistryStanding {
  #where = LOBBY;
  #call = "";
  #accepted = false;
  #isUp = false;
  #wasUp = false;
  #isGuest = false;
  #overAtMs = -Infinity;
  /** Our user has asked for the end of the call. */
  #isEnding = false;
  /** The call in which the line that is run was begun; null: in none. */
  #begunIn: string | null = null;
  /** Lines are typed at a terminal. */
  #isTyped = false;
  /** More lines were piped for a call that isn't connected yet than are kept. */
  #isOverfull = false;
  /** The other side of that call, while the lines meant for it are still being read, whoever calls meanwhile. */
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

  /** The first character of a line was typed at a terminal. @returns To be called before that line is run. */
  lineBegins(): () => void {
    this.#isTyped = true;
    const call = this.#callNow;
    return () => void (this.#begunIn = call);
  }

  get #callNow(): string | null {
    return this.#where === LOBBY ? null : this.#call;
  }

  /** Whether the user is in. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether the user was ever let in. */
  get wasUp(): boolean {
    return this.#wasUp;
  }

  /** Whether the user is in without an account. */
  get isGuest(): boolean {
    return this.#isGuest;
  }

  /** The user's name and place, before `> `. */
  get prompt(): string {
    return `${shownName(this.name)} (${this.#placeText()})`;
  }

  #placeText(): string {
    const { place, peer } = this.#where;
    switch (place) {
      case "lobby":
        return this.#isUp ? "lobby" : "no directory";
      case "asked":
        return `${shownName(peer)} is calling`;
      case "calling":
        return `${this.#accepted ? "connecting with" : "calling"} ${shownName(peer)}`;
      case "talking":
        return `with ${shownName(peer)}`;
    }
  }

  /** Notes what the user asks for: lines that follow are for a call that was accepted. */
  asks(command: ClientCommand): void {
    const { place, peer } = this.#where;
    this.#isEnding ||= ENDS_CALL.has(command.command);
    if (place !== "asked") return;
    const isCalledBack = command.command === "call" && isSameName(command.name, peer);
    if (command.command !== "accept" && !isCalledBack) return;
    this.#accepted = true;
    this.#where = { ...this.#where, place: "calling" };
  }

  /** Both sides want to talk, as the directory says. */
  connecting(): void {
    this.#accepted = true;
  }

  /**
   * No more lines are taken for now: those meant for the call follow later, unless its end has been asked for. Lines
   * typed at a terminal don't need this: for each it is known in which call it was begun.
   */
  inputPauses(): void {
    this.#isOverfull ||= this.#where.place === "calling" && !this.#isEnding && !this.#isTyped;
  }

  /** The error for a line that was meant for a refused call. */
  get unsaid(): P2pchatError {
    const { peer, code } = this.#refused ?? { peer: this.#where.peer, code: "unreachable" };
    return new P2pchatError(code, unsaidText(peer));
  }

  /** All lines that were meant for a refused call have been read. */
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
