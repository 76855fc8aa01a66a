// How requests to the server that holds the objects end, as they are counted: apart, so that origins with a folder load
// nothing of what asks servers.

/** Answered to its end, lost on the way, sent elsewhere. */
export const REMOTE_RESULTS = ['answered', 'lost', 'redirected'] as const;

export type RemoteResult = (typeof REMOTE_RESULTS)[number];
