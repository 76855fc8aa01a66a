// The processes of one chaos run: an origin, a relay and a shaped link for each route, and between them whoever lies.
// Knows how each fault is done; when is the run's business.
import { execFileSync } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { startLink } from '../../client/demo/link-shaper.ts';
import type { ShapedLink } from '../../client/demo/link-shaper.ts';
import { GrowingTree } from '../../client/io/file-root.ts';
import { LEAF_BYTES } from '../../protocol/limits.ts';
import { formatRoot } from '../../protocol/manifest.ts';
import { startRewriting } from '../support/false-relay.ts';
import { objectBytes } from '../support/object-bytes.ts';
import { processorWaitMs } from '../support/processor-wait.ts';
import type { Program } from '../support/program.ts';
import { startOriginProgram, startRelayProgram } from '../support/servers.ts';
import type { ServerProgram } from '../support/servers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { rewritesOf } from './lies.ts';
import type { Fault, Plan } from './plan.ts';
import { WallClocks } from './wall-clocks.ts';

const KEY = 'a.bin';

type Way = { relay: ServerProgram; readonly link: ShapedLink; readonly argument: string };

/** Everything but the client. */
export class Stage {
  readonly folder: TemporaryFolder;
  readonly key: string = KEY;
  /** What the object was, and is: the last is what is served now. */
  readonly versions: Buffer[];
  readonly clocks: WallClocks;
  readonly #plan: Plan;
  readonly #scope: AsyncDisposableStack;
  readonly #ways: Way[] = [];
  /** Every server that was ever started, and whether it was ended on purpose. */
  readonly #servers: { readonly name: string; readonly program: Program; killed: boolean }[] = [];
  #origin: ServerProgram | undefined;
  #originPort = 0;

  private constructor(plan: Plan, folder: TemporaryFolder, scope: AsyncDisposableStack) {
    this.#plan = plan;
    this.folder = folder;
    this.#scope = scope;
    this.clocks = new WallClocks(folder);
    this.versions = [objectBytes(plan.bytes, plan.seed)];
  }

  static async start(plan: Plan): Promise<Stage> {
    await using scope = new AsyncDisposableStack();
    const folder = scope.use(await temporaryFolder());
    const stage = new Stage(plan, folder, scope.move());
    await mkdir(folder.file('objects'));
    await writeFile(folder.file(`objects/${KEY}`), stage.versions[0] ?? '');
    await stage.#startOrigin();
    for (const route of plan.routes) await stage.#startWay(route);
    return stage;
  }

  /** The root of what is served now. */
  get root(): string {
    const tree = new GrowingTree();
    const bytes = this.versions.at(-1) ?? Buffer.of();
    for (let at = 0; at < bytes.length; at += LEAF_BYTES) tree.add(bytes.subarray(at, at + LEAF_BYTES));
    return formatRoot(tree.root());
  }

  /** `--route NAME=URL …` */
  get routes(): string[] {
    return this.#ways.flatMap(({ argument }) => ['--route', argument]);
  }

  /** Does it. */
  async strike(fault: Fault, client: Program): Promise<void> {
    const way = 'route' in fault ? this.#ways[fault.route] : undefined;
    switch (fault.type) {
      case 'kill relay':
        return this.#kill(way?.relay);
      case 'restart relay':
        return this.#restartRelay(fault.route);
      case 'stop relay':
        return way?.relay.program.signal('SIGSTOP');
      case 'continue relay':
        return way?.relay.program.signal('SIGCONT');
      case 'blackhole':
        return way?.link.pause();
      case 'end of blackhole':
        return way?.link.resume();
      case 'reset link':
        return way?.link.kill();
      case 'restore link':
        return await way?.link.restore();
      case 'change rate':
        return way?.link.setRate(fault.megabitsPerSecond);
      case 'kill origin':
        return this.#kill(this.#origin);
      case 'restart origin':
        return await this.#startOrigin();
      case 'change object':
        return this.#changeObject();
      case 'stop client':
        return client.signal('SIGSTOP');
      case 'continue client':
        return client.signal('SIGCONT');
      case 'kill client':
        return client.signal('SIGKILL');
      case 'fill disk':
        return fillDiskOf(client);
      case 'clock jump':
        return this.clocks.jump(fault.machine, fault.byMs);
      default:
        fault satisfies never;
    }
  }

  /** What is wrong with the servers now: none may have ended that was not killed. */
  troubles(): string[] {
    return this.#servers.flatMap(({ name, program, killed }) => {
      const crashed = !killed && !program.running ? [`${name} ended: ${program.stderr.slice(-500)}`] : [];
      const peak = program.peakMemoryBytes() ?? 0;
      return peak > MOST_MEMORY_BYTES ? [...crashed, `${name} took ${peak} bytes`] : crashed;
    });
  }

  /** The longest that a server that still runs has waited for a processor, ms. */
  get processorWaitMs(): number {
    return Math.max(0, ...this.#servers.map(({ program }) => processorWaitMs(program.pid)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program } of this.#servers) if (program.running) program.signal('SIGCONT');
    await this.#scope.disposeAsync();
  }

  async #startOrigin(): Promise<void> {
    if (this.#origin?.program.running === true) return;
    const { folder } = this;
    const port = this.#originPort;
    const where = { dir: folder.file('objects'), state: folder.file('state'), port };
    const origin = await startOriginProgram(where, this.clocks.of('origin'));
    this.#origin = this.#scope.use(origin);
    this.#originPort = origin.port;
    this.#servers.push({ name: 'origin', program: origin.program, killed: false });
  }

  async #startWay({ name, megabitsPerSecond, delayMs, lie }: Plan['routes'][number]): Promise<void> {
    const relay = await this.#startRelay(name, 0);
    const liar = lie === undefined ? undefined : this.#scope.use(await startRewriting(relay.port, rewritesOf(lie)));
    const target = { port: liar?.port ?? relay.port };
    const link = this.#scope.use(await startLink({ target, megabitsPerSecond, delayMs }));
    const argument = `${name}=http://127.0.0.1:${link.port}/v1/via/main`;
    this.#ways.push({ relay, link, argument });
  }

  async #startRelay(name: string, port: number): Promise<ServerProgram> {
    const upstreams = { main: `http://127.0.0.1:${this.#originPort}` };
    const relay = this.#scope.use(await startRelayProgram(upstreams, port, this.clocks.of(name)));
    this.#servers.push({ name: `relay of ${name}`, program: relay.program, killed: false });
    return relay;
  }

  async #restartRelay(route: number): Promise<void> {
    const way = this.#ways[route];
    if (way === undefined || way.relay.program.running) return;
    way.relay = await this.#startRelay(`r${route}`, way.relay.port);
  }

  async #kill(server: ServerProgram | undefined): Promise<void> {
    const entry = this.#servers.find(({ program }) => program === server?.program);
    if (entry === undefined) return;
    entry.killed = true;
    entry.program.signal('SIGKILL');
    await entry.program.ended;
  }

  /** As people do it: written aside, then moved over the old one. */
  async #changeObject(): Promise<void> {
    const next = objectBytes(this.#plan.bytes + 1_000 * this.versions.length, this.#plan.seed + this.versions.length);
    this.versions.push(next);
    await writeFile(this.folder.file('next'), next);
    await rename(this.folder.file('next'), this.folder.file(`objects/${KEY}`));
  }
}

/** From now on it can write nothing more to any file. */
function fillDiskOf(client: Program): void {
  if (client.running) execFileSync('prlimit', ['--pid', String(client.pid), '--fsize=0:']);
}

/** What no process of a run may take, bytes: the runtime itself takes a fifth of it. */
export const MOST_MEMORY_BYTES = 419_430_400;
