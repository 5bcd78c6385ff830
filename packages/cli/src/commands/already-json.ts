import { Option } from '@nfqlb/options';

/** For commands that print nothing but JSON: `--json` is taken, as by all commands whose output a program may read. */
export function alreadyJson(): Option {
  return new Option('--json', 'as JSON, which it is anyway');
}
