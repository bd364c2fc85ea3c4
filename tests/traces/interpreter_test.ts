import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { runTrace } from "./interpreter.ts";

const FOUND = "watch ready\nfound ann\nrun 1s\n";

Deno.test("runTrace puts what happened below each command, in place of what stood there", () => {
  const trace = runTrace(`${FOUND}    9.999  something else\n`);

  assertMatch(trace, /^watch ready\nfound ann\nrun 1s\n {4}0\.\d{3} {2}ann is ready as Ann\n$/);
  assertEquals(runTrace(trace), trace);
});

Deno.test("runTrace prints what is watched, and nothing while it is mute", () => {
  const script = "# Who knows whom\n\nmute on\nfound ann\nrun 1s\nmute off\n";
  const status = "status\n  ann: knows nobody; neighbours nobody; has nothing\n";

  assertEquals(runTrace(script + status), script + status);
});

Deno.test("runTrace names the line that it can't run", () => {
  const wrong = ["dance ann", "run 2", "say bob hello", "found ann", "disk ann broken", "kill"];
  for (const line of wrong) {
    assertThrows(() => runTrace(`${FOUND}${line}\n`), Error, `line 4 of the trace: ${line}`);
  }
});
