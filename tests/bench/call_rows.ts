/** A call from typed to connected, beside a handshake and the round trips that it can't do without. */

import { EMPTY, keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import { HandshakeState } from "../../lib/protocols/noise/handshake_state.ts";
import { baselinePath, denoCommand, LineProcess, pause, PROGRAM } from "./line_process.ts";
import { atMost, median, type Row } from "./row.ts";
import { RunningDirectory } from "./running_directory.ts";

const ROUNDS = 5;
const CALLS = 10;
/** A client may ring a bell every two seconds. */
const PAUSE_MS = 2_100;
const TRIPS = 4;
const MESSAGE_BYTES = 200;

export async function measureCalls(): Promise<readonly Row[]> {
  await using directory = await RunningDirectory.open();
  await using stack = new AsyncDisposableStack();
  const client = async (name: string) => {
    const registry = ["--registry", `127.0.0.1:${directory.port}`, "--guest"];
    const place = ["--host", "127.0.0.1", "--port", "0", "--data", `${directory.folder}/${name}`];
    const command = [PROGRAM, "peer", name, ...registry, ...place, "--json"];
    const process = stack.use(new LineProcess(command));
    await process.until("session", (line) => line.includes('"state":"up"') || undefined);
    return process;
  };
  const [caller, callee] = [await client("ann"), await client("bob")];
  callee.onLine((line) => {
    if (line.startsWith('{"event":"incoming"')) void callee.type('{"command":"accept"}');
  });
  const raw = stack.use(await openRaw());
  const [ours, least]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    const [calls, leasts]: [number[], number[]] = [[], []];
    for (let at = 0; at < CALLS; at++) {
      await pause(PAUSE_MS);
      calls.push(await call(caller));
      leasts.push(await raw.least());
    }
    if (round < 0) continue; // it warms all
    ours.push(median(calls));
    least.push(median(leasts));
  }
  return [{
    group: "directory, a call",
    what: "typed to connected, accepted at once, p50",
    unit: "ms",
    ours,
    baseline: { name: `one Noise XX and ${TRIPS} raw round trips`, samples: least },
    target: atMost(3),
  }];
}

async function call(caller: LineProcess): Promise<number> {
  const state = (name: string) =>
    caller.until(
      name,
      (line) =>
        line.startsWith('{"event":"call"') && line.includes(`"state":"${name}"`) || undefined,
    );
  const connected = state("connected");
  const fromMs = performance.now();
  await caller.type('{"command":"call","name":"bob"}');
  await connected;
  const tookMs = performance.now() - fromMs;
  const ended = state("ended");
  await caller.type('{"command":"hangup"}');
  await ended;
  return tookMs;
}

/** What any such call needs: both sides' keys agreed on, and words there and back. */
async function openRaw(): Promise<{ least(): Promise<number> } & AsyncDisposable> {
  const echo = new LineProcess(denoCommand(baselinePath("echo.ts")));
  const port = Number(await echo.until("port", (line) => line));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const random = () => crypto.getRandomValues(new Uint8Array(32));
  const [one, other] = [keyPairFromSeed(random()), keyPairFromSeed(random())];
  const side = (initiator: boolean) =>
    new HandshakeState({
      pattern: "XX",
      initiator,
      prologue: EMPTY,
      ephemeral: keyPairFromSeed(random()),
      static: initiator ? one : other,
    });
  const least = async () => {
    const fromMs = performance.now();
    const [dialler, listener] = [side(true), side(false)];
    listener.readMessage(dialler.writeMessage(EMPTY));
    dialler.readMessage(listener.writeMessage(EMPTY));
    listener.readMessage(dialler.writeMessage(EMPTY));
    dialler.split();
    listener.split();
    for (let trip = 0; trip < TRIPS; trip++) {
      await connection.write(bytes);
      for (let count = 0; count < bytes.length;) {
        count += await connection.read(bytes) ?? bytes.length;
      }
    }
    return performance.now() - fromMs;
  };
  const dispose = async () => {
    connection.close();
    await echo[Symbol.asyncDispose]();
  };
  return { least, [Symbol.asyncDispose]: dispose };
}
