// Whether an address belongs to the public Internet or to the network that this machine stands in. Behind names and
// behind IPv6 forms that carry an IPv4 address (mapped, NAT64, 6to4) it is the address reached that counts.
import { BlockList, isIP } from 'node:net';

/** Networks of IPv4 that no stranger on the Internet can mean (RFC 6890 and later). */
const NOT_PUBLIC_V4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** True for an address of the public Internet; false for every other, and for what is no address. */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare);
  if (family === 4) return isPublicV4(bare);
  return family === 6 && isPublicV6(groupsOf(bare));
}

function isPublicV4(address: string): boolean {
  const list = new BlockList();
  for (const [network, bits] of NOT_PUBLIC_V4) list.addSubnet(network, bits);
  return !list.check(address);
}

/** Public are the networks that were given out (2000::/3), and those that stand for a public IPv4 address. */
function isPublicV6(groups: readonly number[]): boolean {
  const [a = 0, b = 0, c = 0] = groups;
  const isZero = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0);
  if (isZero(0, 5) && groups[5] === 0xffff) return isPublicV4(v4At(groups, 6));
  if (a === 0x64 && b === 0xff9b) return isZero(2, 6) && isPublicV4(v4At(groups, 6));
  if (a === 0x2002) return isPublicV4(v4At(groups, 1));
  // documentation, Teredo (an IPv4 address in disguise), benchmarks
  if (a === 0x2001 && (b === 0xdb8 || b === 0 || (b === 2 && c === 0))) return false;
  return a >>> 13 === 1;
}

function v4At(groups: readonly number[], at: number): string {
  const [high = 0, low = 0] = groups.slice(at, at + 2);
  return [high >>> 8, high & 255, low >>> 8, low & 255].join('.');
}

/** The eight groups of an IPv6 address; URL writes every form alike. */
function groupsOf(address: string): number[] {
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = written.split('::');
  const numbers = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const [first, last] = [numbers(head), numbers(tail ?? '')];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}
