import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import type { Crypto } from "../../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint } from "../../../lib/base/ids.ts";
import { HandshakeState } from "../../../lib/protocols/noise/handshake_state.ts";
import {
  IDENTITY_PROOF_BYTES,
  Responder,
} from "../../../lib/protocols/noise/identity_handshake.ts";
import { CHANNEL_VERSION, encodePreface } from "../../../lib/protocols/noise/preface.ts";
import { EMPTY, keyPairFromSeed } from "../../../lib/protocols/noise/primitives.ts";
import {
  CONFIRMATION_BYTES,
  COOKIE_DATAGRAM_BYTES,
  DATAGRAM_TYPES,
  decodeAttachment,
  decodeDatagram,
  encodeAnswer,
  encodeAttachment,
  encodeInitiation,
  type HandshakeAnswer,
  type Initiation,
  INITIATION_BYTES,
  prologueOf,
  RESPONSE_BYTES,
} from "../../../lib/protocols/sealed_datagram/formats.ts";
import { type HalfOpen, HalfOpens } from "../../../lib/protocols/sealed_datagram/responding.ts";
import {
  DATAGRAM_BYTES_MAX,
  HALF_OPEN_MAX,
  HALF_OPEN_MS,
  HALF_OPEN_PROVEN_FOR_HOST_MAX,
  HANDSHAKE_MS_MAX,
  WRONG_CONFIRMATIONS_MAX,
} from "../../../lib/protocols/sealed_datagram/limits.ts";
import { SealedDatagrams } from "../../../lib/protocols/sealed_datagram/sealed_datagrams.ts";
import { environment, identityOf, seedOf } from "../noise/channel_pair.ts";
import {
  connected,
  type Datagram,
  endpoint,
  flipped,
  Program,
  run,
  settle,
  twoPrograms,
} from "./programs.ts";

const { initiation, response, cookie, confirmation, transport } = DATAGRAM_TYPES;

function ofType(type: number): (datagram: Datagram) => boolean {
  return ({ bytes }) => bytes[0] === type;
}

/** A handshake that began from there with a cookie. */
function halfOpen(index: number, from: Endpoint): HalfOpen {
  return {
    name: String(index),
    index,
    remoteIndex: 1,
    from,
    hasCookie: true,
    order: index,
    responder: {} as Responder,
    response: EMPTY,
    endsAtMs: HALF_OPEN_MS,
    confirmed: null,
  };
}

Deno.test("SealedDatagrams: three messages and a sign make a session, and both know whom it is with", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  const said: number[] = [];

  ann.connect(bob, 0);
  settle([ann, bob], 0, ({ bytes }) => said.push(bytes[0]!) > 0);

  assertEquals(said, [initiation, response, confirmation, transport]);
  const up = (told: Program["told"]) => told.map((each) => [each.type, each.peer]);
  assertEquals([up(ann.told), up(bob.told)], [[["up", bob.key]], [["up", ann.key]]]);
  assertEquals(ann.machine.endpointOf(bob.key), bob.endpoint);
  assertEquals(bob.machine.endpointOf(ann.key), ann.endpoint);
});

Deno.test("SealedDatagrams: no answer is larger than its question, and every datagram is under 1,200 bytes", () => {
  assert(RESPONSE_BYTES <= INITIATION_BYTES);
  assert(COOKIE_DATAGRAM_BYTES <= INITIATION_BYTES);
  assert(CONFIRMATION_BYTES < DATAGRAM_BYTES_MAX && INITIATION_BYTES < DATAGRAM_BYTES_MAX);
  assert(DATAGRAM_BYTES_MAX < 1_200);
});

Deno.test("SealedDatagrams: only the initiator repeats, at 250 ms and doubling, and gives up after 5 s", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  const times: number[] = [];
  ann.connect(bob, 0);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
    ann.step({ type: "tick" }, nowMs);
    times.push(...ann.out.splice(0).map(() => nowMs));
  }

  assertEquals(times, [0, 250, 750, 1_750, 3_750]);
  assertEquals(ann.told, [{
    type: "failed",
    peer: bob.key,
    endpoint: bob.endpoint,
    reason: "timeout",
    key: null,
  }]);
  assertEquals(ann.machine.nextDeadlineMs(), null);
});

Deno.test("SealedDatagrams: whichever message is lost once, the session comes about", () => {
  for (const type of [initiation, response, confirmation, transport]) {
    const ann = new Program("Ann", endpoint(1));
    const bob = new Program("Bob", endpoint(2));
    let lost = 0;
    ann.connect(bob, 0);

    run([ann, bob], 0, 1_000, (datagram) => !(ofType(type)(datagram) && lost++ === 0));

    assertEquals([ann.count("up"), bob.count("up")], [1, 1], `message ${type}`);
  }
});

Deno.test("SealedDatagrams: a responder that nobody confirms says nothing by itself, and forgets", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  bob.take(ann.out.shift()!, 0);
  assertEquals([bob.out.length, bob.machine.halfOpenCount], [1, 1]);

  run([bob], 0, 60_000);

  assertEquals([bob.out.length, bob.machine.halfOpenCount, bob.told], [0, 0, []]);
});

Deno.test("SealedDatagrams: the same first message gets the same answer, from another address another", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  const first = ann.out.shift()!;
  bob.take(first, 0);
  bob.take(first, 1);
  bob.take({ ...first, from: endpoint(3) }, 2);

  const [one, same, other] = bob.out.splice(0);

  assertEquals([one?.bytes, one?.to.port, bob.machine.halfOpenCount], [same?.bytes, 1, 2]);
  assertEquals(other?.to.port, 3);
  assert(one?.bytes.toHex() !== other?.bytes.toHex());
});

Deno.test("SealedDatagrams: an answer counts from wherever it comes, and only who was asked is sent anything", () => {
  const [other, stranger] = [endpoint(3), endpoint(9)];
  const confirmed = (answeredFrom: Endpoint) => {
    const ann = new Program("Ann", endpoint(1));
    const bob = new Program("Bob", endpoint(2));
    const also = [other];
    ann.step({ type: "connect", peer: bob.key, endpoint: bob.endpoint, also }, 0);
    const asked = ann.out.splice(0);
    assertEquals(asked.map(({ to }) => to), [bob.endpoint, other]);
    bob.take(asked[0]!, 0);
    const [answer] = bob.out.splice(0);
    ann.take({ ...answer!, from: answeredFrom }, 0);
    ann.send(bob, "hello", 0);
    return ann.out.map(({ to }) => to.port);
  };

  assertEquals(confirmed(endpoint(2)), [2]);
  assertEquals(confirmed(other), [3]);
  assertEquals(confirmed(stranger), [2]);
});

Deno.test("SealedDatagrams: a program that is meant otherwise doesn't answer", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  const carl = new Program("Carl", endpoint(2));
  ann.connect(carl, 0);

  run([ann, bob], 0, 10_000);

  assertEquals([ann.count("failed"), bob.out.length, bob.told.length], [1, 0, 0]);
  assertEquals(bob.machine.halfOpenCount, 0);
});

Deno.test("SealedDatagrams: whoever isn't admitted gets no session, and keeps its place", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2), 1, () => false);
  ann.connect(bob, 0);

  run([ann, bob], 0, HANDSHAKE_MS_MAX + 1);

  assertEquals([ann.told.map(({ type }) => type), bob.told], [["failed"], []]);
  assertEquals(bob.machine.halfOpenCount, 1);
});

Deno.test("SealedDatagrams: whoever is admitted while it still repeats itself gets its session", () => {
  let isAdmitted = false;
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2), 1, () => isAdmitted);
  ann.connect(bob, 0);
  run([ann, bob], 0, 600);
  assertEquals([ann.told, bob.told], [[], []]);

  isAdmitted = true;
  run([ann, bob], 600, 1_000);

  assertEquals([ann.count("up"), bob.count("up")], [1, 1]);
});

Deno.test("SealedDatagrams: when both begin at once, the smaller key's handshake survives", () => {
  const { smaller, larger } = twoPrograms();
  smaller.connect(larger, 0);
  larger.connect(smaller, 0);
  const confirmations: string[] = [];

  settle([smaller, larger], 0, (datagram) => {
    if (ofType(confirmation)(datagram)) confirmations.push(String(datagram.from.port));
    return true;
  });
  smaller.send(larger, "hello", 1);
  larger.send(smaller, "you too", 1);
  run([smaller, larger], 1, 20_000);

  assertEquals([smaller.count("up"), larger.count("up")], [1, 1]);
  assertEquals([larger.heard, smaller.heard], [["hello"], ["you too"]]);
  assertEquals([smaller.count("failed"), larger.count("failed")], [0, 0]);
});

Deno.test("SealedDatagrams: when both begin at once and any one message is lost, both are up all the same", () => {
  for (let lostAt = 0; lostAt < 12; lostAt++) {
    for (const late of [0, 100]) {
      const { smaller, larger } = twoPrograms();
      const both = [smaller, larger];
      let count = 0;
      const passes = () => count++ !== lostAt;
      smaller.connect(larger, 0);
      run(both, 0, late, passes);
      larger.connect(smaller, late);
      run(both, late, 6_000, passes);
      smaller.send(larger, "a", 6_000);
      larger.send(smaller, "b", 6_000);
      settle(both, 6_000);

      assertEquals([larger.heard, smaller.heard], [["a"], ["b"]], `lost ${lostAt}, late ${late}`);
    }
  }
});

Deno.test("SealedDatagrams: of handshakes that both began, the one that was given up is worth nothing again", () => {
  const { smaller, larger } = twoPrograms();
  const seen: Datagram[] = [];
  smaller.connect(larger, 0);
  larger.connect(smaller, 0);
  settle([smaller, larger], 0, (datagram) => {
    seen.push(datagram);
    return true;
  });

  for (const datagram of seen) {
    for (const program of [smaller, larger]) program.take({ ...datagram, from: endpoint(9) }, 100);
  }
  smaller.out.length = larger.out.length = 0;
  smaller.send(larger, "hello", 200);
  larger.send(smaller, "you too", 200);
  settle([smaller, larger], 200);

  assertEquals([larger.heard, smaller.heard], [["hello"], ["you too"]]);
  assertEquals([smaller.count("up"), larger.count("up")], [1, 1]);
});

Deno.test("SealedDatagrams: handshakes beyond 64 half-open ones need a cookie, which needs no memory", () => {
  const bob = new Program("Bob", endpoint(2));
  const strangers = Array.from(
    { length: HALF_OPEN_MAX + 10 },
    (_, n) => new Program(`stranger ${n}`, { host: `10.1.0.${n}`, port: 9 }),
  );
  for (const stranger of strangers) {
    stranger.connect(bob, 0);
    bob.take(stranger.out.shift()!, 0);
  }

  const types = bob.out.map(({ bytes }) => bytes[0]);

  assertEquals(types.filter((type) => type === response).length, HALF_OPEN_MAX);
  assertEquals(types.filter((type) => type === cookie).length, 10);
  assertEquals(bob.machine.halfOpenCount, HALF_OPEN_MAX);
  settle([bob, ...strangers], 10);
  assertEquals(strangers.filter(({ isUp }) => isUp).length, strangers.length);
});

Deno.test("SealedDatagrams: a cookie is good for its address and handshake alone", () => {
  const bob = new Program("Bob", endpoint(2));
  for (let n = 0; n < HALF_OPEN_MAX; n++) {
    const stranger = new Program(`stranger ${n}`, { host: `10.1.0.${n}`, port: 9 });
    stranger.connect(bob, 0);
    bob.take(stranger.out.shift()!, 0);
  }
  const ann = new Program("Ann", endpoint(1));
  ann.connect(bob, 0);
  bob.take(ann.out.shift()!, 0);
  const [reply] = bob.out.splice(-1);
  ann.take(reply!, 0);
  const [withCookie] = ann.out.splice(0);
  bob.out.splice(0);

  bob.take({ ...withCookie!, from: endpoint(3) }, 0);
  bob.take({ ...withCookie!, bytes: flipped(withCookie!.bytes, 5) }, 0);
  bob.take(withCookie!, 0);

  assertEquals(bob.out.map(({ bytes }) => bytes[0]), [cookie, cookie, response]);
  assertEquals(bob.machine.halfOpenCount, HALF_OPEN_MAX + 1);
});

Deno.test("SealedDatagrams: one host with cookies takes a bounded part of the places", () => {
  const bob = new Program("Bob", endpoint(2));
  for (let port = 1; port <= HALF_OPEN_MAX + HALF_OPEN_PROVEN_FOR_HOST_MAX + 20; port++) {
    const ann = new Program(`Ann ${port}`, endpoint(1_000 + port));
    ann.connect(bob, 0);
    for (let rounds = 0; rounds < 2; rounds++) {
      for (const datagram of ann.out.splice(0)) bob.take(datagram, 0);
      for (const datagram of bob.out.splice(0)) if (ofType(cookie)(datagram)) ann.take(datagram, 0);
    }
  }

  assertEquals(bob.machine.halfOpenCount, HALF_OPEN_MAX + HALF_OPEN_PROVEN_FOR_HOST_MAX);
  bob.step({ type: "tick" }, HALF_OPEN_MS);
  assertEquals([bob.machine.halfOpenCount, bob.machine.nextDeadlineMs()], [0, null]);
});

Deno.test("HalfOpens: whoever has a block of IPv6 addresses can't take all places", () => {
  const all = new HalfOpens();
  const takeAll = (host: string) => {
    const from = { host, port: 1 };
    for (; all.hasRoomFor(from); all.add(halfOpen(all.size, from)));
  };

  for (let host = 1; host <= 8; host++) takeAll(`2001:db8::${host}`);
  const ofBlock = all.size;
  for (const host of ["2001:db8:0:1::1", "::ffff:10.0.0.1", "::ffff:10.0.0.2"]) takeAll(host);

  assertEquals(ofBlock, HALF_OPEN_PROVEN_FOR_HOST_MAX);
  assertEquals(all.size, 4 * HALF_OPEN_PROVEN_FOR_HOST_MAX);
  all.expire(HALF_OPEN_MS);
  assert(all.hasRoomFor({ host: "2001:db8::9", port: 1 }));
});

Deno.test("SealedDatagrams: any handshake message with a changed bit is dropped, and the true one taken", () => {
  for (const type of [initiation, response, confirmation]) {
    const ann = new Program("Ann", endpoint(1));
    const bob = new Program("Bob", endpoint(2));
    ann.connect(bob, 0);
    settle([ann, bob], 0, (datagram) => {
      const to = datagram.to.port === 1 ? ann : bob;
      if (!ofType(type)(datagram)) return true;
      const before = [to.told.length, to.out.length];
      for (let at = 0; at < datagram.bytes.length; at++) {
        // Nothing in a first message is proven: most changes make another handshake, which leads nowhere.
        if (to.machine.halfOpenCount > HALF_OPEN_MAX / 2) break;
        to.take({ ...datagram, bytes: flipped(datagram.bytes, at, at % 8) }, 0);
      }
      to.out.splice(before[1]!);
      assertEquals(to.told.length, before[0]);
      return true;
    });
    assertEquals([ann.count("up"), bob.count("up")], [1, 1], `message ${type}`);
  }
});

Deno.test("SealedDatagrams: third messages with wrong proofs cost a bounded number of verifications", () => {
  const bob = identityOf("Bob");
  const env = environment("Bob");
  let verified = 0;
  const crypto: Crypto = {
    ...env.crypto,
    verify: (...args) => {
      verified += 1;
      return env.crypto.verify(...args);
    },
  };
  const access = { mode: "group", admit: () => true } as const;
  const machine = new SealedDatagrams({ identity: bob, env: { ...env, crypto }, access });
  const from = endpoint(9);
  const fingerprint = fingerprintOf(bob.key);
  const wanted = { mode: "group", room: null, epoch: null, fingerprint } as const;
  const preface = encodePreface(wanted, new Uint8Array(8));
  const noiseOf = (seed: string) =>
    new HandshakeState({
      pattern: "XX",
      initiator: true,
      prologue: prologueOf(1, preface),
      ephemeral: keyPairFromSeed(seedOf("ephemeral")),
      static: keyPairFromSeed(seedOf(seed)),
    });
  const first = noiseOf("static 0").writeMessage(EMPTY);
  const bytes = encodeInitiation(1, preface, first);
  const [told] = machine.step({ type: "datagram", from, bytes }, 0);
  const answer = told?.type === "transmit" ? decodeDatagram(told.bytes) : null;
  assert(answer?.type === "response");
  const proof = new Uint8Array(IDENTITY_PROOF_BYTES); // a key, and no signature of it
  proof.set(Uint8Array.fromHex(identityOf("Ann").key));

  for (let count = 0; count < 100; count++) {
    const noise = noiseOf(`static ${count >> 1}`);
    noise.writeMessage(EMPTY);
    const { payload } = noise.readMessage(answer.message);
    const { index } = decodeAttachment(payload.subarray(0, -IDENTITY_PROOF_BYTES))!;
    const third = encodeAnswer("confirmation", index, noise.writeMessage(proof));
    machine.step({ type: "datagram", from, bytes: third }, 1);
  }

  assert(verified > 0 && verified <= WRONG_CONFIRMATIONS_MAX, `${verified} of 100 were verified`);
});

Deno.test("SealedDatagrams: first messages with a key of low order cost no key and take no place", () => {
  const env = environment("Bob");
  let asked = 0;
  const machine = new SealedDatagrams({
    identity: identityOf("Bob"),
    env: {
      ...env,
      randomBytes: (length) => {
        asked += 1;
        return env.randomBytes(length);
      },
    },
    access: { mode: "group", admit: () => true },
  });
  const fingerprint = fingerprintOf(identityOf("Bob").key);
  const wanted = { mode: "group", room: null, epoch: null, fingerprint } as const;
  const preface = encodePreface(wanted, new Uint8Array(8));
  const effectsOf = (index: number, key: string) => {
    const bytes = encodeInitiation(index, preface, Uint8Array.fromHex(key));
    return machine.step({ type: "datagram", from: endpoint(9), bytes }, 0);
  };
  const atStart = asked;

  for (const last of ["00", "80"]) { // the highest bit doesn't count
    for (let index = 0; index < HALF_OPEN_MAX; index++) {
      assertEquals(effectsOf(index, "00".repeat(31) + last), []);
    }
  }

  assertEquals([asked - atStart, machine.halfOpenCount], [0, 0]);
  assertEquals(effectsOf(1, `09${"00".repeat(31)}`).map(({ type }) => type), ["transmit"]);
  assertEquals(machine.halfOpenCount, 1);
});

Deno.test("SealedDatagrams: bytes from anybody make it send nothing and change nothing", () => {
  const { ann, bob } = connected();
  const told = bob.told.length;
  const dueMs = bob.machine.nextDeadlineMs();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1_300 }), fc.nat(6), (bytes, type) => {
    const datagram = new Uint8Array(bytes);
    if (datagram.length > 0) datagram[0] = type;
    bob.take({ from: endpoint(9), to: bob.endpoint, bytes: datagram }, 0);
    assertEquals([bob.told.length, bob.out.length, bob.machine.halfOpenCount], [told, 0, 1]);
    assertEquals(bob.machine.nextDeadlineMs(), dueMs);
  }));
  ann.send(bob, "still there", 1);
  settle([ann, bob], 1);
  assertEquals(bob.heard, ["still there"]);
});

Deno.test("SealedDatagrams: a key of low order makes no session at either end, and who asked logs why", () => {
  const lowOrder = new Uint8Array(32);
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  const [first] = ann.out.splice(0);

  const asked = decodeDatagram(first!.bytes) as Initiation;
  const question = asked.message.slice();
  question.set(lowOrder);
  bob.take({ ...first!, bytes: encodeInitiation(asked.index, asked.preface, question) }, 0);
  assertEquals(bob.out, []);

  bob.take(first!, 0);
  const [second] = bob.out.splice(0);
  const { index, message } = decodeDatagram(second!.bytes) as HandshakeAnswer;
  const answer = message.slice();
  answer.set(lowOrder);
  ann.take({ ...second!, bytes: encodeAnswer("response", index, answer) }, 0);
  assertEquals([ann.out, ann.told, bob.told], [[], [], []]);

  const reason = "Key agreement failed: the other side's key has low order";
  assertEquals([ann.logged, bob.logged], [[reason], []]);
});

/** What Carl answers to a first message that was meant for another. */
function answerOfCarl({ bytes, from, to }: Datagram): Datagram {
  const first = decodeDatagram(bytes) as Initiation;
  const prologue = prologueOf(first.index, first.preface);
  const terms = { mode: "group", prologue, preSharedKey: null } as const;
  const ephemeral = keyPairFromSeed(seedOf("ephemeral of Carl"));
  const carl = identityOf("Carl");
  const responder = new Responder(carl, environment("Carl"), terms, ephemeral, first.message);
  const second = responder.answer(encodeAttachment(CHANNEL_VERSION, 77));
  return { from: to, to: from, bytes: encodeAnswer("response", first.index, second) };
}

Deno.test("SealedDatagrams: another identity that answers doesn't keep the true one out", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);
  const [first] = ann.out.splice(0);

  ann.take(answerOfCarl(first!), 0);
  assertEquals([ann.out, ann.told], [[], []]);
  bob.take(first!, 0);
  settle([ann, bob], 0);

  assertEquals(ann.told.map(({ type, peer }) => [type, peer]), [["up", bob.key]]);
});

Deno.test("SealedDatagrams: where nobody but another identity answers, the failure names it", () => {
  const ann = new Program("Ann", endpoint(1));
  const bob = new Program("Bob", endpoint(2));
  ann.connect(bob, 0);

  ann.take(answerOfCarl(ann.out.shift()!), 0);
  ann.step({ type: "tick" }, HANDSHAKE_MS_MAX);

  const { key } = identityOf("Carl");
  assertEquals(ann.told, [
    { type: "failed", peer: bob.key, endpoint: bob.endpoint, reason: "wrong-key", key },
  ]);
});
