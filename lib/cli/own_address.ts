/** Which of this machine's addresses others should use. */

/** Link-local addresses need a zone that only this machine knows. */
const LINK_LOCAL = /^(169\.254\.|fe80:)/i;

/**
 * The first address of a network interface that others may reach, IPv4 before IPv6; `127.0.0.1` where this
 * machine has no network.
 */
export function addressOfThisMachine(): string {
  const outside = Deno.networkInterfaces().filter(({ address, name }) =>
    !LINK_LOCAL.test(address) && !/^(127\.|::1$)/.test(address) && !/^(docker|br-|veth)/.test(name)
  );
  const chosen = outside.find(({ family }) => family === "IPv4") ?? outside[0];
  return chosen?.address ?? "127.0.0.1";
}
