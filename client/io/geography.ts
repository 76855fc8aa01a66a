// Places on the globe: reads coordinates, and measures the great-circle length of a path over several of them. The ranking
// takes the length as a hint only; where relays stand is what the configuration says.
import { HeddleError } from '../../protocol/errors.ts';

/** Degrees; north and east are positive. */
export type Coordinates = { readonly latitude: number; readonly longitude: number };

/** Mean radius of the earth, km. */
const EARTH_KILOMETRES = 6_371.0088;

/** `LATITUDE,LONGITUDE` in degrees, e.g. `50.11,8.68`. Throws `bad-configuration`. */
export function parseCoordinates(text: string): Coordinates {
  const match = /^\s*([+-]?\d{1,3}(?:\.\d+)?)\s*,\s*([+-]?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  const latitude = Number(match?.[1]);
  const longitude = Number(match?.[2]);
  if (match === null || Math.abs(latitude) > 90 || Math.abs(longitude) > 180) {
    throw new HeddleError('bad-configuration', `"${text}" is no place; write LATITUDE,LONGITUDE such as 50.11,8.68`);
  }
  return { latitude, longitude };
}

/** Length of the path from place to place, km; undefined with fewer than two. */
export function pathKilometres(places: readonly Coordinates[]): number | undefined {
  if (places.length < 2) return undefined;
  return places.slice(1).reduce((sum, place, at) => sum + distanceKilometres(places[at] ?? place, place), 0);
}

/** Great-circle distance by the haversine formula (R. W. Sinnott, 1984), which stays exact for near places. */
export function distanceKilometres(a: Coordinates, b: Coordinates): number {
  const north = radians(b.latitude - a.latitude);
  const east = radians(b.longitude - a.longitude);
  const chord =
    Math.sin(north / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_KILOMETRES * Math.asin(Math.min(1, Math.sqrt(chord)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
