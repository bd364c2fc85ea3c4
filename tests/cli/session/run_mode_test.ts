import { assertEquals } from "@std/assert";
import type { VerifyCommand } from "../../../lib/base/machine/mode_machine.ts";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { InputPause, inputTo } from "../../../lib/cli/session/run_mode.ts";
import { settle } from "../memory_streams.ts";

interface Asked {
  readonly command: "list" | "history" | "log" | "quit";
}

type Parts = Parameters<typeof inputTo>[0];
type Peace = Parts["peace"];
type Ui = Parts["ui"];

/** What a mode is asked, and what its log says of that. */
function mode(host: { answer(show: () => void): void } | null = null) {
  const told: string[] = [];
  const doing: PromiseWithResolvers<void>[] = [];
  const log = {
    ...SILENT_LOGGER,
    info: (message: string, fields = {}) => void told.push(`${message} ${JSON.stringify(fields)}`),
  };
  const peace: Peace = {
    command(command, answer) {
      answer({ event: "notice", text: command.command });
      const done = Promise.withResolvers<void>();
      doing.push(done);
      return done.promise;
    },
  };
  const ui: Ui = { show: (event, ref) => void told.push(`${JSON.stringify(event)} ${ref}`) };
  const knownPeers = { keysOf: (name: string) => [`${name}'s` as Fingerprint] };
  const parts = { environment: { log }, knownPeers, peace, ui };
  const input = inputTo<Asked>(
    parts,
    ({ command }, ref) => void told.push(`${command} ${ref ?? "-"}`),
    () => host,
  );
  return { told, input, doing, parts };
}

Deno.test("inputTo() passes commands on, and logs the one that leaves", () => {
  const { told, input } = mode();

  input.handler.target({ command: "list" }, "1");
  input.handler.target({ command: "quit" }, "2");

  assertEquals(told, ["list 1", 'asked to leave {"cause":"command"}', "quit 2"]);
});

Deno.test("inputTo() adds to a no what the profile knows by that name", () => {
  const told: unknown[] = [];
  const submit = (command: unknown) => void told.push(command);
  const { handler } = inputTo<VerifyCommand>(mode().parts, submit, () => null);
  const asked = { command: "verify", name: "Bob" } as const;
  handler.target(asked, undefined);
  handler.target({ ...asked, answer: "no" }, undefined);

  assertEquals(told, [asked, { ...asked, answer: "no", known: ["Bob's"] }]);
});

Deno.test("inputTo() has the console do what no machine knows of", () => {
  const waiting: (() => void)[] = [];
  const { told, input } = mode({ answer: (show) => void waiting.push(show) });

  input.handler.target({ command: "notify", level: "all" }, "1");

  assertEquals(told, []);
  waiting.forEach((show) => show());
  assertEquals(told, ['{"event":"notice","text":"notify"} 1']);
});

Deno.test("inputTo() has the console do one thing after the other, and leaves after that", async () => {
  const { told, input, doing } = mode();
  input.handler.target({ command: "notify", level: "all" }, "1");
  input.handler.target({ command: "notify", level: "off" }, "2");
  input.handler.ended();
  assertEquals(told.splice(0), ['{"event":"notice","text":"notify"} 1']);
  doing.shift()!.resolve();
  await settle();
  assertEquals(told.splice(0), ['{"event":"notice","text":"notify"} 2']);
  doing.shift()!.resolve();
  await settle();
  assertEquals(told.splice(0), ['asked to leave {"cause":"end of input"}', "quit -"]);
  input.handler.target({ command: "quit" }, "3");
  assertEquals(told, ['asked to leave {"cause":"command"}', "quit 3"]);
});

Deno.test("inputTo() asks for what was said when the console has heeded whom to leave out of it", async () => {
  const { told, input, doing } = mode();
  input.handler.target({ command: "ignore", name: "Bob" }, "1");
  for (const command of ["history", "log", "list"] as const) {
    input.handler.target({ command }, undefined);
  }
  assertEquals(told.splice(0), ['{"event":"notice","text":"ignore"} 1', "list -"]);
  doing.shift()!.resolve();
  await settle();
  assertEquals(told.splice(0), ["history -", "log -"]);
  input.handler.target({ command: "history" }, "2");
  assertEquals(told, ["history 2"]);
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

function paused() {
  const told: (string | null)[] = [];
  return { told, pause: new InputPause({ pauseInput: (reason) => void told.push(reason) }) };
}

const MOVING = "carrying out what you typed before";

Deno.test("InputPause.moves() holds lines back until each such command is carried out", () => {
  const { told, pause } = paused();

  const [first, second] = [pause.moves(), pause.moves()];
  first();
  second();

  assertEquals(told, [MOVING, MOVING, MOVING, null]);
});

Deno.test("InputPause.moves() leaves lines held back that something else holds back", () => {
  const { told, pause } = paused();

  const end = pause.moves();
  pause.machine("waiting for bob");
  end();
  pause.machine(null);

  assertEquals(told, [MOVING, "waiting for bob", "waiting for bob", null]);
});

Deno.test("InputPause.answered() holds lines back until answers are shown, where many are under way", () => {
  const { told, pause } = paused();
  const shows: (() => void)[] = [];
  const host = (effects: number) => ({
    waiting: { effects },
    answer: (show: () => void) => void shows.push(show),
  });
  pause.answered(host(1));
  assertEquals([told, shows], [[], []]);
  pause.answered(host(2));
  pause.answered(host(3));
  const before = told.at(-1);
  shows[0]!();
  assertEquals([before, told.at(-1)], [MOVING, MOVING]);
  shows[1]!();
  assertEquals(told.at(-1), null);
});
