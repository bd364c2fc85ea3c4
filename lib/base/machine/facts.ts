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

/** A table's facts, which have others in fields: an interface, as the compiler looks into that only when it has to. */
interface Table {
  readonly fact: { readonly fact: string };
}

type Field<Name extends string, Kind, In extends Table> = Kind extends "here" ? unknown : {
  readonly [N in Name]: Kind extends "fact" ? In["fact"]
    : Kind extends "" | "name" | "said" ? string
    : number;
};

type Fields<Sentence, In extends Table> = Sentence extends
  `${string}{${infer Placeholder}}${infer Rest}` ?
    & Fields<Rest, In>
    & (Placeholder extends `${infer Name}:${infer Kind}` ? Field<Name, Kind, In>
      : Field<Placeholder, "", In>)
  : unknown;

type FactsOf<Sentences, In extends Table> = {
  [F in keyof Sentences]: { readonly fact: F } & Fields<Sentences[F], In>;
}[keyof Sentences];

/** The facts of a table. */
export type FactOf<W extends Words, In extends Table> = {
  [As in keyof W]: FactsOf<W[As], In>;
}[keyof W];

type Fact = { readonly fact: string } & Readonly<Record<string, unknown>>;

/** What was told of so many friends; of more, the oldest may be told again. */
const TOLD_MAX = 4_096;
/** Events that have facts in their fields. */
const HOLDERS: ReadonlySet<unknown> = new Set(["delivery", "status"]);

/** Puts what a machine tells into words, and drops what isn't news: machines don't remember what they have said. */
export class Facts {
  readonly #sentences = new Map<string, { readonly as: string; readonly says: string }>();
  /** By fact and friend. `just`: the last one told; `why`: that in the field `of` of the last one with `short`. */
  readonly #told = new Map<string, { readonly atMs: number; readonly what: unknown }>();

  /** @param here What is the same in all sentences. */
  constructor(
    words: Words,
    readonly rules: Readonly<Record<string, Rule | undefined>>,
    readonly here: Readonly<Record<string, string>>,
    readonly nowMs: () => number,
  ) {
    for (const [as, sentences] of Object.entries(words)) {
      for (const [fact, says] of Object.entries(sentences)) this.#sentences.set(fact, { as, says });
    }
  }

  /**
   * The event in words: a fact by itself (`fact`, with what stands `beside` its text) becomes a notice or an error.
   * @returns Null where it isn't news.
   */
  worded<Event extends { readonly event: string }>(told: { readonly event: string }): Event | null {
    const { event, fact, beside, state, to, reason }: Readonly<Record<string, unknown>> = {
      ...told,
    };
    if (isFact(fact)) return this.#tell(fact, beside) as unknown as Event | null;
    this.#over([`${event}`, `${event} ${state}`], to);
    if (!HOLDERS.has(event)) return told as Event;
    const text = JSON.stringify(told, (_, each) => isFact(each) ? this.#part(each) : each);
    return { ...JSON.parse(text), ...(this.#isLast("just", to, reason) ? { told: true } : {}) };
  }

  /** For whoever has asked for something that there isn't. */
  error(fact: Fact): P2pchatError {
    const { as, says } = this.#sentences.get(fact.fact)!;
    return new P2pchatError(as as ErrorCode, this.#filled(fact, says));
  }

  #tell(given: Fact, beside: unknown) {
    const { friend } = given;
    const rule = this.rules[given.fact] ?? {};
    const why = rule.short && given[rule.short.of];
    const isShort = this.#isLast("just", friend, why) || this.#isLast("why", friend, why);
    this.#told.delete(keyOf("just", friend));
    if (!this.#isNews(given, rule)) return null;
    this.#note("just", friend, given);
    if (why !== undefined) this.#note("why", friend, why);
    this.#over([given.fact], friend);
    const fact = isShort ? { ...given, fact: rule.short!.as } : given;
    const { as, says } = this.#sentences.get(fact.fact)!;
    const of = {
      text: this.#filled(fact, says),
      ...(friend === undefined ? {} : { friend }),
      ...beside ?? {},
    };
    if (as === "warning") return { event: "notice", ...of, warning: true };
    return as === "notice" ? { event: as, ...of } : { event: "error", code: as, ...of };
  }

  #isNews(fact: Fact, { everyMs = 0, grown, same }: Rule): boolean {
    const subject = grown ?? fact.fact;
    const last = this.#told.get(keyOf(subject, fact.friend));
    const what = grown === undefined ? fact : fact[grown];
    const isOld = last !== undefined && (this.nowMs() < last.atMs + everyMs ||
      (grown !== undefined && Number(what) <= Number(last.what)) ||
      (same === true && this.#isLast(subject, fact.friend, fact)));
    if (!isOld) this.#note(subject, fact.friend, what);
    return !isOld;
  }

  #over(ends: readonly string[], friend: unknown): void {
    for (const [code, rule] of Object.entries(this.rules)) {
      const { grown, until = [] } = rule!;
      if (!until.some((end) => ends.includes(end))) continue;
      for (const whom of [friend, undefined]) this.#told.delete(keyOf(grown ?? code, whom));
    }
  }

  #note(subject: string, friend: unknown, what: unknown): void {
    this.#told.set(keyOf(subject, friend), { atMs: this.nowMs(), what });
    dropOldest(this.#told, TOLD_MAX);
  }

  #isLast(subject: string, friend: unknown, what: unknown): boolean {
    const last = this.#told.get(keyOf(subject, friend));
    return isFact(what) && JSON.stringify(last?.what) === JSON.stringify(what);
  }

  /** A fact within a sentence or a field: without a capital letter of ours. */
  #part(fact: Fact): string {
    const { says } = this.#sentences.get(fact.fact)!;
    return this.#filled(fact, says.charAt(0).toLowerCase() + says.slice(1));
  }

  #filled(fields: Fact, says: string): string {
    return says.replace(/\{(\w+):?(.*?)\}/g, (_, field: string, kind: string) => {
      const value = fields[field];
      switch (field === "friend" ? "name" : kind) {
        case "":
          return String(value);
        case "name":
          return shownName(String(value));
        case "said":
          return saidText(String(value));
        case "number":
          return numberText(Number(value));
        case "here":
          return this.here[field]!;
        case "fact":
          return this.#part(value as Fact);
      }
      const [one = "", many] = kind.split("|");
      return countText(Number(value), one, many);
    });
  }
}

const keyOf = (subject: string, friend: unknown) => `${subject} ${friend ?? ""}`;

function isFact(value: unknown): value is Fact {
  return typeof value === "object" && value !== null && "fact" in value;
}
