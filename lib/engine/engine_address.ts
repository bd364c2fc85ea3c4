/** Where an engine is, as people write it: `etcd://HOST:PORT[,HOST:PORT...][/PREFIX]`, `etcds://` over TLS. */

import { endpointText } from "../base/ids.ts";
import { parseHost, parsePort } from "../base/text/endpoints.ts";

export interface EngineAddress {
  /** As it was written. */
  readonly text: string;
  /** The nodes, as `fetch` takes them: `http://10.0.0.1:2379`. */
  readonly nodes: readonly string[];
  readonly isSecure: boolean;
  /** What the keys of the directory or group begin with: ends in `/`. */
  readonly prefix: string;
}

/** etcd's own. */
const PORT_DEFAULT = 2_379;
/** As many as anybody runs: etcd advises seven at most. */
const NODES_MAX = 16;
const PREFIX_DEFAULT = "p2pchat";
/** Of a path of names: what people type, and no two spellings of which mean one place. */
const PREFIX = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/i;
const PREFIX_LENGTH_MAX = 100;

/** The address in `text`, or why there is none: part of a sentence. */
export function parseEngineAddress(text: string): EngineAddress | string {
  const [, scheme, rest = ""] = /^(etcds?):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) return "it begins with etcd:// or etcds://";
  const slash = rest.indexOf("/");
  const [hosts, path] = slash < 0 ? [rest, ""] : [rest.slice(0, slash), rest.slice(slash + 1)];
  const prefix = path.replace(/\/$/, "") || PREFIX_DEFAULT;
  if (hosts.includes("@")) return "a name and password belong to --engine-user";
  if (!PREFIX.test(prefix) || prefix.length > PREFIX_LENGTH_MAX) {
    return `behind the hosts stands at most a path of letters, digits and ._-, of ${PREFIX_LENGTH_MAX} characters`;
  }
  const written = hosts.split(",");
  if (written.length > NODES_MAX) return `there are at most ${NODES_MAX} nodes`;
  const isSecure = scheme === "etcds";
  const nodes: string[] = [];
  for (const one of written) {
    const endpoint = endpointIn(one);
    if (endpoint === null) return `"${one}" is no HOST or HOST:PORT`;
    nodes.push(`${isSecure ? "https" : "http"}://${endpoint}`);
  }
  return { text, nodes, isSecure, prefix: `${prefix}/` };
}

/** `HOST:PORT` with the brackets of URLs; null where it is none. */
function endpointIn(text: string): string | null {
  const [, hostText = "", portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  const host = hostText === "" ? null : parseHost(hostText);
  const port = portText === undefined ? PORT_DEFAULT : parsePort(portText);
  if (host === null || port === null) return null;
  return endpointText({ host, port });
}
