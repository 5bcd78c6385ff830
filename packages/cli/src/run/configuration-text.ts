import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readConfigurationText } from '@nfqlb/configuration';
import { DiscoveryError } from '@nfqlb/discovery';
import { isEtcdUrl, parseEtcdUrl } from '@nfqlb/discovery/settings';
import { Remembered } from './remembered.js';

/** Where the text of a configuration comes from. */
export interface ConfigurationText {
  /** What it is called in messages. */
  readonly place: string;
  /** The same wherever `nfqlb` runs: as {@link absolutePlace}. */
  readonly absolute: string;
  /** The text at the start. */
  readonly first: () => Promise<string>;
  /** The text now; fails when it is not known. */
  readonly read: () => Promise<string>;
  /** Called with each text that is in force. */
  readonly inForce: (text: string) => void;
  /** Begins to follow it, if that is necessary to {@link read} it, until `stopped`. */
  readonly follow: (stopped: AbortSignal) => Promise<void>;
  /** Called when nothing is to be left behind. */
  readonly forget: () => void;
}

/** An absolute path, or the URL of a key in etcd without its options. */
export function absolutePlace(config: string): string {
  return isEtcdUrl(config) ? config.replace(/\?.*/, '') : resolve(config);
}

/** @param config a file, or a key in etcd */
export function configurationText(config: string): ConfigurationText {
  if (isEtcdUrl(config)) return etcdText(config);
  return {
    place: config,
    absolute: absolutePlace(config),
    first: () => readConfigurationText(config),
    read: () => readFile(config, 'utf8'),
    inForce: () => {},
    follow: async () => {},
    forget: () => {},
  };
}

function etcdText(url: string): ConfigurationText {
  const key = parseEtcdUrl(url);
  const place = absolutePlace(url);
  const remembered = new Remembered(`nfqlb-configuration-${createHash('sha256').update(place).digest('hex').slice(0, 12)}`);
  let text: string | undefined;
  let problem: string | undefined;
  return {
    place,
    absolute: place,
    first: async () => {
      try {
        const { readValue } = await import('@nfqlb/discovery/etcd');
        text = await readValue(key);
      } catch (error) {
        // A key that is not there, or a file that is not: that is a mistake, and not a failure.
        if (!(error instanceof DiscoveryError) || error.status !== undefined) throw error;
        problem = error.message;
        text = remembered.read();
        if (text === undefined) throw error;
      }
      return text;
    },
    read: async () => {
      if (problem !== undefined) throw new DiscoveryError(problem);
      return text!;
    },
    inForce: (used) => {
      remembered.write(used);
    },
    forget: () => remembered.remove(),
    follow: async (stopped) => {
      const { followValue } = await import('@nfqlb/discovery/etcd');
      await followValue(
        key,
        {
          changed: (changed) => {
            text = changed;
          },
          failed: (failure) => {
            problem = failure;
          },
        },
        stopped,
      );
    },
  };
}
