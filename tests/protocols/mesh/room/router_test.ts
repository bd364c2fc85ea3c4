import { assertEquals } from "@std/assert";
import type { Machine } from "../../../../lib/base/machine/machine.ts";
import { Router } from "../../../../lib/protocols/mesh/room/router.ts";

type Input = { readonly type: "tick" } | { readonly type: "say"; readonly text: string };
type Effect = { readonly type: "said"; readonly text: string } | { readonly type: "ticked" };

/** Says each word of a text. */
function machine(): Machine<Input, Effect> {
  return {
    step: (input) =>
      input.type === "tick"
        ? [{ type: "ticked" }]
        : input.text.split(" ").map((text) => ({ type: "said", text })),
    nextDeadlineMs: () => null,
  };
}

Deno.test("Router: what follows from an effect is carried out before the next effect", () => {
  const done: string[] = [];
  const router: Router<Record<"one" | "two", Machine<Input, Effect>>> = new Router(
    { one: machine(), two: machine() },
    {
      one: {
        said: ({ text }) => {
          done.push(`one ${text}`);
          router.give("two", { type: "say", text: `${text} too` });
        },
        ticked: () => void done.push("one ticks"),
      },
      two: {
        said: ({ text }) => void done.push(`two ${text}`),
        ticked: () => void done.push("two ticks"),
      },
    },
    {},
    (one, input) => one.step(input, 0),
  );

  router.give("one", { type: "say", text: "a b" });
  assertEquals(done.splice(0), ["one a", "two a", "two too", "one b", "two b", "two too"]);

  router.tick(() => true);
  assertEquals(done.splice(0), ["one ticks", "two ticks"]);
  router.tick((one) => one === router.machines.two);
  assertEquals(done, ["two ticks"]);
});
