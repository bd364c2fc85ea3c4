/** What people are told of a port that the router was asked for. */

import { type Endpoint, endpointText } from "../../base/ids.ts";
import type { MappingFailure, MappingNews } from "../../protocols/port_mapping/port_mapping_io.ts";

interface MappingText {
  readonly text: string;
  readonly warning?: true;
}

/** Where the news are about. */
interface MappingPlace {
  /** The port of this machine. */
  readonly port: number;
  /** Whether a meeting point would help, and none is used. */
  readonly mayMeet: boolean;
  /** The command with which others come in at an address. */
  joinedBy(external: Endpoint): string | null;
}

/** The way out where the router can't be asked. */
function byHand({ port, mayMeet }: MappingPlace): string {
  return `forward port ${port} in its settings by hand, and start with --advertise` +
    meetInstead(mayMeet);
}

function meetInstead(mayMeet: boolean): string {
  return mayMeet ? "; or start with --meet, and others reach you through a meeting point" : "";
}

export function mappingText(news: MappingNews, place: MappingPlace): MappingText {
  const { joinedBy, mayMeet } = place;
  switch (news.kind) {
    case "mapped": {
      const { router, by, external, isPermanent } = news;
      const lease = isPermanent
        ? '. It knows no leases: should this program be killed, delete "p2pchat" in its settings'
        : "";
      return {
        text: `The router at ${router} (${by}) passes ${endpointText(external)} on to you. ` +
          `Others are told this address once somebody has come in by it${lease}`,
      };
    }
    case "proven": {
      const command = joinedBy(news.external);
      const how = command === null ? "" : `: ${command}`;
      const address = endpointText(news.external);
      return { text: `Others reach you at ${address} from the internet, as was tried${how}` };
    }
    case "unproven":
      return {
        text: `Nobody has come in by ${endpointText(news.external)} yet, so others aren't told ` +
          "that address: whoever is elsewhere can try it",
      };
    case "failed":
      return { text: `${failureText(news.failure, place)}. It is asked again`, warning: true };
    case "all-taken":
      return {
        text: `The router at ${news.router} has given its ports to other programs, as far as ` +
          `they were tried; it is asked again${meetInstead(mayMeet)}`,
        warning: true,
      };
    case "behind-another":
      return {
        text:
          `The router at ${news.router} gives a port, but has the address ${news.host} itself, ` +
          "which the internet doesn't know: there is another router behind it, a second one of " +
          "yours or your provider's. Forward the port there, too, or ask the provider for an " +
          `address of your own${meetInstead(mayMeet)}`,
        warning: true,
      };
    case "not-needed":
      return {
        text: `--map-port isn't needed here: this machine has the address ${news.host} itself`,
      };
    case "changed":
      return {
        text: `The router passes ${endpointText(news.external)} on to you now, no longer ` +
          `${endpointText(news.before)}. Others are told once somebody has come in by it`,
        warning: true,
      };
    case "lost":
      return {
        text: `${endpointText(news.before)} no longer leads to you. ` +
          `${failureText(news.failure, place)}. It is asked again`,
        warning: true,
      };
    case "left":
      return {
        text:
          `The router hasn't confirmed that it no longer passes ${
            endpointText(news.external)
          } on; ` +
          (news.isPermanent
            ? 'delete "p2pchat" in its settings'
            : "it ends by itself within 20 min"),
        warning: true,
      };
  }
}

/** A sentence without its end. */
function failureText(failure: MappingFailure, place: MappingPlace): string {
  switch (failure.kind) {
    case "no-router":
      return "No router on this network gives ports when asked by NAT-PMP or UPnP: turn one of " +
        `them on in its settings, or ${byHand(place)}`;
    case "no-address":
      return `The router at ${failure.router} has no address on the internet: it may be offline`;
    case "refused":
      return `The router at ${failure.router} gives no port, as ${failure.text}: allow it, or ` +
        byHand(place);
    case "nonsense":
      return `What answers as a router at ${failure.router} isn't to be trusted, as ` +
        `${failure.text}: ${byHand(place)}`;
  }
}
