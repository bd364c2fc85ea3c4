import fc from "fast-check";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hash as digest } from "node:crypto";
import { type Bytes, concatBytes, utf8 } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { SCRYPT_PARAMETERS, type ScryptParameters } from "../../lib/base/crypto/password_hash.ts";
import { FairQueue, PasswordHasher } from "../../lib/runtime/password_hasher.ts";

interface Call {
  readonly parameters: ScryptParameters;
  readonly hashBytes: number;
  readonly saltBytes: number;
  readonly password: string;
  finish(): void;
}

/** A hash that costs nothing and ends when a test says so. */
class World {
  readonly calls: Call[] = [];
  /** Whether each ends by itself. */
  isHasty = true;
  readonly hasher: PasswordHasher;
  #drawn = 0;

  constructor(atOnceMax = 1) {
    this.hasher = new PasswordHasher({
      scrypt: (password, salt, parameters, hashBytes) => {
        const { promise, resolve } = Promise.withResolvers<Bytes>();
        const all = concatBytes(password, salt, utf8(JSON.stringify(parameters)));
        const finish = () => {
          resolve(Uint8Array.fromHex(digest("sha512", all, "hex")).slice(0, hashBytes));
        };
        const text = new TextDecoder().decode(password);
        this.calls.push({ parameters, hashBytes, saltBytes: salt.length, password: text, finish });
        if (this.isHasty) finish();
        return promise;
      },
      randomBytes: (length) => new Uint8Array(length).fill(++this.#drawn),
      atOnceMax,
    });
  }

  /** Ends the oldest one under way. */
  async finishNext(at: number): Promise<void> {
    this.calls[at]!.finish();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

Deno.test("a hash fits its password, in whichever form, and no other", async () => {
  const { hasher } = new World();
  const stored = await hasher.hash("Zoe\u0308's password", "a");

  assertMatch(stored, /^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assertEquals(await hasher.verify("Zo\u00eb's password", stored, "a"), true);
  assertEquals(await hasher.verify("Zoe's password", stored, "a"), false);
  assert(await hasher.hash("Zo\u00eb's password", "a") !== stored, "each has a salt of its own");
});

Deno.test("a name without an account takes the same work as a wrong password, and the same answer", async () => {
  const { hasher, calls } = new World();
  const stored = await hasher.hash("a good password", "a");
  calls.length = 0;
  const unsupported = "$argon2id$v=19$m=65536,t=3,p=4$c2l4dGVlbiByYW5kb20$" + "h".repeat(43);

  const answers = [
    await hasher.verify("another password", stored, "a"),
    await hasher.verify("another password", null, "a"),
    await hasher.verify("another password", unsupported, "a"),
    await hasher.verify("", null, "a"),
  ];

  assertEquals(answers, [false, false, false, false]);
  const work = calls.map((
    { parameters, hashBytes, saltBytes },
  ) => [parameters, hashBytes, saltBytes]);
  assertEquals(work, Array(4).fill([SCRYPT_PARAMETERS, 32, 16]));
});

Deno.test("a wrong password takes the same work for an account whose hash is a weaker one", async () => {
  const weaker = [
    [{ ln: 16, r: 8, p: 1 }, [16]],
    [{ ln: 14, r: 8, p: 1 }, [16, 15, 14]],
    [{ ln: 15, r: 8, p: 3 }, [15]],
    [{ ln: 10, r: 8, p: 1 }, [16, 15, 14, 13]],
    [{ ln: 17, r: 8, p: 1 }, []],
    [{ ln: 17, r: 8, p: 2 }, []],
  ] as const;
  for (const [parameters, more] of weaker) {
    const { hasher, calls } = new World();
    const { ln, r, p } = parameters;
    const stored = `$scrypt$ln=${ln},r=${r},p=${p}$c2FsdHNhbHQ$${"h".repeat(43)}`;
    assertEquals(await hasher.verify("another password", stored, "a"), false);
    assertEquals(
      calls.map((call) => call.parameters),
      [parameters, ...more.map((ln) => ({ ...SCRYPT_PARAMETERS, ln }))],
    );
  }
});

Deno.test("a right password is checked once, however weak its hash", async () => {
  const calls: ScryptParameters[] = [];
  const hasher = new PasswordHasher({
    scrypt: (_password, _salt, parameters, hashBytes) => {
      calls.push(parameters);
      return Promise.resolve(new Uint8Array(hashBytes));
    },
    randomBytes: (length) => new Uint8Array(length),
    atOnceMax: 1,
  });
  const stored = `$scrypt$ln=14,r=8,p=1$c2FsdHNhbHQ$${"A".repeat(43)}`;

  assertEquals(await hasher.verify("a good password", stored, "a"), true);
  assertEquals(calls.length, 1);
});

Deno.test("even the bytes that stand for nobody's hash let nobody in", async () => {
  const hasher = new PasswordHasher({
    scrypt: (_password, _salt, _parameters, hashBytes) =>
      Promise.resolve(new Uint8Array(hashBytes).fill(7)),
    randomBytes: (length) => new Uint8Array(length).fill(7),
    atOnceMax: 1,
  });
  assertEquals(await hasher.verify("a good password", null, "a"), false);
});

Deno.test("a stored hash is checked with its own parameters", async () => {
  const { hasher, calls } = new World();
  await hasher.verify(
    "a good password",
    "$scrypt$ln=14,r=8,p=5$c2FsdHNhbHQ$" + "h".repeat(86),
    "a",
  );
  const [{ parameters, hashBytes, saltBytes }] = calls as [Call];
  assertEquals([parameters, hashBytes, saltBytes], [{ ln: 14, r: 8, p: 5 }, 64, 8]);
});

Deno.test("a weak password is hashed nowhere, and in no error", async () => {
  const { hasher, calls } = new World();
  const error = await assertRejects(() => hasher.hash("hunter2", "a"), P2pchatError);
  assertEquals([error.code, calls.length], ["weak-password", 0]);
  assert(!error.message.includes("hunter2"));
});

Deno.test("one at a time is computed, those of several addresses in turn", async () => {
  const world = new World();
  world.isHasty = false;
  const { hasher, calls } = world;
  const done: string[] = [];
  for (const name of ["a1", "a2", "a3", "b1", "b2", "c1"]) {
    void hasher.verify(`password ${name}`, null, name[0]!).then(() => done.push(name));
  }
  assertEquals([calls.length, hasher.waiting], [1, 5]);
  for (let at = 0; at < 6; at++) {
    assertEquals(calls.length, at + 1, "one more");
    await world.finishNext(at);
  }

  assertEquals(done, ["a1", "a2", "b1", "c1", "a3", "b2"]);
});

Deno.test("as many as there may be are computed at once, and a failure ends one alone", async () => {
  let failures = 1;
  const hasher = new PasswordHasher({
    scrypt: () => failures-- > 0 ? Promise.reject(new Error("no memory")) : new Promise(() => {}),
    randomBytes: (length) => new Uint8Array(length),
    atOnceMax: 2,
  });
  const failed = assertRejects(() => hasher.hash("a good password", "a"), Error, "no memory");
  for (let at = 0; at < 4; at++) void hasher.hash("a good password", "a");
  await failed;
  await turns();

  assertEquals(hasher.waiting, 2, "two are computed");
});

Deno.test("64 wait, and more are refused: first those of who has the most there", async () => {
  const world = new World();
  world.isHasty = false;
  const { hasher } = world;
  const refused: string[] = [];
  const ask = (name: string) => {
    hasher.verify("a good password", null, name[0]!).catch(({ code }) =>
      refused.push(`${name} ${code}`)
    );
  };
  for (let at = 0; at < 65; at++) ask(`a${at}`);
  await turns();
  assertEquals([hasher.waiting, refused], [64, []]);
  ask("a65");
  ask("b1");
  await turns();
  assertEquals(refused, ["a65 too-fast", "a64 too-fast"]);
  for (let n = 0; n < 62; n++) ask(`${String.fromCharCode(0x4e00 + n)}1`);
  ask("q1");
  await turns();
  assertEquals(hasher.waiting, 64);
  assertEquals(refused.at(-1), "q1 full");
  assertEquals(refused.filter((text) => text.endsWith("too-fast")).length, 64);
});

function emptied(queue: FairQueue<string>): readonly string[] {
  const items: string[] = [];
  for (let item = queue.next(); item !== null; item = queue.next()) items.push(item);
  return items;
}

/** Adds items named after who waits, as in `a1`. */
function filled(lengthMax: number, ...items: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>(lengthMax);
  for (const item of items) assertEquals(queue.add(item[0]!, item), null);
  return queue;
}

Deno.test("those who wait have their turns one after the other, each in order", () => {
  const queue = filled(9, "a1", "a2", "a3", "b1", "c1", "b2");
  assertEquals([queue.next(), queue.next()], ["a1", "b1"]);
  queue.add("d", "d1");
  queue.add("a", "a4");
  assertEquals(queue.length, 6);
  assertEquals(emptied(queue), ["c1", "a2", "b2", "d1", "a3", "a4"]);
  assertEquals(queue.length, 0);
});

Deno.test("a full queue takes a newcomer's place from who has the most", () => {
  const queue = filled(4, "a1", "a2", "a3", "b1");
  assertEquals(queue.add("c", "c1"), { item: "a3", code: "too-fast" });
  assertEquals(queue.add("b", "b2"), { item: "b2", code: "too-fast" }, "it would have as many");
  assertEquals(queue.add("a", "a4"), { item: "a4", code: "too-fast" });
  assertEquals(queue.add("d", "d1"), { item: "a2", code: "too-fast" });
  assertEquals(queue.add("e", "e1"), { item: "e1", code: "full" }, "each has one");
  assertEquals(emptied(queue), ["a1", "b1", "c1", "d1"]);
});

Deno.test("nobody waits longer than for one turn of each other, and nothing is lost", () => {
  const adds = fc.array(fc.constantFrom("a", "b", "c", "d", null), { maxLength: 60 });
  fc.assert(fc.property(adds, fc.integer({ min: 1, max: 8 }), (steps, lengthMax) => {
    const queue = new FairQueue<string>(lengthMax);
    const waiting = new Set<string>();
    /** Turns of others since somebody began to wait, by who waits. */
    const turns = new Map<string, string[]>();
    for (const [at, from] of steps.entries()) {
      if (from === null) {
        const item = queue.next();
        assertEquals(item === null, waiting.size === 0);
        if (item === null) continue;
        assert(waiting.delete(item));
        const who = item[0]!;
        for (const [other, seen] of turns) {
          if (other === who) continue;
          assert(
            !seen.includes(who) || ![...waiting].some((one) => one[0] === other),
            `${other} waits`,
          );
          seen.push(who);
        }
        turns.set(who, []);
      } else {
        const item = `${from}${at}`;
        if (![...waiting].some((one) => one[0] === from)) turns.set(from, []);
        const refused = queue.add(from, item);
        waiting.add(item);
        if (refused !== null) assert(waiting.delete(refused.item));
      }
      assertEquals(queue.length, waiting.size);
      assert(queue.length <= lengthMax);
    }
    assertEquals(new Set(emptied(queue)), waiting);
  }));
});
