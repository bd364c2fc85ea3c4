import { assertEquals } from "@std/assert";
import { isForPerson } from "../../../lib/cli/session/mode_session.ts";
import { OPTIONS } from "../echo_room.ts";
import { MemoryStreams } from "../memory_streams.ts";

Deno.test("a terminal that isn't known to do more than print is treated as a pipe", () => {
  const isWith = (terminal: string | undefined) => {
    const streams = new MemoryStreams();
    streams.isTerminal = true;
    if (terminal !== undefined) streams.variables["TERM"] = terminal;
    return isForPerson(OPTIONS, streams);
  };
  assertEquals(["xterm-256color", "dumb", "", undefined].map(isWith), [true, false, false, false]);
});
