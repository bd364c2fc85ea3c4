/** What tests of the page in Chromium give it, and see of what it asks for. */

import type { OpenPage } from "./browser.ts";
import { PageDouble } from "./page_double.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const READY = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "10.0.0.1",
  port: 55107,
  key: "a",
  room: "r1",
};
export const FRIENDS = {
  event: "ready",
  command: "peer",
  name: "Alice",
  host: "10.0.0.1",
  port: 1,
  key: "a",
  users: "users.txt",
  names: ["bob", "carol"],
};

export function said(text: string, more: Fields = {}): Fields {
  return {
    event: "message",
    id: `id of ${text}`,
    from: "Bob",
    shown: "Bob",
    key: "b".repeat(27),
    text,
    sentAt: new Date().toISOString(),
    self: false,
    private: false,
    history: false,
    mention: false,
    ...more,
  };
}

/** What the user has asked for, without what the page asks by itself. */
export function typed({ asked }: PageDouble): readonly unknown[] {
  return asked.filter(({ ref }) => /^[af]\./.test(String(ref)))
    .map(({ command, line }) => command ?? line);
}

export function disposable(page: PageDouble) {
  return { page, [Symbol.asyncDispose]: () => page.close() };
}

const LOOKS_MAX = 2_000;

/** Waits until an expression holds in the page; the driver's own way to wait is forbidden to it. */
export async function holdsIn(page: OpenPage["page"], expression: string): Promise<void> {
  for (let look = 0; await page.evaluate(expression) !== true; look++) {
    if (look === LOOKS_MAX) throw new Error(`never held: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 20));
}
