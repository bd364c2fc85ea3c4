/**
 * The list where it is too long to be told: our user asks for pages of it, and hears of the people on these and of
 * those that it knows. The directory's side: `subscriptions.ts`, `name_index.ts`.
 */

import type { FoldedName } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { foldName } from "../../../base/text/names.ts";
import type { ClientOutput } from "../schema/client_output.ts";
import { SEARCHES_MAX, SUBSCRIPTIONS_MAX } from "../schema/limits.ts";
import type { DirectoryMessage, DirectoryMessageOf } from "../schema/messages.ts";

/** What our user has asked for. */
interface Search {
  readonly part: string;
  readonly after: string;
  readonly ref: string | undefined;
}

interface AskedListParts {
  readonly out: Pick<ClientOutput, "nowMs">;
  readonly session: { tell(message: DirectoryMessage): void };
}

export class AskedList {
  /** How many are online; null where the whole list is told. */
  #total: number | null = null;
  /** The first is under way. */
  readonly #searches: Search[] = [];
  /** Where the last page ended that had more behind it. */
  #more: Pick<Search, "part" | "after"> | null = null;
  /** Names that our user cares for, the one it has cared for last behind. */
  readonly #names = new Map<FoldedName, string>();
  /** Of these, names of which we have been told nothing yet: what comes first is no news. */
  readonly #awaited = new Set<FoldedName>();
  readonly deadlines = new Deadlines({
    /** When the first search is sent again: the directory had too many. */
    again: () => this.#send(),
  });

  constructor(readonly parts: AskedListParts) {}

  get total(): number | null {
    return this.#total;
  }

  /** Whether there are more behind the last page. */
  get hasMore(): boolean {
    return this.#more !== null;
  }

  /** @returns Whether the list was told until now. */
  isLong(total: number): boolean {
    const wasTold = this.#total === null;
    this.#total = total;
    if (wasTold && this.#names.size > 0) {
      for (const folded of this.#names.keys()) this.#awaited.add(folded);
      this.parts.session.tell({ type: "subscribe", add: [...this.#names.values()], drop: [] });
    }
    return wasTold;
  }

  /** The whole list is told, or the directory is gone. @returns What our user has asked for and gets no answer to. */
  end(): readonly Search[] {
    this.#total = null;
    this.#more = null;
    this.#awaited.clear();
    this.deadlines.clearAll();
    return this.#searches.splice(0);
  }

  /** Our user shows, calls or knows these: we want to hear of them. At most `SUBSCRIPTIONS_MAX` at a time. */
  cares(names: readonly string[]): void {
    const add: string[] = [];
    const drop: string[] = [];
    for (const name of names) {
      const folded = foldName(name);
      if (!this.#names.delete(folded)) add.push(name);
      this.#names.set(folded, name);
    }
    for (const [folded, name] of this.#names) {
      if (this.#names.size <= SUBSCRIPTIONS_MAX) break;
      this.#names.delete(folded);
      this.#awaited.delete(folded);
      drop.push(name);
    }
    if (this.#total === null || add.length === 0) return;
    for (const name of add) this.#awaited.add(foldName(name));
    this.parts.session.tell({ type: "subscribe", add, drop });
  }

  isCaredFor(folded: FoldedName): boolean {
    return this.#names.has(folded);
  }

  /** Something is known of that name now. @returns Whether that is the first we hear since we asked. */
  takeAwaited(folded: FoldedName): boolean {
    return this.#awaited.delete(folded);
  }

  /** @returns False where too many searches wait. */
  search(part: string, ref: string | undefined): boolean {
    return this.#add({ part, after: "", ref });
  }

  /** What is behind the last page. @returns False where nothing is, or too many searches wait. */
  more(ref: string | undefined): boolean {
    return this.#more !== null && this.#add({ ...this.#more, ref });
  }

  #add(search: Search): boolean {
    if (this.#searches.length >= SEARCHES_MAX) return false;
    this.#searches.push(search);
    if (this.#searches.length === 1) this.#send();
    return true;
  }

  #send(): void {
    const [first] = this.#searches;
    if (first === undefined) return;
    const { part, after } = first;
    this.parts.session.tell({ type: "search", part, after });
  }

  /** @returns The search that it answers; null where it answers none, or has to be asked again. */
  page({ users, total, hasMore, retryMs }: DirectoryMessageOf<"page">): Search | null {
    const [first] = this.#searches;
    if (first === undefined || this.#total === null) return null;
    if (retryMs > 0) {
      this.deadlines.set("again", this.parts.out.nowMs + retryMs);
      return null;
    }
    this.#searches.shift();
    this.#total = total;
    const last = users.at(-1);
    this.#more = hasMore && last !== undefined ? { part: first.part, after: last.name } : null;
    this.cares(users.map(({ name }) => name));
    this.#send();
    return first;
  }
}
