// What users of `heddle get` do wrong, and what they are told: a table.

/** Bytes of the object a.bin. */
export const SIZE = 3_000_000;

type Mistake = {
  readonly name: string;
  /** After `get`. $NAME stands for a value of the test's. */
  readonly args: string;
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
};

const ROOT = `sha256:${'0'.repeat(64)}`;

/** Each with placeholders, which the test fills in. */
export const MISTAKES: readonly Mistake[] = [
  {
    name: 'a key that is not there',
    args: 'b.bin -o $OUT --route r=$RELAY',
    exit: 5,
    code: 'object-not-found',
    says: /no object|r: object-not-found/,
  },
  { name: 'a key with ..', args: '../b.bin -o $OUT --route r=$RELAY', exit: 1, code: 'bad-request', says: /\.\./ },
  {
    name: 'relays that cannot be reached',
    args: 'a.bin -o $OUT --route r=$REFUSING --route s=$REFUSING_TOO',
    exit: 3,
    code: 'no-route',
    says: /r: unreachable: .*the connection is refused.*, s: unreachable: .*the connection is refused/,
  },
  {
    name: 'a local address that is not ours',
    args: 'a.bin -o $OUT --route r=$RELAY#local=192.0.2.77',
    exit: 3,
    code: 'no-route',
    says: /r: unreachable/,
  },
  {
    name: 'an upstream that the relay does not know',
    args: 'a.bin -o $OUT --route r=$UNKNOWN',
    exit: 3,
    code: 'no-route',
    says: /r: unknown-upstream/,
  },
  {
    name: 'a relay that speaks something else',
    args: 'a.bin -o $OUT --route r=$NONSENSE',
    exit: 3,
    code: 'no-route',
    says: /r: handshake-failed/,
  },
  {
    name: 'a web server',
    args: 'a.bin -o $OUT --route r=$PAGE',
    exit: 3,
    code: 'no-route',
    says: /r: handshake-failed/,
  },
  {
    name: 'an output in a folder that is not there',
    args: 'a.bin -o $OUTPUTS/nowhere/out.bin --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /nowhere/,
  },
  {
    name: 'an output that is a folder',
    args: 'a.bin -o $OUTPUTS/folder --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /folder is a directory/,
  },
  {
    name: 'an output whose .part is a folder',
    args: 'a.bin -o $OUTPUTS/taken --route r=$RELAY',
    exit: 6,
    code: 'local-io',
    says: /taken\.part/,
  },
  {
    name: 'a URL that is not one',
    args: 'a.bin -o $OUT --route r=nonsense',
    exit: 2,
    code: 'bad-configuration',
    says: /"nonsense" is not a URL/,
  },
  {
    name: 'a URL that is no route',
    args: 'a.bin -o $OUT --route r=ftp://127.0.0.1/',
    exit: 2,
    code: 'bad-configuration',
    says: /http and https/,
  },
  {
    name: 'a URL with a query',
    args: 'a.bin -o $OUT --route r=http://127.0.0.1/?a=b',
    exit: 2,
    code: 'bad-configuration',
    says: /no query/,
  },
  {
    name: 'a local address that is none',
    args: 'a.bin -o $OUT --route r=$RELAY#local=none0',
    exit: 2,
    code: 'bad-configuration',
    says: /none0/,
  },
  {
    name: 'a route without a name',
    args: 'a.bin -o $OUT --route $RELAY',
    exit: 1,
    code: 'usage',
    says: /NAME=BASEURL/,
  },
  {
    name: 'a route with an empty name',
    args: 'a.bin -o $OUT --route =$RELAY',
    exit: 1,
    code: 'usage',
    says: /NAME=BASEURL/,
  },
  {
    name: 'two routes of one name',
    args: 'a.bin -o $OUT --route r=$RELAY --route r=$RELAY',
    exit: 2,
    code: 'bad-configuration',
    says: /two routes have the name "r"/,
  },
  { name: 'no route', args: 'a.bin -o $OUT', exit: 2, code: 'bad-configuration', says: /no route is given/ },
  {
    name: 'a root that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --root sha256:12',
    exit: 2,
    code: 'bad-configuration',
    says: /"sha256:12" is no root/,
  },
  {
    name: 'the root of something else',
    args: `a.bin -o $OUT --route r=$RELAY --root ${ROOT}`,
    exit: 4,
    code: 'root-mismatch',
    says: /root-mismatch/,
  },
  {
    name: 'a range that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --range 5',
    exit: 1,
    code: 'usage',
    says: /A-B or A-/,
  },
  {
    name: 'a range from behind',
    args: 'a.bin -o $OUT --route r=$RELAY --range 9-5',
    exit: 1,
    code: 'usage',
    says: /9-5/,
  },
  {
    name: 'a range beyond the object',
    args: `a.bin -o $OUT --route r=$RELAY --range ${SIZE}-`,
    exit: 5,
    code: 'range-not-satisfiable',
    says: /3000000 bytes|range-not-satisfiable/,
  },
  {
    name: 'a range beyond the object, over two routes',
    args: `a.bin -o $OUT --route r=$RELAY --route s=$RELAY --range ${SIZE}-`,
    exit: 5,
    code: 'range-not-satisfiable',
    says: /3000000 bytes|range-not-satisfiable/,
  },
  {
    name: 'a segment size that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --segment 40000',
    exit: 2,
    code: 'bad-configuration',
    says: /40000/,
  },
  {
    name: 'a configuration that is not there',
    args: 'a.bin -o $OUT --config $FILES/missing.yaml',
    exit: 2,
    code: 'bad-configuration',
    says: /cannot read .*missing\.yaml/,
  },
  {
    name: 'a configuration that is not YAML',
    args: 'a.bin -o $OUT --config $FILES/not-yaml',
    exit: 2,
    code: 'bad-configuration',
    says: /not-yaml:3:\d+: /,
  },
  {
    name: 'a configuration with an unknown word',
    args: 'a.bin -o $OUT --config $FILES/unknown-word',
    exit: 2,
    code: 'bad-configuration',
    says: /unknown-word:3:5: "adress"/,
  },
  {
    name: 'a configuration without a URL',
    args: 'a.bin -o $OUT --config $FILES/no-url',
    exit: 2,
    code: 'bad-configuration',
    says: /no-url:2:\d+: .*"url"/,
  },
  {
    name: 'an empty configuration',
    args: 'a.bin -o $OUT --config $FILES/empty',
    exit: 2,
    code: 'bad-configuration',
    says: /empty/,
  },
  {
    name: 'a token file that is not there',
    args: 'a.bin -o $OUT --route r=$RELAY --token-file $FILES/none',
    exit: 2,
    code: 'bad-configuration',
    says: /cannot read .*none/,
  },
  {
    name: 'an origin key that is none',
    args: 'a.bin -o $OUT --route r=$RELAY --origin-key $FILES/bad-key',
    exit: 2,
    code: 'bad-configuration',
    says: /Ed25519/,
  },
  {
    name: 'a URL as the key, which is a mirror',
    args: 'http://127.0.0.1:1/a.bin -o $OUT --route r=$RELAY',
    exit: 1,
    code: 'usage',
    says: /URL/,
  },
  {
    name: 'an unknown option',
    args: 'a.bin -o $OUT --route r=$RELAY --colour',
    exit: 1,
    code: 'usage',
    says: /unknown option '--colour'/,
  },
  {
    name: 'a mistyped option',
    args: 'a.bin -o $OUT --route r=$RELAY --jsom',
    exit: 1,
    code: 'usage',
    says: /unknown option '--jsom'.*--json/,
  },
  { name: 'no key', args: '-o $OUT --route r=$RELAY', exit: 1, code: 'usage', says: /missing required argument 'key'/ },
  {
    name: 'a rate that is none',
    args: 'a.bin -o $OUT --max-rate quick --route r=$RELAY',
    exit: 1,
    code: 'usage',
    says: /--max-rate cannot be "quick"; write a rate such as/,
  },
  {
    name: 'two objects and one range',
    args: 'a.bin b.bin -o $OUT --range 0-9 --route r=$RELAY',
    exit: 1,
    code: 'usage',
    says: /--range is said of one object/,
  },
];
