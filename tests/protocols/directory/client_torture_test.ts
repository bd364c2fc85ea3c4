import { assert } from "@std/assert";
import type { LinkId } from "../../../lib/base/ids.ts";
import type { ClientCommand } from "../../../lib/protocols/directory/schema/events.ts";
import {
  type CallOutcome,
  type DirectoryMessage,
  OUTCOMES,
  REFUSALS,
} from "../../../lib/protocols/directory/schema/messages.ts";
import { signBroadcast } from "../../../lib/protocols/directory/schema/signed_broadcast.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { Random } from "../../sim/random.ts";
import {
  BOB,
  callId,
  ClientProgram,
  DIRECTORY,
  EVE,
  LOG_IN,
  STORE,
  user,
} from "./client_program.ts";
import { SLOW } from "../../given.ts";

const SEEDS = 150;
const STEPS = 300;

/** Said at any time, they end the link: rarely, or nothing else would be seen. */
const UNASKED: ReadonlySet<string> = new Set([
  "talk",
  "begin",
  "line",
  "heard",
  "hung-up",
  "done",
  "refused",
  "told",
]);

const LOST_LINES = /may not have got your last (?:(\d+) lines|line)$/;

const FINAL: ReadonlySet<string> = new Set([...OUTCOMES, "ended"]);

/** Whatever somebody may say, mostly of what there is. */
function message(random: Random, program: ClientProgram): DirectoryMessage {
  const { call: present } = program.machine.calling;
  const call = present !== null && random.chance(0.8)
    ? Uint8Array.fromHex(present.id)
    : callId(random.below(4));
  const isLie = random.chance(0.1);
  const key = isLie ? EVE : BOB;
  const name = isLie ? random.pick(["eve", "ann", "a b"]) : "bob";
  const number = random.below(6);
  return random.pick<() => DirectoryMessage>([
    () => ({ type: "talk", call }),
    () => ({ type: "begin", call }),
    () => ({
      type: "users",
      users: [user(name)],
      isFirst: random.chance(0.5),
      isLast: true,
      away: [],
    }),
    () => ({ type: "presence", users: [user(name)], offline: [name], away: [] }),
    () => ({ type: "incoming", call, from: name, guest: false, key }),
    () => ({
      type: "meet",
      call,
      instead: random.chance(0.3) ? callId(random.below(4)) : null,
      name,
      guest: false,
      key,
      host: "10.0.0.2",
      port: random.below(3),
      isCaller: random.chance(0.5),
      mayRelay: random.chance(0.5),
    }),
    () => ({ type: "outcome", call, state: random.pick<CallOutcome>(OUTCOMES), reason: "" }),
    () => ({ type: "call-at", call, at: { host: "10.0.0.8", port: 4_400 } }),
    () => ({ type: "relay-on", call }),
    () => ({ type: "relay", call, bytes: new Uint8Array(random.below(16_384)) }),
    () => ({ type: "relay-room", call, bytes: random.below(100_000) }),
    () => ({
      type: "told",
      number,
      after: random.below(6),
      from: name,
      sentAt: 0,
      text: "x",
      key: BOB,
      own: number,
      guest: false,
      signature: signBroadcast(fakeSigner("bob"), {
        directory: random.chance(0.9) ? DIRECTORY : BOB,
        from: name,
        own: number,
        sentAt: 0,
        text: "x",
      }),
    }),
    () => ({ type: "broadcast-taken", own: random.below(8), number }),
    () => ({ type: "broadcast-sent", number, reached: 1 }),
    () => ({
      type: "refused",
      code: random.pick(REFUSALS),
      text: "",
      retryMs: random.below(9_000),
    }),
    () => ({ type: "done" }),
    () => ({ type: "dismissed", because: "slow", text: "", retryMs: random.below(9_000) }),
    () => ({ type: "talk", call }),
    () => ({ type: "begin", call }),
    () => ({ type: "line", text: "hello" }),
    () => ({ type: "heard", lines: random.below(4) }),
    () => ({ type: "hung-up" }),
    () => ({ type: "unknown", code: 1 }),
  ])();
}

/** Who talks goes on with that, mostly. */
function otherSays(random: Random, program: ClientProgram): DirectoryMessage {
  const { call } = program.machine.calling;
  if (!call?.isTalking || random.chance(0.2)) return message(random, program);
  if (random.chance(0.5)) return { type: "line", text: "hello" };
  return { type: "heard", lines: 1 + random.below(3) };
}

function command(random: Random): ClientCommand {
  return random.pick<ClientCommand>([
    { command: "call", name: random.pick(["bob", "ann", "eve"]) },
    { command: "call-address", host: "10.0.0.2", port: 5_000 },
    { command: "accept" },
    { command: "accept" },
    { command: "decline", reason: "" },
    { command: "cancel" },
    { command: "hang-up" },
    { command: "say", text: "x" },
    { command: "say", text: "y" },
    { command: "broadcast", text: "x" },
    { command: "passwd", old: "longenough", new: "longer than before" },
    { command: "status" },
    { command: "list", part: "b" },
    { command: "missed" },
    { command: "trust", name: "bob" },
    { command: "verify", name: "bob" },
  ]);
}

function directorySays(program: ClientProgram, random: Random): void {
  const { link, isUp } = program.machine.session;
  if (link === null) return void program.directoryUp();
  if (!isUp && random.chance(0.9)) return void program.entered({ store: STORE });
  const said = message(random, program);
  if (!UNASKED.has(said.type) || random.chance(0.05)) program.says(said);
}

function talksWithBob(program: ClientProgram): LinkId {
  program.types({ command: "call", name: "bob" });
  const call = Uint8Array.fromHex(program.machine.calling.call!.id);
  program.meet({ call });
  const { link } = program.linkUp();
  program.hears(link, { type: "talk", call });
  return link;
}

function step(program: ClientProgram, random: Random, links: LinkId[]): void {
  const { session } = program.machine;
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return directorySays(program, random);
    case 4:
    case 5: {
      if (links.length > 0) program.hears(random.pick(links), otherSays(random, program));
      return;
    }
    case 6: {
      const dialled = random.chance(0.3);
      const { link } = program.linkUp({
        peer: random.pick([BOB, BOB, EVE]),
        dialled,
        attempt: dialled ? random.below(9) + 1_000 : null,
        isRelayed: random.chance(0.2),
      });
      links.push(link);
      return;
    }
    case 7: {
      const link = links.splice(random.below(links.length || 1), 1)[0];
      if (link !== undefined) program.linkDown(link, random.chance(0.5));
      return;
    }
    case 8:
    case 9:
      program.types(command(random));
      return;
    case 10:
      program.after(random.exponential(3_000));
      return;
    case 11:
      if (session.link !== null && random.chance(0.1)) program.directoryDown();
      return;
  }
}

/** What may not have arrived was said in the call that ended right before, or in one that our user has ended. */
function checkNotices(program: ClientProgram): void {
  let said = 0;
  let isOver = false;
  const ended: number[] = [];
  for (const event of program.events) {
    const lost = event.event === "notice" ? LOST_LINES.exec(event.text) : null;
    if (lost !== null) {
      const lines = Number(lost[1] ?? 1);
      const at = ended.findIndex((said) => lines <= said);
      assert((isOver && lines <= said) || at >= 0, `${said} lines were said: ${lost[0]}`);
      if (!isOver || lines > said) ended.splice(at, 1);
    }
    if (event.event === "message" && event.self) said++;
    isOver = event.event === "call" && FINAL.has(event.state);
    if (event.event !== "call") continue;
    if (event.state === "ended" && event.reason === "") ended.push(said);
    if (event.state === "connected") said = 0;
  }
}

/** Each call that the user is told of ends once, and there is one at a time. */
function checkCalls(program: ClientProgram): void {
  let call: string | null = null;
  for (const event of program.events) {
    if (event.event === "incoming") {
      assert(call === null, `called while in ${call}`);
      call = event.call;
    }
    if (event.event !== "call") continue;
    if (event.state === "ringing") {
      assert(call === null, `calls while in ${call}`);
      call = event.call;
      continue;
    }
    assert(call === event.call, `told of ${event.call} while in ${call}`);
    if (FINAL.has(event.state)) call = null;
  }
  const now = program.machine.calling.call;
  assert((now?.shownId ?? null) === call, `in ${now?.shownId}, the user thinks ${call}`);
}

Deno.test(
  `a client holds its own against ${SEEDS} directories and callees that say anything`,
  SLOW,
  () => {
    let talked = 0;
    let lost = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const isInteractive = random.chance(0.5);
      const program = ClientProgram.linked({ config: { isInteractive } });
      program.feed({ type: "enter", entry: LOG_IN });
      program.entered();
      const links: LinkId[] = [];
      if (random.chance(0.7)) links.push(talksWithBob(program));
      for (let n = 0; n < STEPS && !program.machine.out.isStopped; n++) {
        step(program, random, links);
        const { call } = program.machine.calling;
        assert((call?.links.size ?? 0) <= 8, `seed ${seed}: too many links`);
      }
      checkCalls(program);
      checkNotices(program);
      lost += program.events.filter((e) => e.event === "notice" && LOST_LINES.test(e.text)).length;
      talked += program.events.filter((e) => e.event === "call" && e.state === "connected").length;
    }
    assert(talked > 100, `only ${talked} calls were connected`);
    assert(lost > 3, `only ${lost} times lines may have been lost`);
  },
);
