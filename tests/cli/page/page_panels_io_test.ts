/** The page in Chromium: what is done with the keyboard, with buttons, and with what commands answer. */

import { assert, assertEquals } from "@std/assert";
import { qrRows } from "../../../lib/cli/words/qr_rows.ts";
import { type Browser, OpenPage, testInBrowser } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { offer, SCENES } from "./page_scenes.ts";
import {
  disposable,
  type Fields,
  FRIENDS,
  holdsIn,
  READY,
  said,
  typed,
  until,
} from "./page_given.ts";

testInBrowser("page: keys, buttons and answers", {
  "Enter runs a whole command, and completes one that isn't": onEnter,
  "each conversation has its own text and undo; what was typed before is had in all": ownTexts,
  "a phone that is turned while the list is open can be used": whenTurned,
  "an answer is closed by its button, and the last one by Escape": answersClosed,
  "a QR code is dark on white, and the first that the invite shows": qrCode,
  "words to say show how long they are good, and that they are no more": wordsEnd,
  "what was found leads to its line, which is fetched where it isn't here": toWhatWasFound,
  "what the mode has can be done by buttons and with the keyboard alone": byButtons,
  "where a file is saved fits into a phone's width, and can be copied": savedAs,
  "the list of people counts those who are in it": countsListed,
  "however many conversations there are, people stay in sight below them": listsShare,
  "nobody moves in the list of people while one points at it": peopleStay,
  "a group's entries are one stop of Tab, and arrows lead from one to the next": oneStop,
  "a button that others bring under the pointer takes no press at once": broughtUnderPointer,
  "a form stays open, with what was typed, while what was given in it isn't done": refusedForm,
  "after what was chosen one types on; what was only closed is where it was": whereOneTypesOn,
});

async function savedAs(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const path = "/home/alice/downloads/p2pchat/received/pictures/harbour/at_dusk.jpg";
  const done = {
    event: "transfer",
    file: 1,
    id: "f1",
    name: "at_dusk.jpg",
    state: "done",
    bytes: 1,
    path,
  };
  double.page.show(READY, offer(1, "Bob", "at_dusk.jpg", new Date().toISOString()), done);
  const viewport = { width: 360, height: 640 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  const { page } = open;
  const saved = page.locator(".file-state code");
  await saved.waitFor();
  const isCut = `document.documentElement.scrollWidth > innerWidth ||
    [...document.querySelectorAll(".card")].some((card) => card.scrollWidth > card.clientWidth)`;
  assertEquals(await page.evaluate(isCut), false);
  assertEquals(await saved.textContent(), path);

  await page.evaluate(
    "navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }",
  );
  await page.getByRole("button", { name: "Copy path: at_dusk.jpg" }).click();
  await holdsIn(page, `globalThis.copied === "${path}"`);
  await page.getByText("Copied").waitFor();
  assertEquals(await open.violations(), []);
}

async function onEnter(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY);
  await using open = await OpenPage.open(browser, double.page.url);
  const text = open.page.locator("#text");
  const type = async (line: string, ...keys: readonly string[]) => {
    await text.fill("");
    await text.pressSequentially(line);
    await open.page.locator(".suggestion").first().waitFor();
    for (const key of keys) await text.press(key);
  };

  // `whois` begins so, too.
  await type("/who", "Enter");
  await until(() => typed(double.page).length === 1);
  await type("/me", "Enter"); // it needs more: the program says so
  await until(() => typed(double.page).length === 2);
  assertEquals(typed(double.page), ["/who", "/me"]);
  await type("/whoi", "Enter");
  assertEquals(await text.inputValue(), "/whois ");
  await type("/who", "ArrowDown", "ArrowUp", "Enter");
  assertEquals(await text.inputValue(), "/whois ");
  await type("/hi", "Tab");
  assertEquals(await text.inputValue(), "/history ");
  assertEquals(typed(double.page).length, 2);
  await text.fill("");
  await text.fill("/whoi");
  const told = open.page.locator("#announcer");
  await told.getByText("1 suggestion; up and down choose, Tab takes one").waitFor();
}

async function ownTexts(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("hi", { private: true }));
  await using open = await OpenPage.open(browser, double.page.url);
  const { keyboard } = open.page;
  await open.page.locator("#places").getByText("Bob").waitFor();
  const has = async (text: string, ...keys: readonly string[]) => {
    for (const key of keys) await keyboard.press(key);
    await holdsIn(open.page, `document.querySelector("#text").value === ${JSON.stringify(text)}`);
  };
  for (const line of ["one", "two"]) await open.type(line);
  await has("", "ArrowDown");
  await keyboard.type("for the room");
  await has("", "Alt+ArrowDown");
  await has("two", "ArrowUp");
  await has("one", "ArrowUp", "ArrowUp");
  await has("", "ArrowDown", "ArrowDown", "ArrowDown");
  await keyboard.type("for Bob alone");
  await has("for Bob alone", "ArrowUp");
  await has("for the room", "Alt+ArrowUp");
  // A browser undoes in all of a page; in a text that isn't seen it changes nothing.
  for (let step = 0; step < 9; step++) await keyboard.press("Control+z");
  await holdsIn(open.page, `!document.querySelector("#text").value.includes("Bob")`);
  await has("for Bob alone", "Alt+ArrowDown");
}

async function whenTurned(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY);
  const viewport = { width: 360, height: 740 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  const { page } = open;
  await page.locator("#open-side").click();
  assertEquals(await page.locator("#main").getAttribute("inert"), "");

  await page.setViewportSize({ width: 740, height: 360 });

  await page.locator("#main:not([inert])").waitFor();
  await open.type("hello");
  await until(() => typed(double.page).length > 0);
  await page.setViewportSize(viewport);
  assertEquals(await page.locator("#main").getAttribute("inert"), null);
}

async function answersClosed(browser: Browser): Promise<void> {
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    if (line === "/files") page.show({ event: "files", files: [], ref });
    else if (line === "/ignored") page.show({ event: "ignored", ignored: [], ref });
  };
  await using double = disposable(new PageDouble({ mode: "mesh", asked }));
  double.page.show(READY, said("hello"));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const answer = (text: string) => page.locator(".is-answer", { hasText: text });
  const gone = { state: "hidden" } as const;

  for (const line of ["/files", "/ignored", "/files"]) await open.type(line);
  await answer("No file is offered").nth(1).waitFor();
  assertEquals(await open.violations(), []);
  await answer("You ignore nobody").getByRole("button", { name: "Close this answer" }).click();
  await answer("You ignore nobody").waitFor(gone);
  await page.locator("#text").press("Escape");
  await answer("No file is offered").nth(1).waitFor(gone);
  await page.locator("#text").press("Escape");
  await answer("No file is offered").waitFor(gone);
  await open.sees("hello");
}

async function qrCode(browser: Browser): Promise<void> {
  const asked = ({ ref }: Fields, page: PageDouble) =>
    page.show({ event: "invite", invite: "w".repeat(120), line: "l", qr: qrRows("w", 80), ref });
  await using double = disposable(new PageDouble({ mode: "mesh", asked }));
  double.page.show(READY);
  const phone = { viewport: { width: 360, height: 740 }, colorScheme: "dark" } as const;
  await using open = await OpenPage.open(browser, double.page.url, phone);
  await open.type("/invite --qr");

  const code = open.page.locator(".qr");
  await code.waitFor();
  const looks = await open.page.evaluate(`(() => {
    const code = document.querySelector(".qr");
    const { fill, stroke } = getComputedStyle(code);
    return [getComputedStyle(code).backgroundColor, fill, stroke];
  })()`);
  assertEquals(looks, ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "none"]);
  const box = (await code.boundingBox())!;
  const panel = (await open.page.locator("#timeline").boundingBox())!;
  assert(box.width === 240 && Math.abs(box.width - box.height) < 1, JSON.stringify(box));
  assert(box.y + box.height <= panel.y + panel.height, JSON.stringify([box, panel]));
}

async function wordsEnd(browser: Browser): Promise<void> {
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    const words = line === "/invite --words" ? "7-harbour-lantern" : "8-village-window";
    const expires = new Date(Date.now() + (words.startsWith("7") ? 90_000 : 0)).toISOString();
    page.show({ event: "words", words, line: `p2pchat mesh NAME --words ${words}`, expires, ref });
  };
  await using double = disposable(new PageDouble({ mode: "mesh", asked }));
  double.page.show(READY);
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const answer = (words: string) => page.locator(".is-answer", { hasText: words });
  await open.type("/invite --words");
  await answer("7-harbour-lantern").getByText(/^1:[123]\d left$/).waitFor();
  await answer("7-harbour-lantern").getByRole("button", { name: "Copy" }).first().waitFor();
  await open.type("/invite --words --to Bob");
  await answer("8-village-window").getByText("These words are good no more").waitFor();
  double.page.show({ event: "notice", text: "Code 7 is void", endedCodes: [7] });
  await answer("Code 7 is void").waitFor();
  assertEquals(await answer("7-harbour-lantern").count(), 0);
  assertEquals(await open.violations(), []);
}

async function toWhatWasFound(browser: Browser): Promise<void> {
  const found = said("dinner at seven: https://a.example", { id: "old", event: undefined });
  const asked = ({ line, command, ref }: Fields, page: PageDouble) => {
    if (line === "/search dinner") {
      page.show({ event: "history", searched: "dinner", messages: [found], ref });
    } else if ((command as Fields | undefined)?.["command"] === "history") {
      const { n } = command as { n: number };
      const older = Array.from({ length: 90 }, (_, at) => said(`older ${at}`));
      const messages = n > 150 ? [found, ...older] : [];
      page.show({ event: "history", messages, ref });
    }
  };
  await using double = disposable(new PageDouble({ mode: "mesh", asked }));
  const own = said("my own", { self: true, from: "Alice", shown: "Alice" });
  const lines = Array.from({ length: 60 }, (_, at) => said(`m${at}`));
  double.page.show(READY, ...lines, said("see https://b.example"), own);
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("my own");

  await open.type("/search dinner");
  await page.locator(".found-text a").waitFor();
  await holdsIn(
    page,
    `getComputedStyle(document.querySelector(".found-text a")).color ===
    getComputedStyle(document.querySelector(".said-text a")).color`,
  );
  await page.getByRole("button", { name: /^Go to it: what Bob said/ }).click();

  const line = page.locator("#timeline article", { hasText: "dinner at seven" });
  await line.waitFor();
  await holdsIn(
    page,
    `(() => {
    const { top, bottom } = document.querySelector("#timeline").getBoundingClientRect();
    const rect = document.activeElement.getBoundingClientRect();
    return document.activeElement.textContent.includes("dinner at seven") && rect.top >= top && rect.bottom <= bottom;
  })()`,
  );
}

async function byButtons(browser: Browser): Promise<void> {
  const { page, open, labels, close } = await menuOf(browser, "mesh", [READY]);
  assertEquals(labels, [
    "Invite: a line to copy",
    "Invite by words to say",
    "Invite by a QR code",
    "Join another room…",
    "Make a new room…",
    "Make a private room…",
    "Your rooms",
    "Search…",
    "Files",
    "About yourself",
    "Status",
    "All commands",
    "Leave the room",
  ]);
  assertEquals(await open.violations(), []);
  const choose = async (label: string) => {
    await open.page.locator("#more").press("Enter");
    await open.page.locator(".menu").getByText(label).press("Enter");
  };
  await open.page.keyboard.press("Escape");
  await choose("Invite by words");
  await until(() => typed(page).length === 1);
  const answer = () =>
    page.show({
      event: "room",
      number: 1,
      title: null,
      room: "r1",
      ref: page.asked.at(-1)!["ref"],
    });
  await choose("Make a private room");
  await open.page.locator(".form").waitFor();
  assertEquals(await open.violations(), []);
  await open.page.keyboard.type("The Club");
  await open.page.keyboard.press("Enter");
  await until(() => typed(page).length === 2);
  answer();
  await choose("Join another room");
  await open.page.getByLabel("Which").fill(" word ");
  await open.page.keyboard.press("Enter");
  await until(() => typed(page).length === 3);
  answer();
  await open.page.locator(".form").waitFor({ state: "detached" });
  // Asked before, as the program would end with the last room.
  await choose("Leave the room");
  await open.page.getByRole("button", { name: "End it" }).click();
  await until(() => typed(page).length === 4);
  assertEquals(typed(page), [
    "/invite --words",
    "/join --new --private --title The Club",
    "/join word",
    "/part",
  ]);
  await close();

  const secret = await menuOf(browser, "mesh", [{ ...READY, private: true }]);
  assertEquals(secret.labels[3], "Make a new invite…");
  await secret.close();
  await onPhone(browser);
  const friends = await menuOf(browser, "friends", [FRIENDS]);
  assertEquals(friends.labels, [
    "Add a friend…",
    "About yourself",
    "Status",
    "All commands",
    "End p2pchat…",
  ]);
  await friends.open.page.locator(".menu").getByText("End p2pchat").click();
  await friends.open.page.getByRole("button", { name: "End it" }).click();
  await until(() => typed(friends.page).length === 1);
  assertEquals(typed(friends.page), ["/exit"]);
  await friends.close();
  const up = { event: "session", state: "up", name: "Alice", guest: false };
  const directory = await menuOf(browser, "directory", [up]);
  assertEquals(directory.labels, [
    "Call somebody…",
    "Missed calls",
    "About yourself",
    "Status",
    "All commands",
  ]);
  await directory.close();
}

async function refusedForm(browser: Browser): Promise<void> {
  const { page: double, open, close } = await menuOf(browser, "friends", [FRIENDS]);
  const { page } = open;
  const [card, why] = [page.locator("#field"), page.getByRole("alert").and(page.locator("p"))];
  const answer = (fields: Fields) => double.show({ ...fields, ref: double.asked.at(-1)!["ref"] });
  const refused = (text: string) => answer({ event: "error", code: "usage", text });
  const give = async (text: string) => {
    const before = typed(double).length;
    await card.fill(text);
    await card.press("Enter");
    await until(() => typed(double).length > before);
  };
  const begin = async () => {
    await page.locator("#more").click();
    await page.locator(".menu").getByText("Add a friend").click();
  };
  await page.locator(".menu").getByText("Add a friend").click();

  await give("p2pchat1:wrong");
  // An answer to something else isn't its own.
  double.show({ event: "error", code: "usage", text: "another one’s", ref: "a.0.0" });
  await page.locator("#timeline").getByText("another one’s").waitFor();
  await holdsIn(page, `document.querySelector(".form").ariaBusy === "true"`);
  refused("That is no contact card");
  await why.getByText("That is no contact card").waitFor();
  assertEquals(await card.inputValue(), "p2pchat1:wrong");
  await holdsIn(page, `document.activeElement.id === "field"`);

  await give("p2pchat1:right");
  answer({ event: "added", file: "users", name: "dora", host: "h", port: 1, key: "d", line: 3 });
  await page.locator("#dialog").waitFor({ state: "hidden" });
  await page.locator("#title").getByText("dora").waitFor();
  assertEquals(await page.getByText("That is no contact card").count(), 0, "in the form alone");

  // Who has closed it before is told all the same.
  await begin();
  await give("p2pchat1:late");
  await page.keyboard.press("Escape");
  refused("Too late for the form");
  await page.locator("#timeline").getByText("Too late for the form").waitFor();

  await begin();
  await give("p2pchat1:cut");
  double.leave();
  await why.getByText("There is no connection with the program").waitFor();
  assertEquals(await card.inputValue(), "p2pchat1:cut");
  assertEquals(typed(double), ["wrong", "right", "late", "cut"].map((w) => `/add p2pchat1:${w}`));
  assertEquals(await open.violations(), []);
  await close();
}

/** A menu as long as this one is in the window whole; in a lower one a shadow says that there is more. */
async function onPhone(browser: Browser): Promise<void> {
  const { open: { page }, close } = await menuOf(browser, "mesh", [READY]);
  const inView = (selector: string) =>
    `(() => {
    const { top, bottom } = document.querySelector("${selector}").getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  })()`;
  await page.setViewportSize({ width: 360, height: 640 });
  await holdsIn(page, inView(".menu button:last-child"));
  await page.setViewportSize({ width: 360, height: 420 });
  await holdsIn(page, inView("#dialog"));
  const edges = `getComputedStyle(document.querySelector(".dialog-body")).backgroundAttachment`;
  assertEquals(await page.evaluate(edges), "local, scroll");
  await page.locator(".menu").getByText("Leave the room").scrollIntoViewIfNeeded();
  await holdsIn(page, inView(".menu button:last-child"));
  await close();
}

async function broughtUnderPointer(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const lines = Array.from({ length: 30 }, (_, at) => said(`m${at}`));
  double.page.show(READY, ...lines, offer(1, "Bob", "wanted.pdf", new Date().toISOString()));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const button = (name: string) => page.getByRole("button", { name: `Download: ${name}` });
  const wanted = page.locator("[aria-label='Download: wanted.pdf'][aria-disabled=false]");
  await wanted.waitFor();
  await page.keyboard.press("Escape"); // to the end
  await page.locator("#to-end").waitFor({ state: "hidden" });
  await wanted.waitFor();
  const box = (await wanted.boundingBox())!;

  double.page.show(offer(2, "Mallory", "other.pdf", new Date().toISOString()));
  await button("other.pdf").waitFor();
  const other = (await button("other.pdf").boundingBox())!;
  assert(Math.abs(other.y - box.y) < 1, "it is where the first one was");
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await button("wanted.pdf").click(); // once it may be pressed again
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), [{ command: "get", n: 1, room: "r1" }]);

  // What a script without --save is offered has no button that would be refused.
  const at = new Date().toISOString();
  double.page.show(offer(3, "Bob", "unsaved.pdf", at, { unfetchable: true }));
  await open.page.locator("#timeline").getByText("--save DIR would fetch it").waitFor();
  assertEquals(await button("unsaved.pdf").count(), 0);

  // What isn't wanted says so, and can still be had.
  await page.getByRole("button", { name: "No, thanks: other.pdf" }).click();
  await until(() => typed(double.page).length > 1);
  assertEquals(typed(double.page)[1], { command: "cancel", n: 2, room: "r1" });
  double.page.show({
    ...{ event: "transfer", file: 2, id: "f2", name: "other.pdf", from: "Mallory", size: 1_000 },
    ...{ state: "cancelled", bytes: 0, reason: "declined" },
  });
  await page.locator(".file-state", { hasText: "Declined" }).waitFor();
  await button("other.pdf").click();
  await until(() => typed(double.page).length > 2);
  assertEquals(typed(double.page)[2], { command: "get", n: 2, room: "r1" });
}

async function oneStop(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  const edited = { editedBy: "Bob", edits: 1 };
  double.page.show(
    ...Array.from({ length: 58 }, (_, at) => said(`m${at + 1}`, { seq: at + 1 })),
    said("m59", { seq: 59, ...edited }),
    said("m60", { seq: 60, self: true, from: "Alice", shown: "Alice" }),
  );
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("m60");
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await page.keyboard.press(key);
    return await page.evaluate(`document.activeElement.getAttribute("aria-label")`);
  };

  await page.locator("#text").focus();
  assertEquals(await press("Shift+Tab"), "Change entry 60");
  assertEquals(await press("ArrowUp"), "Change entry 59");
  assertEquals(await press("ArrowRight"), "Versions of entry 59");
  assertEquals(await press("ArrowDown"), "Change entry 60");
  assertEquals(await press("ArrowDown", "ArrowLeft"), "Change entry 60", "nothing is further");
  assertEquals(await press(...Array.from({ length: 50 }, () => "ArrowUp")), "Change entry 10");
  assertEquals(await open.violations(), []);
  await press("Tab");
  assertEquals(await page.evaluate(`document.activeElement.closest("#timeline")`), null);
  assertEquals(await press("Shift+Tab"), "Change entry 10");
}

async function countsListed(browser: Browser): Promise<void> {
  const counts = { mesh: "10", group: "3", friends: "3", directory: "1,200" };
  for (const [mode, count] of Object.entries(counts)) {
    await using double = disposable(new PageDouble({ mode }));
    double.page.show(...SCENES[mode]!);
    await using open = await OpenPage.open(browser, double.page.url);
    await open.page.locator("#people-count").getByText(count, { exact: true }).waitFor();
    if (mode === "mesh" || mode === "group") {
      assertEquals(await open.page.locator("#people li").count(), Number(count), mode);
    }
  }
}

async function listsShare(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const names = Array.from({ length: 40 }, (_, at) => `guest${at}`);
  double.page.show(
    READY,
    ...names.map((name) => ({ event: "joined", name, key: name, present: true })),
    ...names.map((name) => said(`hi from ${name}`, { from: name, shown: name, private: true })),
  );
  const viewport = { width: 800, height: 800 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  for (const list of ["places", "people"]) {
    await open.page.locator(`#${list} li`).nth(39).waitFor();
    await holdsIn(
      open.page,
      `(() => {
      const list = document.querySelector(".${list}");
      const { top, bottom } = list.getBoundingClientRect();
      return bottom - top > 200 && bottom <= innerHeight && list.scrollHeight > list.clientHeight;
    })()`,
    );
  }
}

async function peopleStay(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "friends" }));
  const { page: program } = double;
  const table = (...names: readonly string[]) =>
    program.show({ event: "notice", text: "The table has changed", names });
  const connected = (friend: string, state: string) =>
    program.show({ event: "connection", friend, state });
  program.show({ ...FRIENDS, names: ["bob", "carol", "dave"] });
  for (const name of ["bob", "carol", "dave"]) connected(name, "opened");
  await using open = await OpenPage.open(browser, program.url);
  const { page } = open;
  const people = page.locator("#people");
  const shows = async (...names: readonly string[]) => {
    const rows = `[...document.querySelectorAll("#people li")]
      .map((row) => row.querySelector(".person-name")?.textContent ?? "")`;
    await holdsIn(page, `JSON.stringify(${rows}) === ${JSON.stringify(JSON.stringify(names))}`);
  };
  await shows("Alice", "bob", "carol", "dave");
  const dave = people.getByRole("button", { name: "dave" });
  await people.getByText("bob").hover();
  const place = await dave.boundingBox();

  connected("bob", "closed");
  table("aaron", "bob", "dave");
  await shows("Alice", "bob", "", "dave", "aaron");
  assertEquals(await dave.boundingBox(), place);
  await people.getByText("dave").hover();
  table("aaron", "bob", "carol", "dave");
  await shows("Alice", "bob", "carol", "dave", "aaron");
  await page.mouse.move(700, 300);
  await shows("Alice", "dave", "aaron", "bob", "carol");

  // The keyboard stays where it is as well.
  await dave.focus();
  connected("dave", "closed");
  connected("bob", "opened");
  await people.locator(".is-off", { hasText: "dave" }).waitFor();
  await shows("Alice", "dave", "aaron", "bob", "carol");
  await holdsIn(page, `document.activeElement.textContent.includes("dave")`);
  table("aaron", "bob", "carol");
  await shows("Alice", "bob", "aaron", "carol");
  // What the next key is for isn't in the message box.
  await holdsIn(page, `document.activeElement.className === "people"`);
}

async function whereOneTypesOn(browser: Browser): Promise<void> {
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    if (line === "/rooms") page.show({ event: "rooms", rooms: [], ref });
    else if (line === "/ignore Bob") page.show({ event: "notice", text: "Bob is ignored", ref });
    else if (line === "/away") {
      page.show({ event: "presence", name: "Alice", self: true, away: "", ref });
    }
  };
  const bob = { event: "joined", name: "Bob", key: "b", present: true };
  const { page: double, open, close } = await menuOf(browser, "mesh", [READY, bob], asked);
  const { page } = open;
  const focused = (selector: string) =>
    holdsIn(page, `document.activeElement.matches(${JSON.stringify(selector)})`);
  const told = async (text: string) =>
    await page.locator("#announcer").getByText(text, { exact: true }).waitFor();

  await page.keyboard.press("Escape");
  await focused("#more");
  const choose = async (label: string) => {
    await page.locator("#more").press("Enter");
    await page.locator(".menu").getByText(label).press("Enter");
  };
  await choose("Your rooms");
  await focused("#text");
  assertEquals(await page.locator("#text").inputValue(), "");
  await told("You haven't been in any room yet.");
  await choose("Join another room");
  await page.locator(".form").waitFor();
  await page.keyboard.press("Escape");
  await focused("#more");
  await choose("Leave the room");
  await page.keyboard.press("Enter"); // Cancel has it
  await page.locator("#dialog").waitFor({ state: "hidden" });

  // What is asked by a line is told as well, and which conversation is shown without a step of the keyboard.
  await open.type("/away");
  await told("You are away; /back ends that");
  await page.locator("#text").press("Alt+ArrowUp");
  const person = page.getByRole("button", { name: "Bob" });
  await person.press("Enter");
  await page.locator(".menu").getByText("Write privately").press("Enter");
  await focused("#text");
  await page.locator("#text").press("Alt+ArrowUp");
  await told("Room");
  await page.locator("#text").press("Alt+ArrowUp");
  await told("Bob");

  // What opened a menu is gone: not into nowhere.
  await page.locator("#people").getByRole("button", { name: "Bob" }).press("Enter");
  double.show({ event: "left", name: "Bob", key: "b", reason: "quit" });
  await holdsIn(page, `!document.querySelector("#people").textContent.includes("Bob")`);
  await page.keyboard.press("Escape");
  await focused("#text");

  // The list is above the page on a phone: it makes way for what was asked for there.
  double.show(bob);
  await page.setViewportSize({ width: 360, height: 740 });
  await page.locator("#open-side").click();
  await page.locator("#people").getByRole("button", { name: "Bob" }).press("Enter");
  await page.locator(".menu").getByText("Ignore").press("Enter");
  await focused("#text");
  assertEquals(await page.locator("#main").getAttribute("inert"), null);
  await told("Bob is ignored");
  await close();
}

/** The commands of each mode that the menu is made of. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  mesh: ["invite", "join", "rooms", "files", "part", "quit", "msg", "search", "ignore"],
  friends: ["add", "msg", "exit"],
  directory: ["call", "missed", "msg"],
};

async function menuOf(
  browser: Browser,
  mode: string,
  events: readonly Fields[],
  asked: (asked: Fields, page: PageDouble) => void = () => {},
) {
  const commands = [...TABLES[mode]!, "whoami", "status", "help"].map((name) => ({
    ...{ name, aliases: [], words: [] },
    form: name === "invite" ? "[--rotate] [--copy] [--words] [--qr] [--void]" : "",
    help: "",
    example: "",
  }));
  const page = new PageDouble({ mode, commands, asked });
  page.show(...events);
  const open = await OpenPage.open(browser, page.url);
  await open.page.locator("#more:not([disabled])").click();
  const labels = await open.page.locator(".menu button").allTextContents();
  const close = async () => {
    await open[Symbol.asyncDispose]();
    await page.close();
  };
  return { page, open, labels, close };
}
