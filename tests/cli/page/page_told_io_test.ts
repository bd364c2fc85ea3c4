/** The page in Chromium: what one is told who doesn't look at it, and where keys go. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { type Browser, OpenPage, testInBrowser } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { disposable, type Fields, holdsIn, READY, said, typed, until } from "./page_given.ts";

testInBrowser("page: what one is told, and where keys go", {
  "who calls once more is told of once more": calledAgain,
  "what came while the connection was away is told of": whileAway,
  "how far something is is told once, and shown": underWay,
  "each notification is one, also of who was told of before": notified,
  "the title counts what is new where no picture is drawn": undrawn,
  "a window that was refused stays so when the network comes back": staysRefused,
  "a key for an input method neither sends nor gives up anything": composing,
  "a draft stays with whom it was begun to, whatever they are called": renamed,
  "of several lines that come at once each is told, once, in order": severalTold,
  "author, message and question are read in order": readInOrder,
  "the first message is reached by keyboard alone": toFirst,
  "what is pressed and goes leaves the keyboard where one goes on": goesOn,
  "an upload that ends leaves the keyboard at the message box": uploadEnds,
});

async function calledAgain(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "directory" }));
  const incoming = { event: "incoming", from: "bob", key: "b", guest: false };
  double.page.show({ event: "session", state: "up", name: "Alice", guest: false });
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("Lobby", "#title");
  double.page.show({ ...incoming, call: "1" });
  const told = open.page.locator("#announcer").getByText(/^bob is calling/);
  await told.waitFor({ state: "attached" });

  const over = { event: "call", peer: "bob", state: "ended", reason: "cancelled", by: "bob" };
  double.page.show({ ...over, call: "1" });
  await open.page.locator("#asks").waitFor({ state: "hidden" });
  double.page.show({ ...incoming, call: "2" });
  await open.page.locator("#asks").waitFor();
  await told.nth(1).waitFor({ state: "attached" });
}

async function whileAway(browser: Browser): Promise<void> {
  const first = new PageDouble({ mode: "mesh" });
  first.show(READY, said("one"));
  await using open = await OpenPage.open(browser, first.url);
  await open.sees("one");
  await first.close();
  await open.page.getByText("No connection with the program").waitFor();

  const again = new PageDouble({ mode: "mesh", port: first.port });
  again.show(READY, said("one"), said("two"));
  await open.sees("two");
  await open.page.locator("#announcer").getByText("Bob: two").waitFor({ state: "attached" });
  assertEquals(await open.page.locator("#announcer").getByText("Bob: one").count(), 0);
  await again.close();

  // A program that was started again.
  await open.page.getByText("No connection with the program").waitFor();
  await using last = disposable(new PageDouble({ mode: "mesh", run: "run 2", port: first.port }));
  last.page.show(READY, said("two", { history: true }), said("three"));
  await open.page.locator("#announcer").getByText("Bob: three").waitFor({ state: "attached" });
  assertEquals(await open.page.locator("#announcer").getByText("Bob: two").count(), 1);
  open.faults.splice(0); // the attempts to connect meanwhile
}

async function underWay(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  double.page.show(said("one", { seq: 1 }));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("one");
  const banner = (live: string, hasText: string) =>
    page.locator(`#banner[aria-live=${live}]`, { hasText }).waitFor();
  for (const done of [1, 2, 3]) {
    double.page.send({ type: "progress", text: `Catching up: ${done} of 9 entries` });
    await banner("off", `Catching up: ${done} of 9 entries`);
  }
  assertEquals(await page.locator("#announcer").getByText("Catching up").allTextContents(), [
    "Catching up: 1 of 9 entries",
  ]);
  assertEquals(await open.violations(), []);

  double.page.send({ type: "progress", text: null });
  double.page.send({ type: "paused", reason: "the disk is slow" });
  await banner("polite", "What you write waits: the disk is slow");
}

async function notified(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  await open.page.evaluate(`{
    globalThis.shown = [];
    globalThis.Notification = class {
      static permission = "granted";
      static requestPermission = async () => "granted";
      constructor(title, about) {
        shown.push({ title, ...about });
      }
    };
    document.hasFocus = () => false;
  }`);
  await open.page.locator("#notify").click();
  await open.page.locator("#notify[aria-pressed=true]").waitFor();

  double.page.show(said("psst", { private: true }));
  await holdsIn(open.page, "shown.length === 1");
  const about = { body: "psst", icon: "icon.svg", tag: "main bob", renotify: true };
  assertEquals(await open.page.evaluate("shown"), [{ title: "Bob", ...about }]);
}

async function undrawn(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  await holdsIn(open.page, "document.title === 'Room \u2013 p2pchat'");

  // As of a page that was hidden after it had asked for its next picture.
  await open.page.evaluate("globalThis.requestAnimationFrame = () => 0");
  double.page.show(said("psst", { private: true }));
  await holdsIn(open.page, "document.title === '(1!) Room \u2013 p2pchat'");
}

async function staysRefused(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("one");
  await page.evaluate(`{
    globalThis.sockets = 0;
    globalThis.WebSocket = class extends WebSocket {
      constructor(...given) {
        super(...given);
        sockets++;
      }
    };
  }`);
  double.page.refuse("replaced", "Another window has taken the place of this one");
  const banner = page.locator("#banner", { hasText: "Another window has taken the place" });
  await banner.waitFor();

  await page.evaluate("dispatchEvent(new Event('online'))");
  assertEquals(await page.evaluate("sockets"), 0);
  await banner.getByRole("button", { name: "Try again" }).click();
  await banner.waitFor({ state: "hidden" });
}

/** An expression: whether such a key, pressed in the message box, does what it does by itself. */
const passes = (init: Fields) =>
  `document.querySelector("#text").dispatchEvent(
    new KeyboardEvent("keydown", ${JSON.stringify({ ...init, bubbles: true, cancelable: true })}))`;

async function composing(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  double.page.show(said("one", { seq: 1 }));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("one");
  await page.getByRole("button", { name: "Change entry 1" }).dispatchEvent("click");
  await holdsIn(page, `document.getElementById("text").value === "/edit one - 1"`);
  await page.keyboard.insertText("\u304b\u306a");
  const line = "/edit \u304b\u306a - 1";

  // Safari says by the code alone that Enter has chosen what was composed.
  assert(await page.evaluate(passes({ key: "Enter", keyCode: 229 })));
  assert(await page.evaluate(passes({ key: "Escape", isComposing: true })));
  assertEquals(await page.locator("#text").inputValue(), line);
  assertEquals(typed(double.page), []);
  await page.locator("#text").press("Enter");
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), [line]);
}

async function renamed(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const carol = { from: "Carol", shown: "Carol", key: "c" };
  const psst = [said("psst", { private: true }), said("hey", { private: true, ...carol })];
  double.page.show(READY, said("one"), ...psst);
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const draftTo = async (name: string, text: string) => {
    await page.locator("#places").getByText(name).click();
    await open.sees(name, "#title");
    await page.locator("#text").fill(text);
  };
  await draftTo("Carol", "and you");
  await draftTo("Bob", "are yo there?");
  for (let at = 0; at < " there?".length; at++) await page.keyboard.press("ArrowLeft");

  double.page.show(
    { event: "renamed", key: "b", from: "Bob", name: "Robert", room: "r1" },
    { event: "renamed", key: "c", from: "Carol", name: "Caroline", room: "r1" },
  );
  await open.sees("Robert", "#title");
  await page.keyboard.type("u");
  assertEquals(await page.locator("#text").inputValue(), "are you there?");
  await page.locator("#places").getByText("Caroline").click();
  await open.sees("Caroline", "#title");
  assertEquals(await page.locator("#text").inputValue(), "and you");
}

async function goesOn(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const names = ["Bob", "Carol", "Dave", "Eve", "Frank"];
  const joined = names.map((name) => ({ event: "joined", name, key: name, verified: false }));
  double.page.show(READY, said("one"), said("x\n".repeat(50)), ...joined);
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;

  for (const name of [/^\d+ more who came or went$/, /^Show \d+ more lines$/]) {
    await page.getByRole("button", { name }).press("Enter");
    await holdsIn(page, "document.activeElement.matches('[data-key]')");
  }
}

/** What there is to read on a page, in order, as the browser tells a screen reader. */
async function readOf({ page }: OpenPage): Promise<string> {
  const devTools = await page.context().newCDPSession(page);
  const { nodes } = await devTools.send("Accessibility.getFullAXTree");
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const texts: unknown[] = [];
  const walk = (id: string): void => {
    const node = byId.get(id)!;
    const isLeaf = ["StaticText", "button", "textbox"].includes(String(node.role?.value));
    if (isLeaf && !node.ignored) texts.push(node.name?.value);
    else for (const child of node.childIds ?? []) walk(child);
  };
  walk(nodes[0]!.nodeId);
  return texts.join("|").replaceAll(/\s+/g, " ");
}

async function readInOrder(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  const edit = { event: "vote-wanted", edit: 7, seq: 1, by: "Carol", old: "one", new: "two" };
  const carol = { from: "Carol", shown: "Carol", key: "c" };
  double.page.show(said("one", { seq: 1 }), said("and more", { seq: 2 }));
  double.page.show(said("three", { seq: 3, ...carol }));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("three");
  double.page.show({ ...edit, deadline: new Date(Date.now() + 60_000).toISOString() });
  await open.page.getByRole("button", { name: "Agree" }).waitFor();
  const read = await readOf(open);
  const order = ["|Bob|", "|one|", "|Bob|", "|and more|", "|Carol|", "|three|"];
  order.push(
    "|Carol| wants to change |entry 1|",
    "|- one|",
    "|+ two|",
    "|Agree|",
    "|Refuse|",
    "|Message",
  );
  let at = 0;
  for (const text of order) {
    const found = read.indexOf(text, at);
    assert(found >= 0, `${text} in ${read.slice(at)}`);
    at = found + text.length - 1;
  }
}

async function toFirst(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, ...Array.from({ length: 800 }, (_, at) => said(`line ${at}`)));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("line 799");
  await holdsIn(page, "document.activeElement.id === 'text'");
  await page.evaluate(`{
    globalThis.isSeen = () => {
      const first = [...document.querySelectorAll(".said-text")].find((one) => one.textContent === "line 0");
      return first?.checkVisibility() && first.getBoundingClientRect().top > 0;
    };
  }`);
  for (let back = 0; back < 9; back++) {
    await page.keyboard.press("Shift+Tab");
    if (await page.evaluate("document.activeElement.id === 'timeline'")) break;
  }
  await holdsIn(page, "document.activeElement.id === 'timeline'");
  for (let press = 0; press < 20 && !await page.evaluate("isSeen()"); press++) {
    await page.keyboard.press("Home");
    await page.waitForTimeout(100);
  }
  await holdsIn(page, "isSeen()");
}

async function severalTold(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  // What was told stays as it is: what a reader finds anew it would tell again.
  await open.page.evaluate(`{
    globalThis.told = [];
    new MutationObserver((changes) => told.push(...changes.flatMap(({ addedNodes }) =>
      [...addedNodes].map(({ textContent }) => textContent))))
      .observe(document.querySelector("#announcer"), { childList: true, subtree: true });
  }`);
  double.page.show(said("two"), said("three"), {
    event: "left",
    name: "Dave",
    key: "d",
    reason: "quit",
  });
  double.page.show(said("four"));
  await holdsIn(open.page, "told.length >= 4");
  assertEquals(await open.page.evaluate("told"), [
    ...["Bob: two", "Bob: three", "Dave left (quit)", "Bob: four"],
  ]);
}

async function uploadEnds(browser: Browser): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const options = { mode: "mesh", taken: () => gone.promise };
  await using double = disposable(new PageDouble(options));
  using _taken = { [Symbol.dispose]: () => gone.resolve() }; // the double ends once it has taken all
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  const file = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
  await open.page.locator("#file").setInputFiles(file);
  await until(() => double.page.uploads.length === 1);

  await open.page.getByRole("button", { name: "Stop" }).press("Enter");
  await open.page.locator("#uploads").waitFor({ state: "hidden" });
  await holdsIn(open.page, "document.activeElement.id === 'text'");
}
