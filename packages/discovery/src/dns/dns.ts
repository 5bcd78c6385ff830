import { Backoff, pause } from '../pause.js';
import type { DnsSettings } from '../settings/index.js';
import type { Source } from '../source.js';
import { lookUp } from './look-up.js';

/** An answer is asked for again when its TTL has passed, but within these bounds, in seconds. */
const SHORTEST = 1;
const LONGEST = 3600;

/** Targets are the addresses of a name. An answer that fails, or is empty, changes nothing: that is hardly ever meant. */
export function dnsSource(settings: DnsSettings): Source {
  return async (observer, stopped) => {
    const backoff = new Backoff(1000, 5000);
    while (!stopped.aborted) {
      try {
        const { ttl, ...answer } = await lookUp(settings, stopped);
        if (stopped.aborted) return;
        observer.answered(answer);
        observer.failed(undefined);
        backoff.reset();
        await pause(Math.min(LONGEST, Math.max(SHORTEST, ttl)) * 1000, stopped);
      } catch (error) {
        if (stopped.aborted) return;
        observer.failed(error instanceof Error ? error.message : String(error));
        await pause(backoff.after(), stopped);
      }
    }
  };
}
