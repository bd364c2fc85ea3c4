import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { Suspicions } from "../../../../lib/protocols/mesh/roster/accusations.ts";
import { keyOf, statementOf } from "../membership_fixtures.ts";

const bob = keyOf("Bob");
const accusation = statementOf("Ann", "accuse", "Bob", 1);
const denial = statementOf("Carl", "deny", "Bob", 1);

Deno.test("Suspicions believe an accusation that nobody denied in time", () => {
  const suspicions = new Suspicions();

  suspicions.hear(accusation, 1_000, 2_000);

  assertEquals(suspicions.isSuspected(bob), true);
  assertEquals(suspicions.nextMs(), 3_000);
  assertEquals(suspicions.takeDue(2_999), []);
  assertEquals(suspicions.takeDue(3_000), [bob]);
  assertEquals(suspicions.takeDue(9_000), []);
});

Deno.test("Suspicions wait as long as a denial stands, and no longer than its speaker accuses", () => {
  const suspicions = new Suspicions();

  suspicions.hear(accusation, 1_000, 2_000);
  suspicions.hear(denial, 1_500, 2_000);
  assertEquals(suspicions.takeDue(60_000), []);
  suspicions.hear(statementOf("Carl", "accuse", "Bob", 1), 60_000, 2_000);

  assertEquals(suspicions.takeDue(60_000), [bob]);
});

Deno.test("Suspicions say of each statement once that it is news", () => {
  const suspicions = new Suspicions();

  const heard = [accusation, accusation, denial, denial].map((statement) =>
    suspicions.hear(statement, 0, 2_000)
  );

  assertEquals(heard, [true, false, true, false]);
});

Deno.test("Suspicions listen to 32 speakers about one member, no more", () => {
  const suspicions = new Suspicions();

  const heard = Array.from(
    { length: 40 },
    (_, i) => suspicions.hear(statementOf(`Speaker${i}`, "accuse", "Bob", 1), 0, 2_000),
  );

  assertEquals(heard.filter((isNews) => isNews).length, 32);
});

Deno.test("Suspicions come out the same in whatever order one beacon's statements arrive", () => {
  const statements = [
    accusation,
    denial,
    statementOf("Carl", "accuse", "Bob", 1),
    statementOf("Dora", "deny", "Bob", 1),
    statementOf("Emil", "accuse", "Bob", 1),
  ];
  const some = fc.uniqueArray(fc.nat(statements.length - 1));
  fc.assert(fc.property(some, some, (chosen, swaps) => {
    const order = [...chosen].sort((a, b) => swaps.indexOf(a) - swaps.indexOf(b));
    const [one, other] = [chosen, order].map((indexes) => {
      const suspicions = new Suspicions();
      for (const index of indexes) suspicions.hear(statements[index]!, 0, 2_000);
      return suspicions.isSuspected(bob);
    });
    assertEquals(one, other);
  }));
});
