// Requests whose head is none: by the code of the parser's error, which limit they met, if any, and what they are told
// before their connection ends. The same for relays and origins; who counts it is theirs.

/** What is wrong with a head: a limit it met, or no HTTP at all. */
export type BadHead = {
  readonly limit: 'head-bytes' | 'head-time' | undefined;
  /** The whole answer; said only where no other has begun. */
  readonly answer: string;
};

/** The limits that heads meet. */
export const HEAD_LIMITS = ['head-bytes', 'head-time'] as const;

/** The fault behind an error code of a server's connection; undefined when the connection just broke. */
export function badHeadOf(code: string): BadHead | undefined {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { limit: 'head-bytes', answer: ended('431 Request Header Fields Too Large') };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { limit: 'head-time', answer: ended('408 Request Timeout') };
  return code.startsWith('HPE_') ? { limit: undefined, answer: ended('400 Bad Request') } : undefined;
}

function ended(status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}
