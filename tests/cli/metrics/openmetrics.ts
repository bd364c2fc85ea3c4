/**
 * Reads OpenMetrics text strictly, by its specification and not by our writer, and complains about what a monitor would
 * refuse. https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

import { assert, assertEquals } from "@std/assert";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string | null;
  readonly help: string | null;
  readonly samples: readonly Sample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum"],
};

interface Building {
  name: string;
  type: string;
  unit: string | null;
  help: string | null;
  samples: Sample[];
}

export function readOpenMetrics(text: string): ReadonlyMap<string, ReadFamily> {
  assert(text.endsWith("# EOF\n"), "the text ends with # EOF");
  const lines = text.slice(0, -"# EOF\n".length).split("\n");
  assertEquals(lines.pop(), "", "each line has an end");
  const families = new Map<string, Building>();
  let current = null as Building | null;
  for (const line of lines) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (meta !== null) {
      const [, what, name, value] = meta as unknown as [string, string, string, string];
      if (current?.name !== name) {
        assert(!families.has(name), `${name} comes twice`);
        current = { name, type: "unknown", unit: null, help: null, samples: [] };
        families.set(name, current);
      }
      assertEquals(current.samples, [], `what describes ${name} stands before it`);
      if (what === "TYPE") current.type = value;
      if (what === "UNIT") current.unit = value;
      if (what === "HELP") current.help = unescaped(value);
      continue;
    }
    assert(!line.startsWith("#"), `not OpenMetrics: ${line}`);
    assert(current !== null, `nothing describes ${line}`);
    const sample = sampleIn(line);
    const suffixes = SUFFIXES[current.type];
    assert(suffixes !== undefined, `type ${current.type}`);
    const expected = suffixes.map((suffix) => current!.name + suffix);
    assert(expected.includes(sample.name), `${sample.name} in ${current.name}`);
    current.samples.push(sample);
  }
  for (const family of families.values()) check(family);
  return families;
}

function check({ name, type, unit, help, samples }: Building): void {
  assert(samples.length > 0, `${name} has samples`);
  assert(help !== null && help.endsWith("."), `${name} is explained in a sentence`);
  if (unit !== null) assert(name.endsWith(`_${unit}`), `${name} ends with its unit`);
  const ids = samples.map((sample) => sample.name + JSON.stringify(Object.entries(sample.labels)));
  assertEquals(new Set(ids).size, ids.length, `each series of ${name} once`);
  if (type === "counter") {
    for (const { value } of samples) assert(value >= 0 && Number.isFinite(value), name);
  }
  if (type === "histogram") checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const withoutBound = ({ labels: { le: _, ...others } }: Sample) => JSON.stringify(others);
  for (const own of Map.groupBy(samples, withoutBound).values()) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => number(labels.le!));
    assertEquals(bounds, bounds.toSorted((a, b) => a - b), `${name} has ascending bounds`);
    assertEquals(bounds.at(-1), Infinity);
    for (const { labels } of buckets) {
      assert(/^(\+Inf|\d+\.\d+)$/.test(labels.le!), `${labels.le} is canonical`);
    }
    const counts = buckets.map(({ value }) => value);
    assertEquals(counts, counts.toSorted((a, b) => a - b), `${name} is cumulative`);
    const [count] = own.filter((sample) => sample.name === `${name}_count`);
    const [sum] = own.filter((sample) => sample.name === `${name}_sum`);
    assertEquals(count?.value, counts.at(-1), `${name} counts all`);
    assert(sum !== undefined && sum.value >= 0);
  }
}

function sampleIn(line: string): Sample {
  const [, name, inBraces, written] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)$/.exec(line) ?? [];
  assert(name !== undefined && written !== undefined, `not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = inBraces ?? "";
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/.exec(rest);
    assert(match !== null, `not labels: ${rest}`);
    assert(!(match[1]! in labels), `${match[1]} comes twice in ${line}`);
    labels[match[1]!] = unescaped(match[2]!);
    rest = rest.slice(match[0].length);
  }
  return { name, labels, value: number(written) };
}

function number(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  if (text === "NaN") return NaN;
  assert(/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text), `not a number: ${text}`);
  return Number(text);
}

function unescaped(text: string): string {
  assert(!/(^|[^\\])(\\\\)*\\[^\\n"]/.test(text), `unknown escape in ${text}`);
  return text.replace(/\\(.)/g, (_, after) => after === "n" ? "\n" : after);
}

/** The value of a series; of a histogram with `_count` or `_sum` in the name. Undefined: there is none. */
export function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = JSON.stringify(labels);
  for (const { samples } of families.values()) {
    const found = samples.find((sample) =>
      sample.name === name && JSON.stringify(sample.labels) === wanted
    );
    if (found !== undefined) return found.value;
  }
  return undefined;
}
