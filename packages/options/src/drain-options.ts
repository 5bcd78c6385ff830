import type { Command } from './command.js';
import { wholeNumber } from './values/numbers.js';
import { oneOf } from './values/suggestion.js';

/** What the options of {@link addDrainOptions} give. */
export interface DrainOptions {
  readonly drainUdp: 'new' | 'former';
  /** In seconds. */
  readonly drainIdle: number;
  readonly drainConnections: number;
}

/** The same as `MAX_CONNECTIONS` of core. */
const MAX_CONNECTIONS = 2 ** 21;

/** A day, in seconds. */
const MAX_IDLE_S = 86_400;

/** Adds the options for connections that keep their former target while targets change. */
export function addDrainOptions(command: Command): Command {
  return command
    .option(
      '--drain-udp <target>',
      'where UDP, and all else that shows no beginning, goes while targets change with a drain: to the new target or the former one',
      oneOf('new', 'former'),
      'new',
    )
    .option(
      '--drain-idle <seconds>',
      'how long a connection that keeps a former target may be silent',
      wholeNumber({ min: 1, max: MAX_IDLE_S }),
      300,
    )
    .option(
      '--drain-connections <connections>',
      'maximum number of connections that are remembered while targets change with a drain',
      wholeNumber({ min: 1, max: MAX_CONNECTIONS }),
      65_536,
    ) as Command;
}
