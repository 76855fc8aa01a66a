// What a run needs of a network, whoever provides it: namespaces with an emulator (emulated-network.ts) or shapers in
// user space (user-space-network.ts). Types only.
import type { ScenarioEvent } from './scenario.ts';

/** Where a process runs. Relays count from 1, as routes do. */
export type Place = 'client' | 'origin' | { readonly relay: number };

/** An address to listen on. */
export type Listen = { readonly host: string; readonly port: number };

/** What went over one route, towards the client. */
export type LinkUse = {
  /** Payload that came out, bytes: of TCP where packets are seen. */
  readonly payloadBytes: number;
  /** Packets the full queue refused, and packets lost at random or in a black hole; undefined where none can be. */
  readonly droppedQueue: number | undefined;
  readonly droppedLoss: number | undefined;
};

/** Payload bytes that all routes together had carried at a time after the start. */
export type Arrival = { readonly atSeconds: number; readonly payloadBytes: number };

/** What the network saw of a run. */
export type NetworkUse = {
  readonly links: readonly LinkUse[];
  readonly arrivals: readonly Arrival[];
  /** From the start of the client to its first packet. */
  readonly launchSeconds: number | undefined;
  /** How late the network itself was: fraction of packets more than 2 ms late (or of turns), and the worst. */
  readonly lateFraction: number;
  readonly latestMs: number;
};

/** A network of a scenario, made for one run. */
export type Network = {
  readonly kind: 'emulated' | 'user-space';
  /** Processes that belong to the network. */
  readonly pids: readonly number[];
  /** The command that runs `argv` at a place. */
  command(place: Place, argv: readonly string[]): string[];
  /** Where a server at a place listens. */
  listen(place: Exclude<Place, 'client'>): Listen;
  /** HOST:PORT of the origin, as a relay dials it. */
  originFor(relay: number): string;
  /** HOST:PORT of a relay, as the client dials it: this is the shaped way. */
  relayFor(relay: number): string;
  /** HOST:PORT of the origin over a route without its relay program; undefined where that cannot be. */
  originOver(route: number): string | undefined;
  /** True when the process listens where `listen` says. */
  isListening(place: Exclude<Place, 'client'>, pid: number): Promise<boolean>;
  /** The client starts now; the rate and loss events of the scenario follow by themselves. */
  begin(): void;
  /** Ends the traffic and counts it. */
  finish(): Promise<NetworkUse>;
};

/** What an event changes in the network; relays are the run's business. */
export type ShapeEvent = Extract<ScenarioEvent, { readonly type: 'rate' | 'loss' }>;
