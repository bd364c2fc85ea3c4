/** Chromium, as people have it, for tests of the page; where it isn't installed, those are ignored. */

import axe from "npm:axe-core@4.14.1";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "npm:playwright-core@1.65.1";
import { assertEquals } from "@std/assert";
import { CHROMIUM } from "./chromium.ts";

export type { Browser, Page };

/** How tests of the page are run. What the driver of the browser keeps open is its own. */
export const IN_BROWSER = {
  ignore: CHROMIUM === null,
  sanitizeOps: false,
  sanitizeResources: false,
} as const;

/** Chromium itself shuts pages in; as root it can't, and in tests it needn't: they load nothing from elsewhere. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox"] });
}

/** A test of which each step, by its name, has the same browser, with pages of its own. */
export function testInBrowser(
  name: string,
  steps: Readonly<Record<string, (browser: Browser) => Promise<void>>>,
): void {
  Deno.test({
    ...IN_BROWSER,
    name,
    async fn(t) {
      const browser = await openBrowser();
      try {
        for (const [step, run] of Object.entries(steps)) await t.step(step, () => run(browser));
      } finally {
        await browser.close();
      }
    },
  });
}

const WAIT_MS = 60_000;

/** A page that is open, and what went wrong in it: that must be nothing. */
export class OpenPage implements AsyncDisposable {
  readonly faults: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error: Error) => this.faults.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(message.text());
    });
  }

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<OpenPage> {
    const context = await browser.newContext({
      viewport: { width: 1_100, height: 700 },
      ...options,
    });
    return await OpenPage.within(context, url);
  }

  /** In a window of a browser that has others, or will have. */
  static async within(context: BrowserContext, url: string): Promise<OpenPage> {
    const open = new OpenPage(await context.newPage());
    await open.page.goto(url);
    return open;
  }

  /** Waits until a text is seen. */
  async sees(text: string, within = "#timeline"): Promise<void> {
    await this.page.locator(within).getByText(text, { exact: true }).first().waitFor();
  }

  /** Types a text, and enters it. */
  async type(text: string): Promise<void> {
    await this.page.locator("#text").fill(text);
    await this.page.locator("#text").press("Enter");
  }

  /** The texts of all that was said and is drawn. */
  async texts(): Promise<readonly string[]> {
    return await this.page.locator(".said-text").allTextContents();
  }

  /** What axe finds wrong with the page as it is. */
  async violations(): Promise<readonly string[]> {
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
    const { violations } = found as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    return violations.map(({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n")}`
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    assertEquals(this.faults, []);
  }
}
