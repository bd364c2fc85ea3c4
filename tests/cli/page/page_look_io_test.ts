/** How the page looks, in every mode, on a phone and on wide screens, in light and dark: in Chromium. */

import { assertEquals } from "@std/assert";
import { SLOW } from "../../given.ts";
import { type Browser, IN_BROWSER, openBrowser, OpenPage } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { CALL, SCENES } from "./page_scenes.ts";

const WIDTHS = [360, 800, 1_400];
const SCHEMES = ["light", "dark"] as const;
const HEIGHT = 800;

Deno.test({
  ...IN_BROWSER,
  ignore: IN_BROWSER.ignore || SLOW.ignore,
  name: "page: axe finds nothing, and nothing is cut off, in each mode, width and colour scheme",
  async fn(t) {
    const browser = await openBrowser();
    try {
      for (const mode of Object.keys(SCENES)) {
        await t.step(mode, () => looks(browser, mode));
        await t.step(`${mode}, before anything is said`, () => looksEmpty(browser, mode));
      }
    } finally {
      await browser.close();
    }
  },
});

async function looks(browser: Browser, mode: string): Promise<void> {
  const double = new PageDouble({ mode });
  double.show(...SCENES[mode]!);
  await using open = await OpenPage.open(browser, double.url);
  const { page } = open;
  if (mode === "friends") await page.locator("#people").getByText("Bob").click();
  await open.sees("the end");
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const check = (what: string) =>
        isRight(open, `${mode}, ${what}, ${width} px, ${colorScheme}`);
      await check("as it is");
      if (mode === "mesh") await opened(open, check, width < 700);
    }
  }
  if (mode === "directory") {
    double.show(...CALL);
    await open.sees("Loud and clear.");
    await isRight(open, "in a call");
  }
  await double.close();
  open.faults.splice(0); // the attempts to connect again
}

async function looksEmpty(browser: Browser, mode: string): Promise<void> {
  const double = new PageDouble({ mode });
  double.show(...SCENES[mode]!.slice(0, 2).filter(({ event }) => event !== "message"));
  await using open = await OpenPage.open(browser, double.url);
  await open.page.locator(".empty").waitFor();
  for (const [at, width] of WIDTHS.entries()) {
    await open.page.setViewportSize({ width, height: HEIGHT });
    await open.page.emulateMedia({ colorScheme: SCHEMES[at % 2]! });
    await isRight(open, `${mode}, empty, ${width} px`);
  }
  await double.close();
  open.faults.splice(0); // the attempts to connect again
}

/** What opens above the page. */
async function opened(
  { page }: OpenPage,
  check: (what: string) => Promise<void>,
  isNarrow: boolean,
): Promise<void> {
  await page.locator("#text").fill("/");
  await page.locator(".suggestion").first().waitFor();
  await check("suggestions");
  await page.locator("#text").fill("");
  await page.keyboard.press("Control+/");
  await check("keys");
  await page.keyboard.press("Escape");
  if (isNarrow) await page.locator("#open-side").click();
  await page.locator(".person").nth(1).click();
  await check("a person");
  await page.keyboard.press("Escape");
  if (!isNarrow) return;
  await check("the lists");
  await page.keyboard.press("Escape");
}

Deno.test({
  ...IN_BROWSER,
  ignore: IN_BROWSER.ignore || SLOW.ignore,
  name: "page: the text of each kind of button can be read under the mouse and focused",
  async fn() {
    const browser = await openBrowser();
    try {
      const seen = new Set<string>();
      for (const mode of Object.keys(SCENES)) await buttons(browser, mode, seen);
      for (
        const kind of [
          "button is-main",
          "button",
          "more",
          "command",
          "tool",
          "place",
          "person",
          "to-end",
        ]
      ) {
        assertEquals(seen.has(kind), true, `${kind} of ${[...seen].join("; ")}`);
      }
    } finally {
      await browser.close();
    }
  },
});

/** @param seen The kinds of buttons so far, by their classes: each is looked at once. */
async function buttons(browser: Browser, mode: string, seen: Set<string>): Promise<void> {
  const double = new PageDouble({ mode });
  double.show(...SCENES[mode]!);
  await using open = await OpenPage.open(browser, double.url, { reducedMotion: "reduce" });
  const { page } = open;
  const look = async (within: string) => {
    const all = page.locator(`${within} button`);
    for (let at = 0; at < await all.count(); at++) {
      const button = all.nth(at);
      const asked = (what: string) =>
        page.evaluate(`(${what})(document.querySelectorAll("${within} button")[${at}])`);
      const kind = await asked(KIND) as string;
      if (seen.has(kind) || !await button.isVisible() || await asked(IS_OFF)) continue;
      // What has just come or moved takes no press for a moment, and counts as disabled until then.
      await (await button.elementHandle())!.waitForElementState("enabled");
      seen.add(kind);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        const check = async (what: string) => {
          const contrast = await asked(CONTRAST) as number;
          const told = `${kind}, ${what}, ${colorScheme}: ${contrast.toFixed(1)}`;
          assertEquals(contrast >= 4.5, true, told);
        };
        await button.hover();
        await check("under the mouse");
        await button.focus();
        await check("focused");
      }
    }
  };
  if (mode === "friends") await page.locator("#people").getByText("Bob").click();
  await open.sees("the end");
  await page.locator("#text").fill("Hello");
  await look("body");
  if (mode === "mesh") {
    await page.locator(".person").nth(1).click();
    await look("dialog");
    await page.keyboard.press("Escape");
  }
  await double.close();
  open.faults.splice(0); // the attempts to connect again
}

const IS_OFF = `(button) => button.disabled`;

/** What tells how a button looks. */
const KIND = `(button) => {
  const of = (element) => element.className === "" ? element.localName : element.className;
  return (button.className === "" ? of(button.parentElement) + " > button" : of(button)).trim();
}`;

/** The contrast of a button's text and its ground, as WCAG 2 reckons it; of what is half seen through, as it is seen. */
const CONTRAST = `(button) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const painted = (...colours) => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const grounds = [];
  for (let at = button; at !== null; at = at.parentElement) {
    grounds.unshift(getComputedStyle(at).backgroundColor);
  }
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(painted("white", ...grounds));
  const text = light(painted("white", ...grounds, getComputedStyle(button).color));
  return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
}`;

async function isRight(open: OpenPage, what: string): Promise<void> {
  assertEquals(await open.violations(), [], what);
  assertEquals(await open.page.evaluate(CUT_OFF), [], what);
}

/** What is wider than its place, what lies over something else, and digits to compare that aren't in two rows. */
const CUT_OFF = `(() => {
  const found = [];
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) found.push("the page is " + page.scrollWidth + " px wide");
  for (const name of ["#timeline", "#asks", "#side", ".dialog-body"]) {
    const part = document.querySelector(name);
    if (part !== null && part.scrollWidth > part.clientWidth) found.push(name + " is wider than its place");
  }
  for (const gutter of document.querySelectorAll(".said-gutter")) {
    const body = gutter.nextElementSibling.getBoundingClientRect();
    const view = gutter.closest("#timeline").getBoundingClientRect();
    if (gutter.getBoundingClientRect().left < view.left + 2) found.push(gutter.textContent + " is cut off");
    if (gutter.getBoundingClientRect().right > body.left) found.push(gutter.textContent + " lies over the text");
  }
  for (const digits of document.querySelectorAll(".digits")) {
    const rows = new Set(Array.from(digits.children, (group) => Math.round(group.getBoundingClientRect().top)));
    if (rows.size !== 2) found.push("digits in " + rows.size + " rows");
    if (digits.scrollWidth > digits.clientWidth) found.push("digits are cut off");
  }
  return found;
})()`;
