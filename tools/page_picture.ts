// deno-lint-ignore-file no-console -- a program of its own
/**
 * Draws `docs/page.png`: the page of `--web` on a wide screen and on a phone. It needs Chromium.
 *
 *     deno run -A tools/page_picture.ts
 */

import { type Browser, openBrowser } from "../tests/cli/page/browser.ts";
import { PageDouble } from "../tests/cli/page/page_double.ts";

type Fields = Readonly<Record<string, unknown>>;

const WIDE = { width: 1_120, height: 720 };
const PHONE = { width: 340, height: 620 };

const key = (name: string) => name[0]!.toLowerCase().repeat(27);
const at = (time: string) =>
  new Date(`${new Date().toISOString().slice(0, 10)}T${time}Z`).toISOString();

function said(from: string, time: string, text: string, more: Fields = {}): Fields {
  const self = from === "Alice";
  const sent = { at: at(time), sentAt: at(time), history: false, private: false };
  const mention = !self && /\bAlice\b/.test(text);
  return {
    event: "message",
    id: time,
    from,
    shown: from,
    key: key(from),
    text,
    self,
    mention,
    ...sent,
    ...more,
  };
}

function joined(name: string, more: Fields = {}): Fields {
  const where = { host: "192.168.1.7", port: 55107, present: true };
  return { event: "joined", name, key: key(name), verified: false, ...where, ...more };
}

const ROOM: readonly Fields[] = [
  {
    event: "ready",
    command: "mesh",
    name: "Alice",
    host: "192.168.1.5",
    port: 55107,
    key: key("Alice"),
    room: "r",
    at: at("08:55:00"),
  },
  joined("Bob", { verified: true }),
  joined("Carol", { verified: true }),
  joined("Dave"),
  joined("Emil", { away: "back at ten" }),
  said("Bob", "09:02:00", "Good morning! Who has the slides for tonight?"),
  said("Alice", "09:03:00", "I do. They’re nearly done: https://slides.example/autumn"),
  said("Alice", "09:03:20", "Only the pictures of the harbour are missing."),
  said("Dave", "09:05:00", "Here is the best one. It was taken on Sunday, just before the storm."),
  {
    event: "offer",
    file: 1,
    id: "f",
    from: "Dave",
    key: key("Dave"),
    self: false,
    name: "harbour at dusk.jpg",
    size: 2_431_220,
    digest: "d",
    at: at("09:05:30"),
  },
  said(
    "Carol",
    "09:08:00",
    "Lovely! Alice, is seven still all right? I could come earlier and help with the chairs.",
  ),
  said("Bob", "09:09:00", "I’ll be on the train at 18:40.", { private: true }),
];

const GROUP: readonly Fields[] = [
  {
    event: "view",
    view: 1,
    members: ["Alice", "Bob", "Carol"],
    keys: ["Alice", "Bob", "Carol"].map(key),
    verified: ["Bob"],
    joined: [],
    left: [],
  },
  said("Bob", "09:00:00", "Tuesday: the budget, the new room, holidays", { seq: 40 }),
  said("Alice", "09:01:00", "The room is booked from nine.", { seq: 41 }),
  said("Carol", "09:02:00", "I’ll take the minutes.", { seq: 42 }),
  {
    event: "vote-wanted",
    edit: 7,
    seq: 41,
    by: "Carol",
    old: "The room is booked from nine.",
    new: "The room is booked from half past nine.",
    deadline: new Date(Date.now() + 29_000).toISOString(),
  },
];

async function picture(
  browser: Browser,
  mode: string,
  events: readonly Fields[],
  viewport: typeof WIDE,
  colorScheme: "light" | "dark",
): Promise<string> {
  const double = new PageDouble({ mode });
  const options = {
    viewport,
    colorScheme,
    locale: "en-GB",
    timezoneId: "UTC",
    deviceScaleFactor: 1,
  };
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(double.url);
  await page.locator("#own-link", { hasText: "Connected" }).waitFor({ state: "attached" });
  double.show(...events);
  await page.locator(".said").last().waitFor();
  await page.waitForTimeout(400);
  const bytes = await page.screenshot();
  await context.close();
  await double.close();
  return `data:image/png;base64,${bytes.toString("base64")}`;
}

const browser = await openBrowser();
const wide = await picture(browser, "mesh", ROOM, WIDE, "light");
const phone = await picture(browser, "group", GROUP, PHONE, "dark");
const both = await browser.newPage({ viewport: { width: 1_280, height: 780 } });
await both.setContent(`<style>
  body { margin: 0; background: #d9dfe0; position: relative; height: 780px }
  img { position: absolute; border-radius: 14px; border: 1px solid #0003 }
</style><img src="${wide}" style="left:24px;top:24px"><img src="${phone}" style="right:24px;bottom:24px;border-radius:24px;border:6px solid #2a2d31">`);
await both.locator("img").last().waitFor();
const file = new URL("../docs/page.png", import.meta.url);
await both.screenshot({ path: file.pathname });
console.log(`docs/page.png, ${Deno.statSync(file).size} bytes`);
await browser.close();
