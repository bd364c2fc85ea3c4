import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../../lib/base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../../../lib/base/ids.ts";
import {
  type DatagramMessage,
  DatagramPath,
} from "../../../../lib/protocols/directory/datagrams/datagram_path.ts";
import {
  ProvenAddress,
  transportOf,
} from "../../../../lib/protocols/sealed_datagram/keyed_path.ts";
import {
  DATAGRAM_TEXT_BYTES_MAX,
  NAME_BYTES_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";
import { HERE_PADDING_BYTES } from "../../../../lib/protocols/sealed_datagram/limits.ts";
import { CipherState } from "../../../../lib/protocols/noise/cipher_state.ts";
import { EMPTY, TAG_BYTES } from "../../../../lib/protocols/noise/primitives.ts";
import {
  SEALED_OFFSET,
  writeTransportHeader,
} from "../../../../lib/protocols/sealed_datagram/formats.ts";
import { DATAGRAM_BYTES_MAX } from "../../../../lib/protocols/sealed_datagram/limits.ts";
import { Random } from "../../../sim/random.ts";

const HERE: DatagramMessage = { type: "here", padding: new Uint8Array(HERE_PADDING_BYTES) };

function paths(): { directory: DatagramPath; client: DatagramPath } {
  const toClient = new Uint8Array(32).fill(1);
  const toDirectory = new Uint8Array(32).fill(2);
  return {
    directory: new DatagramPath(7, toClient, toDirectory),
    client: new DatagramPath(7, toDirectory, toClient),
  };
}

function opened(path: DatagramPath, bytes: Uint8Array) {
  const transport = transportOf(bytes);
  assert(transport !== null && transport.index === path.index);
  return path.open(transport);
}

function at(port: number): Endpoint {
  return { host: "10.0.0.9", port };
}

Deno.test("DatagramPath: messages arrive once, in any order, and the longest fits", () => {
  const { directory, client } = paths();
  const longest: DatagramMessage = {
    type: "told",
    number: Number.MAX_SAFE_INTEGER,
    after: Number.MAX_SAFE_INTEGER,
    from: "x".repeat(NAME_BYTES_MAX),
    sentAt: Number.MAX_SAFE_INTEGER,
    text: "x".repeat(DATAGRAM_TEXT_BYTES_MAX),
    key: "d".repeat(64) as PeerKey,
    own: Number.MAX_SAFE_INTEGER,
    signature: new Uint8Array(64),
    guest: false,
  };
  const short: DatagramMessage = { ...longest, number: 1, text: "short" };
  const sealed = [directory.seal(short), directory.seal(longest)];
  assert(sealed[1]!.length <= DATAGRAM_BYTES_MAX);

  assertEquals(opened(client, sealed[1]!), { message: longest, isNewest: true });
  assertEquals(opened(client, sealed[0]!), { message: short, isNewest: false });
  assertEquals(sealed.map((bytes) => opened(client, bytes)), [null, null]);
});

Deno.test("DatagramPath: what was changed, or goes the wrong way, is dropped, and the true one taken after it", () => {
  const { directory, client } = paths();
  const bytes = client.seal({ type: "got", through: 300 });
  for (let place = 5; place < bytes.length; place++) {
    const changed = bytes.slice();
    changed[place]! ^= 1;
    const transport = transportOf(changed);
    assertEquals(transport === null ? null : directory.open(transport), null);
  }
  assertEquals(opened(client, bytes), null, "each direction has its key");
  assertEquals(opened(directory, bytes)?.message, { type: "got", through: 300 });
  assertEquals(transportOf(bytes.subarray(0, 20)), null);
});

Deno.test("DatagramPath: an authentic message of a later version, or nonsense, is none and no error", () => {
  const { directory } = paths();
  const cipher = new CipherState(new Uint8Array(32).fill(2));
  for (const plain of ["7f00", "24", "ffff"].map((hex) => Uint8Array.fromHex(hex))) {
    const bytes = new Uint8Array(SEALED_OFFSET + plain.length + TAG_BYTES);
    writeTransportHeader(bytes, 7, cipher.counter);
    cipher.sealInto(bytes, SEALED_OFFSET, EMPTY, plain);
    assertEquals(opened(directory, bytes), { message: null, isNewest: true });
  }
});

/** The directory's side with a client whose datagrams come from wherever the test says. */
class Meeting {
  readonly client: DatagramPath;
  readonly address: ProvenAddress<DatagramPath>;
  readonly #directory: DatagramPath;
  /** Bytes that came from and went to each port. */
  readonly brought = new Map<number, number>();
  readonly sent = new Map<number, number>();

  constructor() {
    const { directory, client } = paths();
    const random = new Random(1);
    this.client = client;
    this.#directory = directory;
    this.address = new ProvenAddress(directory, (length) => random.bytes(length));
  }

  /** @returns What came back, opened by the client. */
  comes(bytes: Bytes, port: number): DatagramMessage | null {
    const heard = opened(this.#directory, bytes);
    assert(heard !== null);
    this.brought.set(port, (this.brought.get(port) ?? 0) + bytes.length);
    const answer = this.address.heard(at(port), bytes.length, heard);
    if (answer === null) return null;
    this.sent.set(port, (this.sent.get(port) ?? 0) + answer.length);
    return opened(this.client, answer)?.message ?? null;
  }

  says(message: DatagramMessage, port: number): DatagramMessage | null {
    return this.comes(this.client.seal(message), port);
  }

  proves(port: number): void {
    const prove = this.says(HERE, port);
    assert(prove?.type === "prove");
    assertEquals(this.says({ type: "proof", challenge: prove.challenge }, port), null);
  }
}

Deno.test("ProvenAddress: an address counts once it has sent back what it was sent", () => {
  const meeting = new Meeting();
  assertEquals(meeting.address.endpoint, null);

  const prove = meeting.says(HERE, 1);
  assert(prove?.type === "prove");
  assertEquals(meeting.address.endpoint, null);
  meeting.says({ type: "proof", challenge: new Uint8Array(8) }, 1);
  meeting.says({ type: "proof", challenge: prove.challenge }, 2);
  assertEquals(meeting.address.endpoint, null, "neither a guess nor a proof from elsewhere");
  meeting.proves(1);

  assertEquals(meeting.address.endpoint, at(1));
  assertEquals(meeting.says(HERE, 1), null, "it isn't asked again");
  assertEquals(meeting.says(HERE, 3)?.type, "prove");
  assertEquals(
    meeting.says({ type: "got", through: 1 }, 3),
    null,
    "what it brought isn't saved up",
  );
});

Deno.test("ProvenAddress: a client that moved is sent nothing but questions there until it has proved it", () => {
  const meeting = new Meeting();
  meeting.proves(1);
  meeting.says({ type: "got", through: 1 }, 2);

  assertEquals(meeting.address.endpoint, at(1));
  meeting.proves(2);
  assertEquals(meeting.address.endpoint, at(2));
});

Deno.test("ProvenAddress: a late datagram from an address before leads nowhere", () => {
  const meeting = new Meeting();
  const late = meeting.client.seal(HERE);
  meeting.proves(2);

  assertEquals(meeting.comes(late, 1), null);
  assertEquals(meeting.address.endpoint, at(2));
});

Deno.test("ProvenAddress: an unproved address never gets more bytes than it brought", () => {
  const meeting = new Meeting();
  const random = new Random(3);
  for (let round = 0; round < 2_000; round++) {
    const port = random.below(3);
    const message: DatagramMessage = random.chance(0.5)
      ? HERE
      : { type: "got", through: random.below(100) };
    meeting.says(message, port);
    for (const [to, bytes] of meeting.sent) assert(bytes <= (meeting.brought.get(to) ?? 0));
  }
  assert(meeting.sent.size === 3);
});
