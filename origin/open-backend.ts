// Opens the place where the objects lie. What asks servers is loaded only by origins that have one.
import type { Backend } from './backend.ts';
import { openDirBackend } from './dir-backend.ts';
import type { RemoteObserver } from './http-backend.ts';
import type { OriginTuning, ResolvedOptions } from './options.ts';

/** Opens the place of `options`. `tuning` is looked at again for each request. Throws `bad-configuration`. */
export async function openBackend(
  { place, log }: ResolvedOptions,
  tuning: OriginTuning,
  observe: RemoteObserver,
): Promise<Backend> {
  switch (place.type) {
    case 'dir':
      return openDirBackend(place.dir);
    case 'http': {
      const { openHttpBackend } = await import('./http-backend.ts');
      return openHttpBackend(place, tuning, observe);
    }
    case 's3': {
      const { openS3Backend } = await import('./s3-backend.ts');
      return openS3Backend(place, tuning, log, observe);
    }
    default:
      return place satisfies never;
  }
}

/** The place as it is named to the operator; no secret. */
export function nameOfPlace(place: ResolvedOptions['place']): string {
  if (place.type === 'dir') return place.dir;
  if (place.type === 'http') return place.url;
  return `s3 bucket ${place.bucket}${place.prefix === undefined ? '' : `, prefix ${place.prefix}`}`;
}
