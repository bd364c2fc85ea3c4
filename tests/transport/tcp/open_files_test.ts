import { assertEquals } from "@std/assert";
import { inboundMax } from "../../../lib/transport/tcp/open_files.ts";

Deno.test("inboundMax() leaves some open files to the program itself", () => {
  assertEquals(["20000", "1024", "256", "100", "1"].map(inboundMax), [19_936, 960, 192, 50, 1]);
});

Deno.test("inboundMax() bounds nothing where no limit is known", () => {
  const unknown = [undefined, "", "unlimited", "-1", "a lot"];
  assertEquals(unknown.map(inboundMax), unknown.map(() => Infinity));
});
