import { Address4, Address6 } from "ip-address";

/**
 * A network as it is written: its own address and the length of its prefix.
 *
 * @param cidr as a user wrote it; an address alone is the network of that address
 * @returns undefined for what is no network. `canonical` has no bit set beyond the prefix, and IPv6 as RFC 5952 has it.
 */
export function parseNetwork(cidr: string): { canonical: string; prefixLength: number } | undefined {
  const Address = [Address4, Address6].find((version) => version.isValid(cidr));
  if (!Address) return undefined;
  const network = new Address(cidr);
  return {
    canonical: `${network.startAddress().correctForm()}/${network.subnetMask}`,
    prefixLength: network.subnetMask,
  };
}

/** Whether an address is in a network. Neither what is no address nor one of the other IP version is. */
export function isInNetwork(address: string, cidr: string): boolean {
  const Address = [Address4, Address6].find((version) => version.isValid(address) && version.isValid(cidr));
  return Address !== undefined && new Address(address).isInSubnet(new Address(cidr));
}

/** The first and the last address of a network, comparable with those of the same IP version. */
export function rangeOf(cidr: string): { version: 4 | 6; first: bigint; last: bigint } {
  const version = Address4.isValid(cidr) ? 4 : 6;
  const network = version === 4 ? new Address4(cidr) : new Address6(cidr);
  return { version, first: network.startAddress().bigInt(), last: network.endAddress().bigInt() };
}
