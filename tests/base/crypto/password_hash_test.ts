import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkPassword,
  formatScryptHash,
  isHashText,
  memoryBytes,
  needsRehash,
  parseScryptHash,
  passwordBytes,
  passwordFault,
  SCRYPT_PARAMETERS,
} from "../../../lib/base/crypto/password_hash.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";

const SALT = "c2l4dGVlbiByYW5kb20gYg";
const HASH = "h".repeat(42) + "g";

Deno.test("formatScryptHash() writes what parseScryptHash() reads", () => {
  const hashes = fc.record({
    ln: fc.integer({ min: 1, max: 17 }),
    r: fc.integer({ min: 2, max: 8 }),
    p: fc.integer({ min: 1, max: 4 }),
    salt: fc.uint8Array({ minLength: 8, maxLength: 64 }).map((bytes) => bytes.slice()),
    hash: fc.uint8Array({ minLength: 16, maxLength: 64 }).map((bytes) => bytes.slice()),
  });
  fc.assert(fc.property(hashes, (hash) => {
    const text = formatScryptHash(hash);
    assertEquals(parseScryptHash(text), hash);
    assert(isHashText(text) && !/=(?:\$|$)/.test(text), text);
  }));
});

Deno.test("formatScryptHash() has no padding, and its parameters in order", () => {
  const text = formatScryptHash({
    ...SCRYPT_PARAMETERS,
    salt: new Uint8Array(16),
    hash: new Uint8Array(32),
  });
  assertEquals(text, `$scrypt$ln=17,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`);
});

Deno.test("parseScryptHash() reads other parameters, and none that would cost too much", () => {
  const read = (parameters: string, salt = SALT, hash = HASH) =>
    parseScryptHash(`$scrypt$${parameters}$${salt}$${hash}`) !== null;
  // Those of OWASP's list, which take the same memory and time, of passlib (ln=16), and small ones.
  for (
    const good of [
      "ln=17,r=8,p=1",
      "ln=16,r=8,p=2",
      "ln=13,r=8,p=10",
      "ln=16,r=8,p=1",
      "ln=1,r=1,p=1",
    ]
  ) {
    assert(read(good), good);
  }
  const bad = [
    "ln=18,r=8,p=1",
    "ln=30,r=8,p=1",
    "ln=9999,r=1,p=1",
    "ln=17,r=32,p=1",
    "ln=17,r=8,p=5",
    "ln=10,r=8,p=9999",
    "ln=16,r=1,p=1",
    "ln=0,r=8,p=1",
    "ln=017,r=8,p=1",
    "ln=17,r=8",
    "r=8,ln=17,p=1",
    "ln=17,r=8,p=1,q=1",
    "ln=1e1,r=8,p=1",
  ];
  for (const parameters of bad) assert(!read(parameters), parameters);
  assert(!read("ln=17,r=8,p=1", "c2hvcnQ"), "a salt of 5 bytes");
  assert(!read("ln=17,r=8,p=1", "A".repeat(88)), "a salt of 66 bytes");
  assert(!read("ln=17,r=8,p=1", SALT, "A".repeat(20)), "a hash of 15 bytes");
  assert(!read("ln=17,r=8,p=1", SALT, "A".repeat(87)), "a hash of 65 bytes");
  assert(!read("ln=17,r=8,p=1", "A".repeat(21)), "no base64 has 21 letters");
  assert(!read("ln=17,r=8,p=1", "=".repeat(22)), "padding");
});

Deno.test("any text is read as a hash that takes 256 MiB at most, or as none", () => {
  const number = fc.nat(99_999).map(String);
  const texts = fc.tuple(number, number, number).map(([ln, r, p]) =>
    `$scrypt$ln=${ln},r=${r},p=${p}$${SALT}$${HASH}`
  );
  fc.assert(fc.property(fc.oneof(texts, fc.string()), (text) => {
    const read = parseScryptHash(text);
    assert(read === null || memoryBytes(read) <= 256 * 1024 * 1024);
  }));
});

Deno.test("needsRehash() is true for what is weaker than ours, and for what can't be read", () => {
  const needs = (parameters: string, salt = SALT, hash = HASH) =>
    needsRehash(`$scrypt$${parameters}$${salt}$${hash}`);

  assertEquals(needs("ln=17,r=8,p=1"), false);
  assertEquals(needs("ln=17,r=8,p=2"), false);
  for (const weaker of ["ln=16,r=8,p=1", "ln=16,r=8,p=2", "ln=17,r=4,p=2", "ln=30,r=8,p=1"]) {
    assertEquals(needs(weaker), true, weaker);
  }
  assertEquals(needs("ln=17,r=8,p=1", "A".repeat(16)), true, "a salt of 12 bytes");
  assertEquals(needs("ln=17,r=8,p=1", SALT, "A".repeat(22)), true, "a hash of 16 bytes");
  assertEquals(needsRehash(`$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`), true);
});

Deno.test("isHashText() is true for the form of any algorithm, and of nothing else", () => {
  for (
    const good of [
      `$argon2id$v=19$m=65536,t=3,p=4$${SALT}$${HASH}`,
      `$scrypt$ln=17,r=8,p=1$${SALT}$${HASH}`,
      `$pbkdf2-sha256$i=1000$${SALT}$${HASH}`,
      `$x$${SALT}$${HASH}`,
    ]
  ) assert(isHashText(good), good);
  for (
    const bad of [
      "",
      "hunter2hunter2",
      `$scrypt$ln=17,r=8,p=1$${SALT}`,
      `$scrypt$ln=17,r=8,p=1$${SALT}$${HASH}\n`,
      `$scrypt$ln=17 ,r=8$${SALT}$${HASH}`,
      `$x$${SALT}$${"h".repeat(512)}`,
    ]
  ) assert(!isHashText(bad), bad);
});

Deno.test("a password has 8 characters to 1,024 bytes, after NFC", () => {
  const short = "too short: at least 8 characters";
  const long = "too long: at most 1024 bytes";
  const cases: readonly (readonly [password: string, fault: string | null])[] = [
    ["12345678", null],
    ["1234567", short],
    ["", "empty: at least 8 characters"],
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
      const fault = `untypeable: it has a control character (U+${code})`;
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
  assertEquals(error.message, "The password is too short: at least 8 characters");
  checkPassword("hunter22");
});
