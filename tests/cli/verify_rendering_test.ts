import { assertEquals } from "@std/assert";
import { verifyLines } from "../../lib/cli/verify_rendering.ts";
import { printed } from "./printed.ts";

Deno.test("/verify says what the digits tell, and that the key counts as verified", () => {
  const lines = verifyLines({ event: "verify", name: "Bob", key: "k", digits: "12345 67890" });

  assertEquals(
    printed(lines),
    "Compare with Bob by voice: 12345 67890\n" +
      "The same at both ends: nobody is in between. Different: somebody is; don't write to this one.\n" +
      "Either way it is noted as verified, in every mode.\n",
  );
});
