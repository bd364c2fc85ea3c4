/** Line charts as SVG, in a form that is read on light and on dark pages alike. */

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

/** A median and the range around it. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { left: 70, right: 20, top: 60, bottom: 50 };
/** Of a line's name, above the chart. */
const LEGEND_WIDTH = 115;
const LEGEND_TOP = 40;
const INK = "#888888";
const COLOURS = ["#2f7ed8", "#d9822b", "#3a9d5d"];
/** Lines across the chart, at most. */
const STEPS_MAX = 5;

/** The charts side by side. */
export function svgOf(charts: readonly Chart[]): string {
  const body = charts.map((chart, at) =>
    `<g transform="translate(${at * WIDTH} 0)">\n${drawn(chart)}\n</g>`
  );
  const [width, height] = [charts.length * WIDTH, HEIGHT];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

function drawn({ title, xLabel, yLabel, lines }: Chart): string {
  const points = lines.flatMap((line) => line.points);
  const step = stepFor(Math.max(...points.map(({ high }) => high)));
  const yMax = step * Math.ceil(Math.max(...points.map(({ high }) => high)) / step);
  const xMax = Math.max(...points.map(({ x }) => x));
  const xAt = (x: number) => MARGIN.left + x / xMax * (WIDTH - MARGIN.left - MARGIN.right);
  const yAt = (y: number) =>
    HEIGHT - MARGIN.bottom - y / yMax * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const parts = [
    text(WIDTH / 2, 20, title, "middle"),
    text(WIDTH / 2, HEIGHT - 10, xLabel, "middle"),
    `<g transform="translate(14 ${HEIGHT / 2}) rotate(-90)">${text(0, 0, yLabel, "middle")}</g>`,
  ];
  for (let y = 0; y <= yMax; y += step) {
    parts.push(line(xAt(0), yAt(y), xAt(xMax), yAt(y), INK, 0.3));
    parts.push(text(MARGIN.left - 6, yAt(y) + 4, y.toLocaleString("en-US"), "end"));
  }
  for (const x of new Set(points.map(({ x }) => x))) {
    parts.push(text(xAt(x), HEIGHT - MARGIN.bottom + 18, String(x), "middle"));
  }
  for (const [at, { label, points }] of lines.entries()) {
    const colour = COLOURS[at % COLOURS.length]!;
    const path = points.map(({ x, y }) => `${fixed(xAt(x))},${fixed(yAt(y))}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const { x, y, low, high } of points) {
      parts.push(line(xAt(x), yAt(low), xAt(x), yAt(high), colour, 1));
      parts.push(`<circle cx="${fixed(xAt(x))}" cy="${fixed(yAt(y))}" r="3" fill="${colour}"/>`);
    }
    const left = MARGIN.left + LEGEND_WIDTH * at;
    parts.push(line(left, LEGEND_TOP, left + 20, LEGEND_TOP, colour, 2));
    parts.push(text(left + 26, LEGEND_TOP + 4, label, "start"));
  }
  return parts.join("\n");
}

/** 1, 2 or 5 times a power of ten. */
function stepFor(max: number): number {
  const power = 10 ** Math.floor(Math.log10(max / STEPS_MAX));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => max / step <= STEPS_MAX)!;
}

function text(x: number, y: number, what: string, anchor: string): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${what}</text>`;
}

function line(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  colour: string,
  width: number,
): string {
  return `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" ` +
    `stroke="${colour}" stroke-width="${width}"/>`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}
