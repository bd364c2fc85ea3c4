import { assertEquals } from "@std/assert";
import { after, pageOf, READY } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { leaves, meant, suggestions } = page;

function room(): Any {
  return pageOf("mesh", [
    { ...READY, room: "r" },
    { event: "joined", name: "Bob", key: "b", verified: false },
    { event: "joined", name: "Bodo", key: "c", verified: false },
  ]);
}

Deno.test("page: a line is said, run, or nothing, as in the console", () => {
  const state = room();
  const means = (text: string) => meant(state, state.main, text);

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
});

Deno.test("page: one is asked before the program ends", () => {
  const asks = (state: Any) => (text: string) => leaves(state, meant(state, state.main, text));
  const is = asks(room());

  const leaving = [":q", "/quit", "/q", "/quit now", "/bye"]; // another program's word for it, too
  assertEquals(leaving.map(is), leaving.map(() => true));
  const others = ["q", "/msg Bob q", "quit", " :q", "//quit"];
  assertEquals(others.map(is), others.map(() => false));
  const lobby = pageOf("directory", [{ event: "session", state: "up", name: "Alice" }]);
  assertEquals(asks(lobby)("q"), true);
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

/** Each is for that name, right or wrong, and the program says it to nobody else. */
const to = (name: string, text: string) => ({
  command: { command: "msg", name, text },
  isChat: true,
});

Deno.test("page: in the list of friends a line names one of them, or is for nobody", () => {
  const state = pageOf("friends", [FRIENDS]);
  const means = (text: string) => meant(state, state.main, text);

  assertEquals(means("bob/a\n/b"), to("bob", "a\n/b"));
  assertEquals(means("eve/hi"), to("eve", "hi"));
  assertEquals(means("/msg BOB hi"), { line: "/msg BOB hi", isChat: true });
  // The console would say these to its partner, whom the title doesn't name.
  for (
    const text of [
      "hi",
      "two\nlines",
      "//x",
      "/me waves",
      "/send a.pdf",
      "/send eve a.pdf",
      "R/hi",
      "≈r/hi",
      "/msg r hi",
    ]
  ) {
    assertEquals(Object.keys(means(text)), ["error"], text);
  }
  assertEquals(means("/send bob a.pdf"), { line: "/send bob a.pdf" });
});

Deno.test("page: with a friend all goes to that one, whomever the console writes to", () => {
  const state = pageOf("friends", [FRIENDS]);
  const means = (text: string) => meant(state, state.direct("bob"), text);

  for (const text of ["hi", "and/or", "see https://a.example/b", "/me waves", "exit"]) {
    assertEquals(means(text), to("bob", text));
  }
  assertEquals(means("/send a.pdf"), { line: "/send bob a.pdf" });
  assertEquals(means("/send BOB a.pdf"), { line: "/send BOB a.pdf" });
  assertEquals(means("/send carol a.pdf"), { line: "/send bob carol a.pdf" });
  // What names somebody, or nearly, isn't said to whoever the place is of.
  for (const name of ["bob", "carol", "carl"]) {
    assertEquals(means(`${name}/hello`), to(name, "hello"));
  }
  assertEquals(Object.keys(means("r/hello")), ["error"], "to whoever wrote last");
  const known = pageOf("friends", [{ ...FRIENDS, names: ["bob", "r"] }]);
  assertEquals(meant(known, known.direct("bob"), "r/yes"), to("r", "yes"));
});

Deno.test("page: in the lobby a line is what it is in the console, whether or not a call has begun", () => {
  const up = { event: "session", state: "up", name: "al" };
  const state = pageOf("directory", [up]);
  const means = (text: string) => meant(state, state.main, text);

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
  const lobby = talking.main;
  for (const text of ["hello there", "/me waves", "/msg hi", "/send a.pdf"]) {
    assertEquals(Object.keys(meant(talking, lobby, text)), ["error"], text);
  }
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
  const means = (text: string) => meant(state, state.here, text);
  for (const [text, said] of [["hi", "hi"], [" q", "q"], ["/me waves", "/me waves"]] as const) {
    assertEquals(means(text).command, { command: "msg", text: said, name: "bob" });
  }
  assertEquals(Object.keys(means("/msg carol hi")), ["error"], "all of it would be said");
  assertEquals(means("/send a.pdf"), { line: "/send bob a.pdf" });
  assertEquals(means("q"), { command: { command: "hangup" } });

  const next = after(state, [
    { ...call, peer: "bob", state: "ended" },
    { ...call, call: "d", peer: "carol", state: "connected" },
  ]);
  const over = [...next.places.values()].find(({ person }: Any) => person === "bob");
  for (const text of ["hi", "/me waves", "q"]) {
    assertEquals(meant(next, over, text).command, { command: "msg", text, name: "bob" });
  }
  assertEquals(Object.keys(meant(next, over, "/send a.pdf")), ["error"]);
});

Deno.test("page: in a private conversation nothing goes to the room", () => {
  const state = room();
  const place = state.direct("Bob");

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
    suggestions(state, state.main, text, isAsked)?.options.map(([value]: Any) => value) ?? null;

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
