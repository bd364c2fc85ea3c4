/** What was to be said, and wasn't, or may not have been: the user is to decide, whatever became of the connection. */

import { assertEquals } from "@std/assert";
import { after, AT, pageOf, welcome } from "./events_given.ts";
import { type Any, page } from "./page_modules.ts";

const { reduce } = page;

const READY = {
  event: "ready",
  command: "mesh",
  name: "Alice",
  host: "h",
  port: 1,
  key: "a",
  room: "r",
};
const OWN = {
  event: "message",
  id: "1",
  from: "Alice",
  shown: "Alice",
  key: "a",
  text: "was it said?",
  self: true,
  private: false,
  history: false,
  sentAt: AT,
  mention: false,
};

/** A page from which that was sent, and not answered yet. */
function asking(): Any {
  return reduce(pageOf("mesh", [READY]), {
    type: "sent",
    ref: "a.x.1",
    place: "main",
    text: "was it said?",
    isChat: true,
    at: AT,
  });
}

function again(state: Any, more: Record<string, unknown>): Any {
  return reduce(state, { type: "welcome", welcome: welcome("mesh", more) });
}

const unsaid = (state: Any): readonly string[] => state.unsaid.map(({ said }: Any) => said);

Deno.test("page: what the program ended before it answered is kept for the user, unless it was said", () => {
  const back = again(asking(), { run: "run 2", last: 2 });
  assertEquals(unsaid(back), ["was it said?"]);

  assertEquals(unsaid(after(back, [READY, { ...OWN, history: true }])), []);
  // The same words, said earlier.
  const earlier = { ...OWN, history: true, sentAt: "2026-11-27T11:00:00.000Z" };
  assertEquals(unsaid(after(back, [READY, earlier])), ["was it said?"]);
});

Deno.test("page: what was on its way as the connection was lost is kept for the user, until it is answered", () => {
  const back = again(asking(), { resumed: true, last: 3 });
  assertEquals(unsaid(back), [], "the answer may be among what comes");

  assertEquals(unsaid(after(back, [{ ...OWN, ref: "a.x.1" }])), []);
  const others = { ...OWN, self: false, from: "Bob", shown: "Bob", text: "hi" };
  const here = after(back, [others, { ...others, id: "2" }]);
  assertEquals(unsaid(here), ["was it said?"]);
  assertEquals(unsaid(after(here, [{ ...OWN, ref: "a.x.1" }])), [], "it has waited at the program");
});

Deno.test("page: what the program refuses is kept for the user; questions aren't", () => {
  const error = { event: "error", code: "disk", text: "The disk is full.", ref: "a.x.1" };
  const [kept] = after(asking(), [error]).unsaid;
  assertEquals([kept.why, kept.text, kept.place], ["The disk is full.", "was it said?", "main"]);

  const refused = reduce(asking(), { type: "refused", ref: "a.x.1", text: "Too much at once." });
  assertEquals(unsaid(refused), ["was it said?"]);
  assertEquals(refused.pending.size, 0);
  assertEquals(unsaid(reduce(refused, { type: "settled", id: "a.x.1" })), []);

  const asked = reduce(pageOf("mesh", [READY]), {
    type: "sent",
    ref: "a.x.2",
    place: "main",
    text: "/status",
    isChat: false,
    at: AT,
  });
  assertEquals(unsaid(after(asked, [{ ...error, ref: "a.x.2" }])), []);
});

Deno.test("page: what isn't answered for a while is on its way, until it is", () => {
  const at = Date.parse(AT);
  const onItsWay = (state: Any, beforeMs = at): readonly string[] =>
    page.unansweredIn(state, beforeMs).map(([, { said }]: Any) => said);
  assertEquals(onItsWay(asking(), at - 1), []);
  assertEquals(onItsWay(asking()), ["was it said?"]);
  assertEquals(onItsWay(after(asking(), [{ ...OWN, ref: "a.x.1" }])), []);
});
