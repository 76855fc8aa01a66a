// The Docker engine as the tests use it: containers on networks of their own, processes in them whose lines are read as
// they come, and the removal of all that carries the tests' label.
import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { createHash, randomBytes } from 'node:crypto';
import { GenericContainer, getContainerRuntimeClient, PullPolicy, Wait } from 'testcontainers';

type BindMount = { readonly source: string; readonly target: string; readonly mode?: 'ro' | 'rw' };

type Dockerode = Awaited<ReturnType<typeof getContainerRuntimeClient>>['container']['dockerode'];

/** Marks what these tests make, with the checkout that made it: another one may be running its own beside it. */
export const LABEL: { readonly name: string; readonly value: string } = {
  name: 'heddle.test',
  value: createHash('sha256')
    .update(import.meta.dirname)
    .digest('hex')
    .slice(0, 12),
};
const START_TIMEOUT_MS = 120_000;

/** What is to run. */
export type ContainerOrder = {
  readonly image: string;
  readonly name: string;
  /** Name of the first network, `bridge`, `none`, or `container:ID` to share that container's. */
  readonly network: string;
  readonly command: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly mounts?: readonly BindMount[];
  /** Copied in. */
  readonly files?: readonly { readonly source: string; readonly target: string }[];
  readonly capabilities?: readonly string[];
  /** What it says when it is ready. */
  readonly says?: RegExp;
};

/** A running container. */
export type Container = AsyncDisposable & {
  readonly id: string;
  readonly name: string;
  /** Asks for it by SIGTERM and kills after `graceSeconds`, then starts it again. */
  restart(graceSeconds: number): Promise<void>;
  kill(signal?: string): Promise<void>;
  start(): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Its IPv4 address on a network. */
  addressOn(network: string): Promise<string>;
  logs(): Promise<string>;
  exec(command: readonly string[], onLine?: (line: string) => void): Promise<Finished>;
};

/** A process of a container that has ended. */
export type Finished = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A network without a way out. */
export type PathNetwork = AsyncDisposable & {
  readonly name: string;
  connect(container: Container, aliases?: readonly string[]): Promise<void>;
  disconnect(container: Container): Promise<void>;
};

/** A name that no other run has. */
export function uniqueName(what: string): string {
  return `heddle-test-${what}-${randomBytes(4).toString('hex')}`;
}

export async function startContainer(order: ContainerOrder): Promise<Container> {
  const builder = new GenericContainer(order.image)
    .withName(order.name)
    .withNetworkMode(order.network)
    .withCommand([...order.command])
    .withEnvironment({ ...order.environment })
    .withBindMounts([...(order.mounts ?? [])])
    .withCopyFilesToContainer((order.files ?? []).map((file) => ({ ...file, mode: 0o644 })))
    .withAddedCapabilities(...(order.capabilities ?? []))
    .withLabels({ [LABEL.name]: LABEL.value })
    .withPullPolicy(PullPolicy.neverPull())
    .withStartupTimeout(START_TIMEOUT_MS)
    .withWaitStrategy(order.says === undefined ? Wait.forLogMessage(/^/) : Wait.forLogMessage(order.says));
  if (order.entrypoint !== undefined) builder.withEntrypoint([...order.entrypoint]);
  const started = await builder.start();
  const container = (await dockerode()).getContainer(started.getId());
  return {
    id: started.getId(),
    name: order.name,
    restart: async (graceSeconds) => void (await container.restart({ t: graceSeconds })),
    kill: async (signal = 'SIGKILL') => void (await container.kill({ signal })),
    start: async () => void (await container.start()),
    pause: async () => void (await container.pause()),
    unpause: async () => void (await container.unpause()),
    addressOn: async (network) => {
      const { NetworkSettings } = await container.inspect();
      return NetworkSettings.Networks[network]?.IPAddress ?? '';
    },
    logs: async () => (await container.logs({ stdout: true, stderr: true, follow: false })).toString('utf8'),
    exec: (command, onLine) => exec(container, command, onLine),
    [Symbol.asyncDispose]: () => container.remove({ force: true, v: true }).then(noted, noted),
  };
}

/** A network of its own that leads nowhere else. */
export async function createNetwork(name: string): Promise<PathNetwork> {
  const network = await (await dockerode()).createNetwork({
    Name: name,
    Internal: true,
    Labels: { [LABEL.name]: LABEL.value },
  });
  return {
    name,
    connect: async ({ id }, aliases = []) =>
      void (await network.connect({ Container: id, EndpointConfig: { Aliases: [...aliases] } })),
    disconnect: async ({ id }) => void (await network.disconnect({ Container: id, Force: true })),
    [Symbol.asyncDispose]: () => network.remove().then(noted, noted),
  };
}

/** Everything that these tests left on the engine, now or in a run that was cut off. */
export async function removeLabelled(): Promise<void> {
  const engine = await dockerode();
  const filters = { label: [`${LABEL.name}=${LABEL.value}`] };
  for (const { Id } of await engine.listContainers({ all: true, filters })) {
    await engine.getContainer(Id).remove({ force: true, v: true }).then(noted, noted);
  }
  for (const { Id } of await engine.listNetworks({ filters })) {
    await engine.getNetwork(Id).remove().then(noted, noted);
  }
}

async function dockerode(): Promise<Dockerode> {
  return (await getContainerRuntimeClient()).container.dockerode;
}

async function exec(
  container: ReturnType<Dockerode['getContainer']>,
  command: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<Finished> {
  const process = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const stream = await process.start({ hijack: true, stdin: false });
  const out = new PassThrough();
  const err = new PassThrough();
  container.modem.demuxStream(stream, out, err);
  stream.once('close', () => {
    out.end();
    err.end();
  });
  const [stdout, stderr] = await Promise.all([linesOf(out, onLine), linesOf(err, () => {})]);
  const { ExitCode } = await process.inspect();
  return { code: ExitCode ?? -1, stdout, stderr };
}

async function linesOf(stream: PassThrough, onLine: (line: string) => void): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    lines.push(line);
    onLine(line);
  }
  return lines.join('\n');
}

/** What is gone already need not be removed. */
function noted(): void {}
