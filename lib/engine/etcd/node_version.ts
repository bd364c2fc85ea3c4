/** Whether a node that doesn't know what it is asked is an etcd of before that. */

import { P2pchatError } from "../../base/errors.ts";
import { answerIn, type Json, Outage, textIn } from "./gateway_answers.ts";

/** The first one whose gateway has `/v3`. */
const FIRST = { major: 3, minor: 4 } as const;

/**
 * To be called where a path isn't there: every etcd tells its version at another one.
 * @param ask Asks the node for `/version`.
 * @throws {P2pchatError} `version` where it is too old. It is up to its operator: to ask again is of no use.
 */
export async function refuseOld(node: string, ask: () => Promise<Response>): Promise<void> {
  const version = await versionOf(ask);
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})\./.exec(version ?? "") ?? [];
  if (major === undefined) return; // it is something else
  const isOld = Number(major) < FIRST.major ||
    (Number(major) === FIRST.major && Number(minor) < FIRST.minor);
  if (!isOld) return;
  const { host } = new URL(node);
  throw new P2pchatError(
    "version",
    `Cannot use the engine: ${host} is etcd ${major}.${minor}, and ${FIRST.major}.${FIRST.minor} is the first that ` +
      "has what is needed; update it",
  );
}

async function versionOf(ask: () => Promise<Response>): Promise<string | null> {
  try {
    const answer: Json = await answerIn(await ask());
    return textIn(answer, "etcdserver");
  } catch (error) {
    if (error instanceof Outage) return null;
    throw error;
  }
}
