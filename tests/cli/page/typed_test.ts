import { assertEquals, assertMatch } from "@std/assert";
import { after, pageOf } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { directPlace, leaves, mainPlace, meant, suggestions } = page;

function room(): Any {
  return pageOf("mesh", [
    { event: "ready", command: "mesh", name: "Alice", host: "h", port: 1, key: "a", room: "r" },
    { event: "joined", name: "Bob", key: "b", verified: false },
    { event: "joined", name: "Bodo", key: "c", verified: false },
  ]);
}

Deno.test("page: a line is said, run, or nothing, as in the console", () => {
  const state = room();
  const means = (text: string) => meant(state, mainPlace(state), text);

  assertEquals(means("hi\n/there"), {
    command: { command: "msg", text: "hi\n/there", room: "r" },
    isChat: true,
  });
  assertEquals(means("//x").command, { command: "msg", text: "/x", room: "r" });
  assertEquals(means("/peers"), { line: "/peers", room: "r" });
  assertEquals(means("/search x"), { line: "/search x" });
  assertEquals(means(":q"), { line: ":q", room: "r" });
  assertEquals(means(" :q").command, { command: "msg", text: " :q", room: "r" });
  assertEquals(means(":quitter").command, { command: "msg", text: ":quitter", room: "r" });
  assertEquals(means(" \n "), null);
  assertEquals(means("é".repeat(32_768)).isChat, true);
  assertEquals(means("é".repeat(32_769)), {
    error:
      "Nothing was sent: the message has 65,538 bytes, at most 65,536 are possible. Send it in parts.",
  });
});

Deno.test("page: one is asked before the program ends", () => {
  const state = room();
  const is = (text: string) => leaves(state, mainPlace(state), text);

  assertEquals([":q", "/quit", "/q", "/quit now"].map(is), [true, true, true, true]);
  assertEquals(["q", "/msg Bob q", "quit", " :q", "//quit"].map(is), [
    false,
    false,
    false,
    false,
    false,
  ]);
  const lobby = pageOf("directory", [{ event: "session", state: "up", name: "Alice" }]);
  assertEquals(leaves(lobby, mainPlace(lobby), "q"), true);
  assertEquals(is("/bye"), true, "another program's word for it");
});

const FRIENDS = {
  event: "ready",
  command: "peer",
  name: "al",
  host: "h",
  port: 1,
  key: "a",
  users: "u",
  names: ["bob", "carol"],
};

Deno.test("page: in the list of friends a line names one of them, or is for nobody", () => {
  const state = pageOf("friends", [FRIENDS]);
  const means = (text: string) => meant(state, mainPlace(state), text);

  assertEquals(means("bob/a\n/b"), {
    command: { command: "msg", name: "bob", text: "a\n/b" },
    isChat: true,
    to: "bob",
  });
  assertEquals(means("/msg BOB hi").to, "bob");
  // The console would say these to its partner, whom the title doesn't name.
  for (
    const text of [
      "hi",
      "and/or",
      "eve/hi",
      "r/hi",
      "two\nlines",
      "//x",
      "/me waves",
      "/send a.pdf",
    ]
  ) {
    assertEquals(Object.keys(means(text)), ["error"], text);
  }
  assertEquals(means("/send bob a.pdf"), { line: "/send bob a.pdf" });
});

Deno.test("page: with a friend all goes to that one, whomever the console writes to", () => {
  const state = pageOf("friends", [FRIENDS]);
  const [known, place] = directPlace(state, mainPlace(state), "bob");
  const means = (text: string) => meant(known, place, text);

  for (const text of ["hi", "and/or", "/me waves", "exit"]) {
    assertEquals(means(text).command, { command: "msg", name: "bob", text }, text);
  }
  assertEquals(means("/send a.pdf"), { line: "/send bob a.pdf" });
  assertEquals(means("/send carol a.pdf"), { line: "/send carol a.pdf" });
  assertEquals(means("/msg carol hi").to, "carol");
});

Deno.test("page: in the lobby a line is what it is in the console, whether or not a call has begun", () => {
  const up = { event: "session", state: "up", name: "al" };
  const state = pageOf("directory", [up]);
  const means = (text: string) => meant(state, mainPlace(state), text);

  assertEquals(means("bob"), { command: { command: "call", name: "bob" } });
  assertEquals(means("2 hello"), {
    command: { command: "broadcast", text: "hello" },
    isChat: true,
  });
  assertEquals(means("2 a\nb").command, { command: "broadcast", text: "a\nb" });
  assertEquals(means("1 al").command, { command: "list", part: "al" });
  for (const text of ["a\nb", "hello there", "/me waves", "/msg hi there", "/send a.pdf"]) {
    assertEquals(Object.keys(means(text)), ["error"], text);
  }

  const bob = { event: "call", call: "c", peer: "bob", state: "connected", route: "direct" };
  const talking = after(state, [bob]);
  const lobby = talking.places.get("main");
  for (const text of ["hi", "hello there", "/me waves", "/msg hi", "/send a.pdf"]) {
    assertEquals(Object.keys(meant(talking, lobby, text)), ["error"], text);
  }
  assertEquals(
    meant(talking, lobby, "hello everyone").error,
    "Not sent: this is the lobby. What you say to bob belongs in the conversation with them; " +
      "to tell everybody who is online, begin with 2, as in 2 hello.",
  );
  assertEquals(meant(talking, lobby, "2 hi").command, { command: "broadcast", text: "hi" });
});

Deno.test("page: what is said in a call names who hears it, and is said to nobody in another call", () => {
  const up = { event: "session", state: "up", name: "al" };
  const call = { event: "call", call: "c", route: "direct", reason: "" };
  const users = [{ name: "bob", state: "free" }, { name: "carol", state: "free" }];
  const state = pageOf("directory", [up, { event: "users", users, total: 2, more: false }, {
    ...call,
    peer: "bob",
    state: "connected",
  }]);
  const means = (text: string) => meant(state, state.places.get(state.current), text);
  for (const [text, said] of [["hi", "hi"], [" q", "q"], ["/me waves", "/me waves"]] as const) {
    assertEquals(means(text).command, { command: "msg", text: said, name: "bob" });
  }
  assertEquals(means("/msg hi").command, { command: "msg", text: "hi", name: "bob" });
  assertEquals(Object.keys(means("/msg bob hi")), ["error"], "the name would be said, too");
  assertEquals(means("/send a.pdf"), { line: "/send bob a.pdf" });

  const next = after(state, [
    { ...call, peer: "bob", state: "ended" },
    { ...call, call: "d", peer: "carol", state: "connected" },
  ]);
  const over = [...next.places.values()].find(({ person }: Any) => person === "bob");
  for (const text of ["hi", "/me waves", "/msg hi", "/send a.pdf", "q"]) {
    assertEquals(Object.keys(meant(next, over, text)), ["error"], text);
  }
});

Deno.test("page: in a private conversation nothing goes to the room", () => {
  const [state, place] = directPlace(room(), mainPlace(room()), "Bob");

  for (const text of ["hi", "/me waves"]) {
    assertEquals(meant(state, place, text).command, {
      command: "msg",
      name: "Bob",
      text,
      room: "r",
    });
  }
  assertEquals(meant(state, place, "/send a.pdf"), { line: "/send Bob a.pdf", room: "r" });
});

Deno.test("page: commands and names are suggested where they can stand", () => {
  const state = room();
  const offered = (text: string, isAsked = false) =>
    suggestions(state, mainPlace(state), text, text.length, isAsked)?.options.map((
      { value }: Any,
    ) => value) ?? null;

  assertEquals(offered("/m"), ["/msg ", "/me "]);
  assertEquals(offered("/dm"), ["/msg "]);
  assertEquals(offered("/msg Bo"), ["Bob ", "Bodo "]);
  assertEquals(offered("/msg Bob Bo"), null);
  assertEquals(offered("hi @bo"), ["@Bob ", "@Bodo "]);
  assertEquals(offered("Bo"), null);
  assertEquals(offered("Bo", true), ["Bob ", "Bodo "]);
  assertEquals(offered("//m"), null);
  assertEquals(offered("/nothing x", true), null);
});

Deno.test("page: in a conversation with a friend, too, a line that names a friend goes to that one", () => {
  const main = pageOf("friends", [FRIENDS]);
  const state = page.reduce(main, { type: "open", person: "bob" });
  const place = state.places.get(state.current);
  const meant = (text: string) => page.meant(state, place, text);
  const msg = (name: string, text: string) => ({ command: "msg", name, text });

  assertEquals(meant("bob/hello"), { command: msg("bob", "hello"), isChat: true, to: "bob" });
  assertEquals(meant("carol/hello").to, "carol");
  assertEquals(meant("and/or"), { command: msg("bob", "and/or"), isChat: true });
  assertEquals(meant("see https://a.example/b").command.name, "bob");
  assertMatch(meant("carl/hello").error, /no friend of yours is called carl/);
});

Deno.test("page: what is for whoever wrote last is said to nobody, unless a friend is called r", () => {
  const main = pageOf("friends", [FRIENDS]);
  const withBob = page.reduce(main, { type: "open", person: "bob" });
  for (const state of [main, withBob]) {
    const place = state.places.get(state.current);
    for (const text of ["r/yes", "R/yes"]) {
      const { error, ...more } = page.meant(state, place, text);
      assertMatch(error, /^Not sent: the page doesn't take r\//);
      assertEquals(more, {}, text);
    }
  }
  const known = pageOf("friends", [{ ...FRIENDS, names: ["bob", "r"] }]);
  assertEquals(page.meant(known, mainPlace(known), "r/yes").to, "r");
});
