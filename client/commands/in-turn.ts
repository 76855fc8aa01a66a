// How many of several objects are fetched at one time: small ones a few together, since each is mostly waiting; large ones
// one after another, since one fills all routes. An object of unknown size counts as large until it is known.

/** Objects at one time. */
const TOGETHER = 4;
/** Up to this an object is small, bytes. */
const SMALL_BYTES = 4_194_304;

/** What is to be done, and how large it is, if that is known. */
type Sized = { readonly bytes: number | undefined };

type Place = { isSmall: boolean };

/** Runs `work` for each, begun in this order, until `signal` ends it; what it is given tells the size when it is known. */
export async function inTurn<Each extends Sized>(
  all: Iterable<Each>,
  work: (each: Each, sized: (bytes: number) => void) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const running = new Set<Place>();
  const works: Promise<void>[] = [];
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  for (const each of all) {
    const place: Place = { isSmall: isSmall(each.bytes) };
    while (!hasRoom(running, place)) await changed.promise;
    if (signal.aborted) break;
    running.add(place);
    const sized = (bytes: number): void => {
      if (place.isSmall === isSmall(bytes)) return;
      place.isSmall = isSmall(bytes);
      wake();
    };
    works.push(
      work(each, sized).finally(() => {
        running.delete(place);
        wake();
      }),
    );
  }
  await Promise.all(works);
}

function hasRoom(running: ReadonlySet<Place>, next: Place): boolean {
  if (running.size >= TOGETHER) return false;
  return next.isSmall || [...running].every((place) => place.isSmall);
}

function isSmall(bytes: number | undefined): boolean {
  return bytes !== undefined && bytes <= SMALL_BYTES;
}
