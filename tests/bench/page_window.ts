// deno-lint-ignore-file no-console -- a program of its own
/**
 * A window of the page in Chromium, for `page_rows.ts`: `page_window.ts URL`, a command a line. `paint`: opens the page
 * anew, and prints when something was first seen in it; `watch`: opens it to stay; `shown TEXT`: prints what was shown
 * in it since, and when, once that text was.
 */

import { openBrowser, type Page } from "../cli/page/browser.ts";

const [url] = Deno.args;

/** The page's policy lets nothing wait within it that is evaluated there. */
const LOOK_MS = 20;

const PAINT = `new Promise((resolve) => {
  const found = () => performance.getEntriesByName("first-contentful-paint")[0];
  const look = () => found() === undefined ? setTimeout(look, 5) : resolve(found().startTime);
  look();
})`;

/** A task after the one in which it was put into the page comes after the frame in which it is seen. */
const WATCH = `(() => {
  globalThis.shown = [];
  const known = new Set();
  new MutationObserver(() => setTimeout(() => {
    const nowMs = performance.timeOrigin + performance.now();
    for (const { textContent } of [...document.querySelectorAll(".said-text")].slice(-200)) {
      if (known.has(textContent)) continue;
      known.add(textContent);
      globalThis.shown.push([textContent, nowMs]);
    }
  })).observe(document.querySelector("#timeline"), { childList: true, subtree: true });
})()`;

const browser = await openBrowser();
let watched: Page | null = null;

async function opened(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_100, height: 700 } });
  const page = await context.newPage();
  await page.goto(url!);
  return page;
}

async function answered(command: string): Promise<unknown> {
  const [, last] = /^shown (.*)$/.exec(command) ?? [];
  if (last !== undefined) {
    const isShown = `globalThis.shown.some(([text]) => text === ${JSON.stringify(last)})`;
    while (!await watched!.evaluate(isShown)) await watched!.waitForTimeout(LOOK_MS);
    return { shown: await watched!.evaluate("globalThis.shown.splice(0)") };
  }
  const page = await opened();
  if (command === "paint") {
    const paintMs = await page.evaluate(PAINT);
    await page.context().close();
    return { paintMs };
  }
  await page.getByText("Connected").first().waitFor();
  await page.evaluate(WATCH);
  watched = page;
  return { watching: true };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let rest = "";
for await (const text of lines) {
  const whole = (rest + text).split("\n");
  rest = whole.pop()!;
  for (const command of whole) console.log(JSON.stringify(await answered(command)));
}
await browser.close();
