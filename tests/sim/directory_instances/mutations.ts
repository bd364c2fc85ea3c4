/** What a directory of several instances, or its engine's client, might do wrong: each must be found. */

import type { Change, Outcome } from "../../../lib/engine/shared_store.ts";
import type { EngineMutation } from "../engine.ts";
import { type InstancesRun, runSignUps, runWoken } from "./run.ts";
import { PREFIX } from "./world.ts";

const ONLINE = `${PREFIX}online/`;
const MARKS = `${PREFIX}marks/`;

function isClaim({ puts }: Change): boolean {
  return puts.some(({ key, value }) => key.startsWith(ONLINE) && !JSON.parse(value).held);
}

export const MUTATIONS: readonly {
  /** Completes "a directory that". */
  readonly name: string;
  readonly mutation: EngineMutation;
  readonly finding: RegExp;
  /** What shows it, other than `runInstances`. */
  readonly run?: (run: InstancesRun) => unknown;
}[] = [
  {
    name: "takes a name whoever has it",
    mutation: {
      change: (change) =>
        isClaim(change)
          ? { ...change, when: change.when.filter(({ key }) => !key.startsWith(ONLINE)) }
          : change,
    },
    finding: /displaces|in are|is in, and the engine has/,
  },
  {
    name: "signs up whoever has the name",
    mutation: {
      change: (change) =>
        change.puts.some(({ key }) => key.startsWith(`${PREFIX}accounts/`))
          ? { ...change, when: change.when.filter(({ key }) => !key.startsWith(ONLINE)) }
          : change,
    },
    finding: /a guest, and of an account/,
    run: runSignUps,
  },
  {
    name: "frees a name although another session has it",
    mutation: {
      change: (change) =>
        change.deletes?.some((key) => key.startsWith(ONLINE)) === true
          ? { ...change, when: [] }
          : change,
    },
    finding: /its name is free|the engine has/,
  },
  {
    name: "takes what isn't known for done",
    mutation: {
      outcome: (outcome): Outcome =>
        outcome.outcome === "unknown"
          ? { outcome: "done", revision: Number.MAX_SAFE_INTEGER }
          : outcome,
    },
    finding: /is let in, and no other|the engine has|sees/,
  },
  {
    name: "says of all that they have what only some have",
    mutation: {
      change: (change) => ({
        ...change,
        puts: change.puts.map((put) =>
          put.key.startsWith(MARKS)
            ? { ...put, value: JSON.stringify({ ...JSON.parse(put.value), except: [] }) }
            : put
        ),
      }),
    },
    finding: /was never shown/,
  },
  {
    name: "numbers broadcasts without looking at the last number",
    mutation: {
      change: (change) => ({
        ...change,
        when: change.when.filter(({ key }) => key !== `${PREFIX}tell/last`),
      }),
    },
    finding: /was never shown|another order|was taken, and is lost/,
  },
  {
    name: "doesn't read anew what was compacted while it was cut off",
    mutation: { skipsCompacted: true },
    finding: /sees|in are|was never shown|the engine has|isn't rung/,
  },
  {
    name: "puts its sessions anew when it wakes, whoever has their names",
    mutation: {
      change: (change) =>
        isClaim(change) && change.when.length === 1 ? { ...change, when: [] } : change,
    },
    finding: /is said to be where it left|displaces/,
    run: runWoken,
  },
];
