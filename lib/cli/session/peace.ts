/**
 * What the user is told of, and whom they don't hear: the same in every mode, so that no machine knows of it. What an
 * ignored key says is received, stored and passed on as ever, and not shown.
 */

import { P2pchatError } from "../../base/errors.ts";
import { dropOldest } from "../../base/collections/bounded.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { isSameName, shownName } from "../../base/text/names.ts";
import { didYouMeanName } from "../../base/trust/name_answers.ts";
import type { Ignored, IgnoredOne } from "../../store/profile/ignored.ts";
import type { Settings } from "../../store/profile/settings.ts";
import type { OwnCommand } from "../commands/mode_commands.ts";
import { attentionOf } from "../rendering/attention.ts";
import type { Attention, CommonEvent, ShownEvent } from "../rendering/user_interface.ts";

type Fields = ShownEvent & Readonly<Record<string, unknown>>;
type Entry = Readonly<Record<string, unknown>>;

/** Shows the answer to a command. */
type Answer = (event: CommonEvent) => void;

const NOTIFY_TEXTS = {
  off: "You are told of nothing while you aren't looking at the terminal",
  mentions:
    "While you aren't looking at the terminal, you are told of your name, of what is for you alone, " +
    "and of votes and calls",
  all:
    "While you aren't looking at the terminal, you are told of all that others say, and of votes and calls",
} as const;

/** Names of people whose keys are remembered: a room has 4,096 members. */
const MET_MAX = 10_000;
/** Calls that were refused, and whose outcome isn't known yet: there is one at a time. */
const CALLS_MAX = 100;

const SAID: ReadonlySet<string> = new Set(["message", "broadcast", "vote-wanted", "edit"]);
/** Lists in events: of people, and of what was said. */
const LISTS = ["peers", "users", "friends", "messages", "entries"] as const;

export class Peace {
  /** The key of whoever was last shown under a name. */
  readonly #met = new Map<string, string>();
  /** Calls of ignored ones. */
  readonly #calls = new Set<unknown>();
  /** The key of somebody of whom events tell the name alone; null where none is known. */
  keyNamed: (name: string) => string | null = () => null;

  constructor(
    readonly settings: Settings,
    readonly ignored: Ignored,
    readonly ownKey: Fingerprint,
    readonly today: () => string,
  ) {}

  /** What the user is to be told of an event that has been shown. */
  attention(event: Fields): Attention | null {
    return attentionOf(event, this.settings.notify);
  }

  /** Whether what the owner of this key says, calls or offers isn't to be shown. */
  isIgnored(key: string): boolean {
    return this.ignored.has(key);
  }

  /** Whether the user ignores whoever is shown under this name. */
  isIgnoredName(name: string): boolean {
    const key = this.#keyOf(name);
    return key !== null && this.isIgnored(key);
  }

  /** The event as it is shown: null where it isn't; of lists of what was said, the entries have `ignored`. */
  heard(event: Fields): Fields | null {
    this.#meet(event);
    if (this.ignored.isEmpty) return event;
    if (event.event === "incoming" && this.#isOfIgnored(event)) {
      this.#calls.add(event["call"]);
      dropOldest(this.#calls, CALLS_MAX);
      return null;
    }
    if (event.event === "call" && this.#calls.has(event["call"])) return null;
    if (SAID.has(event.event)) return this.#isOfIgnored(event) ? null : event;
    for (const list of ["messages", "entries"]) {
      const said = event[list];
      if (!Array.isArray(said)) continue;
      const marked = said.map((one: Entry) =>
        this.#isOfIgnored(one) ? { ...one, ignored: true } : one
      );
      return { ...event, [list]: marked };
    }
    for (const list of ["peers", "users", "friends", "away"]) {
      const people = event[list];
      if (!Array.isArray(people)) continue;
      return { ...event, [list]: people.map((one: Entry) => this.#withoutWhy(one)) };
    }
    return this.#withoutWhy(event);
  }

  /** Why somebody is away is in their own words. */
  #withoutWhy<One extends Entry>(one: One): One {
    const isAway = typeof one["away"] === "string" && this.#isOfIgnored(one);
    return isAway ? { ...one, away: "" } : one;
  }

  #isOfIgnored(said: Entry): boolean {
    if (said["self"] === true) return false;
    const { key, shown, name, from, by } = said as Readonly<Record<string, string | undefined>>;
    if (typeof key === "string") return this.isIgnored(key);
    const author = shown ?? name ?? from ?? by;
    return typeof author === "string" && this.isIgnoredName(author);
  }

  #meet(event: Fields): void {
    this.#meetOne(event);
    if (event.event === "message") return; // by far most events
    for (const list of LISTS) {
      const entries = event[list];
      if (Array.isArray(entries)) { for (const entry of entries) this.#meetOne(entry); }
    }
    const { members, keys } = event;
    if (!Array.isArray(members) || !Array.isArray(keys)) return;
    members.forEach((name, at) => this.#meetOne({ name, key: keys[at] }));
  }

  #meetOne({ key, shown, name, from, peer }: Entry): void {
    const called = shown ?? name ?? from ?? peer;
    if (typeof key !== "string" || typeof called !== "string" || called === key) return;
    if (this.#met.get(called) === key) return;
    this.#met.delete(called);
    this.#met.set(called, key);
    dropOldest(this.#met, MET_MAX);
  }

  #keyOf(name: string): string | null {
    const given = this.keyNamed(name) ?? this.#met.get(name);
    if (given !== undefined) return given;
    let found: string | null = null;
    for (const [met, key] of this.#met) if (isSameName(met, name)) found = key;
    return found;
  }

  /** Carries out a command, and shows its answer. */
  async command(command: OwnCommand, answer: Answer): Promise<void> {
    try {
      answer(await this.#done(command));
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      answer({ event: "error", code: error.code, text: error.message });
    }
  }

  async #done(command: OwnCommand): Promise<CommonEvent> {
    const notice = (text: string) => ({ event: "notice", text }) as const;
    switch (command.command) {
      case "notify": {
        if (command.level !== undefined) await this.settings.setNotify(command.level);
        const { notify } = this.settings;
        return notice(`${NOTIFY_TEXTS[notify]} (/notify ${notify})`);
      }
      case "ignored":
        return { event: "ignored", ignored: this.ignored.all };
      case "ignore": {
        const { name, key } = this.#toIgnore(command.name);
        const shown = shownName(name);
        if (this.isIgnored(key)) return notice(`Already ignoring ${shown}`);
        await this.ignored.add({ name, key, since: this.today() });
        const text = `Ignoring ${shown} (messages and calls); /unignore ${shown} ends that`;
        return { ...notice(text), ignored: key };
      }
      case "unignore": {
        const { name, key } = this.#ignoredOne(command.name);
        await this.ignored.remove(key);
        return notice(`No longer ignoring ${shownName(name)}`);
      }
    }
  }

  #toIgnore(name: string): { readonly name: string; readonly key: Fingerprint } {
    const key = this.#keyOf(name);
    if (key === this.ownKey) {
      throw new P2pchatError("unknown-user", `${shownName(name)} is you: ignore somebody else`);
    }
    if (key !== null && !name.startsWith("*")) {
      const isThat = ([met, of]: readonly [string, string]) => of === key && isSameName(met, name);
      const [as] = [...this.#met].find(isThat) ?? [name];
      return { name: as, key: key as Fingerprint };
    }
    const hint = didYouMeanName(name, this.#met.keys(), (known) => `/ignore ${known}`);
    const text = `Cannot ignore ${shownName(name)}: nobody of that name has been shown here`;
    throw new P2pchatError("unknown-user", `${text}${hint}`);
  }

  #ignoredOne(name: string): IgnoredOne {
    const { all } = this.ignored;
    const met = this.#keyOf(name);
    // Whoever has the name here, before somebody who had it elsewhere.
    const found = all.find(({ key }) => key === name || key === met) ??
      all.findLast((one) => isSameName(one.name, name));
    if (found !== undefined) return found;
    const text = `You don't ignore ${shownName(name)}; /ignored lists whom you do`;
    throw new P2pchatError("unknown-user", text);
  }
}
