import { assertEquals } from "@std/assert";
import { HERE } from "../../../lib/base/machine/user_presence.ts";
import { Presences } from "../../../lib/base/machine/presences.ts";

/** What is told to others (`> lunch`) and shown (`bob lunch`), in words; null is `back`. */
function traced() {
  const words: string[] = [];
  const presences = new Presences<string>({
    tellAll: ({ away }) => words.push(`> ${away ?? "back"}`),
    show: (key, { away }) => words.push(`${key} ${away ?? "back"}`),
  });
  return { presences, take: () => words.splice(0) };
}

Deno.test("Presences tells and shows each change once, and of who says the same nothing", () => {
  const { presences, take } = traced();
  assertEquals(presences.say({ away: "lunch" }, 0), { away: "lunch" });
  presences.say({ away: "lunch" }, 1);
  presences.heard("bob", HERE, 1);
  presences.heard("bob", { away: "" }, 2);
  presences.heard("bob", { away: "" }, 3);
  presences.heard("bob", HERE, 4);

  assertEquals(take(), ["> lunch", "bob ", "bob back"]);
  assertEquals([presences.own, presences.of("bob"), presences.nextMs()], [
    { away: "lunch" },
    HERE,
    null,
  ]);
});

Deno.test("Presences tells of many changes a few, and in the end the last, with a deadline; each person apart", () => {
  const { presences, take } = traced();
  for (let n = 1; n <= 50; n++) presences.heard("bob", { away: `${n}` }, 1_000);
  presences.heard("cem", { away: "out" }, 1_000);
  assertEquals(take(), ["bob 1", "bob 2", "bob 3", "bob 4", "cem out"]);
  assertEquals([presences.of("bob").away, presences.nextMs()], ["50", 11_000]);

  presences.tick(10_999);
  assertEquals(take(), []);
  presences.tick(11_000);
  assertEquals([take(), presences.nextMs()], [["bob 50"], null]);
});

Deno.test("Presences tells nothing of who took it back before it could be told", () => {
  const { presences, take } = traced();
  for (const away of ["1", "2", "3", "4", null, "4"]) presences.heard("bob", { away }, 0);
  for (const away of ["1", "2", "3", "4", null]) presences.say({ away }, 0);
  assertEquals(presences.told, { away: "4" }, "who connects now isn't told more than the others");
  presences.say({ away: "4" }, 0);
  take();

  assertEquals(presences.nextMs(), null);
});

Deno.test("Presences forgets what was said by a program that has ended, without a word, and who comes again isn't new", () => {
  const { presences, take } = traced();
  for (let n = 1; n <= 5; n++) {
    presences.heard("bob", { away: "lunch" }, 0);
    presences.ended("bob");
  }
  assertEquals(take(), Array(4).fill("bob lunch"));
  assertEquals(presences.of("bob"), HERE);
  presences.forget("bob");
  presences.heard("bob", { away: "lunch" }, 0);
  assertEquals(take(), ["bob lunch"]);
});
