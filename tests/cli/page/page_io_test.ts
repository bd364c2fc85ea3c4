/** The page in Chromium, with a program whose events are given: what the real one says rarely, or never. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { IN_BROWSER, openBrowser, OpenPage } from "./browser.ts";
import { PageDouble } from "./page_double.ts";
import { disposable, holdsIn, typed, until } from "./page_given.ts";
import { SCENES } from "./page_scenes.ts";

const AT = "2026-11-27T12:00:00.000Z";
const READY = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "10.0.0.1",
  port: 55107,
  key: "a",
  room: "r1",
};

function said(
  id: number,
  text: string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const fields = {
    from: "Bob",
    shown: "Bob",
    key: "b".repeat(27),
    self: false,
    private: false,
    history: false,
    mention: false,
  };
  return { event: "message", id: `m${id}`, text, sentAt: AT, ...fields, ...more };
}

const HOSTILE = [
  "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
  "\u202egnp.exe \u2066hidden\u2069 \u0007\u001b[2J",
  "javascript:alert(1) <a href=https://evil.example>click</a>",
  "x".repeat(65_536),
  "line\n".repeat(13_000),
  "\u0301".repeat(60_000),
  "&lt;b&gt; {{7*7}} ${alert(1)}",
];

Deno.test({
  ...IN_BROWSER,
  name: "page: text and names stay text, whatever they look like",
  async fn(t) {
    const browser = await openBrowser();
    try {
      await t.step("hostile texts, names and files", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        const name = "<b onmouseover=alert(1)>Bob</b>";
        double.page.show(
          READY,
          ...HOSTILE.map((text, id) => said(id, text, { from: name, shown: name })),
        );
        double.page.show({
          event: "joined",
          name,
          key: "b",
          host: "<i>",
          port: 1,
          verified: false,
          away: "<s>gone\u202e",
        });
        double.page.show({
          event: "offer",
          file: 1,
          id: "f",
          from: name,
          key: "b",
          self: false,
          name: "<u>a</u>\u202efdp.exe",
          size: 3,
          digest: "d",
        });
        double.page.show({ event: "notice", text: "<h1>notice</h1>" }, said(99, "the end"));
        await using open = await OpenPage.open(browser, double.page.url);
        const { page } = open;
        await open.sees("the end");

        // Nothing of it became an element, or ran.
        for (const tag of ["script", "img", "b", "i", "s", "u", "h1"]) {
          assertEquals(await page.locator(`#timeline ${tag}, #people ${tag}`).count(), 0, tag);
        }
        assert(await page.title().then((title: string) => !title.includes("owned")));
        double.page.send({ type: "refused", code: "usage", text: "No: \u202etxt.exe" });
        await page.locator(".note", { hasText: "No: <U+202E>txt.exe" }).waitFor();
        await page.locator("#file").setInputFiles({
          name: "a\u202efdp.exe",
          mimeType: "text/plain",
          buffer: Buffer.from("hello"),
        });
        await until(() => double.page.uploads.length === 1);
        const html = await page.locator("body").textContent() ?? "";
        for (const sign of ["\u202e", "\u2066", "\u2069", "\u0007", "\u001b"]) {
          assert(!html.includes(sign), "what moves others' text is made visible");
        }
        assert(html.includes("<U+202E>gnp.exe") && html.includes("<U+202E>fdp.exe"));
        // A link may be followed, but never to a script.
        assertEquals(
          await page.locator("#timeline a").evaluateAll((all: { href: string }[]) =>
            all.map(({ href }) => href)
          ),
          ["https://evil.example/"],
        );
        // The longest texts are folded, and shown whole when asked to; nothing is wider than the page.
        await page.getByRole("button", { name: "Show 61,536 more characters" }).click();
        assert(html.includes("x".repeat(4_000)) && !html.includes("x".repeat(4_001)));
        const [width, seen] = await page.evaluate(
          "[document.documentElement.scrollWidth, innerWidth]",
        ) as number[];
        assert(width! <= seen!, `${width} of ${seen} px`);
      });
      await t.step(
        "10,000 messages: nothing moves what is read, and frames come in time",
        async () => {
          await using double = disposable(new PageDouble({ mode: "mesh" }));
          const long = "a longer text that takes several lines in a narrow window. ".repeat(4);
          const many = Array.from(
            { length: 10_000 },
            (_, id) => said(id, `message ${id} ${id % 7 === 0 ? long : ""}`.trim()),
          );
          double.page.show(READY, ...many);
          await using open = await OpenPage.open(browser, double.page.url);
          const { page } = open;
          await open.sees("message 9999");
          assert(await page.locator(".said").count() < 400, "only what is near is drawn");

          const frames = await page.evaluate(SCROLL) as {
            slow: number;
            worst: number;
            blank: number;
          };
          // deno-lint-ignore no-console -- a figure, which depends on the machine
          console.log(
            `page: 10,000 messages scrolled through, the slowest frame ${
              frames.worst.toFixed(0)
            } ms`,
          );
          assertEquals(frames.blank, 0, "no frame was without messages");
          assert(frames.worst < 5_000, `${frames.worst} ms`);

          // Somebody reads in the middle, and more comes.
          await page.evaluate(
            "document.querySelector('#timeline').scrollTop = document.querySelector('#timeline').scrollHeight / 2",
          );
          await settled(page);
          const before = await topOf(page);
          double.page.show(
            ...Array.from({ length: 50 }, (_, id) => said(20_000 + id, `new ${id}`)),
          );
          await page.locator("#to-end").getByText("50 new messages").waitFor();
          assertEquals(await topOf(page), before);
          // Nor does a lost connection move it, though there is a line above what is new.
          double.page.cut();
          double.page.show(said(20_050, "new 50"));
          await page.locator("#to-end").getByText("51 new messages").waitFor();
          await settled(page);
          assertEquals(await topOf(page), before);
          // And the window is made narrower, and wide again, where of the line above a part of a pixel is seen.
          assertEquals(await page.evaluate(PART_OF_PIXEL_SEEN), true);
          await settled(page);
          const seen = await topOf(page);
          for (const width of [420, 1_100]) {
            await page.setViewportSize({ width, height: 700 });
            await holdsIn(page, `innerWidth === ${width}`);
            await settled(page);
            if (width === 420) await staysAt(page, seen);
          }
          // Something scrolls before the page is told that it is narrower.
          const read = await topOf(page);
          await page.evaluate(SCROLLED_WHEN_NARROW);
          await settled(page);
          await staysAt(page, read);
          await page.evaluate(`document.querySelector("#timeline").style.width = ""`);
          await settled(page);
          await page.locator("#to-end").click();
          await open.sees("new 49");
          // At the end, the end stays in view.
          double.page.show(said(30_000, "and one more"));
          await open.sees("and one more");
          assert(await page.evaluate(IS_AT_END));
        },
      );
      await t.step(
        "a reload, and a program that was started again, lose and double nothing",
        async () => {
          const first = new PageDouble({ mode: "mesh", run: "run 1" });
          first.show(READY, said(1, "one"), said(2, "two"));
          await using open = await OpenPage.open(browser, first.url);
          const { page } = open;
          await open.sees("two");
          await page.locator("#text").fill("a draft");
          await page.reload();
          await open.sees("two");
          assertEquals(await page.locator("#text").inputValue(), "a draft");
          assertEquals(await open.texts(), ["one", "two"]);
          await first.close();
          await page.getByText("No connection with the program").waitFor();
          const again = new PageDouble({ mode: "mesh", run: "run 2", port: first.port });
          again.show(
            READY,
            said(1, "one", { history: true }),
            said(2, "two", { history: true }),
            said(3, "three"),
          );
          await open.sees("three");
          assertEquals(await open.texts(), ["one", "two", "three"]);
          open.faults.splice(0); // the attempts to connect meanwhile
          await again.close();
          open.faults.splice(0);
        },
      );
      await t.step(
        "a file has an author and a time; what a friend is written says how it fares",
        async () => {
          await using double = disposable(new PageDouble({ mode: "friends" }));
          double.page.show(...SCENES["friends"]!);
          await using open = await OpenPage.open(browser, double.page.url);
          await open.page.locator("#people").getByText("Bob").click();
          await open.sees("the end");

          const file = open.page.locator(".is-offer");
          assertEquals(await file.locator(".avatar").textContent(), "B");
          assertEquals(await file.locator(".said-name").textContent(), "Bob");
          assertEquals(await file.locator("time.said-time").count(), 1);
          const states = open.page.locator(".said-delivery");
          assertEquals(
            await states.evaluateAll((all: { ariaLabel: string }[]) =>
              all.map(({ ariaLabel }) => ariaLabel)
            ),
            ["Delivered", "Delivered", "Sent, not delivered yet"],
          );
          assertEquals(await file.locator(".file-state").textContent(), "2.4 MB · 49 %");
          double.page.show({ event: "connection", friend: "Bob", state: "closed" });
          await file.getByText("2.4 MB · 49 %, goes on when Bob is back").waitFor();
        },
      );
      await t.step("a decider is asked once, and led to the entry", async () => {
        await using double = disposable(new PageDouble({ mode: "group" }));
        double.page.show(...SCENES["group"]!);
        await using open = await OpenPage.open(browser, double.page.url);
        const { page } = open;
        await open.sees("the end");
        assertEquals(await page.getByRole("button", { name: "Agree", exact: true }).count(), 1);
        assertMatch((await page.locator("#asks del").textContent())!, /^- .* from nine, /);
        const question = await page.locator(".ask-text").textContent();
        assert(question!.startsWith("Carol wants to change entry 41 (edit 7, "), question!);
        assertMatch(
          (await page.locator("#asks ins").textContent())!,
          /^\+ .* from half past ten, /,
        );
        await page.locator(".ask").getByRole("button", { name: "entry 41" }).click();
        await page.locator(".said:focus", { hasText: "The room is booked" }).waitFor();
      });
      await t.step("a question that comes moves none, and takes no press at once", async () => {
        await using double = disposable(new PageDouble({ mode: "group" }));
        double.page.show(...SCENES["group"]!);
        await using open = await OpenPage.open(browser, double.page.url);
        const { page } = open;
        await page.locator(".ask .button.is-main[aria-disabled=false]").waitFor();
        const agree = page.getByRole("button", { name: "Agree", exact: true });
        const place = await agree.boundingBox();
        await page.evaluate("document.querySelector('.ask').dataset.was = 'here'");

        const vote = { event: "vote-wanted", seq: 41, by: "Carol", old: "a ".repeat(32_000) };
        const deadline = "2099-01-01T00:00:00.000Z";
        double.page.show({ ...vote, edit: 9, new: `${vote.old}b`, deadline });
        await agree.nth(1).waitFor();
        assertEquals(await agree.nth(1).boundingBox(), place);
        assertEquals(await page.locator(".ask[data-was]").count(), 1, "it isn't drawn again");
        const other = page.locator(".ask", { hasText: "edit 9" });
        await other.getByRole("button", { name: "Agree" }).dispatchEvent("click");
        assertEquals(typed(double.page), [], "it has only just come");

        await other.locator("ins").waitFor();
        await other.locator(".button.is-main[aria-disabled=false]").click();
        await until(() => typed(double.page).length > 0);
        assertEquals(typed(double.page), [{ command: "go", edit: 9 }]);

        // What is below it goes: it has come where that was.
        double.page.show({ event: "edit", edit: 7, seq: 41, by: "Carol", outcome: "aborted" });
        await page.locator(".ask[data-was]").waitFor({ state: "detached" });
        await page.getByRole("button", { name: "Refuse" }).dispatchEvent("click");
        await page.locator(".ask .button[aria-disabled=false]").first().waitFor();
        assertEquals(typed(double.page).length, 1);
      });
      await t.step("news below what is read are counted", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        const long = "a longer text that takes several lines in a narrow window. ".repeat(4);
        double.page.show(READY, said(0, long, { private: true }), said(1, "the end"));
        await using open = await OpenPage.open(browser, double.page.url);
        await open.sees("the end");
        double.page.show(
          ...Array.from({ length: 40 }, (_, id) => said(id + 2, long, { private: true })),
        );
        await open.page.getByRole("button", { name: /^Bob\s*, 41 new messages$/ }).click();
        await open.page.locator("#to-end", { hasText: "41 new messages" }).click();
        await open.page.locator("#to-end").waitFor({ state: "hidden" });
      });
      await t.step("only the program that knows the token is told anything", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        await using open = await OpenPage.open(browser, double.page.url.replace("#0", "#1"));
        await open.page.getByText("Another program answers at this address").waitFor();
        assertEquals(double.page.asked, []);
      });
      await t.step("what is no message of the program is said, and it is tried again", async () => {
        const rubbish = ["no JSON", "null", new ArrayBuffer(3)];
        await using double = disposable(new PageDouble({ mode: "mesh", rubbish }));
        double.page.show(READY, said(1, "one"));
        await using open = await OpenPage.open(browser, double.page.url);
        await open.page.getByText("What answers there isn't p2pchat.").waitFor();
        await open.sees("one");
      });
      await t.step("the link to the message box leaves the token in the address", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        double.page.show(READY, said(1, "one"));
        await using open = await OpenPage.open(browser, double.page.url);
        await open.sees("one");
        await open.page.locator("#skip").focus();
        await open.page.keyboard.press("Enter");
        await open.page.locator("#text:focus").waitFor();
        await open.page.keyboard.type("two");
        assertEquals(await open.page.locator("#text").inputValue(), "two");
        assertEquals(open.page.url(), double.page.url);
      });
      await t.step("whoever passes on what is said at another port is told nothing", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        double.page.show(READY, said(1, "secret"));
        using between = passedOnTo(double.page.port);
        const { port } = between.addr;
        await using open = await OpenPage.open(
          browser,
          double.page.url.replace(`:${double.page.port}/`, `:${port}/`),
        );
        await open.page.getByText("Another program answers at this address").waitFor();
        assertEquals(await open.texts(), []);
      });
      await t.step(
        "what isn't answered stays in view; with the program end all counts",
        async () => {
          await using double = disposable(new PageDouble({ mode: "mesh" }));
          double.page.show(READY, said(1, "one"));
          await using open = await OpenPage.open(browser, double.page.url);
          await open.sees("one");
          const { page } = open;
          await page.locator("#text").fill("is it there?");
          await page.keyboard.press("Enter");
          const waits = page.locator("#asks", { hasText: "not answered yet: is it there?" });
          await waits.waitFor();
          const ref = double.page.asked.map(({ ref }) => String(ref)).find((ref) =>
            ref.startsWith("a.")
          );
          double.page.show(said(2, "is it there?", { ref }));
          await waits.waitFor({ state: "hidden" });

          double.page.show({
            event: "peers",
            peers: [{ name: "Alice", key: "a", host: "10.0.0.1", port: 1 }],
          });
          await page.locator("#people-count", { hasText: "1" }).waitFor();
          double.page.show({
            event: "fatal",
            code: "taken",
            text: "found another room with --new",
          });
          await page.locator("#banner", { hasText: "room with --new. The program has ended." })
            .waitFor();
          await page.locator("#people-count:empty").waitFor({ state: "attached" });
          await page.locator("#people .person.is-off").waitFor();
        },
      );
      await t.step("no file is given to whoever answers once the program has ended", async () => {
        const gone = Promise.withResolvers<void>();
        const options = { mode: "mesh", taken: () => gone.promise };
        await using double = disposable(new PageDouble(options));
        double.page.show(READY, said(1, "one"));
        await using open = await OpenPage.open(browser, double.page.url);
        await open.sees("one");
        const files = ["first.txt", "second.txt"].map((name) => ({
          name,
          mimeType: "text/plain",
          buffer: Buffer.from(name),
        }));
        await open.page.locator("#file").setInputFiles(files);
        await until(() => double.page.uploads.length === 1);
        double.page.leave();
        await open.page.locator("#attach:disabled").waitFor();
        gone.resolve();
        await open.page.getByText("second.txt wasn't sent").first().waitFor();
        assertEquals(double.page.uploads.map(({ name }) => name), ["first.txt"]);
      });
      await t.step(
        "who leaves while a file is sent is asked",
        async () => {
          const gone = Promise.withResolvers<void>();
          const options = { mode: "mesh", taken: () => gone.promise };
          await using double = disposable(new PageDouble(options));
          double.page.show(READY, said(1, "one"));
          using _taken = { [Symbol.dispose]: () => gone.resolve() }; // the double ends once it has taken all
          await using open = await OpenPage.open(browser, double.page.url);
          await open.sees("one");
          const asked: string[] = [];
          open.page.on("dialog", (dialog) => {
            asked.push(dialog.type());
            void dialog.accept();
          });
          await open.page.locator("#text").click(); // browsers ask only where something was done
          await open.page.reload();
          await open.sees("one");
          assertEquals(asked, []);
          await open.page.locator("#file").setInputFiles({
            name: "large.bin",
            mimeType: "text/plain",
            buffer: Buffer.from("hello"),
          });
          await until(() => double.page.uploads.length === 1);
          await open.page.locator("#text").click();
          await open.page.reload();
          await open.sees("one");
          assertEquals(asked, ["beforeunload"]);
        },
      );
      await t.step("of two files of one name, each is shown while it is sent", async () => {
        const gone = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        let taken = 0;
        const options = { mode: "mesh", taken: () => gone[taken++]!.promise };
        await using double = disposable(new PageDouble(options));
        double.page.show(READY, said(1, "one"));
        using _taken = { [Symbol.dispose]: () => gone.forEach(({ resolve }) => resolve()) };
        await using open = await OpenPage.open(browser, double.page.url);
        await open.sees("one");
        const file = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
        await open.page.locator("#file").setInputFiles([file, file]);
        await open.sees("Sending a.txt, 1 more to come", "#uploads");
        gone[0]!.resolve();
        await open.sees("Sending a.txt", "#uploads");
        gone[1]!.resolve();
        await open.page.locator("#uploads").waitFor({ state: "hidden" });
      });
      await t.step("a file is sent with its name, and said where it goes", async () => {
        await using double = disposable(new PageDouble({ mode: "mesh" }));
        double.page.show(READY, said(1, "one", { private: true }));
        await using open = await OpenPage.open(browser, double.page.url);
        await open.page.getByRole("button", { name: "Bob" }).first().click();
        await open.page.locator("#file").setInputFiles({
          name: "größe <1>.txt",
          mimeType: "text/plain",
          buffer: Buffer.from("hello"),
        });
        await until(() =>
          double.page.asked.some(({ command }) =>
            (command as { command?: string })?.command === "send"
          )
        );
        assertEquals(double.page.uploads, [{ name: "größe <1>.txt", text: "hello" }]);
        assertEquals(double.page.asked.at(-1)!.command, {
          command: "send",
          file: "/uploads/größe <1>.txt",
          name: "Bob",
          room: "r1",
        });
      });
    } finally {
      await browser.close();
    }
  },
});

/** Whoever connects is connected to that port. */
function passedOnTo(port: number): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const one of listener) {
      const other = await Deno.connect({ hostname: "127.0.0.1", port });
      one.readable.pipeTo(other.writable).catch(() => {});
      other.readable.pipeTo(one.writable).catch(() => {});
    }
  })();
  return listener;
}

/** Scrolls from the end to the beginning and back, a screen a frame, and says how frames were. */
const SCROLL = `new Promise((resolve) => {
  const view = document.querySelector("#timeline");
  const result = { worst: 0, blank: 0 };
  let [last, by, frames] = [performance.now(), -view.clientHeight * 12, 0];
  const frame = (now) => {
    result.worst = Math.max(result.worst, now - last);
    last = now;
    const { left, top, width, height } = view.getBoundingClientRect();
    const seen = document.elementFromPoint(left + width / 2, top + height / 2);
    if (seen === view || seen?.closest(".filler")) result.blank++;
    if (++frames > 2_000) return resolve({ worst: Infinity, blank: 0 });
    if (by < 0 && view.scrollTop <= 0) by = -by;
    else if (by > 0 && view.scrollTop + view.clientHeight >= view.scrollHeight - 1) return resolve(result);
    view.scrollTop += by;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})`;

const PART_OF_PIXEL_SEEN = `(() => {
  const view = document.querySelector("#timeline");
  const { top } = view.getBoundingClientRect();
  for (const element of view.querySelectorAll(".said")) {
    const seen = element.getBoundingClientRect().bottom - top;
    if (seen < 0 || seen % 1 < 0.1 || seen % 1 > 0.9) continue;
    view.scrollTop += Math.floor(seen);
    return true;
  }
  return false;
})()`;

const SCROLLED_WHEN_NARROW = `{
  const view = document.querySelector("#timeline");
  view.style.width = "360px";
  view.dispatchEvent(new Event("scroll"));
}`;

const IS_AT_END = `(() => {
  const { scrollTop, clientHeight, scrollHeight } = document.querySelector("#timeline");
  return scrollHeight - scrollTop - clientHeight < 50;
})()`;

/** The first message that is seen, and how far below the top of the view, px. */
async function topOf(
  page: OpenPage["page"],
): Promise<{ readonly text: string; readonly at: number }> {
  return await page.evaluate(`(() => {
    const { top } = document.querySelector("#timeline").getBoundingClientRect();
    for (const element of document.querySelectorAll("#timeline .said")) {
      const rect = element.getBoundingClientRect();
      if (rect.bottom > top + 1) return { text: element.querySelector(".said-text").textContent, at: rect.top - top };
    }
  })()`) as { text: string; at: number };
}

/** That what was read is where it was: scrolling is by whole pixels, so that a part of one of the line above may show. */
async function staysAt(page: OpenPage["page"], { text, at }: Awaited<ReturnType<typeof topOf>>) {
  const now = await page.evaluate(`(() => {
    const { top } = document.querySelector("#timeline").getBoundingClientRect();
    const read = [...document.querySelectorAll("#timeline .said")]
      .find((said) => said.querySelector(".said-text").textContent === ${JSON.stringify(text)});
    return read === undefined ? null : read.getBoundingClientRect().top - top;
  })()`) as number | null;
  assert(now !== null && Math.abs(now - at) < 2, `${text}: ${now}, it was at ${at} px`);
}

async function settled(page: OpenPage["page"]): Promise<void> {
  await page.evaluate(
    "new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(r))))",
  );
}
