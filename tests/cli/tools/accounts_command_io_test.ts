import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { PasswordHasher } from "../../../lib/runtime/password_hasher.ts";
import { nodeScrypt } from "../../../lib/cli/credentials/scrypt.ts";
import { slow } from "../../given.ts";

Deno.test("nodeScrypt() computes the vectors of RFC 7914", async () => {
  const vectors = [
    [
      "password",
      "NaCl",
      { ln: 10, r: 8, p: 16 },
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162" +
      "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
    ],
    [
      "pleaseletmein",
      "SodiumChloride",
      { ln: 14, r: 8, p: 1 },
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    ],
  ] as const;
  for (const [password, salt, parameters, hash] of vectors) {
    assertEquals((await nodeScrypt(utf8(password), utf8(salt), parameters, 64)).toHex(), hash);
  }
});

// That a wrong name takes the same work as a wrong password is shown where work is counted: `password_hasher_test.ts`.
slow.test("passwords are hashed off the event loop", async () => {
  const hasher = new PasswordHasher({
    scrypt: nodeScrypt,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    atOnceMax: 1,
  });
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const stored = await hasher.hash("a good password", "a");
  // On the loop there would be none: no timer runs between the two ends of a computation.
  const ticksWhile = ticks;
  clearInterval(ticking);

  assert(ticksWhile > 1, `the loop ran ${ticksWhile} times`);
  assert(await hasher.verify("a good password", stored, "a"));
  assert(!await hasher.verify("another one", stored, "a"));
});
