import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { mayOthersRead, unreadable } from "../../../lib/cli/credentials/secret_file.ts";

Deno.test("mayOthersRead() heeds the group, too, and nothing where there are no modes", () => {
  assertEquals([0o600, 0o640, 0o604, 0o711, null].map(mayOthersRead), [
    false,
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("unreadable() says what the system says, and passes on a fault of our own", () => {
  const failure = (code: string) => Object.assign(new Error("It broke (os error 5)"), { code });
  const error = unreadable("Cannot read x", failure("EIO"));
  assertEquals(error.code, "bad-file");
  assertEquals(/^Cannot read x: .*; check the path$/.test(error.message), true, error.message);
  assertEquals(
    unreadable("Cannot read x", failure("ENOENT")).message,
    "Cannot read x: there is no such file; check the name",
  );

  const bug = new TypeError("of ours");
  assertStrictEquals(assertThrows(() => unreadable("Cannot read x", bug)), bug);
});
