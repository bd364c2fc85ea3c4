import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { inputTo } from "../../../lib/cli/session/mode_input.ts";

interface Asked {
  readonly command: "list" | "quit";
}

/** What a mode is asked, and what its log says of that. */
function mode(host: { answer(show: () => void): void } | null = null) {
  const told: string[] = [];
  const log = {
    ...SILENT_LOGGER,
    info: (message: string, fields = {}) => void told.push(`${message} ${JSON.stringify(fields)}`),
  };
  const input = inputTo<Asked>(
    log,
    ({ command }, ref) => void told.push(`${command} ${ref ?? "-"}`),
    () => host,
  );
  return { told, input };
}

Deno.test("inputTo() passes commands on, and logs the one that leaves", () => {
  const { told, input } = mode();

  input.handler.target({ command: "list" }, "1");
  input.handler.target({ command: "quit" }, "2");

  assertEquals(told, ["list 1", 'asked to leave {"cause":"command"}', "quit 2"]);
});

Deno.test("inputTo() leaves at the end of input, and when it is interrupted, and logs why", () => {
  const { told, input } = mode();

  input.handler.ended();
  const isLeaving = input.handler.interrupted("terminated");

  assertEquals(isLeaving, true);
  assertEquals(told, [
    'asked to leave {"cause":"end of input"}',
    "quit -",
    'asked to leave {"cause":"terminated"}',
    "quit -",
  ]);
});

Deno.test("inputTo() has answers shown in the order of the commands, and at once where nobody is at work", () => {
  const waiting: (() => void)[] = [];
  const busy = mode({ answer: (show) => void waiting.push(show) });
  const free = mode();

  for (const { told, input } of [busy, free]) input.handler.answer?.(() => void told.push("help"));

  assertEquals([busy.told, waiting.length, free.told], [[], 1, ["help"]]);
});
