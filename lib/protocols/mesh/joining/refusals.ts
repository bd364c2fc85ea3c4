/** Why a member that was dialled or asked hasn't admitted us, and whether it may yet. */

import type { JoinFailure } from "./room_setup.ts";
import type { DialFailureReason } from "../schema/mesh_io.ts";

export interface Refusal extends Pick<JoinFailure, "reason" | "text"> {
  /** Whether it may yet admit us. */
  readonly again: boolean;
}

/** Another process of this profile answers, or this one. */
export const MET_SELF: Refusal = {
  reason: "self",
  text: "this very profile answers there",
  again: false,
};

/** Refusals by one member that say nothing about the others. */
const OF_ONE_MEMBER = [
  "wrong-room",
  "timeout",
  "unreachable",
  "protocol",
  "bad-credentials",
  "full",
  "too-fast",
] as const;
export type OfOneMember = typeof OF_ONE_MEMBER[number];

/** Whether another member may admit us all the same. */
export function isOfOneMember(code: string): code is OfOneMember {
  return OF_ONE_MEMBER.some((known) => known === code);
}

/** The refusal of a member that was asked. */
export function refusalOf(reason: OfOneMember, text: string): Refusal {
  switch (reason) {
    case "unreachable": // there was a crowd perhaps, or the member is gone
      return { reason, text: "the member closed the connection", again: true };
    case "too-fast":
      return { reason, text: "it admits no more newcomers at the moment", again: true };
    default:
      return { reason, text, again: false };
  }
}

/** The link to the member broke before it could be asked. */
export const LINK_BROKE: Refusal = {
  reason: "unreachable",
  text: "the connection to it broke",
  again: false,
};

/** The refusal for a member that was dialled in vain. */
export function failedDial(reason: DialFailureReason, text: string): Refusal {
  return { reason, text, again: reason === "full" };
}
