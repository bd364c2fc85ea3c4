/** Finds out of each author of what was said whether the key is verified, before it is handed on. */

import type { Fields } from "../scripts/wanted.ts";
import type { JsonObject } from "./json_rpc.ts";
import { type Author, authorOf, type SaidData, saidData } from "./said_data.ts";

/** What one answer tells of an author. */
interface Found {
  readonly key: string;
  readonly verified: boolean;
}

/** Nobody has said whose key it is: it counts as not verified. */
const NOTHING: Found = { key: "", verified: false };

export class LookUp {
  /** Each author once, by the ref with which the mode is asked. */
  readonly #authors: ReadonlyMap<string, Author>;
  /** Refs of the questions that aren't answered. */
  readonly #open: Set<string>;
  /** By the same refs. */
  readonly #found = new Map<string, Found>();

  /**
   * @param said Events, or entries of a history, the oldest first.
   * @param ownKey The user's own; empty while it isn't known.
   * @param ref What the refs of the questions begin with.
   */
  constructor(readonly said: readonly JsonObject[], readonly ownKey: string, ref: string) {
    const others = said.filter((one) => !this.#isOwn(one)).map(authorOf);
    const authors = new Map(others.map((author) => [textOf(author), author]));
    this.#authors = new Map([...authors.values()].map((author, at) => [`${ref}-${at}`, author]));
    this.#open = new Set(this.#authors.keys());
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  /** The commands that are to be given. */
  get questions(): readonly JsonObject[] {
    return [...this.#authors].map(([ref, { name }]) => ({ command: "whois", name, ref }));
  }

  /** @returns Whether the event answers a question. */
  heard(event: Fields, ref: string): boolean {
    if (!this.#open.delete(ref)) return false;
    const author = this.#authors.get(ref)!;
    const { key, verified, changed } = event;
    if (event.event !== "whois" || typeof key !== "string") return true;
    // The name may be somebody else's by now.
    const isSame = author.key === "" || author.key === key;
    const isVerified = isSame && verified === true && changed === undefined;
    this.#found.set(ref, { key, verified: isVerified });
    return true;
  }

  /** All that was said, with what was found. */
  data(): readonly SaidData[] {
    const found = new Map(
      [...this.#authors].map(([ref, author]) => [textOf(author), this.#found.get(ref)]),
    );
    return this.said.map((one) => {
      if (this.#isOwn(one)) return saidData(one, { key: this.ownKey, verified: true, self: true });
      const author = authorOf(one);
      const { key, verified } = found.get(textOf(author)) ?? NOTHING;
      return saidData(one, { key: author.key === "" ? key : author.key, verified });
    });
  }

  #isOwn({ self, key }: JsonObject): boolean {
    return self === true || (this.ownKey !== "" && key === this.ownKey);
  }
}

/** Names have no blanks. */
function textOf({ name, key }: Author): string {
  return `${name} ${key}`;
}
