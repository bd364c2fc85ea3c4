import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cpuMs } from "../../cpu_time.ts";
import { after, pageOf, placeOf } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { foldedBody, partsOf, shownName, visibleBody } = page;

const AWKWARD = fc.array(fc.oneof(
  fc.string({ unit: "binary", maxLength: 2 }),
  fc.constantFrom(
    "\u202e",
    "\u200d",
    "\ufe0f",
    "\u0007",
    "\u009b",
    "👩",
    "❤",
    "ب",
    "́",
    "\u{e0067}",
    "🏴",
  ),
  fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
)).map((parts) => parts.join(""));

Deno.test("page: a browser that doesn't know the newest scripts still tells mixed ones", async () => {
  const { RegExp: known } = globalThis;
  globalThis.RegExp = class extends known {
    constructor(pattern: string | RegExp, flags?: string) {
      if (String(pattern).includes("Garay")) throw new SyntaxError("unknown script");
      super(pattern, flags);
    }
  } as typeof RegExp;
  try {
    // A module of its own: which scripts there are is looked up once.
    const { mixesScripts } = await import("../../../lib/base/text/names.ts?old-browser");
    assertEquals(["\u0410lice", "алиса", "山田太郎"].map(mixesScripts), [true, false, false]);
  } finally {
    globalThis.RegExp = known;
  }
});

Deno.test("page: what was looked for is marked wherever it stands, in any case", () => {
  const marked = (text: string, searched: string) =>
    page.foundParts(text, searched).map((part: Any) => part.isFound ? [part.text] : part.text);
  assertEquals(marked("The Key, the keys", "key"), ["The ", ["Key"], ", the ", ["key"], "s"]);
  assertEquals(marked("1+1 (or so)", "+1 ("), ["1", ["+1 ("], "or so)"]);
  assertEquals(marked("nothing", ""), ["nothing"]);
});

Deno.test("page: a name that imitates another is marked, and so is one of several scripts", () => {
  assertEquals(shownName("Аlice"), "≈Аlice");
  const state = { self: "\u0410lan", marked: new Set(["aiice"]) };
  assertEquals(shownName("AIice", state), "≈AIice");
  assertEquals(shownName("AIice~k7f3", state), "≈AIice~k7f3");
  assertEquals(shownName("Alice", state), "Alice");
  assertEquals(shownName("\u0410lan", state), "\u0410lan", "the user's own, as on the console");
  assertEquals(shownName("Bob~k7f3"), "Bob~k7f3");
  assertEquals(shownName("a\u202eb"), "a<U+202E>b");
});

Deno.test("page: whoever imitates another is marked wherever they are named, also in what was shown before", () => {
  const joined = { event: "joined", name: "AIice", key: "k", verified: false };
  const event = { event: "message", from: "AIice", key: "k", text: "hi", private: true };
  const before = after(pageOf("mesh", [{ event: "ready", name: "Bob", room: "r" }, joined]), [
    event,
  ]);
  const state = page.reduce(before, { type: "marked", names: ["aiice"] });
  const place = state.places.get(placeOf(state, "AIice"));

  assertEquals(page.titleOf(state, place), "≈AIice");
  assertEquals(page.subtitleOf(state, place), "Private to you two");
  assertEquals(page.placeholderOf(state, place), "Private message to ≈AIice");
  assertEquals(page.emptyText(state, place).title, "≈AIice");
  assertEquals(page.attentionOf(event, state).title, "≈AIice to you");
  assertEquals(page.attentionOf(joined, state).spoken, "≈AIice joined");
  const rings = { ...state, call: { state: "incoming" } };
  const ring = page.attentionOf({ event: "incoming", from: "aIice" }, rings);
  assertEquals(ring.title, "≈aIice is calling");
  const more = page.reduce(state, { type: "marked", names: ["cooordinator"] });
  assertEquals([...more.marked], ["aiice", "cooordinator"], "one does not replace another");
});

Deno.test("page: the parts of a text are the text, whatever it is", () => {
  fc.assert(fc.property(AWKWARD, fc.constantFrom("Bob", "a", "e.f", "g-h~1"), (text, self) => {
    const body = visibleBody(text);
    assertEquals(partsOf(body, self).map(({ text }: Any) => text).join(""), body);
  }));
});

Deno.test("page: a link of nothing but punctuation, as long as a message can be, is looked at once", () => {
  for (
    const end of [
      ")".repeat(60_000),
      ".".repeat(60_000),
      `${".".repeat(60_000)}x`,
      ".)".repeat(30_000),
    ]
  ) {
    assert(cpuMs(() => partsOf(`http://a.example/${end}`, "a")) < 500, end.slice(0, 2));
  }
  assertEquals(partsOf("(http://a.example/b).", "a")[1].href, "http://a.example/b");
  assertEquals(partsOf("http://a.example/b_(c)", "a")[0].href, "http://a.example/b_(c)");
});

Deno.test("page: a reader whose name has a hyphen reads what is said, and is mentioned", () => {
  assertEquals(partsOf("hi Jean-Luc!", "Jean-Luc"), [
    { text: "hi " },
    { text: "Jean-Luc", isMention: true },
    { text: "!" },
  ]);
});

Deno.test("page: links are to the web alone, and end before punctuation", () => {
  const links = (text: string) =>
    partsOf(text, "Bob").flatMap((part: Any) =>
      part.href === undefined ? [] : [[part.text, part.href]]
    );

  assertEquals(links("see https://a.example/x_(y), and (http://b.example)."), [
    ["https://a.example/x_(y)", "https://a.example/x_(y)"],
    ["http://b.example", "http://b.example/"],
  ]);
  assertEquals(links("javascript:alert(1) data:text/html,x file:///etc/passwd https://"), []);
  assertEquals(links("https://xn--80ak6aa92e.example/"), [
    ["https://xn--80ak6aa92e.example/", "https://xn--80ak6aa92e.example/"],
  ]);
  assertEquals(
    partsOf("Bob: https://a.example/Bob", "Bob").map(({ isMention }: Any) => isMention),
    [
      true,
      undefined,
      undefined,
    ],
  );
});

Deno.test("page: of a long text the beginning is shown", () => {
  assertEquals(foldedBody("a\nb"), { head: "a\nb", more: null });
  assertEquals(foldedBody("x\n".repeat(65_000)).more, "64,961 more lines");
  const { head, more } = foldedBody("👩".repeat(10_000));
  assert(head.isWellFormed());
  assertEquals(more, "16,000 more characters");
});
