/** Why nodes of etcd don't answer, in words that one can act on. */

/** `error sending request for url (…): client error (Connect): …`: `fetch` says behind what it did why it failed. */
const FETCH_PREFIX = /^.*client error \(\w+\): /;

/** Of a node that runs, and can do nothing by itself. */
const LEADERLESS = "it runs, but has no leader: more than half of all nodes must";

export class NodeStates {
  /** Why the last request to each node wasn't answered; null: it was, or there was none. */
  readonly #troubles: Map<string, string | null>;
  /** Nodes that said last that they know no leader. */
  readonly #leaderless = new Set<string>();

  constructor(nodes: readonly string[]) {
    this.#troubles = new Map(nodes.map((node) => [node, null]));
  }

  answered(node: string): void {
    this.#troubles.set(node, null);
  }

  failed(node: string, trouble: string): void {
    this.#troubles.set(node, trouble);
  }

  /** What the node says of itself; null: nothing. */
  said(node: string, status: { readonly hasLeader: boolean } | null): void {
    if (status?.hasLeader !== false) this.#leaderless.delete(node);
    else this.#leaderless.add(node);
  }

  /**
   * Why no node answers, part of a sentence, that of each node that gave a reason: certificates first, which don't mend
   * themselves.
   */
  get troubles(): string {
    const nodesOf = new Map<string, string[]>();
    for (const [node, why] of this.#troubles) {
      const trouble = this.#leaderless.has(node) ? LEADERLESS : why;
      if (trouble === null) continue;
      nodesOf.set(trouble, [...nodesOf.get(trouble) ?? [], placeOf(node)]);
    }
    return [...nodesOf]
      .toSorted(([one], [other]) => Number(isOfTls(other)) - Number(isOfTls(one)))
      .map(([trouble, nodes]) => `${nodes.join(", ")}: ${trouble}`)
      .join("; ");
  }

  /** What to do about it. */
  get advice(): string {
    const isTls = [...this.#troubles.values()].some((trouble) => isOfTls(trouble ?? ""));
    return isTls
      ? "check the nodes' certificates, --engine-ca and --engine-cert"
      : "check that etcd runs there";
  }
}

/** A node as people write it: `10.0.0.1:2379`. */
export function placeOf(node: string): string {
  return node.replace(/^https?:\/\//, "");
}

/** Why `fetch` got nothing from a node, part of a sentence. */
export function fetchTrouble(error: unknown, node: string): string {
  if (error instanceof DOMException) return "doesn't answer"; // its `code` is none of gRPC's
  const cause = error instanceof Error ? error.cause ?? error : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const isClosed = node.startsWith("https:") &&
    /connection closed|reset by peer|broken pipe/.test(text);
  if (/Connection refused/.test(text)) return "nobody listens there (connection refused)";
  return tlsTrouble(text) ?? (isClosed ? CLOSED : text.replace(FETCH_PREFIX, ""));
}

/** By what rustls says, as it names the kind of an error (docs.rs/rustls: `CertificateError`, `AlertDescription`). */
const TLS_TROUBLES: readonly (readonly [RegExp, string])[] = [
  [
    /UnknownIssuer|BadSignature/,
    "its certificate isn't signed by one that is known here; give its authority's with --engine-ca",
  ],
  [/NotValidForName|not valid for name/i, "its certificate is another host's"],
  [/certificate: .*NotValidYet|not valid yet/i, "its certificate isn't valid yet"],
  [/certificate: .*Expired|certificate expired/i, "its certificate is over; make it a new one"],
  [/alert: CertificateExpired/, "it says that the certificate of --engine-cert is over"],
  [
    /alert: (CertificateRequired|NoCertificate)/,
    "it wants a certificate; give one with --engine-cert and --engine-key",
  ],
  [
    /alert: (BadCertificate|UnknownCA|CertificateUnknown|CertificateRevoked|UnsupportedCertificate|DecryptError|AccessDenied)/,
    "it doesn't take the certificate of --engine-cert",
  ],
  [/invalid peer certificate/, "its certificate doesn't fit"],
  [/InvalidContentType|corrupt message/, "it doesn't speak TLS; etcds:// is for nodes that do"],
];

/** The alert by which a node says why comes behind the handshake, and may be lost with the connection. */
const CLOSED =
  "it closes the connection: it may want a certificate, or doesn't take the one of --engine-cert";

function tlsTrouble(text: string): string | null {
  const found = TLS_TROUBLES.find(([said]) => said.test(text));
  if (found === undefined) return null;
  const [, said] = /(invalid peer certificate: .*|received fatal alert: \w+)/.exec(text) ?? [];
  return said === undefined ? found[1] : `${found[1]} (${said})`;
}

function isOfTls(trouble: string): boolean {
  return /certificate|TLS/.test(trouble);
}
