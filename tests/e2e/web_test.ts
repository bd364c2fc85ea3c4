/** `--web`: a page beside the console, as a browser sees it. `tests/e2e/page_*` drive a real browser. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { IN_BROWSER, openBrowser, OpenPage } from "../cli/page/browser.ts";
import { clientFrame } from "../cli/page/web_socket_client.ts";
import { addressOf, BrowserWindow, Visit } from "./browser_window.ts";
import { FilesFolder, isOffer } from "./files_folder.ts";
import { Group, isView } from "./group_world.ts";
import { holds, Node, Nodes, type ShownEvent, untilRead } from "./node.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const WEB = { args: ["--web", "0"] };
const isWeb = ({ event }: ShownEvent) => event === "web";
const isText = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

Deno.test("a page and the console show the same, and each its own answers", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null, WEB);
  const bob = await nodes.ready("Bob", alice);
  const web = await alice.until(isWeb);
  assertEquals(alice.events[0]!.event, "ready", "the first line is what it always was");
  assertMatch(web["url"], /^http:\/\/127\.0\.0\.1:\d+\/#[A-Za-z0-9_-]{43}$/);
  using first = await BrowserWindow.open(web, "window-1");
  using second = await BrowserWindow.open(web, "window-2");
  assertEquals([first.welcome["mode"], first.welcome["resumed"]], ["mesh", false]);
  await first.until(({ event, name }) => event === "joined" && name === "Bob");

  first.run({ command: "msg", text: "/from a page\n:q" });
  await bob.until(isText("/from a page\n:q"));
  await bob.say("from Bob");
  await alice.say("from the console");
  second.run("from the other");
  const all = ["/from a page\n:q", "from Bob", "from the console", "from the other"];
  for (const text of all) {
    await Promise.all([alice.until(isText(text)), first.until(isText(text))]);
    await second.until(isText(text));
  }
  assertEquals(first.texts.toSorted(), all.toSorted());
  assertEquals(second.texts, first.texts);
  assertEquals(alice.texts(), first.texts);

  const peers = await first.ask("/who");
  assertEquals([peers["event"], peers["peers"].length], ["peers", 2]);
  const { code } = await second.ask("/nope");
  assertEquals(code, "unknown-command");
  const status = await alice.ask("status");
  assertEquals(status.event, "status");
  await second.ask("/whoami");
  const answers = ({ events }: { readonly events: readonly ShownEvent[] }) =>
    events.filter(({ event }) => ["peers", "status", "error"].includes(event)).length;
  assertEquals([answers(alice), answers(first), answers(second)], [1, 1, 1]);
  assert(first.events.every(({ event }) => event !== "web"), "the address isn't sent to pages");

  first.run("/quit");
  assertEquals((await alice.ended()).code, 0);
  await second.until(({ event }) => event === "bye");
  await second.visit.ended();
  assertEquals(second.visit.visitor.closed, 1001);
});

Deno.test("token and port stay the same, so that an open page goes on after a restart", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-web-" });
  await using nodes = new Nodes();
  const data = temporary.path;
  const options = { data, ...WEB };
  const alice = await nodes.ready("Alice", null, options);
  const web = await alice.until(isWeb);
  const file = `${data}/users/Alice/web`;
  assertEquals((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  assertStringIncludes(Deno.readTextFileSync(file), addressOf(web).token);
  await alice.say("one");
  await alice.until(isText("one"));
  let run: unknown;
  let after: number;
  {
    using page = await BrowserWindow.open(web, "window-1");
    await page.until(isText("one"));
    run = page.welcome["run"];
    after = page.lastId;
    await alice.say("two");
    await alice.until(isText("two"));
  }
  {
    using back = await BrowserWindow.open(web, "window-1", { run, after });
    assertEquals(back.welcome["resumed"], true);
    await back.until(isText("two"));
    assertEquals(back.texts, ["two"]);
  }
  await alice.kill();

  const again = await nodes.ready("Alice", null, {
    ...options,
    args: ["--web", "0", "--history", "20"],
  });
  assertEquals((await again.until(isWeb))["url"], web["url"]);
  using page = await BrowserWindow.open(web, "window-1", { run, after });
  assertEquals(page.welcome["resumed"], false);
  assertNotEquals(page.welcome["run"], run);
  await page.until(isText("two"));
  assertEquals(page.texts, ["one", "two"], "what the program shows again, as the console");
  await again.type(":q");
  await again.ended();

  using taken = Deno.listen({ hostname: "127.0.0.1", port: addressOf(web).port });
  const moved = await nodes.ready("Alice", null, options);
  const { port, token } = addressOf(await moved.until(isWeb));
  assertNotEquals(token, addressOf(web).token, "whoever has the port may be told that one");
  assertNotEquals(port, taken.addr.port);
});

Deno.test("of two programs of a profile the second one's page says that its address isn't kept", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-web-" });
  await using nodes = new Nodes();
  const data = temporary.path;
  const first = await nodes.ready("Alice", null, { data, ...WEB });
  using page = await BrowserWindow.open(await first.until(isWeb), "window-1");
  for (const web of [["--web"], ["--web", "0"]]) {
    const second = await nodes.ready("Alice", null, { data, args: [...web, "--new"] });
    using other = await BrowserWindow.open(await second.until(isWeb), "window-2");

    assertEquals([page.welcome["comesBack"], other.welcome["comesBack"]], [true, false]);
  }
});

Deno.test("a port that is taken is said before anything starts", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using node = Node.mesh("Alice", null, { args: ["--web", String(taken.addr.port)] });
  const { code, last } = await node.ended();
  assertEquals([code, last?.["code"]], [3, "port-in-use"]);
  assertStringIncludes(last!["text"], `Cannot listen at port ${taken.addr.port}`);
  assertEquals(node.events.length, 1);
});

Deno.test("an edit is asked for, and agreed to, through pages", async () => {
  await using group = await Group.open("--edits", "ask");
  const alice = await group.start("Alice", ...WEB.args);
  const bob = await group.start("Bob", ...WEB.args);
  using first = await BrowserWindow.open(await alice.until(isWeb), "window-1");
  using second = await BrowserWindow.open(await bob.until(isWeb), "window-1");
  assertEquals(first.welcome["mode"], "group");
  first.run({ command: "msg", text: "at seven?" });
  const { seq } = await second.until(isText("at seven?"));
  await first.until(isText("at seven?"));
  first.run(`/edit at eight? - ${seq}`);
  const { edit } = await second.until(({ event }) => event === "vote-wanted");
  assertMatch((await second.ask(`/go ${edit}`)).text, /first read it to its end/);
  second.shows(`vote ${edit + 1}`); // no such one
  second.shows(`vote ${edit}`);
  assertMatch(
    (await second.ask("y")).text,
    /asked after you began that line/,
    "it isn't known when",
  );
  second.begins(`vote ${edit}`);
  assertMatch((await second.ask("y")).text, /too soon/);
  await untilRead();
  second.begins(`vote ${edit}`);
  second.run("y");
  for (const page of [first, second]) {
    const done = await page.until(({ event }) => event === "edit");
    assertEquals([done["outcome"], done["text"]], ["committed", "at eight?"]);
  }
  const { entries } = await second.ask("/log 1");
  assertEquals([entries[0].text, entries[0].edits], ["at eight?", 1]);
});

Deno.test({
  ...IN_BROWSER,
  name:
    "in a browser all that an edit changes is scrolled to before a yes counts, however it is given",
  async fn() {
    await using group = await Group.open("--edits", "ask", "--vote-timeout", "5m");
    const alice = await group.start("Alice", ...WEB.args);
    const bob = await group.start("Bob");
    await alice.until(isView("Alice", "Bob"));
    const text = (word: string) =>
      Array.from({ length: 200 }, (_, at) => `${word} ${at}`).join("\n");
    await bob.ask("msg", { text: text("old") });
    const browser = await openBrowser();
    try {
      await using open = await OpenPage.open(browser, (await alice.until(isWeb)).url);
      await open.page.locator(".said").first().waitFor();
      await bob.ask("edit", { n: 1, text: text("new") });
      await open.page.locator(".ask ins").last().waitFor();
      const refused = open.page.getByText(/first read it to its end/);
      for (const [at, line] of ["y", "/go", "/go 1"].entries()) {
        await open.type(line);
        await refused.nth(at).waitFor();
      }
      await open.page.evaluate(
        "(() => { const all = document.querySelector('.versions'); all.scrollTop = all.scrollHeight; })()",
      );
      await untilRead();
      await untilRead(); // the page looks twice a second
      await open.type("y");
      await bob.until(({ event, outcome }) => event === "edit" && outcome === "committed");
      assertEquals(bob.texts().filter((said) => said === "y"), []);
    } finally {
      await browser.close();
    }
  },
});

/** Sends a file from the page. @returns Where its copy is. */
async function drop(
  web: ShownEvent,
  page: BrowserWindow,
  name: string,
  content: Uint8Array,
): Promise<string> {
  const { port } = addressOf(web);
  using visit = await Visit.open(port);
  visit.visitor.ask("POST", "/files", {
    Origin: `http://127.0.0.1:${port}`,
    Authorization: `Bearer ${page.welcome["ticket"]}`,
    "Content-Length": String(content.length),
    "X-File-Name": encodeURIComponent(name),
  });
  visit.visitor.raw(content);
  await visit.ended();
  assertEquals(visit.visitor.status, 201, visit.visitor.text);
  const answer = JSON.parse(visit.visitor.body);
  assertEquals([answer.name, answer.bytes], [name, content.length]);
  return answer.path;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a file that is dropped onto the page is sent, and goes when the program ends", async () => {
  await using nodes = new Nodes();
  await using files = new FilesFolder();
  const alice = await nodes.ready("Alice", null, WEB);
  const saved = files.saved("Bob");
  const bob = await nodes.ready("Bob", alice, { args: ["--save", saved] });
  const web = await alice.until(isWeb);
  using page = await BrowserWindow.open(web, "window-1");
  const { content } = files.file("photo.jpg", 300_000);
  const name = "my phöto.jpg";
  const path = await drop(web, page, name, content);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);

  page.run({ command: "send", file: path });
  const offer = await bob.until(isOffer);
  assertEquals([offer["name"], offer["size"]], [name, content.length]);
  await bob.until(({ event, state }) => event === "transfer" && state === "done");
  assertEquals(Deno.readFileSync(`${saved}/${name}`), content);
  const own = await page.ask({ command: "send", file: `${alice.data}/users/Alice/identity` });
  assertEquals(own["code"], "not-allowed", "its own files stay its own");
  const second = await drop(web, page, "second.jpg", content);
  const third = await drop(web, page, "third.jpg", content.slice(1));
  page.run({ command: "send", file: third });
  const { file: offered } = await bob.until(({ event, name }) =>
    event === "offer" && name === "third.jpg"
  );
  await bob.until(({ event, file, state }) =>
    event === "transfer" && file === offered && state === "done"
  );
  await alice.type(":q");
  await alice.ended();
  assert(![path, second, third].some(isThere));
  await holds("the offer has ended with the copy", async () => {
    const { files } = await bob.ask("files");
    return files.every(({ name }: ShownEvent) => name !== "third.jpg");
  });
  assertEquals([...Deno.readDirSync(`${alice.data}/users/Alice/uploads`)], []);
});

Deno.test("strangers on this machine learn nothing, and are in nobody's way", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null, WEB);
  const bob = await nodes.ready("Bob", alice);
  const web = await alice.until(isWeb);
  const { port, token } = addressOf(web);
  using page = await BrowserWindow.open(web, "window-1");
  const refused: readonly (readonly [number, string, string, Record<string, string>])[] = [
    [421, "GET", "/", { Host: `evil.example:${port}` }],
    [403, "GET", "/", { Origin: "http://evil.example" }],
    [404, "GET", "/../../../../etc/passwd", {}],
    [404, "GET", "/%2e%2e/%2e%2e/etc/passwd", {}],
    [404, "GET", "/files/../users", {}],
    [405, "OPTIONS", "/files", { Origin: `http://127.0.0.1:${port}` }],
    [401, "POST", "/files", { Origin: `http://127.0.0.1:${port}` }],
    [403, "GET", "/socket", { Origin: "http://evil.example", Upgrade: "websocket" }],
  ];
  for (const [status, method, path, headers] of refused) {
    using visit = await Visit.open(port);
    visit.visitor.ask(method, path, headers);
    await visit.ended();
    assertEquals(visit.visitor.status, status, path);
    assertMatch(visit.visitor.body, /^[A-Z].*\.\n$/);
    assert(!visit.visitor.text.includes(token));
  }
  using wrong = await Visit.open(port);
  wrong.visitor.upgrade();
  wrong.visitor.hello();
  await wrong.until("it is challenged", ({ messages }) => messages.length > 0);
  wrong.visitor.logIn("window-2", {}, "A".repeat(43));
  await wrong.ended();
  assertEquals(wrong.visitor.of("refused")[0]?.["code"], "bad-credentials");

  const silent: Visit[] = [];
  try {
    for (let count = 0; count < 1_000; count++) silent.push(await Visit.open(port));
    silent.at(-1)!.visitor.raw("GET / HT");
    await silent[0]!.ended();
    using large = await BrowserWindow.open(web, "window-3");
    large.visit.visitor.raw(clientFrame(1, new Uint8Array(100 * 1_024 * 1_024)));
    await large.visit.ended();
    assertEquals(large.visit.visitor.closed, 1009);
    await bob.say("still there?");
    await page.until(isText("still there?"));
    page.run("yes");
    await bob.until(isText("yes"));
    await alice.until(isText("yes"));
  } finally {
    for (const visit of silent) visit[Symbol.dispose]();
  }
  const kilobytes = (name: string) => {
    const status = Deno.readTextFileSync(`/proc/${alice.pid}/status`);
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  };
  if (Deno.build.os === "linux") assert(kilobytes("VmHWM") < 400_000, `${kilobytes("VmHWM")}`);
});

Deno.test("a first start that is refused leaves nothing of a page behind", async () => {
  await using nodes = new Nodes();
  const alice = await nodes.ready("Alice", null);
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-web-" });
  const data = temporary.path;
  const refused = nodes.add(Node.mesh("Alice", alice, { data, ...WEB }));
  const { code, last } = await refused.ended();
  assertEquals([code, last?.["code"]], [4, "name-taken"]);
  const left = [...Deno.readDirSync(`${data}/users`)].filter(({ isFile }) => !isFile);
  assertEquals(left, []);
});
