import { assertEquals } from "@std/assert";
import { InputPause } from "../../../lib/cli/streams/input_pause.ts";

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
