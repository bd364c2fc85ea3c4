/**
 * A router by UPnP (Internet Gateway Device, WANIPConnection:1 and :2, WANPPPConnection:1): its description, and what it
 * does. What is read of its XML are a few elements with plain text, by patterns: so nothing in it is expanded or fetched.
 */

import { parseHost } from "../../base/text/endpoints.ts";
import type { PortRequest, RouterAnswer } from "../../protocols/port_mapping/port_mapping_io.ts";
import { askByHttp, type HttpAnswer } from "./bounded_http.ts";

const DESCRIPTION_BYTES_MAX = 128 * 1_024;
const ANSWER_BYTES_MAX = 16 * 1_024;
const ANSWER_MS = 2_000;
/** A program that ends waits for this. */
const DROP_MS = 1_500;
/** Services in one description that are looked at. */
const SERVICES_MAX = 32;
const SERVICES = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/** What people find in their router's list. */
const DESCRIPTION = "p2pchat";

/** Error codes of the service (WANIPConnection:1, section 2.4.16). */
const TAKEN = 718;
/** What routers say to a lease that give ports for good alone: that its arguments are invalid, or that it failed, too. */
const ONLY_PERMANENT: readonly (number | null)[] = [725, 402, 501];
const NO_SUCH_ENTRY = 714;
const REFUSALS: Readonly<Record<number, string>> = {
  501: "it can't do that now",
  606: "giving ports is turned off in its settings, or not allowed to this machine",
  715: "it wants a certain machine to be named that may come in",
  724: "it gives a port only under its own number",
  728: "it has no more ports to give",
};

type Arguments = readonly (readonly [name: string, value: string | number])[];

export class GatewayDevice {
  private constructor(
    readonly host: string,
    private readonly control: URL,
    private readonly service: string,
  ) {}

  /** The device that is described there; null where that is no router that gives ports. */
  static async open(url: URL, signal: AbortSignal): Promise<GatewayDevice | null> {
    const described = await askByHttp({
      url,
      body: null,
      headers: [],
      bytesMax: DESCRIPTION_BYTES_MAX,
      ms: ANSWER_MS,
      signal,
    });
    if (described?.status !== 200) return null;
    const services = described.body.split(tag("service")).slice(1, 1 + SERVICES_MAX)
      .map((each) => each.split(tag("/service"), 1)[0]!);
    // UPnP Device Architecture 1.0, section 2.1.
    const named = URL.parse(element(described.body, "URLBase") ?? "");
    const base = named?.hostname === url.hostname ? named : url;
    for (const wanted of SERVICES) {
      const found = services.find((each) => element(each, "serviceType") === wanted);
      const path = found === undefined ? null : element(found, "controlURL");
      const control = path === null ? null : URL.parse(path, base.href);
      // A router that sends us to another machine is none.
      if (control?.protocol === "http:" && control.hostname === url.hostname) {
        return new GatewayDevice(url.hostname, control, wanted);
      }
    }
    return null;
  }

  /** @returns Null where it doesn't answer. */
  async map(
    request: PortRequest,
    leaseS: number,
    signal: AbortSignal,
  ): Promise<RouterAnswer | null> {
    const address = await this.#do("GetExternalIPAddress", [], signal);
    if (address === null) return null;
    if (address.status !== 200) return this.#refused(address);
    const host = element(address.body, "NewExternalIPAddress");
    const router = this.host;
    if (host === null || host === "" || host === "0.0.0.0") {
      return { kind: "failed", failure: { kind: "no-address", router } };
    }
    if (parseHost(host) !== host) return this.#nonsense();
    const { localHost } = address;
    let { leaseS: granted, answer } = await this.#add(request, leaseS, localHost, signal);
    if (
      answer !== null && errorIn(answer) === TAKEN && await this.#isOwn(request, localHost, signal)
    ) {
      // Some routers renew nothing.
      await this.drop(request);
      ({ leaseS: granted, answer } = await this.#add(request, leaseS, localHost, signal));
    }
    if (answer === null) return null;
    if (errorIn(answer) === TAKEN) return { kind: "taken", router };
    if (answer.status !== 200) return this.#refused(answer);
    const external = { host, port: request.external };
    return { kind: "mapped", by: "UPnP", router, external, leaseS: granted };
  }

  /** @returns Whether it has said that the mapping is gone. */
  async drop(request: PortRequest): Promise<boolean> {
    const answer = await this.#do("DeletePortMapping", named(request), null);
    return answer !== null && (answer.status === 200 || errorIn(answer) === NO_SUCH_ENTRY);
  }

  /** Whether the port leads to this program already: it did before a kill, or does still. */
  async #isOwn(request: PortRequest, localHost: string, signal: AbortSignal): Promise<boolean> {
    const entry = await this.#do("GetSpecificPortMappingEntry", named(request), signal);
    return entry?.status === 200 && element(entry.body, "NewInternalClient") === localHost &&
      element(entry.body, "NewInternalPort") === String(request.internal);
  }

  async #add(request: PortRequest, leaseS: number, localHost: string, signal: AbortSignal) {
    const add = (lease: number) =>
      this.#do("AddPortMapping", [
        ...named(request),
        ["NewInternalPort", request.internal],
        ["NewInternalClient", localHost],
        ["NewEnabled", 1],
        ["NewPortMappingDescription", DESCRIPTION],
        ["NewLeaseDuration", lease],
      ], signal);
    const answer = await add(leaseS);
    if (answer === null || !ONLY_PERMANENT.includes(errorIn(answer))) return { leaseS, answer };
    return { leaseS: 0, answer: await add(0) };
  }

  #do(action: string, given: Arguments, signal: AbortSignal | null): Promise<HttpAnswer | null> {
    const inner = given.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
    const body = `<?xml version="1.0"?>\r\n` +
      `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
      `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>` +
      `<u:${action} xmlns:u="${this.service}">${inner}</u:${action}></s:Body></s:Envelope>\r\n`;
    const headers = [
      ["Content-Type", 'text/xml; charset="utf-8"'],
      ["SOAPAction", `"${this.service}#${action}"`],
    ] as const;
    // Who only wants to be rid of a port waits less.
    const wait = signal === null ? { ms: DROP_MS } : { ms: ANSWER_MS, signal };
    return askByHttp({ url: this.control, body, headers, bytesMax: ANSWER_BYTES_MAX, ...wait });
  }

  #refused(answer: HttpAnswer): RouterAnswer {
    const code = errorIn(answer);
    if (code === null) return this.#nonsense();
    const text = REFUSALS[code] ?? `it answers with the code ${code}`;
    return { kind: "failed", failure: { kind: "refused", router: this.host, text } };
  }

  #nonsense(): RouterAnswer {
    const text = "its answer by UPnP isn't one";
    return { kind: "failed", failure: { kind: "nonsense", router: this.host, text } };
  }
}

function named({ transport, external }: PortRequest): Arguments {
  return [
    ["NewRemoteHost", ""],
    ["NewExternalPort", external],
    ["NewProtocol", transport.toUpperCase()],
  ];
}

/** The text of the first element of this name that has no other elements in it; null where there is none. */
function element(xml: string, name: string): string | null {
  const [, text = null] = xml.match(`${tag(name).source}([^<]*)${tag(`/${name}`).source}`) ?? [];
  return text?.trim().replaceAll("&amp;", "&") ?? null;
}

/** A tag of this name, in any namespace, with any attributes. */
function tag(name: string): RegExp {
  return new RegExp(`<${name.replace(/^\/?/, "$&(?:[\\w.-]+:)?")}(?:\\s[^<>]*)?>`);
}

function errorIn({ status, body }: HttpAnswer): number | null {
  const code = status === 200 ? null : element(body, "errorCode");
  return code !== null && /^\d{1,4}$/.test(code) ? Number(code) : null;
}
