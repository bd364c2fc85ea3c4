/** The answer to a client's `/status`. */

import { fingerprintOf } from "../../base/fingerprint.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { ClientCall } from "./client_call.ts";
import type { ClientEvent, SessionState } from "./events.ts";

interface Standing {
  readonly name: string;
  readonly key: PeerKey;
  readonly registry: string;
  readonly session: SessionState;
  /** Whether the directory isn't dialled any more. */
  readonly isOut: boolean;
  /** Whether the user will be asked how to come in, after the present call. */
  readonly isDisowned: boolean;
  readonly guest: boolean;
  /** Why the last dial of the directory failed. */
  readonly failure: string | null;
  readonly call: ClientCall | null;
  readonly online: number;
  readonly asked: number;
  readonly isDiskFull: boolean;
  readonly nowMs: number;
}

type Status = Extract<ClientEvent, { readonly event: "status" }>;

export function statusView(standing: Standing): ClientEvent {
  const { name, key, registry, session, guest, call, online, asked, nowMs } = standing;
  return {
    event: "status",
    name,
    key: fingerprintOf(key),
    registry,
    session,
    guest,
    call: call === null ? null : callView(call, nowMs),
    roundTripMs: null,
    online,
    unsent: (call?.lines.size ?? 0) + asked,
    problems: problemsOf(standing),
  };
}

function callView(call: ClientCall, nowMs: number): Status["call"] {
  const { shownId, peer, route, isTalking } = call;
  const state = isTalking
    ? "connected"
    : call.phase === "ringing" || call.phase === "asked"
    ? "ringing"
    : "connecting";
  const sinceMs = Math.round(nowMs - (isTalking ? call.talkingSinceMs : call.sinceMs));
  return { call: shownId, peer, state, route, sinceMs, roundTripMs: null };
}

function problemsOf(standing: Standing): readonly string[] {
  const { session, isOut, isDisowned, failure, isDiskFull, call } = standing;
  const problems: string[] = [];
  if (session === "replaced") {
    problems.push("You have logged in elsewhere: this program ends when the call is over");
  } else if (isOut) {
    problems.push("The directory lets you in no more: this program ends with the call");
  } else if (isDisowned) {
    problems.push("You aren't in the directory: after the call you are asked how to come in");
  } else if (session === "down") {
    const because = failure === null ? "" : `: ${failure}`;
    problems.push(`You aren't in the directory${because}; it is tried again and again`);
  }
  if (isDiskFull) {
    problems.push("Cannot write to the disk; broadcasts are shown once they can be stored");
  }
  if (call?.isCongested) problems.push(`${call.peer} takes in nothing at the moment`);
  return problems;
}
