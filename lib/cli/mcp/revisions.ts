/** The revisions of the Model Context Protocol that are spoken, and how a request says of which it is. */

import { quotedStart } from "../../base/text/text.ts";
import { INVALID_PARAMS, isObject, type JsonObject, type RpcError, rpcError } from "./json_rpc.ts";

/** Revisions of which each request says so itself. */
export const MODERN = ["2026-07-28"] as const;
/** Those that `initialize` agrees on, the latest first. */
export const LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;
/** The only one in which a line may hold several messages. */
export const WITH_BATCHES = "2025-03-26";

/** Begins the protocol's own names in `_meta`. */
export const META = "io.modelcontextprotocol/";

const UNSUPPORTED_VERSION = -32_022;

export function metaOf({ _meta }: JsonObject): JsonObject {
  return isObject(_meta) ? _meta : {};
}

/**
 * What is wrong with a request that says of which revision it is; null: nothing.
 * @param version What it says.
 */
export function modernFault(version: unknown, params: JsonObject): RpcError | null {
  if (typeof version !== "string") {
    return rpcError(INVALID_PARAMS, `params._meta["${META}protocolVersion"] must be a string`);
  }
  if (!MODERN.some((known) => known === version)) {
    return {
      code: UNSUPPORTED_VERSION,
      message: `Revision ${quotedStart(version)} isn't spoken here`,
      data: { supported: [...MODERN, ...LEGACY], requested: version },
    };
  }
  if (isObject(metaOf(params)[`${META}clientCapabilities`])) return null;
  const text = `A request needs params._meta["${META}clientCapabilities"], an object`;
  return rpcError(INVALID_PARAMS, text);
}
