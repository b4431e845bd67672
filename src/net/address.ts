/** Socket addresses as users see them, and the checks on what they type. */
export interface SocketAddress {
  /** A literal IPv4 or IPv6 address; a link-local one carries its `%scope`. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}
