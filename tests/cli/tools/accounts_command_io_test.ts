import { assert, assertEquals, assertLess } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { PasswordHasher } from "../../../lib/runtime/password_hasher.ts";
import { nodeScrypt } from "../../../lib/cli/tools/accounts_command.ts";

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

Deno.test("passwords are hashed off the event loop, and a wrong name takes as long as a wrong password", async () => {
  const hasher = new PasswordHasher({
    scrypt: nodeScrypt,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    atOnceMax: 1,
  });
  const stored = await hasher.hash("a good password", "a");
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  const leastMs = { name: Infinity, password: Infinity };
  // The fastest of some rounds: what else the machine did meanwhile is in the others.
  const difference = () => Math.abs(leastMs.name / leastMs.password - 1);
  for (let round = 0; round < 15 && !(round >= 2 && difference() < 0.1); round++) {
    for (const wrong of ["name", "password"] as const) {
      const beganMs = performance.now();
      assert(!await hasher.verify("another one", wrong === "name" ? null : stored, "a"));
      leastMs[wrong] = Math.min(leastMs[wrong], performance.now() - beganMs);
    }
  }
  clearInterval(ticking);

  assert(await hasher.verify("a good password", stored, "a"));
  assert(ticks > 50, `the loop ran ${ticks} times`);
  assertLess(difference(), 0.2, JSON.stringify(leastMs));
});
