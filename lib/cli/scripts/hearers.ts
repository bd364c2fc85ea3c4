/** Who can hear what is said, as a mode's events tell it. */

import { isSameName } from "../../base/text/names.ts";
import type { ScriptDoor } from "../args/options.ts";
import type { Fields } from "./wanted.ts";

export class Hearers {
  /** Who else is in the room, by key; bounded by the mode's own list. */
  readonly #here = new Map<string, string>();
  /** The user's name. */
  #own = "";
  /** Whether a group has let us in. */
  #isIn = false;
  #friends: readonly string[] = [];
  #downBecause: string | null = null;
  /** Whether the mode takes commands. */
  isListening = false;
  /** Why no command is run, as the mode says; null: it hasn't said so. */
  pausedBecause: string | null = null;

  constructor(readonly mode: ScriptDoor["mode"]) {}

  /** Who else is in the room. */
  get here(): Iterable<string> {
    return this.#here.values();
  }

  /** The friends of the table. */
  get friends(): readonly string[] {
    return this.#friends;
  }

  /** Why a group's coordinator isn't there; null where it is, or nobody has said. */
  get downBecause(): string | null {
    return this.#downBecause;
  }

  /** Whether nobody else is there, as far as that is told. */
  get isAlone(): boolean {
    return this.mode === "mesh" && this.isListening && this.#here.size === 0;
  }

  /** Whether a group has yet to let us in. */
  get isOutside(): boolean {
    return this.mode === "group" && !this.#isIn;
  }

  /** @param to One of them alone; null: anybody. What is for the user alone the mode refuses. */
  canHear(to: string | null): boolean {
    if (this.mode === "friends") return true;
    if (this.mode === "group") return this.#isIn;
    if (to === null) return this.#here.size > 0;
    return [this.#own, ...this.#here.values()].some((each) => isSameName(each, to));
  }

  /** An event was shown. */
  heard(event: Fields): void {
    const [key, name] = [String(event["key"]), String(event["name"])];
    switch (event.event) {
      case "ready":
        this.#own = name;
        this.#friends = namesIn(event["names"]);
        return this.#members(event);
      case "view":
        return this.#members(event);
      case "joined":
        return void this.#here.set(key, name);
      case "renamed":
        return void (this.#here.has(key) && this.#here.set(key, name));
      case "left":
        return void this.#here.delete(key);
      case "coordinator":
        this.#downBecause = event["state"] === "up"
          ? null
          : String(event["reason"] ?? "it doesn't answer");
    }
  }

  #members(event: Fields): void {
    if (this.mode === "group") this.#isIn = namesIn(event["members"]).includes(this.#own);
  }
}

function namesIn(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}
