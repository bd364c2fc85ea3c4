/**
 * Answers that no etcd gives: whatever they are, a request has an outcome or an error with a sentence, what is followed comes
 * in the order of revisions, and nothing goes on for ever.
 */

import { assert } from "@std/assert";
import type { Clock } from "../../../lib/base/machine/clock.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { EtcdStore } from "../../../lib/engine/etcd/etcd_store.ts";
import type { Revision } from "../../../lib/engine/shared_store.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import type { Target } from "../target.ts";

const base64 = (text: string) => utf8(text).toBase64();
const HEADER = { header: { revision: "7" } };
const KV = {
  key: base64("k"),
  value: base64("v"),
  mod_revision: "7",
  create_revision: "6",
  lease: "9",
};

/** An answer to each kind of request, as etcd gives it. */
const ANSWERS: readonly string[] = [
  JSON.stringify({
    ...HEADER,
    responses: [{ response_txn: { succeeded: true, responses: [{ response_put: HEADER }] } }],
  }),
  JSON.stringify({
    ...HEADER,
    responses: [{ response_txn: { responses: [{ response_range: { kvs: [KV] } }] } }],
  }),
  JSON.stringify({ ...HEADER, kvs: [KV], count: "1", more: false }),
  JSON.stringify({ ...HEADER, count: "12" }),
  JSON.stringify({ ...HEADER, ID: "77", TTL: "5" }),
  JSON.stringify({ result: { ...HEADER, TTL: "5" } }),
  JSON.stringify({ error: "etcdserver: mvcc: database space exceeded", code: 8 }),
  [
    { result: { ...HEADER, created: true } },
    {
      result: {
        ...HEADER,
        events: [{ kv: KV }, { type: "DELETE", kv: { ...KV, mod_revision: "8" } }],
      },
    },
    { result: { ...HEADER, canceled: true, compact_revision: "9" } },
  ].map((line) => `${JSON.stringify(line)}\n`).join(""),
];

const PIECES = ANSWERS.flatMap((answer) => answer.match(/"[^"]*"|[{}\[\]:,]/g) ?? [])
  .concat(["null", "true", "-1", "1e99", "9007199254740993", '"-7"', '"7.5"', "[]", "{}", "\n"])
  .map(utf8).concat(NO_TEXT);

/** One on which every wait is over at once, and a request's time after some attempts. */
function hastyClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs += 1_000,
    at(_, callback) {
      let isOver = false;
      queueMicrotask(() => {
        if (!isOver) callback();
      });
      return { cancel: () => isOver = true };
    },
  };
}

function storeOver(answer: (path: string) => Response): EtcdStore {
  return new EtcdStore({
    nodes: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
    user: null,
    clock: hastyClock(),
    random: () => 0,
    fetch: (url) => Promise.resolve(answer(new URL(String(url)).pathname)),
  });
}

const change = { when: [{ key: "k", is: "absent" }], puts: [{ key: "k", value: "v" }] } as const;

const REQUESTS: readonly ((store: EtcdStore) => Promise<unknown>)[] = [
  (store) => store.commit(change),
  (store) => store.get("k"),
  (store) => store.count("k"),
  (store) => store.grant(5_000),
  (store) => store.renew("1"),
  (store) => store.revoke("1"),
];

/** The first byte says what is asked, and whether it is refused. @returns Whether it was answered. */
async function check(input: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const [kind = 0] = input;
  const body = input.slice(1);
  if (kind % 8 === 7) return await follows(body);
  const status = kind >= 128 ? 400 : 200;
  const store = storeOver(() => new Response(body, { status }));
  try {
    await REQUESTS[kind % REQUESTS.length]!(store);
    return true;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    assert(/^[A-Z].+$/s.test(error.message), error.message);
    return false;
  }
}

/** Follows by a stream of these bytes. @returns Whether anything came of it. */
async function follows(stream: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  let watches = 0;
  let told: Revision = -1;
  let count = 0;
  const store = storeOver((path) => {
    if (path !== "/v3/watch") return new Response(JSON.stringify({ ...HEADER, kvs: [KV] }));
    if (++watches > 1) end();
    return new Response(watches === 1 ? stream : "");
  });
  const rises = (revision: Revision) => {
    assert(revision > told, `${revision} after ${told}`);
    told = revision;
  };
  const following = store.follow("k", {
    all: (_, revision) => told = revision,
    changed: (_, revision) => {
      count++;
      rises(revision);
    },
    refused: () => end(),
  });
  await isOver;
  following.close();
  return count > 0;
}

export const engineTarget: Target = {
  name: "engine",
  pieces: PIECES,
  make: (random: Random) => {
    const at = random.below(ANSWERS.length);
    const kind = at === ANSWERS.length - 1 ? 7 : random.below(256);
    return Uint8Array.of(kind, ...spoilt(utf8(ANSWERS[at]!), PIECES, random));
  },
  check: (input) => check(new Uint8Array(input)),
};
