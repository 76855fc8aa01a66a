// What one session of the sessions bench carries: agreed between its upstream, its clients and the report.

/** What an idle session carried before it went silent, bytes: enough to have used large buffers. */
export const IDLE_BYTES = 262_144;

/** An active session gets a piece of so many bytes again and again: 100 KB/s, so that the cores are not what is measured. */
export const PIECE_BYTES = 20_000;
export const PIECE_EVERY_MS = 200;

/** Paths that an upstream is asked for. */
export const ACTIVE = '/v1/segments/active';
export const IDLE = '/v1/segments/idle';
