/** What a monitor is told of an engine, of which an instance's status says how it answers. */

import type { EngineAnswers } from "../../base/machine/engine_answers.ts";

export const SILENT_TEXT = "The engine doesn't answer";

/** Why nobody can come in, as far as the engine is the reason; null: it isn't. */
export function engineTrouble(engine: EngineAnswers | undefined): string | null {
  if (engine === undefined) return null;
  return engine.answers ? engine.trouble ?? null : SILENT_TEXT;
}

/** Whether it answers, and the instance can use it; null: there is none. */
export function engineUp(engine: EngineAnswers | undefined): 0 | 1 | null {
  if (engine === undefined) return null;
  return engineTrouble(engine) === null ? 1 : 0;
}
