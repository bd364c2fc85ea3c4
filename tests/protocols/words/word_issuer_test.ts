import { assert, assertEquals, assertMatch } from "@std/assert";
import { RELAY_HOST } from "../../../lib/base/ids.ts";
import { CODE_MS, EXCHANGE_MS, SPENT_MS } from "../../../lib/protocols/words/limits.ts";
import {
  bytesFrom,
  HonestGuesser,
  INVITE,
  IssuerWorld,
  numberOf,
  type Outcome,
  partyOf,
  wrongWords,
} from "./words_world.ts";

const REFUSED = {
  type: "failed",
  reason: "bad-credentials",
  text: 'it says: "bad-credentials"',
} as const;

Deno.test("who knows the words gets the invite, from the issuer's key", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  assertMatch(code, /^\d{1,2}-[a-z]{3,8}-[a-z]{3,8}$/);
  assertEquals(world.numbers, [numberOf(code)]);

  const bob = new HonestGuesser(world, "Bob", code);

  assertEquals(bob.run(), { type: "invited", invite: INVITE, issuer: world.self.key });
  assertEquals(world.ends, [`${numberOf(code)} used`]);
  assertEquals(world.ended[0]!.by?.peer, bob.self.key);
  assertEquals(world.numbers, []);
});

Deno.test("a wrong guess voids the code, for the right words too", () => {
  const world = new IssuerWorld();
  const code = world.issue();

  const mallory = new HonestGuesser(world, "Mallory", wrongWords(code));

  assertEquals(mallory.run(), { ...REFUSED, isWrong: true });
  assertEquals(new HonestGuesser(world, "Bob", code).run(), REFUSED);
  assertEquals(world.ends, [`${numberOf(code)} wrong`, `${numberOf(code)} late`]);
  assertEquals(world.said.get(mallory.link)!.map(({ type }) => type), ["answer"]);
});

Deno.test("the open codes are known with their ends, and no more of any once the user wants that", () => {
  const world = new IssuerWorld();
  const codes = [world.issue(), world.issue()];
  const open = () => world.issuer.openAt(world.nowMs);
  assertEquals(open().map(({ number }) => number), codes.map(numberOf));

  world.step({ type: "void" });
  assertEquals([open(), world.numbers, world.ends], [[], [], []]);
  assertEquals(new HonestGuesser(world, "Bob", codes[0]!).run(), REFUSED);
});

Deno.test("void ends a guess that was answered, too: the right words get no invite any more", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const bob = new HonestGuesser(world, "Bob", code);
  bob.turn();
  assertEquals(world.issuer.openAt(world.nowMs).map(({ number }) => number), [numberOf(code)]);

  world.step({ type: "void" });

  const { reason, isWrong } = bob.run() as Extract<Outcome, { readonly type: "failed" }>;
  assertEquals([reason, isWrong], ["void", undefined]);
  assertEquals([world.issuer.openAt(world.nowMs), world.ends], [[], []]);
});

Deno.test("a code is good once", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  new HonestGuesser(world, "Bob", code).run();

  assertEquals(new HonestGuesser(world, "Carol", code).run(), REFUSED);
  assertEquals(new HonestGuesser(world, "Dave", code).run(), REFUSED);
  // That somebody came later is told once.
  assertEquals(world.ends, [`${numberOf(code)} used`, `${numberOf(code)} late`]);
});

Deno.test("of two who guess at once, the first has the code's one guess", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const bob = new HonestGuesser(world, "Bob", code);
  const carol = new HonestGuesser(world, "Carol", code);

  bob.turn();
  carol.turn();

  assertEquals(carol.outcome, REFUSED);
  assertEquals(bob.run().type, "invited");
});

Deno.test("a guess is counted before it is answered: who breaks off then has had it", () => {
  for (const breakOff of ["cut", "silence"]) {
    const world = new IssuerWorld();
    const code = world.issue();
    const mallory = new HonestGuesser(world, "Mallory", wrongWords(code));
    world.heard(mallory.link, mallory.sent.shift()!);
    assertEquals(world.said.get(mallory.link)!.length, 1);

    if (breakOff === "cut") world.cut(mallory.link);
    else world.pass(EXCHANGE_MS);

    assertEquals(world.ends, [`${numberOf(code)} given-up`]);
    assertEquals(new HonestGuesser(world, "Bob", code).run(), REFUSED);
  }
});

Deno.test("a code ends after ten minutes, and not a moment before", () => {
  const world = new IssuerWorld();
  const [first, second] = [world.issue(), world.issue()];
  world.pass(CODE_MS - 1);
  assertEquals(new HonestGuesser(world, "Bob", first).run().type, "invited");
  assertEquals(world.issuer.nextDeadlineMs(), world.nowMs + 1);

  world.pass(1);

  assertEquals(world.numbers, []);
  assertEquals(new HonestGuesser(world, "Carol", second).run(), REFUSED);
  assertEquals(world.ends, [`${numberOf(first)} used`, `${numberOf(second)} late`]);
});

Deno.test("a code ends while its issuer's machine sleeps, whose clock stands still", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  world.wallMs += CODE_MS;

  assertEquals(new HonestGuesser(world, "Bob", code).run(), REFUSED);
});

Deno.test("a fourth code voids the oldest, and no other", () => {
  const world = new IssuerWorld();
  const codes = [world.issue("1"), world.issue("2"), world.issue("3"), world.issue("4")];

  assertEquals(world.ends, [`${numberOf(codes[0]!)} voided`]);
  assertEquals(new HonestGuesser(world, "Bob", codes[0]!).run(), REFUSED);
  const invites = codes.slice(1).map((code, at) => {
    const outcome = new HonestGuesser(world, `Guest ${at}`, code).run();
    return outcome.type === "invited" ? outcome.invite : "";
  });
  assertEquals(invites, ["2", "3", "4"]);
});

Deno.test("the number of a code is told for a while after its end, so that who comes late finds where to be told so", () => {
  const world = new IssuerWorld();
  const [used, open] = [world.issue(), world.issue()];
  assertEquals(new HonestGuesser(world, "Bob", used).run().type, "invited");
  assertEquals([world.numbers, world.spent], [[numberOf(open)], [numberOf(used)]]);

  world.step({ type: "void" });
  assertEquals([world.numbers, world.spent], [[], [numberOf(open), numberOf(used)]]);
  world.pass(SPENT_MS - 1);
  assertEquals(world.spent.length, 2);
  assertEquals(world.issuer.nextDeadlineMs(), world.nowMs + 1);
  world.pass(1);
  assertEquals([world.numbers, world.spent], [[], []]);
  assertEquals(world.issuer.nextDeadlineMs(), null);
});

Deno.test("numbers of late are not drawn again", () => {
  const world = new IssuerWorld();

  const numbers = Array.from({ length: 30 }, () => numberOf(world.issue()));

  assertEquals(new Set(numbers).size, 30);
});

Deno.test("a number of no code voids none, and a stranger learns only that", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const other = numberOf(code) === 1 ? 2 : 1;

  assertEquals(new HonestGuesser(world, "Mallory", `${other}-zoo-zoo`).run(), REFUSED);

  assertEquals(world.ends, []);
  assertEquals(new HonestGuesser(world, "Bob", code).run().type, "invited");
});

Deno.test("one address has five guesses, then one a minute; others have theirs", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const other = numberOf(code) === 1 ? 2 : 1;
  const from = (address: string, at: number) =>
    new HonestGuesser(world, `${address} ${at}`, `${other}-zoo-zoo`, { address }).run();

  const reasons = Array.from({ length: 7 }, (_, at) => from("192.0.2.1", at))
    .map((outcome) => outcome.type === "failed" ? outcome.reason : "");

  assertEquals(reasons, [...Array(5).fill("bad-credentials"), "too-fast", "too-fast"]);
  assertEquals(
    new HonestGuesser(world, "Bob", code, { address: "192.0.2.1" }).run(),
    { type: "failed", reason: "too-fast", text: 'it says: "too-fast"' },
  );
  assertEquals(
    new HonestGuesser(world, "Bob", code, { address: "192.0.2.2" }).run().type,
    "invited",
  );
  world.pass(60_000);
  assertEquals(from("192.0.2.1", 8), REFUSED);
});

Deno.test("links of guessers are few, two of one address, and each ends in time", () => {
  const world = new IssuerWorld();
  world.issue();
  const link = (at: number, address: string | null) =>
    world.linked(partyOf(`${at}`), bytesFrom(`${at}`)(32), address);
  const ofOne = [1, 2, 3].map((at) => link(at, "192.0.2.1"));
  const ofOthers = Array.from({ length: 8 }, (_, at) => link(10 + at, null));

  // The oldest of that address, and of those that are the most.
  const full = [...ofOne, ...ofOthers].filter((each) => world.closed.get(each) === "full");
  assertEquals(full, [ofOne[0], ...ofOthers.slice(0, 2)]);

  world.pass(EXCHANGE_MS);
  assertEquals(world.closed.size, 11);
  assertEquals(world.closed.get(ofOne[1]!), "timeout");
});

Deno.test("links that say nothing keep nobody out, of however many addresses they are", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  for (let at = 0; at < 12; at++) {
    world.linked(partyOf(`${at}`), bytesFrom(`${at}`)(32), `192.0.2.${at % 6}`);
  }

  const bob = new HonestGuesser(world, "Bob", code, { address: "192.0.2.5" });
  // Those who come after it and say nothing don't take its place either, once it has guessed.
  bob.turn();
  for (let at = 20; at < 40; at++) {
    world.linked(partyOf(`${at}`), bytesFrom(`${at}`)(32), `192.0.2.${at % 6}`);
  }

  assertEquals(bob.run().type, "invited");
});

Deno.test("a guess that isn't answered yet gives way to nobody", () => {
  const world = new IssuerWorld();
  const guessers = [world.issue(), world.issue()].map((code, at) => {
    const guesser = new HonestGuesser(world, `${at}`, code, { address: "192.0.2.1" });
    world.heard(guesser.link, guesser.sent.shift()!);
    return guesser;
  });

  const third = world.linked(partyOf("third"), bytesFrom("third")(32), "192.0.2.1");

  assertEquals(world.closed.get(third), "full");
  for (const guesser of guessers) assertEquals(guesser.run().type, "invited");
});

Deno.test("guesses at numbers of no code, through a meeting point, keep nobody out who comes there", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const other = numberOf(code) === 1 ? 2 : 1;
  const there = { address: RELAY_HOST, remote: { host: RELAY_HOST, port: 0 } };

  for (let at = 0; at < 20; at++) {
    const guesser = new HonestGuesser(world, `${at}`, `${other}-zoo-zoo`, there);
    assertEquals(guesser.run(), REFUSED);
  }

  assertEquals(new HonestGuesser(world, "Bob", code, there).run().type, "invited");
  // Guesses at codes are counted there, too.
  const reasons = Array.from({ length: 5 }, (_, at) => {
    const wrong = new HonestGuesser(world, `wrong ${at}`, wrongWords(world.issue()), there);
    const outcome = wrong.run();
    return outcome.type === "failed" ? outcome.reason : "";
  });
  assertEquals(reasons, [...Array(4).fill("bad-credentials"), "too-fast"]);
});

Deno.test("what is out of turn ends the link, and a code that was guessed at with it", () => {
  const world = new IssuerWorld();
  const code = world.issue();
  const confirmation = new Uint8Array(64);
  const early = new HonestGuesser(world, "early", code);
  world.heard(early.link, { type: "confirm", confirmation });
  const twice = new HonestGuesser(world, "twice", code);
  world.heard(twice.link, twice.sent[0]!);
  world.heard(twice.link, twice.sent[0]!);

  assertEquals(world.closed.get(early.link), "protocol");
  assertEquals(world.closed.get(twice.link), "protocol");
  assertEquals(world.ends, [`${numberOf(code)} given-up`]);
});

Deno.test("a share that is no element, or the neutral one, ends the code unanswered", () => {
  for (const share of [new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    const world = new IssuerWorld();
    const code = world.issue();
    const link = world.linked(partyOf("Mallory"), bytesFrom("m")(32));

    world.heard(link, { type: "guess", number: numberOf(code), share });

    assertEquals(world.said.get(link), []);
    assertEquals(world.closed.get(link), "protocol");
    assertEquals(world.ends, [`${numberOf(code)} given-up`]);
  }
});

Deno.test("strangers are awaited while a code is open, and for as long again to be told that it isn't", () => {
  const world = new IssuerWorld();
  assertEquals(world.issuer.isAwaiting(world.nowMs), false);
  world.issue();
  world.pass(CODE_MS);
  assertEquals(world.issuer.isAwaiting(world.nowMs), true);

  world.pass(CODE_MS);

  assertEquals(world.issuer.isAwaiting(world.nowMs), false);
  assert(world.issuer.nextDeadlineMs() === null);
});

Deno.test("codes whose invite admits nobody any more end with it, and the issuer is told of all at once", () => {
  const world = new IssuerWorld();
  const codes = [world.issue("an invite"), world.issue("an invite")];
  const other = world.issue("another");
  assertEquals(world.issuer.openAt(world.nowMs).length, 3);
  world.outdated.add("an invite");
  assertEquals(world.issuer.openAt(world.nowMs).length, 1, "nobody is told that they are open");

  world.step({ type: "tick" });
  world.step({ type: "tick" });

  assertEquals(world.outdatedCodes, [codes.map(numberOf)]);
  assertEquals(world.numbers, [numberOf(other)]);
  assertEquals(new HonestGuesser(world, "Bob", codes[0]!).run(), REFUSED);
  assertEquals(world.ends, [`${numberOf(codes[0]!)} late`]);
  assertEquals(new HonestGuesser(world, "Eve", other).run().type, "invited");
});

Deno.test("who comes with a code before it is known that its invite has ended is refused like who comes late", () => {
  const world = new IssuerWorld();
  const code = world.issue("an invite");
  const bob = new HonestGuesser(world, "Bob", code);
  world.outdated.add("an invite");

  assertEquals(bob.run(), REFUSED);
  assertEquals(world.outdatedCodes, [[numberOf(code)]]);
  assertEquals(world.ends, [`${numberOf(code)} late`]);
});
