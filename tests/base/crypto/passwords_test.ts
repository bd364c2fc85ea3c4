import { assertEquals, assertThrows } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { checkPassword, passwordBytes, passwordFault } from "../../../lib/base/crypto/passwords.ts";

Deno.test("a password has 8 characters to 1,024 bytes, after NFC", () => {
  const short = "it must have at least 8 characters";
  const long = "it has more than 1024 bytes";
  const cases: readonly (readonly [password: string, fault: string | null])[] = [
    ["12345678", null],
    ["1234567", short],
    ["", "it is empty, and must have at least 8 characters"],
    ["😀".repeat(8), null],
    ["😀".repeat(7), short],
    // Eight code points as typed, four after NFC.
    ["e\u0301".repeat(4), short],
    ["e\u0301".repeat(8), null],
    ["x".repeat(1_024), null],
    ["x".repeat(1_025), long],
    ["é".repeat(512), null],
    ["é".repeat(513), long],
    // 1,536 bytes as typed, 1,024 after NFC.
    ["e\u0301".repeat(512), null],
    ["x".repeat(10_000_000), long],
    ...["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85"].map((control) => {
      const code = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
      const fault = `it has a control character (U+${code}), which nobody can type at a prompt`;
      return [`correct horse${control}`, fault] as const;
    }),
  ];
  for (const [password, fault] of cases) {
    assertEquals(passwordFault(password), fault, password.slice(0, 20));
  }
});

Deno.test("a password is the same however its letters were composed", () => {
  assertEquals(passwordBytes("Zoe\u0308 has a password"), passwordBytes("Zo\u00eb has a password"));
});

Deno.test("checkPassword() says why, and never what", () => {
  const error = assertThrows(() => checkPassword("hunter2"), P2pchatError);
  assertEquals([error.code, error.exitStatus], ["weak-password", 4]);
  assertEquals(
    error.message,
    "The password won't do: it must have at least 8 characters; choose another one",
  );
  checkPassword("hunter22");
});
