/** The page of `--web` in Chromium, with the program, in each mode, as people use it. */

import { assert, assertEquals } from "@std/assert";
import { type Browser, IN_BROWSER, openBrowser, OpenPage } from "../cli/page/browser.ts";
import { DirectoryWorld } from "./directory_world.ts";
import { Group } from "./group_world.ts";
import { BUSY_MS, holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const said = (text: string) => (shown: ShownEvent) =>
  shown.event === "message" && shown.text === text;

/** The page of a program that was started with `--web`. */
async function pageOf(browser: Browser, node: Node): Promise<OpenPage> {
  const { url } = await node.until(is("web"));
  return await OpenPage.open(browser, url);
}

Deno.test({
  ...IN_BROWSER,
  name:
    "page: shows what the console shows and takes what it takes, in rooms, groups, calls and among friends",
  async fn(t) {
    const browser = await openBrowser();
    try {
      await t.step("a room: both sides, several windows, private messages", () => inRoom(browser));
      await t.step(
        "a reload and a restart: nothing is lost or doubled",
        () => afterRestart(browser),
      );
      await t.step(
        "several rooms: joined on the page, and after a restart in the one that is open",
        () => inSeveralRooms(browser),
      );
      await t.step("a group: an edit and a vote", () => inGroup(browser));
      await t.step(
        "a group in which all have to agree: a vote, wherever it is, closes the question everywhere",
        () => inAgreeingGroup(browser),
      );
      await t.step("a directory: a call", () => inDirectory(browser));
      await t.step(
        "friends: to one who is there, and what was said in the console",
        () => amongFriends(browser),
      );
    } finally {
      await browser.close();
    }
  },
});

/** A script of the page: chooses dave among the friends. Evaluates to what the line to type in says of that. */
const CHOOSING_DAVE = `{
  const row = [...document.querySelectorAll("#people button")]
    .find((row) => row.textContent.includes("dave"));
  row.click();
  document.activeElement.placeholder;
}`;

async function inRoom(browser: Browser): Promise<void> {
  await using nodes = new Nodes();
  const folder = Deno.makeTempDirSync({ prefix: "p2pchat-page-" });
  const bob = await nodes.ready("Bob", null);
  const alice = await nodes.ready("Alice", bob, { args: ["--web", "0"] });
  await using open = await pageOf(browser, alice);
  await using other = await pageOf(browser, alice);

  await bob.say("<b>hello</b> from Bob");
  await open.sees("<b>hello</b> from Bob");
  await open.type("hello from the page");
  await bob.until(said("hello from the page"));
  await alice.until(said("hello from the page"));
  await other.sees("hello from the page");
  Deno.writeTextFileSync(`${folder}/notes.txt`, "notes");
  assertEquals((await bob.ask("send", { file: `${folder}/notes.txt` })).event, "offer");
  const declined = ({ page }: OpenPage) =>
    page.locator(".file-state", { hasText: "Declined" }).waitFor();
  await other.page.getByRole("button", { name: "No, thanks: notes.txt" }).waitFor();
  await open.page.getByRole("button", { name: "No, thanks: notes.txt" }).click();
  await Promise.all([open, other].map(declined));
  await open.page.reload();
  await declined(open);
  await Deno.remove(folder, { recursive: true });
  await open.type("/msg Bob only for you");
  await bob.until((shown) => said("only for you")(shown) && shown.private === true);
  await open.page.getByRole("button", { name: "Bob" }).first().click();
  await open.sees("only for you");
  await bob.tell("Alice", "and for you");
  await open.sees("and for you");
  await open.type("/nonsense");
  await open.page.getByText("no command").or(open.page.getByText("unknown")).first().waitFor();
  assertEquals(await other.page.getByText("/nonsense").count(), 0, "an answer is for who asked");
  await nodes.ready("AIice", bob);
  await open.page.getByRole("button", { name: "≈AIice" }).first().waitFor();

  const bytes = await open.page.evaluate(SCRIPT_BYTES) as number;
  assert(bytes > 0 && bytes < 36_000, `${bytes} bytes of scripts`);
  const paint = await open.page.evaluate(FIRST_PAINT) as number;
  assert(paint < BUSY_MS, `${paint} ms; 400 where nothing else runs`);
}

/** All scripts that the page has loaded, each compressed by itself. */
const SCRIPT_BYTES = `(async () => {
  let bytes = 0;
  const isScript = ({ name }) => name.endsWith(".js");
  for (const { name } of performance.getEntriesByType("resource").filter(isScript)) {
    const { body } = await fetch(name);
    const packed = body.pipeThrough(new CompressionStream("gzip"));
    bytes += (await new Response(packed).arrayBuffer()).byteLength;
  }
  return bytes;
})()`;

const FIRST_PAINT = `performance.getEntriesByName("first-contentful-paint")[0].startTime`;

async function afterRestart(browser: Browser): Promise<void> {
  await using nodes = new Nodes();
  const data = Deno.makeTempDirSync({ prefix: "p2pchat-page-" });
  const web = ["--web", String(freePort())];
  const bob = await nodes.ready("Bob", null);
  const alice = await nodes.ready("Alice", bob, { data, args: web });
  await using open = await pageOf(browser, alice);
  await bob.say("one");
  await open.sees("one");
  await open.page.reload();
  await open.sees("one");
  await open.type("two");
  await bob.until(said("two"));

  await alice.kill();
  await open.page.getByText("No connection with the program").waitFor();
  await bob.say("three");
  const again = nodes.add(Node.mesh("Alice", bob, { data, args: web }));
  await again.until(said("three"));
  await open.sees("three");
  await open.type("four");
  await bob.until(said("four"));
  await open.sees("four");
  const said4 = (await open.texts()).filter((text) =>
    ["one", "two", "three", "four"].includes(text)
  );
  assertEquals(said4, ["one", "two", "three", "four"]);
  // What this run of the program hasn't shown is asked for.
  await open.page.reload();
  await open.sees("four");
  await open.sees("one");
  assertEquals((await open.texts()).slice(-4), ["one", "two", "three", "four"]);
  open.faults.splice(0); // attempts to connect while nothing was there
  await Deno.remove(data, { recursive: true }).catch(() => {});
}

async function inSeveralRooms(browser: Browser): Promise<void> {
  await using nodes = new Nodes();
  const data = Deno.makeTempDirSync({ prefix: "p2pchat-page-" });
  const web = ["--web", String(freePort())];
  const bob = await nodes.ready("Bob", null);
  const carol = await nodes.ready("Carol", null);
  const alice = await nodes.ready("Alice", bob, { data, args: web });
  await using open = await pageOf(browser, alice);
  await bob.say("in the first");
  await open.sees("in the first");

  await open.type("/join localhost");
  await open.page.locator("#timeline").getByText("localhost").first().waitFor();
  await open.type(`/join 127.0.0.1 ${carol.port} --title Club`);
  await open.sees("Club", "#title");
  await open.type("hello Carol");
  await carol.until(said("hello Carol"));
  await carol.say("in the second");
  await open.sees("in the second");
  assertEquals(await open.texts(), ["hello Carol", "in the second"]);
  await open.page.locator("#places").getByRole("button").first().click();
  await open.sees("in the first");
  assertEquals(await open.texts(), ["in the first"]);
  await open.type("hello Bob");
  await bob.until(said("hello Bob"));
  // The console has stayed in the first one: loaded again, each shows those who are in it.
  await open.page.reload();
  await open.sees("in the first");
  await open.sees("Bob", "#people");
  await open.page.locator("#places").getByRole("button").nth(1).click();
  await open.sees("Carol", "#people");
  await open.page.locator("#places").getByRole("button").first().click();
  await open.sees("Bob", "#people");
  assertEquals(await open.page.locator("#people").getByText("Carol", { exact: true }).count(), 0);

  // It is started again in the second one; the page shows the first.
  await alice.command({ command: "quit" });
  await alice.ended();
  const again = nodes.add(Node.mesh("Alice", carol, { data, args: web }));
  await again.until(is("ready"));
  await open.sees("Club", "#title");
  await open.type("back again");
  await carol.until(said("back again"));
  await open.page.locator("#places").getByRole("button").first().click();
  await open.page.locator("#banner").getByRole("button", { name: "Open it" }).click();
  await open.page.locator("#banner").waitFor({ state: "hidden" });
  await open.type("and here");
  await bob.until(said("and here"));
  open.faults.splice(0); // attempts to connect while nothing was there
  await Deno.remove(data, { recursive: true }).catch(() => {});
}

async function inGroup(browser: Browser): Promise<void> {
  await using group = await Group.open();
  const alice = await group.start("Alice", "--web", "0");
  const bob = await group.start("Bob");
  await using open = await pageOf(browser, alice);

  await open.type("at seven?");
  await bob.until(said("at seven?"));
  await open.sees("at seven?");
  // One's own entry is changed without a question.
  await open.page.locator(".said").first().hover();
  await open.page.getByRole("button", { name: "Change entry 1" }).click();
  await open.page.keyboard.type("at eight?");
  await open.page.keyboard.press("Enter");
  await open.page.locator(".said-text", { hasText: "at eight?" }).waitFor();
  // Bob's change of it is Alice's to decide.
  await bob.command({ command: "edit", text: "at nine?", n: 1 });
  await open.page.locator("#asks").getByRole("button", { name: "Agree" }).click();
  await open.page.locator(".said-text", { hasText: "at nine?" }).waitFor();
  await bob.until((shown) => shown.event === "edit" && shown.text === "at nine?");
}

async function inAgreeingGroup(browser: Browser): Promise<void> {
  await using group = await Group.open("--edits", "ask", "--vote-timeout", "5m");
  const alice = await group.start("Alice", "--web", "0");
  const bob = await group.start("Bob");
  const carol = await group.start("Carol");
  await using open = await pageOf(browser, alice);
  await using other = await pageOf(browser, alice);
  const change = async (text: string) => {
    await bob.command({ command: "edit", text, n: 1 });
    await carol.until((shown) => shown.event === "vote-wanted" && shown.new === text);
    for (const { page } of [open, other]) await page.locator(".ask").waitFor();
  };
  const isClosed = async (votes: number) => {
    for (const { page } of [open, other]) {
      const agreed = page.locator("#timeline").getByText(/You agreed to the change of entry 1/);
      await agreed.nth(votes - 1).waitFor();
      await page.locator("#asks").waitFor({ state: "hidden" });
    }
  };

  await bob.say("at seven?");
  await open.sees("at seven?");
  await change("at eight?");
  await open.page.locator("#asks").getByRole("button", { name: "Agree" }).click();
  await isClosed(1);
  await carol.command({ command: "go", edit: null });
  for (const { page } of [open, other]) {
    await page.locator(".said-text", { hasText: "at eight?" }).waitFor();
  }
  await change("at nine?");
  await alice.command({ command: "go", edit: null });
  await isClosed(2);
}

async function inDirectory(browser: Browser): Promise<void> {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = await world.guest("alice", { args: ["--web", "0"] });
  const bob = await world.guest("bob");
  await using open = await pageOf(browser, alice);

  await open.page.locator("#people").getByText("bob").waitFor();
  await bob.command({ command: "call", name: "alice" });
  await open.page.getByRole("button", { name: "Accept", exact: true }).click();
  await bob.until((shown) => shown.event === "call" && shown.state === "connected");
  await bob.say("hi");
  await open.sees("hi");
  await open.type("hello bob");
  await bob.until(said("hello bob"));
  await open.page.reload();
  await bob.say("still there?");
  await open.sees("still there?");
  // The answer to what the page asks about earlier messages comes before this one's.
  await open.type("/history 1");
  await open.page.locator(".is-answer").getByText("still there?").waitFor();
  assertEquals(await open.texts(), ["hi", "hello bob", "still there?"]);
  await open.page.getByRole("button", { name: "Hang up" }).click();
  await bob.until((shown) => shown.event === "call" && shown.state === "ended");
  await holds("the call is over", async () => await open.page.locator("#asks").isHidden());
}

async function amongFriends(browser: Browser): Promise<void> {
  await using nodes = new Nodes();
  const table = Deno.makeTempFileSync({ prefix: "p2pchat-page-", suffix: ".txt" });
  const row = (name: string) => `${name} 127.0.0.1 ${freePort()}\n`;
  const rows = ["alice", "bob", "carol"].map(row).join("");
  Deno.writeTextFileSync(table, rows);
  const alice = nodes.add(Node.friend("alice", table, { args: ["--web", "0"] }));
  const bob = nodes.add(Node.friend("bob", table));
  await bob.until(is("ready"));
  await using open = await pageOf(browser, alice);

  await open.page.locator("#people").getByText("bob").click();
  await open.type("shall we?\n/yes");
  await bob.until(said("shall we?\n/yes"));
  await open.page.getByRole("img", { name: "Delivered" }).waitFor();
  await bob.tell("alice", "at eight");
  await open.sees("at eight");
  await alice.tell("bob", "said in the console");
  await open.sees("said in the console");

  // Dave doesn't know alice.
  const own = row("dave");
  const other = Deno.makeTempFileSync({ prefix: "p2pchat-page-", suffix: ".txt" });
  Deno.writeTextFileSync(other, own);
  const dave = nodes.add(Node.friend("dave", other));
  await dave.until(is("ready"));
  Deno.writeTextFileSync(table, rows + own);
  // What is typed right after the click is for dave, however long the page takes until it draws.
  await open.page.locator("#people").getByText("dave").waitFor();
  const chosen = await open.page.evaluate(CHOOSING_DAVE);
  assertEquals(chosen, "Message to dave");
  await open.type("who am I?");
  await open.page.locator("#timeline").getByText(/Refused: not in dave's table/).waitFor();
  await open.page.locator("#timeline").getByText(/Kept for dave, and sent when dave takes it/)
    .waitFor();
  assertEquals(await open.texts(), ["who am I?"], "that is where dave is written to");
  Deno.writeTextFileSync(table, rows);
  await open.page.locator("#people").getByText("dave").waitFor({ state: "detached" });
  await Deno.remove(table);
  await Deno.remove(other);
}
