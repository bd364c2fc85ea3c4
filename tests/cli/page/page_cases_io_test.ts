/** The page in Chromium: small inputs that pages of other chats get wrong, each for a whole kind of fault. */

import { assertEquals } from "@std/assert";
import { type Browser, OpenPage, testInBrowser } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { disposable, FRIENDS, holdsIn, READY, said, typed, until } from "./page_given.ts";

testInBrowser("page: cases", {
  "of several files the one that is gone is named, and the others are sent": unreadableFile,
  "what is pasted where no file can go is said, and not sent": fileForNobody,
  "what is read in one window is read in all": readInAllWindows,
  "at midnight a day has its other name, though nothing happens": midnight,
  "a draft is on disk within a second, while one still types": draftOnDisk,
  "what is entered before there is a connection is sent once there is one": typedWhileConnecting,
});

const BOB = said("psst", { private: true });

async function unreadableFile(browser: Browser): Promise<void> {
  const gone = Promise.withResolvers<void>();
  await using double = disposable(new PageDouble({ mode: "mesh", taken: () => gone.promise }));
  double.page.show(READY, said("one"));
  using _taken = { [Symbol.dispose]: () => gone.resolve() };
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  const folder = await Deno.makeTempDir();
  const paths = ["first", "gone", "last"].map((name) => `${folder}/${name}.txt`);
  for (const path of paths) await Deno.writeTextFile(path, "hello");
  await open.page.locator("#file").setInputFiles(paths);
  await until(() => double.page.uploads.length === 1);
  await Deno.remove(paths[1]!);
  gone.resolve();
  await open.page.getByText("gone.txt wasn't sent: It can't be read").first().waitFor();
  await until(() => double.page.uploads.length === 2);
  assertEquals(double.page.uploads.map(({ name }) => name), ["first.txt", "last.txt"]);
  await Deno.remove(folder, { recursive: true });
}

async function fileForNobody(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "friends" }));
  double.page.show(FRIENDS);
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("Your friends", "#title");
  await open.page.evaluate(`{
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(["hello"], "a.txt"));
    const pasted = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    document.querySelector("#text").dispatchEvent(pasted);
  }`);
  await open.page.locator("#hint").getByText("Not sent: files go to").waitFor();
  assertEquals(double.page.uploads, []);
}

async function readInAllWindows(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, BOB);
  const context = await browser.newContext();
  await using one = await OpenPage.within(context, double.page.url);
  await using other = await OpenPage.within(context, double.page.url);
  const news = (open: OpenPage) => open.page.locator("#places .badge");
  await news(one).waitFor();
  await news(other).waitFor();
  await one.page.locator("#places").getByText("Bob").click();
  await news(other).waitFor({ state: "detached" });
}

async function midnight(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  const sentAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
  double.page.show(said("old", { history: true, sentAt }), said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("Today");
  await open.page.evaluate("{ const now = Date.now; Date.now = () => now() + 86_400_000; }");
  await open.sees("Yesterday");
}

async function draftOnDisk(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.sees("one");
  const typing = open.page.locator("#text").pressSequentially("a long text ".repeat(3), {
    delay: 100,
  });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const kept = await open.page.evaluate("JSON.stringify({ ...sessionStorage })");
  await typing;
  assertEquals(String(kept).includes("a l"), true, String(kept));
}

async function typedWhileConnecting(browser: Browser): Promise<void> {
  const rubbish = ["no JSON"]; // the first attempt comes to nothing
  await using double = disposable(new PageDouble({ mode: "mesh", rubbish }));
  double.page.show(READY, said("one"));
  await using open = await OpenPage.open(browser, double.page.url);
  await open.type("hello");
  await holdsIn(open.page, `document.querySelector("#text").value === ""`);
  await until(() => typed(double.page).length > 0);
  assertEquals(typed(double.page), [{ command: "msg", text: "hello", room: "r1" }]);
}
