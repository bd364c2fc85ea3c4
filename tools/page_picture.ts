// deno-lint-ignore-file no-console -- a program of its own
/**
 * Draws `docs/page.png`: the page of `--web` on a wide screen and on a phone. It needs Chromium.
 *
 *     deno run -A tools/page_picture.ts
 */

import { type Browser, openBrowser } from "../tests/cli/page/browser.ts";
import { PageDouble } from "../tests/cli/page/page_double.ts";
import {
  at,
  type Fields,
  joined,
  keyOf,
  offer,
  ready,
  said,
} from "../tests/cli/page/page_scenes.ts";

const WIDE = { width: 1_120, height: 720 };
const PHONE = { width: 340, height: 620 };

const ROOM: readonly Fields[] = [
  ready,
  joined("Bob", { verified: true }),
  joined("Carol", { verified: true }),
  joined("Dave"),
  joined("Emil", { away: "back at ten" }),
  said("Bob", at("09:02:00"), "Good morning! Who has the slides for tonight?"),
  said("Alice", at("09:03:00"), "I do. They’re nearly done: https://slides.example/autumn"),
  said("Alice", at("09:03:20"), "Only the pictures of the harbour are missing."),
  said("Dave", at("09:05:00"), "Here is the best one. It was taken just before the storm."),
  offer(1, "Dave", "harbour at dusk.jpg", at("09:05:30")),
  ...["Gus", "Hana", "Ivo", "Jo"].map((name) =>
    joined(name, { present: undefined, at: at("09:05:50") })
  ),
  said(
    "Carol",
    at("09:08:00"),
    "Lovely! Alice, is seven still all right? I could come earlier and help with the chairs.",
  ),
  said("Bob", at("09:09:00"), "I’ll be on the train at 18:40.", { private: true }),
];

const GROUP: readonly Fields[] = [
  {
    event: "view",
    view: 1,
    members: ["Alice", "Bob", "Carol"],
    keys: ["Alice", "Bob", "Carol"].map(keyOf),
    verified: ["Bob"],
    joined: [],
    left: [],
  },
  said("Bob", at("09:00:00"), "Tuesday: the budget, the new room, holidays", { seq: 40 }),
  said("Alice", at("09:01:00"), "The room is booked from nine.", { seq: 41 }),
  said("Carol", at("09:02:00"), "I’ll take the minutes.", { seq: 42 }),
  {
    event: "vote-wanted",
    at: at("09:03:00"),
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
  await page.locator(".link", { hasText: "Connected" }).waitFor({ state: "attached" });
  double.show(...events);
  await page.locator(".said").last().waitFor();
  // Drawn as what takes a press, which buttons do after a second.
  await page.locator(".actions button[aria-disabled=true]").first().waitFor({ state: "detached" });
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
