/** Every protocol with its messages bound to its codec: a sample of each, and the bytes that it has. */

import type { Fields, MessageOf, MessageSpec } from "../../lib/base/schema/schema.ts";
import { DIRECTORY_MESSAGES } from "../../lib/protocols/directory/schema/messages.ts";
import { FRIENDS_MESSAGES } from "../../lib/protocols/friends/messages.ts";
import { GROUP_DATAGRAMS } from "../../lib/protocols/group/schema/datagram_messages.ts";
import { GROUP_MESSAGES } from "../../lib/protocols/group/schema/messages.ts";
import { MEETING_MESSAGES } from "../../lib/protocols/meeting_point/messages.ts";
import { MESH_MESSAGES } from "../../lib/protocols/mesh/schema/messages.ts";
import { TRANSFER_MESSAGES } from "../../lib/protocols/transfer/messages.ts";
import { WORDS_MESSAGES } from "../../lib/protocols/words/messages.ts";
import { createCodec, type MessageCodec } from "../../lib/wire/codec.ts";
import { DIRECTORY_SAMPLES } from "./directory_samples.ts";
import { FRIENDS_SAMPLES } from "./friends_samples.ts";
import { GROUP_DATAGRAM_SAMPLES, GROUP_SAMPLES } from "./group_samples.ts";
import { MEETING_SAMPLES } from "./meeting_samples.ts";
import { MESH_SAMPLES } from "./mesh_samples.ts";
import { TRANSFER_SAMPLES } from "./transfer_samples.ts";
import { WORDS_SAMPLES } from "./words_samples.ts";

interface Named {
  readonly type: string;
}

export interface SampledProtocol {
  readonly name: string;
  readonly specs: readonly MessageSpec<string, Fields>[];
  readonly codec: MessageCodec<Named>;
  /** In the order of their codes. */
  readonly samples: readonly { readonly sample: Named; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

function sampled<const Specs extends SampledProtocol["specs"]>(
  name: string,
  specs: Specs,
  samples: readonly MessageOf<Specs[number]>[],
): SampledProtocol {
  const codec = createCodec(specs);
  const encoded = samples.map((sample) => ({ sample, bytes: codec.encode(sample).slice() }));
  return { name, specs, codec, samples: encoded };
}

export const PROTOCOLS: readonly SampledProtocol[] = [
  sampled("mesh", MESH_MESSAGES, MESH_SAMPLES),
  sampled("friends", FRIENDS_MESSAGES, FRIENDS_SAMPLES),
  sampled("group", GROUP_MESSAGES, GROUP_SAMPLES),
  sampled("group-datagram", GROUP_DATAGRAMS, GROUP_DATAGRAM_SAMPLES),
  sampled("directory", DIRECTORY_MESSAGES, DIRECTORY_SAMPLES),
  sampled("transfer", TRANSFER_MESSAGES, TRANSFER_SAMPLES),
  sampled("words", WORDS_MESSAGES, WORDS_SAMPLES),
  sampled("meeting", MEETING_MESSAGES, MEETING_SAMPLES),
];
