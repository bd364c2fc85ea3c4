// deno-lint-ignore-file no-console -- a program of its own
/**
 * A window of the page that stays open, as in a browser on somebody's host: when the connection ends it comes back, and
 * goes on behind what it has. Prints each thing that it is shown, as a line of JSON.
 */

import { BrowserWindow } from "../e2e/browser_window.ts";
import { pause } from "../bench/line_process.ts";

/** A browser that sleeps is taken for gone after 20 s. */
const PING_MS = 10_000;
const AGAIN_MS = 500;

const [url = "", lastRun = "", last = "0"] = Deno.args;
const had = { run: lastRun === "" ? null : lastRun, after: Number(last) };
for (;; await pause(AGAIN_MS)) {
  try {
    using window = await BrowserWindow.open({ event: "web", url }, "torture-1", had);
    await show(window);
  } catch {
    // The program has ended, or is stopped, or hasn't begun.
  }
}

/** Until the connection ends. */
async function show({ visit }: BrowserWindow): Promise<void> {
  const timer = setInterval(() => visit.visitor.send({ type: "ping" }), PING_MS);
  let shown = 0;
  try {
    for (;;) {
      for (const { type, ...more } of visit.visitor.messages.slice(shown)) {
        if (type === "welcome") welcome(more as unknown as Welcome);
        if (type === "events") print(more["events"] as Events);
      }
      shown = visit.visitor.messages.length;
      await visit.until("there is more", ({ messages }) => messages.length > shown);
    }
  } finally {
    clearInterval(timer);
  }
}

interface Welcome {
  readonly run: string;
  readonly missed: boolean;
}
type Events = readonly { readonly id: number; readonly fields: unknown }[];

function welcome({ run, missed }: Welcome): void {
  if (run !== had.run) had.after = 0;
  had.run = run;
  if (missed) console.log(JSON.stringify({ run, missed }));
}

function print(events: Events): void {
  for (const { id, fields } of events) {
    had.after = id;
    console.log(JSON.stringify({ run: had.run, id, fields }));
  }
}
