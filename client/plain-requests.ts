// What somebody who keeps a list of a proxy's requests is told of those that are not split: passed on as they are, answered
// over one route alone, or tunnelled. The list itself is client/control/plain-request-list.ts.

/** How it goes now, or went. */
export type PlainRequestLook = {
  /** Of the answer; undefined before its head has come, and for tunnels. */
  readonly status: number | undefined;
  /** Bytes of the answer's body; of a tunnel all that came back. */
  readonly receivedBytes: number;
  /** What a tunnel carried away; undefined for requests. */
  readonly sentBytes: number | undefined;
  /** A transfer brings it, which is listed as one; or that is not decided yet. */
  readonly isSplit: boolean;
};

/** A request that has begun. */
export type StartedRequest = {
  readonly type: 'request' | 'tunnel';
  readonly method: string;
  /** URL without its query, which may hold secrets; HOST:PORT of a tunnel. */
  readonly target: string;
  look(): PlainRequestLook;
};

/** Who is told of every request that begins; that it ended, well or with an error, is told to the function returned. */
export type RequestRegister = { add(request: StartedRequest): (error?: Error) => void };
