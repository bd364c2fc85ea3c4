// deno-lint-ignore-file no-console -- a program of its own, and a part of `make bench`
/**
 * The codec beside the general encodings, on our own messages: nanoseconds for each, all measured in turn
 * in one run. The others come from `build/bench-deps` (`make bench-deps`); one that isn't there is said to
 * be missing. `--json` prints the same for machines.
 */

import process from "node:process";
import { createCodec } from "../../lib/wire/codec.ts";
import { MESH_MESSAGES, type MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import { bundleWith, MESH_SAMPLES } from "../wire/mesh_samples.ts";

/** One kind of work and what it cost, ns of wall and of CPU time for each: medians of the rounds. */
export interface CodecFigure {
  readonly message: string;
  readonly work: string;
  readonly codec: string;
  /** Bytes on the wire. */
  readonly bytes: number;
  readonly wallNs: number;
  readonly wallNsRange: readonly [number, number];
  readonly cpuNs: number;
}

/** A codec under test: `null` where its package isn't installed, and for a message it isn't made for. */
interface Candidate {
  readonly name: string;
  readonly open:
    | ((message: MeshMessage) => {
      readonly encode: () => Uint8Array;
      readonly decode: (bytes: Uint8Array) => unknown;
    } | null)
    | null;
}

const ROUNDS = 9;
const ROUND_CALLS = 10_000;
const WARM_UP_CALLS = 30_000;

const TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(5).slice(
  0,
  200,
);
const BUNDLE: MeshMessage = {
  type: "bundle",
  bundle: bundleWith(TEXT),
  claim: null,
  hop: 3,
  reason: "push",
};
const IHAVE = MESH_SAMPLES.find((sample) => sample.type === "ihave")!;

/** `message` without the bytes that `embedded` keeps beside a value: what a general encoding would carry. */
function content(message: MeshMessage): unknown {
  if (message.type !== "bundle") return message;
  const { header, signature, texts } = message.bundle;
  return {
    ...message,
    bundle: { header: header.value, signature, texts: texts.value },
  };
}

/** `value` with its ids as 32 bytes: smaller on the wire, but not what the program works with. */
function withRawIds(value: unknown): unknown {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) {
    return Uint8Array.fromHex(value);
  }
  if (Array.isArray(value)) return value.map(withRawIds);
  if (
    value === null || typeof value !== "object" || value instanceof Uint8Array
  ) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, withRawIds(part)]),
  );
}

type Module = Readonly<Record<string, CallableFunction>>;

/** The module at `path` in the packages of `make bench-deps`, `null` where it isn't installed. */
async function installed(path: string): Promise<Module | null> {
  const url = new URL(
    `../../build/bench-deps/node_modules/${path}`,
    import.meta.url,
  );
  try {
    return await import(url.href);
  } catch (error) {
    if (error instanceof TypeError) return null; // what `import` says of a missing file
    throw error;
  }
}

/** What `valibot` needs to know of a bundle to check as much as our codec does. */
function valibotBundle(v: Module): unknown {
  const number = v.pipe!(
    v.number!(),
    v.integer!(),
    v.minValue!(0),
    v.maxValue!(2 ** 53 - 1),
  );
  const id = v.pipe!(v.string!(), v.regex!(/^[0-9a-f]{64}$/));
  const signature = v.pipe!(
    v.instance!(Uint8Array),
    v.check!((s: Uint8Array) => s.length === 64),
  );
  const head = v.object!({
    author: id,
    incarnation: number,
    counter: number,
    time: number,
    id,
  });
  const header = v.object!({
    version: number,
    room: id,
    author: id,
    incarnation: number,
    kind: v.picklist!(["texts", "heads"]),
    counter: number,
    count: v.pipe!(v.number!(), v.integer!(), v.minValue!(0), v.maxValue!(256)),
    claim: id,
    previous: v.nullable!(id),
    heads: v.pipe!(v.array!(head), v.maxLength!(1_024)),
    time: number,
    sentAt: number,
    textsHash: id,
  });
  const texts = v.pipe!(
    v.array!(v.pipe!(v.string!(), v.maxLength!(65_536))),
    v.maxLength!(256),
  );
  return v.object!({
    type: v.literal!("bundle"),
    bundle: v.object!({ header, signature, texts }),
    claim: v.null!(),
    hop: v.pipe!(v.number!(), v.integer!(), v.minValue!(0), v.maxValue!(255)),
    reason: v.picklist!(["push", "graft", "range"]),
  });
}

async function candidates(): Promise<readonly Candidate[]> {
  const codec = createCodec(MESH_MESSAGES);
  const msgpackr = await installed("msgpackr/index.js");
  const cbor = await installed("cbor-x/index.js");
  const msgpack = await installed("@msgpack/msgpack/dist.esm/index.mjs");
  const valibot = await installed("valibot/dist/index.mjs");

  const shared = (change: (value: unknown) => unknown): Candidate["open"] =>
    msgpackr && ((message) => {
      const Packr = msgpackr.Packr as unknown as new (options: object) => {
        pack(value: unknown): Uint8Array;
        unpack(bytes: Uint8Array): unknown;
      };
      const packr = new Packr({ structures: [] });
      const value = change(content(message));
      return {
        encode: () => packr.pack(value),
        decode: (bytes) => packr.unpack(bytes),
      };
    });
  const general = (module: Module | null): Candidate["open"] =>
    module && ((message) => {
      const value = content(message);
      return {
        encode: () => module.encode!(value),
        decode: (bytes) => module.decode!(bytes),
      };
    });
  return [
    {
      name: "ours: decode and check",
      open: (message) => ({
        encode: () => codec.encode(message),
        decode: codec.decode,
      }),
    },
    { name: "msgpackr, shared structures", open: shared((value) => value) },
    {
      name: "msgpackr, shared structures, ids left as bytes",
      open: shared(withRawIds),
    },
    {
      name: "msgpackr, shared structures, checked by valibot",
      open: valibot && msgpackr && ((message) => {
        if (message.type !== "bundle") return null;
        const { encode, decode } = shared((value) => value)!(message)!;
        const form = valibotBundle(valibot);
        return {
          encode,
          decode: (bytes) => valibot.parse!(form, decode(bytes)),
        };
      }),
    },
    { name: "msgpackr", open: general(msgpackr) },
    { name: "cbor-x", open: general(cbor) },
    { name: "@msgpack/msgpack", open: general(msgpack) },
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

let kept: unknown;

/** Wall and CPU time of one call, ns. */
function timed(
  work: () => unknown,
): { readonly wallNs: number; readonly cpuNs: number } {
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  for (let call = 0; call < ROUND_CALLS; call++) kept = work();
  const { user, system } = process.cpuUsage(startCpu);
  const wallNs = (performance.now() - startMs) * 1e6 / ROUND_CALLS;
  return { wallNs, cpuNs: (user + system) * 1e3 / ROUND_CALLS };
}

/** All figures, and the names of the codecs that aren't installed. */
export async function measureCodecs(): Promise<{
  readonly figures: readonly CodecFigure[];
  readonly missing: readonly string[];
}> {
  const all = await candidates();
  const runs = all.flatMap(({ name, open }) =>
    open === null ? [] : [BUNDLE, IHAVE].flatMap((message) => {
      const opened = open(message);
      if (opened === null) return [];
      const { encode, decode } = opened;
      const bytes = encode().slice();
      const about = { message: message.type, codec: name, bytes: bytes.length };
      return [
        { ...about, work: "decode", call: () => decode(bytes) },
        { ...about, work: "encode", call: encode as () => unknown },
      ];
    })
  );
  for (const { call } of runs) {
    for (let n = 0; n < WARM_UP_CALLS; n++) kept = call();
  }
  const rounds = runs.map(() => [] as ReturnType<typeof timed>[]);
  for (let round = 0; round < ROUNDS; round++) {
    runs.forEach(({ call }, index) => rounds[index]!.push(timed(call)));
  }
  const figures = runs.map(({ message, codec, bytes, work }, index) => {
    const wall = rounds[index]!.map(({ wallNs }) => wallNs);
    return {
      message,
      work,
      codec,
      bytes,
      wallNs: median(wall),
      wallNsRange: [Math.min(...wall), Math.max(...wall)] as const,
      cpuNs: median(rounds[index]!.map(({ cpuNs }) => cpuNs)),
    };
  });
  return {
    figures,
    missing: all.filter(({ open }) => open === null).map(({ name }) => name),
  };
}

if (import.meta.main) {
  const { figures, missing } = await measureCodecs();
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify({ figures, missing }));
  } else {
    for (const message of [BUNDLE, IHAVE]) {
      for (const work of ["decode", "encode"]) {
        console.log(
          `${work} ${message.type}: ns of wall time (range), of CPU time; bytes`,
        );
        for (const figure of figures) {
          if (figure.message !== message.type || figure.work !== work) continue;
          const [low, high] = figure.wallNsRange.map((ns) => ns.toFixed(0));
          const { codec, wallNs, cpuNs, bytes } = figure;
          console.log(
            `  ${codec.padEnd(50)} ${wallNs.toFixed(0).padStart(6)} (${low}..${high})`.padEnd(76),
            cpuNs.toFixed(0).padStart(6),
            String(bytes).padStart(6),
          );
        }
      }
    }
    for (const codec of missing) {
      console.log(`${codec}: missing, install with \`make bench-deps\``);
    }
  }
  if (kept === undefined) Deno.exit(1);
}
