/** Parts of a call, each alone. */

import type { LinkId, PeerKey } from "../../../../lib/base/ids.ts";
import { UnknownMessages } from "../../../../lib/base/machine/unknown_messages.ts";
import {
  type CallLink,
  CallLinks,
  ClientCall,
} from "../../../../lib/protocols/directory/client_calls/client_call.ts";
import { ClientOutput } from "../../../../lib/protocols/directory/schema/client_output.ts";
import { BOB } from "../client_program.ts";
import { CALL } from "./calling_cases.ts";

export function linkOf(id: number, more: Partial<CallLink> = {}): CallLink {
  return {
    link: id as LinkId,
    peer: BOB,
    dialled: false,
    isRelayed: false,
    talk: null,
    begun: null,
    unknownMessages: new UnknownMessages(),
    ...more,
  };
}

interface CallOptions {
  readonly peer?: string;
  readonly phase?: "ringing" | "asked";
  readonly key?: PeerKey | null;
  readonly out?: ClientOutput;
}

/** A call with Bob. */
export function callWith(
  { peer = "bob", phase = "ringing", key = null, out = new ClientOutput() }: CallOptions = {},
): ClientCall {
  return new ClientCall(CALL.toHex(), peer, phase, 0, key, peer === "ann", new CallLinks(out));
}

/** Both want to talk: it is known where Bob is, and the sides dial. */
export function connectingCall(options: CallOptions = {}): ClientCall {
  const call = callWith({ key: BOB, ...options });
  if (call.phase === "asked") call.enter("accepted");
  call.enter("connecting");
  call.met = { key: BOB, endpoint: { host: "10.0.0.2", port: 5_000 }, mayRelay: true };
  return call;
}

/** They talk on this link; null: on none, as in a self-call. */
export function talkingCall(link: CallLink | null = linkOf(1), options: CallOptions = {}) {
  const call = connectingCall(options);
  call.enter("talking");
  call.link = link;
  return call;
}
