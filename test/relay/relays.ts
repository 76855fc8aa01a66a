// Open relays on free ports of the loopback for tests, alone and in chains.
import { startRelay } from '../../relay/main.ts';
import type { RunningRelay } from '../../relay/main.ts';
import type { RelayOptions } from '../../relay/options.ts';

/** A relay that lets everybody in to `main` at `upstreamUrl`. */
export async function openRelay(upstreamUrl: string, options: Partial<RelayOptions> = {}): Promise<RunningRelay> {
  const listen = { host: '127.0.0.1', port: 0 };
  const access = options.tokenKeys === undefined ? { insecureOpen: true } : {};
  return startRelay({ listen, upstreams: [`main=${upstreamUrl}`], ...access, ...options });
}

export type Chain = AsyncDisposable & {
  /** The first relay's port: the one a client talks to. */
  readonly port: number;
  /** What stands before the paths of heddle/1. */
  readonly prefix: string;
  /** From the client's side to the upstream's. */
  readonly relays: readonly RunningRelay[];
};

/** `count` relays in a row in front of `upstreamUrl`. */
export async function openChain(count: number, upstreamUrl: string): Promise<Chain> {
  const relays: RunningRelay[] = [];
  let next = upstreamUrl;
  for (let made = 0; made < count; made += 1) {
    const relay = await openRelay(next);
    relays.unshift(relay);
    next = relay.url;
  }
  return {
    port: relays[0]?.port ?? 0,
    prefix: '/v1/via/main'.repeat(count),
    relays,
    [Symbol.asyncDispose]: async () => {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
    },
  };
}
