// A name server on a UDP port of the loopback that knows what a test tells it: A, AAAA and SRV records with times to live,
// names without records, failures, silence. Answers single questions, as resolvers ask them (RFC 1035, RFC 2782).
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A record as a test writes it. */
export type DnsRecord =
  | { readonly type: 'A'; readonly address: string; readonly ttl: number }
  | { readonly type: 'AAAA'; readonly address: string; readonly ttl: number }
  | {
      readonly type: 'SRV';
      readonly target: string;
      readonly port: number;
      readonly priority?: number;
      readonly weight?: number;
      readonly ttl: number;
    };

/** What is answered for a name: records (of all types), no records, or a failure; undefined: there is no such name. */
export type DnsAnswer = readonly DnsRecord[] | 'servfail' | 'silent' | undefined;

export type DnsServer = AsyncDisposable & {
  /** ADDRESS:PORT. */
  readonly address: string;
  readonly names: Map<string, DnsAnswer>;
  /** TYPE NAME of every question. */
  readonly asked: string[];
};

const TYPES: Readonly<Record<number, DnsRecord['type']>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const NO_SUCH_NAME = 3;

/** Starts it. */
export async function startDnsServer(names: Readonly<Record<string, DnsAnswer>> = {}): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const known = new Map(Object.entries(names));
  const asked: string[] = [];
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionIn(query);
    asked.push(`${TYPES[type] ?? type} ${name}`);
    const answer = known.get(name);
    if (answer === 'silent') return;
    const records = Array.isArray(answer)
      ? (answer as DnsRecord[]).filter((record) => record.type === TYPES[type])
      : [];
    const code = answer === 'servfail' ? SERVER_FAILURE : answer === undefined ? NO_SUCH_NAME : NO_ERROR;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | code, 2); // an answer, recursion asked for and available
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records.map(encoded)]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    names: known,
    asked,
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function questionIn(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function encoded(record: DnsRecord): Buffer {
  const data = dataOf(record);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(record.type === 'A' ? 1 : record.type === 'AAAA' ? 28 : 33, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function dataOf(record: DnsRecord): Buffer {
  if (record.type === 'A') return Buffer.from(record.address.split('.').map(Number));
  if (record.type === 'AAAA') {
    const [front = '', back] = record.address.split('::');
    const groups = (text: string): number[] =>
      text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
    const [first, last] = [groups(front), groups(back ?? '')];
    const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
    return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
  }
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(record.priority ?? 0, 0);
  numbers.writeUInt16BE(record.weight ?? 0, 2);
  numbers.writeUInt16BE(record.port, 4);
  const labels = record.target
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([numbers, ...labels, Buffer.from([0])]);
}
