/**
 * Figures as text: OpenMetrics 1.0, and the text format of Prometheus before it (0.0.4) for whoever asks for that.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

import type { Family, Histogram } from "./registry.ts";

export type Format = "openmetrics" | "text";

/** What `Content-Type` says of it. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
};

/** The format that a request's `Accept` asks for: the one before only where OpenMetrics isn't wanted. */
export function formatFor(accept: string): Format {
  if (/application\/openmetrics-text/i.test(accept)) return "openmetrics";
  return /text\/(plain|html)/i.test(accept) ? "text" : "openmetrics";
}

export function expose(families: readonly Family[], format: Format): string {
  const lines = families.flatMap((family) => linesOf(family, format));
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function linesOf(family: Family, format: Format): string[] {
  const samples = samplesOf(family);
  if (samples.length === 0) return []; // nothing of it is known
  const { name, type, unit, help } = family;
  // Before OpenMetrics a family was called as its only sample is.
  const named = format === "text" && type === "counter" ? `${name}_total` : name;
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return [
    `# TYPE ${named} ${type}`,
    ...(format === "openmetrics" && unit !== null ? [`# UNIT ${named} ${unit}`] : []),
    `# HELP ${named} ${format === "openmetrics" ? text.replaceAll('"', '\\"') : text}`,
    ...samples,
  ];
}

function samplesOf(family: Family): string[] {
  const { name, label } = family;
  const of = (value: string | null) => value === null ? [] : [pair(label!, value)];
  switch (family.type) {
    case "counter":
      return family.series.map(([value, { total }]) => sample(`${name}_total`, of(value), total));
    case "gauge":
      return family.series.flatMap(([value, { value: now }]) =>
        now === null ? [] : [sample(name, of(value), now)]
      );
    case "histogram":
      return family.series.flatMap(([value, histogram]) =>
        histogramSamples(name, of(value), histogram)
      );
  }
}

function histogramSamples(
  name: string,
  labels: readonly string[],
  histogram: Histogram,
): readonly string[] {
  const bounds = [...histogram.bounds.map(boundText), "+Inf"];
  return [
    ...histogram.cumulative().map((count, at) =>
      sample(`${name}_bucket`, [...labels, pair("le", bounds[at]!)], count)
    ),
    sample(`${name}_count`, labels, histogram.count),
    sample(`${name}_sum`, labels, histogram.sum),
  ];
}

function sample(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join()}}`} ${numberText(value)}`;
}

function pair(name: string, value: string): string {
  const text = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `${name}="${text}"`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** The canonical form: two programs, or versions, that write one bound differently would make two series of it. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
