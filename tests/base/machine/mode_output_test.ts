import { assertEquals } from "@std/assert";
import { StoringOutput } from "../../../lib/base/machine/mode_output.ts";

/** What happened, in words. */
function output() {
  const out = new StoringOutput<never, never, string>();
  const told: string[] = [];
  out.begin(0);
  const write = (record: string) =>
    out.write([record], {
      done: () => void told.push(`${record} is stored`),
      failed: (text) => void told.push(`${record} isn't: ${text}`),
    });
  return { out, told, write };
}

Deno.test("StoringOutput tells what became of each write, by its token", () => {
  const { out, told, write } = output();
  write("one");
  write("two");
  const tokens = out.take().flatMap((effect) => effect.type === "persist" ? [effect.token] : []);
  assertEquals(out.isWriting, true);

  out.persistFailed(tokens[0]!, "it is full");
  assertEquals(out.problem, "it is full");
  out.persisted(tokens[1]!);

  assertEquals(told, ["one isn't: it is full", "two is stored"]);
  assertEquals([out.isWriting, out.problem], [false, null]);
});

Deno.test("StoringOutput tells once of notes that are refused, until something is stored again", () => {
  const { out, write } = output();
  const errors = () => out.take().filter(({ type }) => type === "show").length;
  out.note("a", { sync: false });
  out.note("b", { sync: true });

  out.persistFailed(null, "it is full");
  out.persistFailed(null, "it is full");
  assertEquals(errors(), 1);

  write("c");
  out.persisted(1);
  out.persistFailed(null, "it is full");
  assertEquals(errors(), 2);
});
