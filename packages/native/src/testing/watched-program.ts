// A program for tests: renews its watchdog, or stops to do so in the way that its argument names, and ends by itself after 20 s.

import { Watchdog } from '../watchdog.js';

const [, , way] = process.argv;
const watchdog = new Watchdog();
watchdog.renew(500);
const renewal = setInterval(() => watchdog.renew(500), 50);
setTimeout(() => process.exit(3), 20_000);
console.log('ready');
setTimeout(() => {
  if (way === 'hangs') for (;;) {}
  if (way === 'closed') {
    clearInterval(renewal);
    watchdog.close();
  }
  if (way !== 'stopped') setTimeout(() => process.exit(0), 1500);
}, 200);
