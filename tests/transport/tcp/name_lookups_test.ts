import { assertEquals, assertRejects } from "@std/assert";
import { NameLookups } from "../../../lib/transport/tcp/name_lookups.ts";

/** A name service that answers when the test says so. */
function service() {
  const asked: string[] = [];
  const open = new Map<string, PromiseWithResolvers<readonly string[]>>();
  const names = new NameLookups((name) => {
    asked.push(name);
    const answer = Promise.withResolvers<readonly string[]>();
    open.set(name, answer);
    return answer.promise;
  });
  /** Somebody asks; what came of it, in the end. */
  const ask = (name: string) => {
    const controller = new AbortController();
    const answer = names.find(name, controller.signal).then(
      (addresses) => addresses.join(),
      () => "given up",
    );
    return { answer, giveUp: () => controller.abort() };
  };
  const end = async (name: string) => {
    open.get(name)!.resolve([`address of ${name}`]);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { names, asked, ask, end };
}

Deno.test("NameLookups.find() asks for four names at once, the others in order", async () => {
  const { names, asked, ask, end } = service();
  const all = ["a", "b", "c", "d", "e", "f"].map(ask);

  assertEquals(asked, ["a", "b", "c", "d"]);
  assertEquals([names.isAsked("d"), names.isAsked("e")], [true, false]);
  await end("c");
  assertEquals(asked, ["a", "b", "c", "d", "e"]);
  assertEquals(await all[2]!.answer, "address of c");
});

Deno.test("NameLookups.find(): one lookup that was given up counts until it has ended", async () => {
  const { asked, ask, end } = service();
  const all = ["a", "b", "c", "d"].map(ask);
  for (const { giveUp } of all) giveUp();
  assertEquals(await Promise.all(all.map(({ answer }) => answer)), Array(4).fill("given up"));

  const next = ask("e");
  assertEquals(asked.length, 4);
  await end("b");
  assertEquals(asked.slice(4), ["e"]);
  await end("e");
  assertEquals(await next.answer, "address of e");
});

Deno.test("NameLookups.find(): who gives up while it waits is never asked for", async () => {
  const { asked, ask, end } = service();
  for (const name of ["a", "b", "c", "d"]) ask(name);
  const [fifth] = [ask("e"), ask("f")];
  fifth.giveUp();

  assertEquals(await fifth.answer, "given up");
  await end("a");
  assertEquals(asked.slice(4), ["f"]);
});

Deno.test("NameLookups.find() asks once for all who want the same name meanwhile", async () => {
  const { asked, ask, end } = service();
  const [first, second] = [ask("a"), ask("a")];
  first.giveUp();
  const third = ask("a");
  await end("a");

  assertEquals(asked, ["a"]);
  assertEquals(await Promise.all([first, second, third].map(({ answer }) => answer)), [
    "given up",
    "address of a",
    "address of a",
  ]);
  ask("a");
  assertEquals(asked, ["a", "a"]);
});

Deno.test("NameLookups.find(): names that were answered too late leave a turn to others", async () => {
  const { asked, ask, end } = service();
  const late = ["a", "b", "c", "d"];
  for (const name of late) {
    ask(name).giveUp();
    await end(name);
  }
  for (const name of late) ask(name);
  const other = ask("e");

  assertEquals(asked.slice(4), ["a", "b", "c", "e"]);
  await end("e");
  assertEquals(await other.answer, "address of e");
  await end("a");
  assertEquals(asked.slice(8), ["d"]);
});

Deno.test("NameLookups.find() throws what looking up threw, and goes on", async () => {
  const names = new NameLookups((name) => Promise.reject(new Error(`no ${name}`)));
  const { signal } = new AbortController();

  for (const name of ["a", "b", "c", "d", "e"]) {
    await assertRejects(() => names.find(name, signal), Error, `no ${name}`);
  }
});
