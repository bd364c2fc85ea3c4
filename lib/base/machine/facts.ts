/**
 * What a machine tells its user is a fact: a code, and fields. A fact is declared by its sentence, whose placeholders are
 * its fields; the compiler takes their names and types from there.
 *
 * `{friend}`: whom it is about, a name. `{other:name}`: another name. `{key}`: our own text. `{waiting:number}`.
 * `{count:message|messages}`: a number of things. `{reason:said}`: somebody else's words, in quotation marks that they
 * can't end. `{why:fact}`: a part of the sentence, put into words in its turn. `{users:here}`: what is the same in the
 * whole run, and no field.
 */

import { dropOldest } from "../collections/bounded.ts";
import { type ErrorCode, P2pchatError } from "../errors.ts";
import { shownName } from "../text/names.ts";
import type { ModeEvent } from "./mode_machine.ts";
import { saidText } from "../text/text.ts";
import { countText, numberText } from "../text/words.ts";

/** A table of sentences, by how they are told. `part`: within others, or in a field of an event. */
export type Words = Readonly<
  Partial<Record<"notice" | "warning" | "part" | ErrorCode, Readonly<Record<string, string>>>>
>;

/** When a fact isn't news about the same friend. Without a rule it always is. */
export interface Rule {
  /** It was told less than so long ago. */
  readonly everyMs?: number;
  /** This field, a number, isn't greater than when it was told last. */
  readonly grown?: string;
  /** All its fields are the same as then. */
  readonly same?: true;
  /** Facts, events, and events with their state (`delivery failed`) after which it is news again. */
  readonly until?: readonly string[];
  /** What is told instead, with the other fields, where that fact in field `of` was told just before, or with it last. */
  readonly short?: { readonly of: string; readonly as: string };
}

/** What an error or a notice has beside its text, and a fact where no sentence needs it. */
type Beside = Partial<
  Pick<Extract<ModeEvent, { readonly event: "error" }>, "friend" | "changed" | "unsent">
>;
const BESIDE = ["friend", "changed", "unsent"] as const;

type Field<Name extends string, Kind, W extends Words> = Kind extends "here" ? unknown : {
  readonly [N in Name]: Kind extends "fact" ? FactOf<W>
    : Kind extends "" | "name" | "said" ? string
    : number;
};

type Fields<Sentence, W extends Words> = Sentence extends
  `${string}{${infer Placeholder}}${infer Rest}` ?
    & Fields<Rest, W>
    & (Placeholder extends `${infer Name}:${infer Kind}` ? Field<Name, Kind, W>
      : Field<Placeholder, "", W>)
  : unknown;

/** The facts of a table. */
export type FactOf<W extends Words> = {
  [As in keyof W]: {
    [F in keyof W[As]]: { readonly fact: F } & Beside & Fields<W[As][F], W>;
  }[keyof W[As]];
}[keyof W];

/** The event by which a machine tells a fact. */
export interface ToldFact<Fact> {
  readonly event: "fact";
  readonly fact: Fact;
}

type Fact = { readonly fact: string } & Readonly<Record<string, unknown>>;

/** What was told of so many friends; of more, the oldest may be told again. */
const TOLD_MAX = 4_096;
/** Events that have facts in their fields. */
const HOLDERS: ReadonlySet<unknown> = new Set(["delivery", "status"]);

/** Puts what a machine tells into words, and drops what isn't news: machines don't remember what they have said. */
export class Facts<W extends Words> {
  readonly #sentences = new Map<string, { readonly as: string; readonly says: string }>();
  /** What was told last, by fact, or the field that grows, and friend; under "" of all facts. */
  readonly #told = new Map<string, { readonly atMs: number; readonly fact: Fact }>();

  /** @param here What is the same in all sentences. */
  constructor(
    words: W,
    readonly rules: Readonly<Record<string, Rule | undefined>>,
    readonly here: Readonly<Record<string, string>>,
    readonly nowMs: () => number,
  ) {
    for (const [as, sentences] of Object.entries(words)) {
      for (const [fact, says] of Object.entries(sentences)) this.#sentences.set(fact, { as, says });
    }
  }

  /**
   * The event in words: a `fact` by itself becomes a notice or an error.
   * @returns Null where it isn't news.
   */
  worded<Event extends { readonly event: string }>(told: { readonly event: string }): Event | null {
    const { event, fact, state, to, reason }: Readonly<Record<string, unknown>> = { ...told };
    if (isFact(fact)) return this.#tell(fact) as unknown as Event | null;
    this.#over([`${event}`, `${event} ${state}`], to);
    if (!HOLDERS.has(event)) return told as Event;
    const text = JSON.stringify(told, (_, each) => isFact(each) ? this.#part(each) : each);
    const isTold = isSame(reason, this.#told.get(keyOf("", to))?.fact);
    return { ...JSON.parse(text), ...(isTold ? { told: true } : {}) };
  }

  /** For whoever has asked for something that there isn't. */
  error(asked: FactOf<W>): P2pchatError {
    const fact = asked as unknown as Fact;
    const { as, says } = this.#sentences.get(fact.fact)!;
    return new P2pchatError(as as ErrorCode, this.#filled(fact, says));
  }

  #tell(given: Fact) {
    const { friend } = given;
    const { everyMs = 0, grown, same, short } = this.rules[given.fact] ?? {};
    const [just, subject] = [keyOf("", friend), keyOf(grown ?? given.fact, friend)];
    const last = this.#told.get(subject);
    const before = [this.#told.get(just)?.fact, short && last?.fact[short.of]];
    this.#told.delete(just);
    const isOld = last !== undefined && (this.nowMs() < last.atMs + everyMs ||
      (same === true && isSame(given, last.fact)) ||
      (grown !== undefined && Number(given[grown]) <= Number(last.fact[grown])));
    if (isOld) return null;
    for (const key of given.fact in this.rules ? [just, subject] : [just]) {
      this.#told.set(key, { atMs: this.nowMs(), fact: given });
      dropOldest(this.#told, TOLD_MAX);
    }
    this.#over([given.fact], friend);
    const isShort = short && before.some((fact) => isSame(fact, given[short.of]));
    const fact = isShort ? { ...given, fact: short.as } : given;
    const { as, says } = this.#sentences.get(fact.fact)!;
    const beside = BESIDE.flatMap((name) => name in given ? [[name, given[name]]] : []);
    const of = { text: this.#filled(fact, says), ...Object.fromEntries(beside) };
    if (as === "warning") return { event: "notice", ...of, warning: true };
    return as === "notice" ? { event: as, ...of } : { event: "error", code: as, ...of };
  }

  #over(ends: readonly string[], friend: unknown): void {
    for (const [code, rule] of Object.entries(this.rules)) {
      const { grown = code, until = [] } = rule!;
      if (!until.some((end) => ends.includes(end))) continue;
      for (const whom of [friend, undefined]) this.#told.delete(keyOf(grown, whom));
    }
  }

  /** A fact within a sentence or a field: without a capital letter of ours. */
  #part(fact: Fact): string {
    const { says } = this.#sentences.get(fact.fact)!;
    return this.#filled(fact, says.charAt(0).toLowerCase() + says.slice(1));
  }

  #filled(fields: Fact, says: string): string {
    return says.replace(/\{(\w+):?(.*?)\}/g, (_, field: string, kind: string) => {
      const value = fields[field];
      if (kind === "here") return this.here[field]!;
      if (kind === "fact") return this.#part(value as Fact);
      const inWords = KINDS[field === "friend" ? "name" : kind];
      if (inWords !== undefined) return inWords(value);
      const [one = "", many] = kind.split("|");
      return countText(Number(value), one, many);
    });
  }
}

const KINDS: Readonly<Record<string, ((value: unknown) => string) | undefined>> = {
  "": String,
  name: (value) => shownName(String(value)),
  said: (value) => saidText(String(value)),
  number: (value) => numberText(Number(value)),
};

const keyOf = (subject: string, friend: unknown) => `${subject} ${friend ?? ""}`;
const isSame = (one: unknown, other: unknown) =>
  isFact(one) && JSON.stringify(one) === JSON.stringify(other);

function isFact(value: unknown): value is Fact {
  return typeof value === "object" && value !== null && "fact" in value;
}
