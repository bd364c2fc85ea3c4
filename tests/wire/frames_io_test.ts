/**
 * What programs of this wire version send each other: a frame of each message, as it was when the version began. A
 * program that reads or writes one of them otherwise is of another version, and must say so.
 *
 * `UPDATE=1` writes the file anew: after the version was raised; or without that, where all that changed are messages
 * that were added, and fields at the end of a message or of a structure within one, which other programs of the version
 * ignore.
 */

import { assertEquals } from "@std/assert";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { CHANNEL_VERSION } from "../../lib/protocols/noise/preface.ts";
import { FrameReader } from "../../lib/wire/frame.ts";
import { frameOf } from "./frame_of.ts";
import { PROTOCOLS, type SampledProtocol } from "./protocols.ts";

const FILE = new URL("../samples/frames.txt", import.meta.url);
const UPDATING = "UPDATE=1 deno test -A tests/wire/frames_io_test.ts";
const WAY_OUT =
  "programs that are in use read and write it as it stands in tests/samples/frames.txt: " +
  "change it back, or raise CHANNEL_VERSION (lib/protocols/noise/preface.ts), which parts them from " +
  "this one (a `trailing` field that is added needs neither); then write the file anew " +
  `(${UPDATING})`;

/** Frames in hexadecimal digits, by protocol and message. */
type Frames = ReadonlyMap<string, string>;

function framesNow(): Frames {
  return new Map(
    PROTOCOLS.flatMap(({ name, samples }) =>
      samples.map(({ sample: { type }, bytes }) =>
        [`${name} ${type}`, frameOf(bytes).toHex()] as const
      )
    ),
  );
}

function framesOf(text: string): { readonly version: number; readonly frames: Frames } {
  const [version = "", ...lines] = text.trimEnd().split("\n");
  const frames = lines.map((line) => {
    const [protocol, type, hex = ""] = line.split(" ");
    return [`${protocol} ${type}`, hex] as const;
  });
  return { version: Number(version.split(" ")[1]), frames: new Map(frames) };
}

/** That other programs of the version read `now` as what they know: at its end, or within it, it has grown at most. */
function checkKnownAs(name: string, before: string, now: string): void {
  const [codec, sample] = sampleOf(now);
  const body = 2 * 4; // behind its length
  if (now.slice(body).startsWith(before.slice(body))) return;
  assertEquals(valuesIn(messageIn(before, codec)), valuesIn(sample), `${name}: ${WAY_OUT}`);
}

/** Without the very bytes that signed structures came as. */
function valuesIn(message: unknown): string {
  return JSON.stringify(
    message,
    (_, it) => it?.value !== undefined && it.bytes !== undefined ? it.value : it,
  );
}

/** The sample that is written so. */
function sampleOf(hex: string): readonly [SampledProtocol["codec"], unknown] {
  for (const { codec, samples } of PROTOCOLS) {
    const found = samples.find(({ bytes }) => frameOf(bytes).toHex() === hex);
    if (found !== undefined) return [codec, found.sample];
  }
  throw new Error("no sample is written so");
}

function update(): void {
  const { version, frames } = framesOf(Deno.readTextFileSync(FILE));
  const now = framesNow();
  for (const [name, before] of frames) {
    if (version === CHANNEL_VERSION) checkKnownAs(name, before, now.get(name)!);
  }
  const lines = [...now].map(([name, hex]) => `${name} ${hex}`);
  Deno.writeTextFileSync(FILE, [`version ${CHANNEL_VERSION}`, ...lines, ""].join("\n"));
}

if (Deno.env.get("UPDATE") === "1") update();
const { version, frames } = framesOf(Deno.readTextFileSync(FILE));

Deno.test("the frames that are kept are those of the wire's version", () => {
  assertEquals(
    version,
    CHANNEL_VERSION,
    `the wire has another version: write them anew (${UPDATING})`,
  );
  const now = [...framesNow().keys()];
  const gone = [...frames.keys()].filter((name) => !now.includes(name));
  assertEquals(gone, [], `${gone}: ${WAY_OUT}`);
  assertEquals([...frames.keys()], now, `a message was added: write them anew (${UPDATING})`);
});

/** What is read of a frame: its message, or why it is none. */
function messageIn(hex = "", codec: SampledProtocol["codec"]): unknown {
  const reader = new FrameReader();
  reader.push(Uint8Array.fromHex(hex));
  const body = reader.next();
  if (body === null) return "no frame";
  try {
    return codec.decode(body);
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return error.message;
  }
}

for (const { name, codec, samples } of PROTOCOLS) {
  Deno.test(`messages of ${name} are read as ever`, () => {
    for (const { sample } of samples) {
      const seen = messageIn(frames.get(`${name} ${sample.type}`), codec);
      assertEquals(seen, sample, `${name} ${sample.type} is read otherwise: ${WAY_OUT}`);
    }
  });

  Deno.test(`messages of ${name} are written as ever`, () => {
    for (const { sample: { type }, bytes } of samples) {
      const why = `${name} ${type} is written otherwise: ${WAY_OUT}`;
      assertEquals(frameOf(bytes).toHex(), frames.get(`${name} ${type}`), why);
    }
  });
}
