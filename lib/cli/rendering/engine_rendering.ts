/** How an engine answers, in lines of a status. */

import type { EngineAnswers, EngineNode } from "../../base/machine/engine_answers.ts";
import type { Line } from "./user_interface.ts";

/** @param what What is kept there. */
export function engineAnswersLines(
  what: string,
  { answers, answeredMs, tookMs, nodes }: EngineAnswers,
): readonly Line[] {
  const how = answers
    ? `It answers within ${tookMs} ms, last ${seconds(answeredMs)} ago`
    : `It hasn't answered for ${seconds(answeredMs)}`;
  return [
    [`${what} is kept in an engine. ${how}.`],
    ...nodes.map((node) => [`Its node ${node.address} ${nodeText(node)}.`]),
  ];
}

function nodeText({ answers, leads, tookMs, silentMs = 0, reason = "" }: EngineNode): string {
  if (!answers) return `hasn't answered for ${seconds(silentMs)}: ${reason}`;
  return `answers within ${tookMs} ms${leads === true ? ", and leads them" : ""}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
