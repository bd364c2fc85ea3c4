/** The page of `--web` in Chromium: how much it loads, how soon something is seen, and how soon what others say. */

import { fileURLToPath } from "node:url";
import { PAGE_ASSETS } from "../../lib/cli/page/page_assets.ts";
import { CHROMIUM } from "../cli/page/chromium.ts";
import { LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atMost, median, type Row } from "./row.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const ROUNDS = 5;
const PAINTS = 15;
/** At a pace at which people read; the first ones, which aren't counted, warm both sides. */
const MESSAGES = 60;
const WARMING_MESSAGES = 20;
const PAUSE_MS = 50;

const WINDOW = fileURLToPath(new URL("page_window.ts", import.meta.url));

export async function measurePage(): Promise<readonly Row[]> {
  const files = {
    ...rowOf("its files, compressed", "kB"),
    ours: [PAGE_ASSETS.values().reduce((sum, { brotli }) => sum + atob(brotli).length, 0) / 1_000],
    target: atMost(30, "value"),
  };
  if (CHROMIUM === null) {
    const missing = ["first paint", "typed to shown on the page, p50"].map((what): Row => ({
      ...rowOf(what, "ms"),
      missing: "install chromium",
    }));
    return [files, ...missing];
  }
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-bench-" });
  const folder = temporary.path;
  return [files, ...await measureWindow(folder)];
}

function rowOf(what: string, unit: string): Row {
  return { group: "page", what, unit, ours: [], baseline: null, target: null };
}

async function measureWindow(folder: string): Promise<readonly Row[]> {
  await using author = member(folder, "author", []);
  const port = await author.until("ready", (line) => portIn(line));
  await using reader = member(folder, "reader", ["127.0.0.1", String(port), "--web", "0"]);
  const url = await reader.until("web", (line) => /"url":"([^"]+)"/.exec(line)?.[1]);
  await using window = new LineProcess([
    ...[Deno.execPath(), "run", "--quiet", "-A", "--no-check", WINDOW],
    url,
  ]);
  const paints: number[] = [];
  for (let at = 0; at < PAINTS; at++) paints.push(await asked(window, "paint", "paintMs"));
  await asked(window, "watch", "watching");
  const [pages, consoles, differences]: [number[], number[], number[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    const found = await measureRound(author, reader, window, `round ${round}`);
    if (round < 0) continue;
    pages.push(median(found.map(({ page }) => page)));
    consoles.push(median(found.map(({ console }) => console)));
    differences.push(median(found.map(({ page, console }) => page - console)));
  }
  return [
    { ...rowOf("first paint", "ms"), ours: paints, target: atMost(300, "value") },
    {
      ...rowOf("a message of another, typed to shown on the page, p50", "ms"),
      ours: pages,
      baseline: { name: "to its line of --json at the same member", samples: consoles },
    },
    {
      ...rowOf("the same, later than that line, p50", "ms"),
      ours: differences,
      target: atMost(20, "value"),
    },
  ];
}

function member(folder: string, name: string, args: readonly string[]): LineProcess {
  const listen = ["--host", "127.0.0.1", "--port", "0", "--data", folder];
  return new LineProcess([PROGRAM, "mesh", name, ...args, "--json", ...listen]);
}

function portIn(line: string): number | undefined {
  const event = JSON.parse(line);
  return event.event === "ready" ? event.port : undefined;
}

/** Has the window do something. @returns The field of its answer. */
async function asked<Value>(window: LineProcess, what: string, field: string): Promise<Value> {
  const answer = window.until(what, (line) => {
    const value = JSON.parse(line)[field];
    return value === undefined ? undefined : { value };
  });
  await window.type(what);
  return (await answer).value;
}

/** Ms from typed until shown, of each message. Both programs tell wall time, which is of one clock here. */
async function measureRound(
  author: LineProcess,
  reader: LineProcess,
  window: LineProcess,
  name: string,
): Promise<readonly { readonly page: number; readonly console: number }[]> {
  const printedMs = new Map<string, number>();
  const stop = reader.onLine((line) => {
    if (!line.startsWith('{"event":"message"')) return;
    const { text } = JSON.parse(line);
    printedMs.set(text, wallMs());
  });
  const typedMs = new Map<string, number>();
  const count = WARMING_MESSAGES + MESSAGES;
  const textOf = (at: number) => `${name}, message ${at}`;
  const last = textOf(count - 1);
  const end = reader.until("the last", (line) => line.includes(last) || undefined);
  for (let at = 0; at < count; at++) {
    await pause(PAUSE_MS);
    typedMs.set(textOf(at), wallMs());
    await author.type(textOf(at));
  }
  await end;
  stop();
  const command = `shown ${last}`;
  const shown = await asked<readonly (readonly [string, number])[]>(window, command, "shown");
  const shownMs = new Map(shown);
  return [...typedMs].slice(WARMING_MESSAGES).map(([text, fromMs]) => {
    const [page, console] = [shownMs.get(text), printedMs.get(text)];
    if (page === undefined || console === undefined) throw new Error(`"${text}" wasn't shown`);
    return { page: page - fromMs, console: console - fromMs };
  });
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
