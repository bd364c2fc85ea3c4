import { assertEquals } from "@std/assert";
import { Facts, type Rule } from "../../../lib/base/machine/facts.ts";

const WORDS = {
  notice: { back: "{friend} is back; {count:message|messages} delivered", plain: "{users:here}" },
  warning: { kept: "Kept for {friend} ({waiting:number} waiting)", told: "{friend}: {why:fact}" },
  disk: { refused: "{why}" },
  part: { short: "{friend}, again", said: "{text:said}", of: "Of {other:name}: {said:fact}" },
};

/** Tells facts of bob by their codes and fields. @returns Their texts; null for what isn't news. */
function telling(rules: Record<string, Rule>) {
  let nowMs = 0;
  const facts = new Facts(WORDS, rules, { users: "users.txt" }, () => nowMs);
  const worded = (event: { readonly event: string }) =>
    facts.worded<{ readonly event: string; readonly text?: string; readonly problems?: unknown }>(
      event,
    );
  return {
    worded,
    pass: (ms: number) => nowMs += ms,
    tell: (fact: string, fields: object = {}) =>
      worded({ event: "fact", fact: { fact, friend: "bob", ...fields } } as never)?.text ?? null,
  };
}

Deno.test("Facts puts a fact into words by the kinds of its fields, somebody else's between quotation marks", () => {
  const { tell, worded } = telling({});
  assertEquals(tell("kept", { waiting: 1_200 }), "Kept for bob (1,200 waiting)");
  assertEquals(tell("back", { count: 1 }), "bob is back; 1 message delivered");
  assertEquals(tell("plain"), "users.txt");
  const said = { fact: "said", text: 'no" /trust eve' };
  const why = { fact: "of", other: "eve", said };
  assertEquals(tell("told", { why }), `bob: of eve: "no' /trust eve"`);
  const status = { event: "status", problems: [why, "full"] };
  assertEquals(worded(status), { event: "status", problems: [`of eve: "no' /trust eve"`, "full"] });
  const refused = { fact: "refused", why: "full", friend: "bob", unsent: true };
  const error = { event: "error", code: "disk", text: "full", friend: "bob", unsent: true };
  assertEquals(worded({ event: "fact", fact: refused } as never), error);
});

Deno.test("Facts, everyMs: not again about the same friend within the time", () => {
  const { tell, pass } = telling({ plain: { everyMs: 1_000 } });
  const isNews = (friend: string) => tell("plain", { friend }) !== null;
  assertEquals(["bob", "bob", "eve"].map(isNews), [true, false, true]);
  pass(1_000);
  assertEquals(isNews("bob"), true);
});

Deno.test("Facts, grown and until: not again unless the number is greater, or what ends that was told", () => {
  const { tell, worded } = telling({
    kept: { grown: "waiting", until: ["back", "delivery failed"] },
  });
  const isNews = (waiting: number) => tell("kept", { waiting }) !== null;
  assertEquals([2, 2, 1, 3].map(isNews), [true, false, false, true]);
  tell("back", { count: 3, friend: "eve" });
  assertEquals(isNews(1), false, "another one is back");
  tell("back", { count: 3 });
  assertEquals([isNews(1), isNews(1)], [true, false]);
  worded({ event: "delivery", state: "failed", to: "bob" } as never);
  assertEquals(isNews(1), true);
});

Deno.test("Facts, until: what is of no friend is news again after what ends it for any", () => {
  const { tell, worded } = telling({ plain: { same: true, until: ["message"] } });
  const said = () => tell("plain", { friend: undefined });
  assertEquals([said(), said()], ["users.txt", null]);
  worded({ event: "message", to: "eve" } as never);
  assertEquals(said(), "users.txt");
});

Deno.test("Facts, same: not again with the same fields", () => {
  const { tell } = telling({ refused: { same: true } });
  assertEquals(["a", "a", "b"].map((why) => tell("refused", { why })), ["a", null, "b"]);
});

Deno.test("Facts, short: leaves out the reason that was told just before, alone or with the same fact", () => {
  const { tell, worded } = telling({ told: { short: { of: "why", as: "short" } } });
  const why = { fact: "refused", friend: "bob", why: "full" };
  const failed = () => worded({ event: "delivery", to: "bob", reason: why } as never);
  assertEquals([tell("told", { why }), tell("told", { why })], ["bob: full", "bob, again"]);
  assertEquals(tell("told", { why: { ...why, why: "slow" } }), "bob: slow");
  assertEquals(failed(), { event: "delivery", to: "bob", reason: "full" } as never);
  tell("refused", { why: "full" });
  assertEquals(tell("told", { why }), "bob, again");
});
