/** The page in Chromium: where one is, where what is typed goes, what is new there, and what wasn't sent. */

import { assert, assertEquals } from "@std/assert";
import { type Browser, OpenPage, testInBrowser } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
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

testInBrowser("page: where one is, and where words go", {
  "among friends a line goes to the one in the title, or to nobody": amongFriends,
  "in a directory a line typed in the lobby isn't said in the call": inDirectory,
  "after Call one types on, and says it once the call is answered": afterCall,
  "who has no friends yet is offered what makes some": withoutFriends,
  "on a phone the button of the list counts what is new elsewhere": elsewhere,
  "a room that is joined is shown, and after a restart the one that is open": inRooms,
  "a new room is led to, and a draft stays where it was written": inNewRoom,
  "a window that isn't let in shows why, and nothing else": shutOut,
  "what is new is counted and marked when a page is opened, and only once": whatIsNew,
  "many questions leave the message box in view, on a phone, too": manyQuestions,
  "the last of several questions is whole in view, and one that is scrolled to can be answered at once":
    twoQuestions,
  "who is led to a line further above isn't at the end": ledAbove,
  "what was looked for is marked, also where a search leads to": lookedFor,
  "one's own name stands out where others say it to all, and nowhere else": ownName,
  "earlier messages come above what is being read, which stays where it is": earlierMessages,
  "what isn't sent stays in view, and can be sent once the program is there again": whatIsNotSent,
});

async function ledAbove(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  const entries = Array.from(
    { length: 60 },
    (_, at) => said(`line ${at}`, { seq: at + 1, self: true }),
  );
  const { page: program } = double;
  program.show(...entries, { event: "edit-started", edit: 1, seq: 1, awaited: ["Bob"] });
  program.show({
    event: "edit",
    edit: 1,
    seq: 1,
    outcome: "committed",
    text: "line 0 anew",
    by: "Bob",
  });
  await using open = await OpenPage.open(browser, program.url);
  const { page } = open;
  await page.getByRole("button", { name: "entry 1", exact: true }).first().click();
  await page.locator(".said:focus", { hasText: "line 0 anew" }).waitFor();
  await page.locator("#to-end", { hasText: "Latest" }).waitFor();

  program.show(said("more", { seq: 61 }));
  await page.locator("#to-end", { hasText: "1 new message" }).click();
  await page.locator(".new-line + .said", { hasText: "more" }).waitFor();

  // Since when one was away says that already; and whoever does something is named.
  program.show(said("mine", { seq: 62, self: true }));
  program.show({ event: "returned", since: new Date().toISOString() });
  await page.locator(".since", { hasText: /^Away since / }).waitFor();
  await page.evaluate("document.querySelector('#timeline').scrollTop = 0");
  await page.locator("#to-end", { hasText: "Latest" }).waitFor();
  program.show(said("/me waves", { seq: 63, history: true }));
  await page.locator("#to-end", { hasText: "1 new message" }).click();
  await open.sees("Bob waves");
  assertEquals(await page.locator(".new-line").count(), 0);
}

async function lookedFor(browser: Browser): Promise<void> {
  const message = said("The key is under the mat", { room: "r1" });
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    if (line !== "/search KEY") return;
    page.show({ event: "history", searched: "KEY", messages: [message], ref });
  };
  await using double = disposable(new PageDouble({ mode: "mesh", asked }));
  double.page.show(READY, message, said("more"));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("more");
  await open.type("/search KEY");
  await page.locator(".found mark", { hasText: /^key$/ }).waitFor();
  await page.getByText("Go to it").click();
  await page.locator(".said:focus mark", { hasText: /^key$/ }).waitFor();
  await holdsIn(
    page,
    `getComputedStyle(document.querySelector(".said:focus")).outlineWidth === "2px"`,
  );
  assertEquals(await open.violations(), []);
  await page.keyboard.press("Escape"); // the answer, and then what it led to
  await page.keyboard.press("Escape");
  await page.locator("mark").first().waitFor({ state: "detached" });
}

async function ownName(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const toOne = { private: true, mention: true };
  double.page.show(
    READY,
    said("Alice, hello", { mention: true }),
    said("I am Alice", { from: "Alice", shown: "Alice", self: true }),
    said("Alice, the end", toOne),
  );
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("I am Alice");
  assertEquals(await page.locator(".mention").count(), 1);
  assertEquals(await page.locator(".said.is-mention").count(), 1);
  await page.locator(".place", { hasText: "Bob" }).click();
  await open.sees("Alice, the end");
  assertEquals(await page.locator(".mention, .said.is-mention").count(), 0);
}

async function manyQuestions(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "group" }));
  const old = "a longer text that takes several lines in a narrow window. ".repeat(4);
  const votes = Array.from({ length: 64 }, (_, at) => ({
    ...{ event: "vote-wanted", edit: at + 1, seq: 1, by: "Bob", old, new: `${old}${at}` },
    ...{ at: "2026-01-01T00:00:00.000Z", deadline: "2099-01-01T00:00:00.000Z" },
  }));
  double.page.show(said("one", { seq: 1 }), ...votes.slice(0, 5));
  const viewport = { width: 360, height: 640 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  const { page } = open;
  for (const count of [5, 64]) {
    if (count > 5) double.page.show(...votes.slice(5));
    await page.locator(".ask").nth(count - 1).waitFor({ state: "attached" });
    for (const height of [640, 360]) {
      await page.setViewportSize({ width: 360, height });
      await holdsIn(page, IS_BELOW_QUESTIONS);
      await open.type("y");
      await holdsIn(page, IS_BELOW_QUESTIONS);
    }
    await page.setViewportSize(viewport);
    for (const at of [0, count - 1]) {
      await page.locator(".ask").nth(at).getByRole("button", { name: "Refuse" })
        .scrollIntoViewIfNeeded();
      await holdsIn(page, isInSight(`.ask:nth-child(${at + 1}) .button.is-main + .button`));
    }
    await holdsIn(page, IS_BELOW_QUESTIONS);
  }
}

/** A script of the page: as somebody does who scrolls to the first question, and presses as soon as it is there. */
const SCROLLING_UP_AND_REFUSING = `new Promise((done) => {
  document.querySelector("#asks").scrollTop = 0;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    document.querySelector(".ask .button.is-main + .button").click();
    done();
  }));
})`;

async function twoQuestions(browser: Browser): Promise<void> {
  const answered: unknown[] = [];
  await using double = disposable(
    new PageDouble({
      mode: "group",
      asked({ command }) {
        const { command: name, edit } = command as Fields;
        if (name === "abort") answered.push(edit);
      },
    }),
  );
  double.page.show(said("one", { seq: 1 }));
  const viewport = { width: 360, height: 640 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  const { page } = open;
  await open.sees("one");
  const old = "a longer text that takes several lines in a narrow window. ".repeat(4);
  double.page.show(...[1, 2].map((edit) => ({
    ...{ event: "vote-wanted", edit, seq: 1, by: "Bob", old, new: `${old}${edit}` },
    ...{ at: "2026-01-01T00:00:00.000Z", deadline: "2099-01-01T00:00:00.000Z" },
  })));
  await page.locator(".ask").nth(1).waitFor();
  await page.locator(".ask [aria-disabled=true]").first().waitFor({ state: "detached" });
  await holdsIn(
    page,
    `(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(
      document.querySelector("#asks"))`,
  );
  await page.evaluate(SCROLLING_UP_AND_REFUSING);
  await until(() => answered.length === 1);
}

/** An expression: whether nothing lies over the middle of an element, which is in view. */
function isInSight(selector: string): string {
  return `(() => {
    const element = document.querySelector("${selector}");
    const { left, top, width, height, bottom } = element.getBoundingClientRect();
    const seen = document.elementFromPoint(left + width / 2, top + height / 2);
    return top >= 0 && bottom <= innerHeight && element.contains(seen);
  })()`;
}

const IS_BELOW_QUESTIONS = isInSight("#text") + " && " + isInSight("#send") +
  ` && document.querySelector("#asks").getBoundingClientRect().bottom <=
    document.querySelector("#composer").getBoundingClientRect().top`;

async function earlierMessages(browser: Browser): Promise<void> {
  const all = Array.from({ length: 1_000 }, (_, at) => said(`line ${at}`));
  let answer: (() => void) | null = null;
  await using double = disposable(
    new PageDouble({
      mode: "mesh",
      asked({ command, ref }, page) {
        const { command: name, before, n } = command as Fields;
        if (name !== "history") return;
        const end = all.findIndex(({ id }) => id === before);
        const messages = all.slice(Math.max(0, end - Number(n)), end);
        const tooLong = { event: "error", code: "too-long", text: "It is too long", ref };
        if (Number(n) > 50) page.show(tooLong);
        else answer = () => page.show({ event: "history", messages, ref });
      },
    }),
  );
  double.page.show(READY, ...all.slice(900));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("line 900", "#timeline");
  await page.evaluate("document.getElementById('timeline').scrollTop = 0");
  const above = `([...document.querySelectorAll("#timeline [data-key]")]
    .find((item) => item.textContent.includes("line 900"))?.getBoundingClientRect().top ?? NaN)`;
  await holdsIn(page, `${above} >= 0`);
  const before = Number(await page.evaluate(above));
  await until(() => answer !== null);
  answer!();
  await holdsIn(page, "document.getElementById('timeline').scrollTop > 300");

  await holdsIn(page, `Math.abs(${above} - ${before}) < 2`);
  assertEquals(await open.violations(), []);
}

async function amongFriends(browser: Browser): Promise<void> {
  const asked = ({ command, ref }: Fields, page: PageDouble) => {
    const { command: name, ...more } = (command ?? {}) as Fields;
    const own = { from: "Alice", shown: "Alice", self: true, private: true };
    if (name === "msg") page.show(said("", { ...own, to: more["name"], ...more, ref }));
  };
  await using double = disposable(new PageDouble({ mode: "friends", asked }));
  double.page.show(FRIENDS);
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("Your friends", "#title");

  await open.type("hello");
  await open.page.locator("#hint").getByText("this goes to nobody yet").waitFor();
  assertEquals(await page.locator("#text").inputValue(), "hello", "the text is still there");
  assertEquals(await open.violations(), []);
  assertEquals(typed(double.page), []);

  await open.type("bob/hello");
  await open.sees("bob", "#title");
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), [{ command: "msg", text: "hello", name: "bob" }]);
  assert(await page.locator("#hint").isHidden());
  await open.type("carol/hi");
  await until(() => typed(double.page).length > 1);
  assertEquals(typed(double.page).at(-1), { command: "msg", text: "hi", name: "carol" });
  await open.sees("carol", "#title");
}

async function inDirectory(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "directory" }));
  const call = { event: "call", call: "c", peer: "bob", route: "direct", reason: "" };
  double.page.show(
    { event: "session", state: "up", name: "Alice", guest: false },
    { event: "users", users: [{ name: "bob", state: "free" }], total: 2, more: false },
  );
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("Lobby", "#title");

  // A call begins while something is typed: the text stays where it is.
  await page.locator("#text").fill("2 lunch is rea");
  double.page.show({ ...call, state: "connected" });
  await page.locator("#asks").getByText("In a call with").waitFor();
  await open.sees("Lobby", "#title");
  await open.type("hello there");
  await page.locator("#hint").getByText("you write to one person in the conversation").waitFor();
  assertEquals(typed(double.page), []);
  await open.type("2 lunch is ready");
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), [{ command: "broadcast", text: "lunch is ready" }]);

  await page.locator("#places").getByText("bob").click();
  await open.type("hi");
  await until(() => typed(double.page).length > 1);
  assertEquals(typed(double.page).at(-1), { command: "msg", text: "hi", name: "bob" });
  double.page.show({ ...call, state: "ended", reason: "hung-up", durationMs: 1_000 });
  await page.locator(".is-call").waitFor({ state: "detached" });
  await open.type("still there?");
  await until(() => typed(double.page).length > 2);
  const still = { command: "msg", text: "still there?", name: "bob" };
  assertEquals(typed(double.page).at(-1), still, "it goes to nobody else");
  await page.getByRole("button", { name: "Call again" }).click();
  await until(() => typed(double.page).length > 3);
  assertEquals(typed(double.page).at(-1), "/call bob");
}

const commandsOf = (...names: readonly string[]) =>
  names.map((name) => ({ name, aliases: [], words: [], form: "", help: "", example: "" }));

async function afterCall(browser: Browser): Promise<void> {
  const call = { event: "call", call: "c", peer: "bob", route: "direct", reason: "" };
  const asked = ({ command, ref }: Fields, page: PageDouble) => {
    if ((command as Fields | undefined)?.["command"] !== "call") return;
    page.show({ ...call, state: "ringing", ref });
  };
  const commands = commandsOf("call", "verify", "whois");
  await using double = disposable(new PageDouble({ mode: "directory", commands, asked }));
  double.page.show(
    { event: "session", state: "up", name: "Alice", guest: false },
    { event: "users", users: [{ name: "bob", state: "free" }], total: 2, more: false },
  );
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const person = page.locator("#people").getByRole("button", { name: "bob" });
  await person.click();
  await page.locator(".menu").getByText("Call", { exact: true }).click();
  await page.locator("#asks").getByText("Calling").waitFor();
  await holdsIn(page, `document.activeElement.id === "text"`);

  double.page.show({ ...call, state: "connected" });
  await page.locator("#asks").getByText("In a call with").waitFor();
  await open.sees("bob", "#title");
  await page.keyboard.type("hello");
  await page.keyboard.press("Enter");
  await until(() => typed(double.page).length > 1);
  assertEquals(typed(double.page).at(-1), { command: "msg", text: "hello", name: "bob" });
}

async function withoutFriends(browser: Browser): Promise<void> {
  const commands = commandsOf("add", "whoami", "msg");
  await using double = disposable(new PageDouble({ mode: "friends", commands }));
  double.page.show({ ...FRIENDS, names: [] });
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  const offered = page.locator(".empty");
  await offered.getByRole("button", { name: "Add a friend" }).click();
  await page.locator(".form").waitFor();
  await page.keyboard.press("Escape");
  await offered.getByRole("button", { name: "Your card" }).click();
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), ["/whoami"]);
  assertEquals(await open.violations(), []);
}

async function elsewhere(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("in the room"));
  const viewport = { width: 360, height: 640 };
  await using open = await OpenPage.open(browser, double.page.url, { viewport });
  const { page } = open;
  await open.sees("in the room");
  const badge = page.locator("#elsewhere");
  assert(await badge.isHidden());

  double.page.show(said("psst", { private: true }));
  await badge.getByText("@1", { exact: true }).waitFor();
  await comesIntoView(page, "#elsewhere");
  assertEquals(await open.violations(), []);
  const button = "Conversations and people, 1 new message elsewhere, 1 for you";
  await page.getByRole("button", { name: button, exact: true }).click();
  await page.locator("#places").getByText("Bob").click();
  await open.sees("psst");
  await badge.waitFor({ state: "hidden" });
}

async function inRooms(browser: Browser): Promise<void> {
  const second = { ...READY, room: "r2" };
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    if (line !== "/join club.example 55107") return;
    const joined = { event: "room", number: 2, title: "Club", unseen: 0, room: "r2" };
    page.show({ ...second, ref }, { ...joined, ref }, said("welcome", { room: "r2" }));
  };
  const first = new PageDouble({ mode: "mesh", run: "run 1", asked });
  first.show(READY, said("in the first"));
  await using open = await OpenPage.open(browser, first.url);
  const { page } = open;
  await open.sees("in the first");

  await open.type("/join club.example 55107");
  await open.sees("Club", "#title");
  await open.sees("welcome");
  assertEquals(await open.texts(), ["welcome"]);
  await page.locator("#places").getByRole("button").first().click();
  await open.sees("in the first");
  assertEquals(await open.texts(), ["in the first"]);

  // The program is started again: it is in the second one.
  await first.close();
  await page.getByText("No connection with the program").waitFor();
  const refused = ({ command, ref }: Fields, page: PageDouble) => {
    const isThere = (command as Fields)["room"] === "r1";
    if (isThere) {
      page.show({ event: "error", code: "usage", text: "You aren't in that room now", ref });
    }
  };
  await using again = disposable(
    new PageDouble({ mode: "mesh", run: "run 2", port: first.port, asked: refused }),
  );
  again.page.show(second);
  await open.sees("Club", "#title");
  await page.getByText("which wasn't opened when the program was started again").waitFor();
  await open.type("hello");
  await until(() => typed(again.page).length > 0);
  assertEquals(typed(again.page), [{ command: "msg", text: "hello", room: "r2" }]);
  await page.locator("#places").getByRole("button").first().click();
  await open.sees("in the first");
  await open.type("is anybody here?");
  await page.locator("#asks").getByText("You aren't in that room now").waitFor();
  assertEquals(await open.violations(), []);
  await page.locator("#banner").getByRole("button", { name: "Open it" }).click();
  await until(() => typed(again.page).length > 2);
  assertEquals(typed(again.page).at(-1), { command: "join", where: "--room=r1" });
  assertEquals(await page.evaluate("document.activeElement.id"), "text");

  // Also of whoever has gone back to the button meanwhile.
  await page.locator("#banner").getByRole("button", { name: "Open it" }).focus();
  const entries = () => page.locator("#places .place-name").allTextContents();
  const before = await entries();
  again.page.show(READY);
  await page.locator("#banner").waitFor({ state: "hidden" });
  await holdsIn(page, `document.activeElement.id === "text"`);
  assertEquals(await entries(), before, "it has the place in the list that it had");
  open.faults.splice(0); // the attempts to connect meanwhile
}

async function inNewRoom(browser: Browser): Promise<void> {
  const second = { ...READY, room: "r2" };
  const asked = ({ line, ref }: Fields, page: PageDouble) => {
    if (line !== "/join --new --title Club") return;
    page.send({ type: "paused", reason: "catching up" });
    page.show({ ...second, ref }, { event: "room", number: 2, title: "Club", room: "r2", ref });
  };
  const commands = commandsOf("join", "msg");
  await using double = disposable(new PageDouble({ mode: "mesh", commands, asked }));
  double.page.show(READY, said("in the first"));
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await open.sees("in the first");
  await page.locator("#text").fill("a draft");
  await page.locator("#more").click();
  await page.locator(".menu").getByText("Make a new room").click();
  await page.getByLabel("Your title for it").fill("Club");
  await page.getByRole("button", { name: "Make it" }).click();
  await open.sees("Club", "#title");
  assertEquals(await page.locator("#text").inputValue(), "");
  assertEquals(await page.locator(".empty").count(), 0, "what was said there may be on its way");
  double.page.send({ type: "paused", reason: null });
  await page.locator(".empty").getByText("Nothing has been said yet").waitFor();

  await page.locator("#places").getByRole("button").first().click();
  await open.sees("in the first");
  assertEquals(await page.locator("#text").inputValue(), "a draft");
}

async function shutOut(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const { url } = double.page;
  await using open = await OpenPage.open(browser, url.slice(0, url.indexOf("#")));
  const { page } = open;
  await page.getByText("This address isn't whole").waitFor();
  for (const part of ["#title", "#text", "#places-part", "#own-link", ".empty"]) {
    assert(await page.locator(part).isHidden(), part);
  }
  assertEquals(await page.title(), "p2pchat");
}

async function whatIsNew(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const own = said("my own", { self: true, from: "Alice", shown: "Alice" });
  const many = Array.from({ length: 60 }, (_, at) => said(`new ${at}`));
  double.page.show(READY, said("old"), own, ...many, said("psst", { private: true }));
  const context = await browser.newContext({ viewport: { width: 1_100, height: 700 } });
  await using open = await OpenPage.within(context, double.page.url);
  const { page } = open;

  // It begins where the new begins, and says how much there is.
  await page.locator(".new-line").waitFor();
  await page.getByRole("button", { name: "60 new messages", exact: true }).waitFor();
  assertEquals(await page.title(), "(61!) Room – p2pchat");
  await page.getByRole("button", { name: /^Bob\s*, 1 new message$/ }).waitFor();
  assertEquals(await open.violations(), []);
  await page.locator("#to-end").click();
  await holdsIn(page, "document.title.startsWith('(1!)')");
  await page.locator("#places").getByText("Bob").click();
  await open.sees("psst");
  await holdsIn(page, "document.title === 'Bob – p2pchat'");

  await holdsIn(page, "localStorage.getItem('seen mesh')?.includes('r1 bob') === true");

  // Another window of this browser: nothing of that is new.
  const other = await OpenPage.within(context, double.page.url);
  await other.sees("new 59");
  assertEquals(await other.page.title(), "Room – p2pchat");
  assertEquals(await other.page.locator(".new-line").count(), 0);
  await other.page.close(); // it would read what follows

  // Whoever is elsewhere is told which conversation has something for them.
  double.page.show(said("more"), said("Alice, are you there?", { mention: true }));
  const entry = page.getByRole("button", { name: /^Room\s*, 2 new messages, 1 for you$/ });
  await entry.locator(".badge.is-mention", { hasText: "@2" }).waitFor();
}

async function whatIsNotSent(browser: Browser): Promise<void> {
  const first = new PageDouble({ mode: "mesh", run: "run 1" });
  const own = said("my own", { self: true, from: "Alice", shown: "Alice" });
  first.show(READY, ...Array.from({ length: 40 }, (_, at) => said(`m${at}`)), own);
  await using open = await OpenPage.open(browser, first.url);
  const { page } = open;
  await open.sees("my own");
  await open.type("was it said?");
  await until(() => typed(first).length > 0);
  await first.close();
  await page.getByText("No connection with the program").waitFor();
  await open.type("and this");
  const hint = page.locator("#hint");
  await hint.getByText("Not sent: there is no connection with the program").waitFor();
  await comesIntoView(page, "#hint");
  assertEquals(await page.locator("#text").inputValue(), "and this");

  await using again = disposable(new PageDouble({ mode: "mesh", run: "run 2", port: first.port }));
  again.page.show(READY, ...Array.from({ length: 40 }, (_, at) => said(`later ${at}`)));
  const asks = page.locator("#asks");
  await asks.getByText("The connection was lost before the program answered").waitFor();
  await comesIntoView(page, "#asks");
  await hint.waitFor({ state: "hidden" }); // there is a connection again
  assertEquals(await open.violations(), []);
  await page.locator("#text").press("Enter");
  await until(() => typed(again.page).length > 0);
  assertEquals(typed(again.page), [{ command: "msg", text: "and this", room: "r1" }]);
  await asks.getByRole("button", { name: "was it said?" }).click();
  await holdsIn(page, `document.getElementById("text").value === "was it said?"`);
  await asks.getByRole("button", { name: "Leave it" }).click();
  await asks.waitFor({ state: "hidden" });
  open.faults.splice(0); // the attempts to connect meanwhile
}

/** Waits until an element is whole in the window: what it is made room for is drawn a frame later. */
async function comesIntoView(page: OpenPage["page"], selector: string): Promise<void> {
  await holdsIn(
    page,
    `(() => {
      const { top, bottom } = document.querySelector("${selector}").getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight && bottom > top;
    })()`,
  );
}
