/**
 * To whom a typed line goes among friends: `NAME/TEXT` to that one, a plain line to the partner, who is the only friend,
 * or whoever `/to NAME` chose.
 *
 * What was meant for one friend must never go to another: a partner stays until the user changes that, or loses the row
 * in the table, and then nobody takes the place; a word before a slash that is, was or nearly is somebody's name isn't
 * text for the partner.
 */

import { dropOldest } from "../../base/collections/bounded.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { FoldedName } from "../../base/ids.ts";
import { foldName, shownName, withoutMark } from "../../base/text/names.ts";
import { nearest } from "../../base/text/nearest.ts";
import { didYouMeanName } from "../../base/trust/name_answers.ts";

/** Answers `/to`: to whom plain lines go now. */
export interface ToEvent {
  readonly event: "to";
  /** Null: to nobody. */
  readonly name: string | null;
  /** To whom they went until now, where that was somebody else. */
  readonly was?: string;
}

export interface ToCommand {
  readonly command: "to";
  /** Undefined: tells to whom, and goes back. */
  readonly name: string | undefined;
}

/** A message that a line is, before its text is checked. */
interface Aimed {
  /** As it was typed, or the partner. */
  readonly name: string;
  readonly text: string;
  /** Whether the table has that friend: otherwise the message will be refused. */
  readonly isListed: boolean;
}

/** Means the friend who wrote last, unless a friend has this name. */
export const LAST_WRITER = "r";

/** Friends who were in the table while the program runs: as many as a table has at most. */
const FORMER_MAX = 10_000;

export class Partner {
  #listed: ReadonlyMap<FoldedName, string> = new Map();
  readonly #former = new Set<FoldedName>();
  #current: string | null = null;
  /** The partner isn't in the table any more: nobody else takes the place unasked. */
  #isLost = false;
  #changed: (name: string | null) => void = () => {};

  /**
   * @param own The user's own name: a line to it is a note.
   * @param file The table, for errors.
   * @param hasDefault Whether the only friend is the partner without `/to`.
   */
  constructor(readonly own: string, readonly file: string, readonly hasDefault: boolean) {}

  /** To whom plain lines go; null: to nobody. */
  get present(): string | null {
    return this.#current;
  }

  /** Calls `changed` now, and whenever the partner is another one. */
  follow(changed: (name: string | null) => void): void {
    this.#changed = changed;
    changed(this.#current);
  }

  /** Sets the friends in the table. @returns What the user is to be told; null for nothing. */
  table(names: readonly string[]): string | null {
    for (const folded of this.#listed.keys()) this.#former.add(folded);
    dropOldest(this.#former, FORMER_MAX);
    this.#listed = new Map(names.map((name) => [foldName(name), name]));
    const was = this.#current;
    if (was === null) {
      if (!this.#isLost) this.#set(this.#default());
      return null;
    }
    const is = this.#find(was);
    this.#isLost = is === undefined;
    this.#set(is ?? null);
    return is === undefined
      ? `${
        shownName(was)
      } isn't in ${this.file} any more: what you type goes to nobody until /to NAME`
      : null;
  }

  /** Carries out `/to`. @throws {P2pchatError} `unknown-user`. */
  to(name: string | undefined): ToEvent {
    const was = this.#current;
    const is = name === undefined ? this.#default() : this.#find(name);
    if (is === undefined) throw this.#unknown(name!);
    this.#isLost = false;
    this.#set(is);
    return { event: "to", name: is, ...was === null || was === is ? {} : { was } };
  }

  /** The message that a line is; null where it is for nobody. */
  aim(line: string): Aimed | null {
    const at = line.indexOf("/");
    const word = at === -1 ? "" : line.slice(0, at).trim();
    const partner = this.#current;
    if (partner !== null && (word === "" || !this.#isMeant(word))) {
      return { name: partner, text: line, isListed: true };
    }
    if (word === "") return null;
    return { name: word, text: line.slice(at + 1), isListed: this.listed(word) !== null };
  }

  /** The name as the table has it of a friend, not of the user; null where there is none of this name. */
  listed(name: string): string | null {
    return this.#listed.get(foldedName(name)) ?? null;
  }

  #find(name: string): string | undefined {
    const folded = foldedName(name);
    return this.#listed.get(folded) ?? (folded === foldName(this.own) ? this.own : undefined);
  }

  /** Whether the word before a slash is meant to be somebody's name, right or wrong. */
  #isMeant(word: string): boolean {
    if (/\s/u.test(word)) return false;
    const folded = foldedName(word);
    return folded === LAST_WRITER || this.#former.has(folded) || this.#find(word) !== undefined ||
      nearest(word, [...this.#listed.values(), this.own]) !== null;
  }

  #default(): string | null {
    const [only, ...others] = this.#listed.values();
    return this.hasDefault && others.length === 0 ? only ?? null : null;
  }

  #set(name: string | null): void {
    if (name === this.#current) return;
    this.#current = name;
    this.#changed(name);
  }

  #unknown(name: string): P2pchatError {
    const names = [...this.#listed.values(), this.own];
    const hint = didYouMeanName(name, names, (known) => `/to ${known}`);
    return new P2pchatError(
      "unknown-user",
      `Cannot find ${shownName(name)} in ${this.file}${hint || "; /list shows the names"}`,
    );
  }
}

function foldedName(typed: string): FoldedName {
  return foldName(withoutMark(typed).normalize("NFC"));
}
