/** The page in Chromium: how it draws the parts of lines. */

import { assertEquals } from "@std/assert";
import { type Browser, OpenPage, testInBrowser } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { disposable, holdsIn, READY, said, typed } from "./page_given.ts";

testInBrowser("page: the parts of lines", {
  "a command in a sentence is a button that puts it into the message box": commands,
});

async function commands(browser: Browser): Promise<void> {
  await using double = disposable(new PageDouble({ mode: "mesh" }));
  double.page.show(READY, said("not /verify Carol"), {
    event: "notice",
    text: "Bob isn't verified: /verify Bob shows digits",
  });
  await using open = await OpenPage.open(browser, double.page.url);
  const { page } = open;
  await page.locator("#timeline .command").waitFor();
  await page.locator("#text").fill("a draft");

  assertEquals(await page.locator("#timeline .command").count(), 1, "of our own sentences alone");
  await page.getByRole("button", { name: "/verify Bob" }).press("Enter");

  const text = page.locator("#text");
  await holdsIn(page, `document.activeElement.id === "text"`);
  assertEquals(await text.inputValue(), "/verify Bob");
  await page.keyboard.press("Control+z");
  assertEquals(await text.inputValue(), "a draft", "what was there can be had again");
  assertEquals(typed(double.page), [], "nothing is run before Enter");
  assertEquals(await open.violations(), []);
}
