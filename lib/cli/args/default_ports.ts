/** Ports that are used where none is given. */

/** A room's, TCP. */
export const MESH_PORT_DEFAULT = 55_107;
/** A coordinator's, TCP. */
export const SERVE_PORT_DEFAULT = 6_000;
/** Of a group's members, UDP: the first free one of these. */
export const MEMBER_PORTS = { first: 9_000, last: 9_256 } as const;
/** A directory's, TCP and UDP. */
export const REGSERVER_PORT_DEFAULT = 4_400;
