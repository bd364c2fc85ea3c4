/**
 * How far each account has the broadcasts: what the engine has of that (`heard/NAME`), from when it came in or left last,
 * and what the instance at which it is, or was, has said since of all of its accounts (`marks/ID`).
 */

import type { FoldedName } from "../../base/ids.ts";
import { fieldsIn, isCount } from "../json_fields.ts";
import { type Change, type Entry, isStill, type Revision } from "../shared_store.ts";

export const HEARD = "heard/";
export const MARKS = "marks/";

/** An account's entry. */
export interface Heard {
  readonly through: number;
  /** The instance at which it came in, and the number of its session there; null: it left. */
  readonly at: { readonly instance: string; readonly session: number } | null;
  readonly modified: Revision;
}

interface Mark {
  readonly through: number;
  /** Up to which number of the instance's sessions it is about them. */
  readonly sessions: number;
  readonly except: ReadonlySet<string>;
}

/** A part of a change, and up to which number the account has the broadcasts then. */
interface Part extends Pick<Change, "when" | "puts"> {
  readonly through: number;
}

export class HeardMirror {
  readonly #byName = new Map<FoldedName, Heard>();
  readonly #marks = new Map<string, Mark>();

  /** @param prefix Below which the directory has its entries, with a `/` at the end. */
  constructor(readonly prefix: string) {}

  get names(): Iterable<FoldedName> {
    return this.#byName.keys();
  }

  get instances(): Iterable<string> {
    return this.#marks.keys();
  }

  get(name: FoldedName): Heard | null {
    return this.#byName.get(name) ?? null;
  }

  /** Up to which number the mark of that instance is; null where there is none. */
  markOf(instance: string): number | null {
    return this.#marks.get(instance)?.through ?? null;
  }

  heardTold(name: FoldedName, entry: Entry | null): void {
    if (entry === null) this.#byName.delete(name);
    else this.#byName.set(name, heardIn(entry));
  }

  markTold(instance: string, entry: Entry | null): void {
    const mark = entry === null ? null : markIn(entry);
    if (mark === null) this.#marks.delete(instance);
    else this.#marks.set(instance, mark);
  }

  /**
   * The account comes in. @param before Its entry. @param created Since which revision there is the account: an entry of an
   * earlier one of its name says nothing. @param now What the client says, and where it comes in.
   */
  begins(
    name: FoldedName,
    before: Heard | null,
    created: Revision,
    now: { readonly through: number; readonly instance: string; readonly session: number },
  ): Part {
    const had = before !== null && before.modified > created ? this.#through(name, before) : 0;
    const through = Math.max(had, now.through);
    return this.#part(name, before, { through, at: now.instance, session: now.session });
  }

  /** The account leaves. @param modified Of the entry that was put as it came in. */
  ends(name: FoldedName, modified: Revision, through: number): Change {
    const before = this.get(name);
    const had = before?.modified === modified ? before.through : 0;
    return this.#part(name, { modified }, { through: Math.max(through, had) });
  }

  /** What the account has by now, wherever it is. */
  #through(name: FoldedName, { through, at }: Heard): number {
    const mark = at === null ? undefined : this.#marks.get(at.instance);
    const counts = mark !== undefined && mark.sessions >= at!.session && !mark.except.has(name);
    return counts ? Math.max(through, mark.through) : through;
  }

  #part(
    name: FoldedName,
    before: Pick<Heard, "modified"> | null,
    value: { readonly through: number; readonly at?: string; readonly session?: number },
  ): Part {
    const key = `${this.prefix}${HEARD}${name}`;
    const { through } = value;
    return {
      when: [isStill(key, before?.modified ?? null)],
      puts: [{ key, value: JSON.stringify(value) }],
      through,
    };
  }
}

/** Nothing is heard where somebody has put there something else. */
export function heardIn({ value, modified }: Entry): Heard {
  const { through, at, session } = fieldsIn(value);
  if (!isCount(through)) return { through: 0, at: null, modified };
  const isIn = typeof at === "string" && isCount(session);
  return { through, at: isIn ? { instance: at, session } : null, modified };
}

export function markValue(
  { through, sessions, except }: { through: number; sessions: number; except: readonly string[] },
): string {
  return JSON.stringify({ through, sessions, except });
}

function markIn({ value }: Entry): Mark | null {
  const { through, sessions, except } = fieldsIn(value);
  const isGood = isCount(through) && isCount(sessions) && Array.isArray(except) &&
    except.every((name) => typeof name === "string");
  return isGood ? { through, sessions, except: new Set(except) } : null;
}
