import { invariant } from "../../base/invariant.ts";

/** Each phase of a process in a mesh: what it means, and which ones may follow. */
export const MESH_PHASES = {
  idle: { about: "not started", next: ["opening", "coming-in", "stopped"] },
  opening: {
    about:
      "a room's records are being read: its own room, created or resumed, or the one that admitted it",
    next: ["coming-in", "in", "stopped"],
  },
  "coming-in": {
    about: "members are dialled, and the first that answers is asked to admit it",
    next: ["opening", "in", "stopped"],
  },
  in: { about: "a member of the room", next: ["leaving", "stopped"] },
  leaving: {
    about: "its last messages still go out, 10 s at most; then it says that it quits",
    next: ["parting", "stopped"],
  },
  parting: {
    about:
      "its neighbours read that it has quit, half a second at most; it heeds only other members' quitting",
    next: ["stopped"],
  },
  stopped: { about: "links are closed, nothing happens any more", next: [] },
} as const;
export type MeshPhase = keyof typeof MESH_PHASES;

/** @throws Where `next` can't follow `present`. */
export function checkPhaseChange(present: MeshPhase, next: MeshPhase): void {
  const allowed: readonly MeshPhase[] = MESH_PHASES[present].next;
  invariant(
    allowed.includes(next),
    `a mesh goes from ${present} to ${allowed.join(" or ")}, not to ${next}`,
  );
}
