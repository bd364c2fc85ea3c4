import { assertEquals } from "@std/assert";
import { pageOf } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { leaves, mainPlace, meant, suggestions } = page;

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
    command: { command: "msg", text: "hi\n/there" },
    isChat: true,
  });
  assertEquals(means("//x").command, { command: "msg", text: "/x" });
  assertEquals(means("/peers"), { line: "/peers" });
  assertEquals(means(":q"), { line: ":q" });
  assertEquals(means(" :q").command, { command: "msg", text: " :q" });
  assertEquals(means(":quitter").command, { command: "msg", text: ":quitter" });
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
});

Deno.test("page: among friends a line names one of them", () => {
  const ready = {
    event: "ready",
    command: "peer",
    name: "al",
    host: "h",
    port: 1,
    key: "a",
    users: "u",
    names: ["bob"],
  };
  const state = pageOf("friends", [ready]);
  const means = (text: string) => meant(state, mainPlace(state), text);

  assertEquals(means("bob/a\n/b").command, { command: "msg", name: "bob", text: "a\n/b" });
  assertEquals(means("eve/hi"), { line: "eve/hi" });
  assertEquals(typeof means("two\nlines").error, "string");
});

Deno.test("page: in the lobby a line is what it is in the console", () => {
  const state = pageOf("directory", [{ event: "session", state: "up", name: "al" }]);
  const means = (text: string) => meant(state, mainPlace(state), text);

  assertEquals(means("bob"), { line: "bob", isChat: false });
  assertEquals(means("2 hello"), { line: "2 hello", isChat: true });
  assertEquals(means("2 a\nb").command, { command: "broadcast", text: "a\nb" });
  assertEquals(typeof means("a\nb").error, "string");
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
