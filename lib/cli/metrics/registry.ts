/**
 * What is measured: counters, gauges and histograms, in the order in which they are told. A family of them differs in one
 * label, whose values are a closed list of words of ours. So nothing that others write, such as a name or a key, can be
 * one, and as many series as are declared are all there will ever be.
 */

import { invariant } from "../../base/invariant.ts";

/** What a figure counts or measures, where that isn't things; its name ends with it. */
type Unit = "seconds" | "bytes";

/** A name without what its type adds (`_total`, `_bucket`), and a sentence. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly unit: Unit | null;
}

/** A label, and all values that it can have. */
export interface Label<Value extends string> {
  readonly name: string;
  readonly values: readonly Value[];
}

/**
 * Nothing for a union of words that are known when the program is compiled; for `string`, and patterns of it, which are
 * open, an argument that can't be given. (An object without properties fits a record of an open set of keys, and not one
 * that requires a key.)
 */
type IfClosed<Value extends string> = Record<never, never> extends Record<Value, 1> ? [never] : [];

/** @param values All that the label can be: words of ours. */
export function label<const Value extends string>(
  name: string,
  values: readonly Value[],
  ..._: IfClosed<Value>
): Label<Value> {
  invariant(new Set(values).size === values.length, "a label's values are distinct");
  return { name, values };
}

/** The words of a union, which the compiler checks to be all of them: `wordsOf<Lane>({ data: 1, control: 1 })`. */
export function wordsOf<Word extends string>(words: Readonly<Record<Word, 1>>): readonly Word[] {
  return Object.keys(words) as Word[];
}

/** Only grows. */
export class Counter {
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(amount = 1): void {
    invariant(amount >= 0, "what is counted only grows");
    this.#total += amount;
  }

  /** Takes over a total that is counted elsewhere; one that has begun anew there counts no less than before. */
  raiseTo(total: number): void {
    this.#total = Math.max(this.#total, total);
  }
}

/** Goes up and down. */
export class Gauge {
  /** Null while it isn't known: then it isn't told. */
  value: number | null = null;
}

/** How many values were at most as great as each of some bounds, and their sum. */
export class Histogram {
  /** For each bound how many were at most that, and more than the one before; last, those above all. */
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds Ascending. */
  constructor(readonly bounds: readonly number[]) {
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.#counts[at]! += 1;
    this.#sum += value;
  }

  /** For each bound, and then for all, how many were at most that. */
  cumulative(): readonly number[] {
    let sum = 0;
    return this.#counts.map((count) => sum += count);
  }
}

/** Figures of one name, each with its value of the label; null for the only one of a family without. */
export type Family =
  & Described
  & { readonly label: string | null }
  & (
    | { readonly type: "counter"; readonly series: Series<Counter> }
    | { readonly type: "gauge"; readonly series: Series<Gauge> }
    | { readonly type: "histogram"; readonly series: Series<Histogram> }
  );

type Series<Figure> = readonly (readonly [value: string | null, figure: Figure])[];

/** A figure for each value of a label. */
type ByLabel<Value extends string, Figure> = (value: Value) => Figure;

/** The families of one program, each made once. */
export class Registry {
  readonly #families = new Map<string, Family>();

  get families(): readonly Family[] {
    return [...this.#families.values()];
  }

  counter(name: string, help: string, unit: Unit | null = null): Counter {
    const figure = new Counter();
    this.#add({ type: "counter", name, help, unit, label: null, series: [[null, figure]] });
    return figure;
  }

  counters<Value extends string>(
    name: string,
    help: string,
    of: Label<Value>,
    unit: Unit | null = null,
  ): ByLabel<Value, Counter> {
    const { series, by } = each(of, () => new Counter());
    this.#add({ type: "counter", name, help, unit, label: of.name, series });
    return by;
  }

  gauge(name: string, help: string, unit: Unit | null = null): Gauge {
    const figure = new Gauge();
    this.#add({ type: "gauge", name, help, unit, label: null, series: [[null, figure]] });
    return figure;
  }

  gauges<Value extends string>(
    name: string,
    help: string,
    of: Label<Value>,
    unit: Unit | null = null,
  ): ByLabel<Value, Gauge> {
    const { series, by } = each(of, () => new Gauge());
    this.#add({ type: "gauge", name, help, unit, label: of.name, series });
    return by;
  }

  /** Of seconds. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const figure = new Histogram(bounds);
    const series = [[null, figure]] as const;
    this.#add({ type: "histogram", name, help, unit: "seconds", label: null, series });
    return figure;
  }

  /** Of seconds. */
  histograms<Value extends string>(
    name: string,
    help: string,
    bounds: readonly number[],
    of: Label<Value>,
  ): ByLabel<Value, Histogram> {
    const { series, by } = each(of, () => new Histogram(bounds));
    this.#add({ type: "histogram", name, help, unit: "seconds", label: of.name, series });
    return by;
  }

  #add(family: Family): void {
    const { name, unit } = family;
    invariant(!this.#families.has(name), `${name} is declared once`);
    invariant(unit === null || name.endsWith(`_${unit}`), `${name} ends with its unit`);
    this.#families.set(name, family);
  }
}

function each<Value extends string, Figure>(
  { values }: Label<Value>,
  make: () => Figure,
): { readonly series: Series<Figure>; readonly by: ByLabel<Value, Figure> } {
  const series = values.map((value) => [value, make()] as const);
  const figures = new Map<string, Figure>(series);
  const by = (value: Value) => {
    const figure = figures.get(value);
    invariant(figure !== undefined, "a label has only its declared values");
    return figure;
  };
  return { series, by };
}
