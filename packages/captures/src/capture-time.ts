/** A time since 1970. */
export interface CaptureTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * A time of a capture batch in seconds with nine decimals: `1.500000000`, `-0.000000001`.
 *
 * @param seconds whole seconds, possibly negative
 * @param nanoseconds from 0 to 999,999,999, always added
 */
export function formatTime(seconds: number, nanoseconds: number): string {
  if (seconds >= 0 || nanoseconds === 0) return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
  return `-${-(seconds + 1)}.${String(1e9 - nanoseconds).padStart(9, '0')}`;
}
